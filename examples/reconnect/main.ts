// A program that survives the restart of its server, and loses nothing when it ends itself.
//
//     src/node.sh examples/reconnect/main.ts

import { createServer } from 'heddle'
import { connect } from 'heddle/client'

const first = createServer({ port: 0, lameDuckGracePeriod: 1_000 })
const second = createServer({ port: 0 })
await Promise.all([first.ready(), second.ready()])

const nc = await connect({
  servers: [first.url, second.url],
  noRandomize: true,
  maxReconnectAttempts: -1, // for ever
  reconnectTimeWait: 100,
})
let processed = 0
nc.subscribe('orders', { callback: () => processed++ })

// ── A server is about to end: it says so, and the client moves ──────────────────────────────────────────────

const statuses = nc.status()
const ended = first.lameDuck()
for await (const { type } of statuses) {
  console.log(type)
  if (type === 'ldm') nc.reconnect()
  if (type === 'reconnecting') nc.publish('orders', 'published while no server was there')
  if (type === 'reconnect') break
}
await nc.flush()
console.log(
  `on the second server: ${nc.getServer() === second.url.slice('nats://'.length)}, orders processed: ${processed}`,
)
await ended

// ── The program ends: what is on its way is processed first ─────────────────────────────────────────────────

for (let i = 0; i < 10_000; i++) nc.publish('orders', `${i}`)
await nc.drain()
console.log(`drained, orders processed: ${processed}`)
await second.close()
