// A chat in the browser: a web server for one page, and an embedded Heddle to which the page connects by WebSocket.
//
//     src/node.sh examples/chat/main.ts        then open http://localhost:8080 in two windows
//
// PORT chooses another port. Everything that the page loads comes from here, the client library included.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'heddle'
import { clientLibrary } from './library.ts'

const port = Number(process.env['PORT'] ?? 8080)

const file = (name: string): Buffer => readFileSync(new URL(`page/${name}`, import.meta.url))
const pages = new Map<string, { readonly type: string; readonly body: Buffer | string }>([
  ['/', { type: 'text/html', body: file('index.html') }],
  ['/chat.css', { type: 'text/css', body: file('chat.css') }],
  ['/chat.js', { type: 'text/javascript', body: file('chat.js') }],
  ['/nats.js', { type: 'text/javascript', body: clientLibrary() }],
])

const web = createHttpServer((request, response) => {
  const page = pages.get((request.url ?? '/').replace(/[?#].*$/, ''))
  response.writeHead(page === undefined ? 404 : 200, {
    'content-type': `${page?.type ?? 'text/plain'}; charset=utf-8`,
    'cache-control': 'no-store',
  })
  response.end(page?.body ?? 'Not found\n')
})
web.listen(port, '127.0.0.1')
await once(web, 'listening')
const webPort = (web.address() as AddressInfo).port

// Only this page may connect: a page from elsewhere that the same browser shows is refused.
const heddle = createServer({
  host: '127.0.0.1',
  port: -1,
  websocket: {
    host: '127.0.0.1',
    port: -1,
    noTls: true,
    compression: true,
    allowedOrigins: [`http://localhost:${webPort}`, `http://127.0.0.1:${webPort}`],
  },
})
await heddle.ready()
const settings = { port: heddle.webSocketPort }
pages.set('/settings.json', { type: 'application/json', body: JSON.stringify(settings) })

process.once('SIGINT', async () => {
  web.close()
  web.closeAllConnections()
  await heddle.close()
})

console.log(`Chat on http://localhost:${webPort}`)
console.log(`Its page connects to ws://localhost:${heddle.webSocketPort}; other clients may join at ${heddle.url}`)
