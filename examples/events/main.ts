// A page with live messages: sensors publish by NATS, the browser reads server-sent events. No client library is needed.
//
//     src/node.sh examples/events/main.ts        then open http://localhost:8080

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createWebServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'heddle'

const PORT = Number(process.env['PORT'] ?? 8080)

const web = createWebServer()
web.listen(PORT, '127.0.0.1')
await once(web, 'listening')
const { port } = web.address() as AddressInfo

const heddle = createServer({
  port: 0,
  httpGateway: {
    host: '127.0.0.1',
    port: PORT === 0 ? 0 : PORT + 1,
    noTls: true,
    allowedOrigins: [`http://localhost:${port}`, `http://127.0.0.1:${port}`], // no other page may read
  },
  // Browsers need no password. They may read, and nothing else.
  noAuthUser: 'page',
  authorization: {
    users: [
      { user: 'page', password: '', permissions: { subscribe: 'sensors.>', publish: { deny: '>' } } },
      { user: 'sensor', password: 'change-me' },
    ],
  },
})
await heddle.ready()

const page = readFileSync(new URL('page.html', import.meta.url), 'utf8')
web.on('request', (_, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.end(page.replace('GATEWAY', `http://127.0.0.1:${heddle.httpGatewayPort}`))
})

const sensor = await heddle.connect({ user: 'sensor', pass: 'change-me' })
const clock = setInterval(() => {
  sensor.publish('sensors.hall', JSON.stringify({ celsius: Math.round(200 + 20 * Math.random()) / 10 }))
}, 1_000)

console.log(`Page on http://localhost:${port}`)
console.log(`Messages on http://127.0.0.1:${heddle.httpGatewayPort}, NATS on ${heddle.url}`)

process.once('SIGINT', async () => {
  clearInterval(clock)
  web.close()
  web.closeAllConnections()
  await heddle.close()
})
