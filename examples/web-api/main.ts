// A web API over services: an HTTP server with an embedded NATS server in the same process.
//
//     src/node.sh examples/web-api/main.ts

import { once } from 'node:events'
import { createServer as createWebServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createServer } from 'heddle'
import { RequestError, TimeoutError } from 'heddle/client'

const heddle = createServer({ port: 0 }) // services in other processes connect to heddle.url
await heddle.ready()
const nc = await heddle.connect() // without a socket

// ── A service ───────────────────────────────────────────────────────────────────────────────────────────────

const stock = new Map([['lamp', 10]])

nc.subscribe('stock.get', {
  queue: 'stock',
  callback: (_, request) => {
    const item = request.string()
    request.respond(JSON.stringify({ item, left: stock.get(item) ?? 0 }))
  },
})

// ── The web API ─────────────────────────────────────────────────────────────────────────────────────────────

async function answer(request: IncomingMessage): Promise<[status: number, body: string]> {
  const [, resource, item = ''] = (request.url ?? '').split('/').map(decodeURIComponent)
  if (request.method === 'GET' && resource === 'stock') return [200, (await nc.request('stock.get', item)).string()]
  if (request.method === 'GET' && resource === 'price') return [200, (await nc.request('price.get', item)).string()]
  if (request.method === 'POST' && resource === 'orders') {
    nc.publish('orders.new', await text(request))
    return [202, '{"accepted":true}']
  }
  return [404, '{"error":"not found"}']
}

function failure(error: unknown): [status: number, body: string] {
  if (error instanceof RequestError && error.isNoResponders()) return [503, '{"error":"the service is not running"}']
  if (error instanceof TimeoutError) return [504, '{"error":"the service did not answer in time"}']
  console.error(error)
  return [500, '{"error":"internal error"}']
}

const web = createWebServer(async (request, response) => {
  const [status, body] = await answer(request).catch(failure)
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${body}\n`)
})
web.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1')
await once(web, 'listening')
console.log(`Web API on http://127.0.0.1:${(web.address() as AddressInfo).port}, NATS on ${heddle.url}`)

process.once('SIGINT', async () => {
  web.close()
  web.closeIdleConnections()
  await once(web, 'close') // requests under way are answered
  await nc.drain()
  await heddle.close()
})
