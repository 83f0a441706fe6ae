// A stream of orders that outlives its server, and a consumer that has each of them handled.
//
//     src/node.sh examples/streams/main.ts

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { createServer } from 'heddle'
import { connect } from 'heddle/nats-core'

const storeDir = mkdtempSync(join(tmpdir(), 'orders-'))
const start = async () => {
  const server = createServer({ port: 0, jetstream: { storeDir } })
  await server.ready()
  return { server, nc: await connect({ servers: server.url }) }
}

// ── The shop: publishes, and knows what the server has ──────────────────────────────────────────────────────

const first = await start()
const jsm = await jetstreamManager(first.nc)
await jsm.streams.add({ name: 'ORDERS', subjects: ['orders.>'] })
const shop = jetstream(first.nc)
for (const id of [1, 2, 3]) {
  const order = JSON.stringify({ id })
  // It resolves when the order is on the disk.
  const { seq } = await shop.publish('orders.new', order, { msgID: `order-${id}` })
  // Was the answer lost? Then the same again; the server knows the id.
  const again = await shop.publish('orders.new', order, { msgID: `order-${id}` })
  if (id === 3) console.log(`order ${id} stored as number ${seq}, sent again: ${again.duplicate ? 'duplicate' : 'new'}`)
}
await first.nc.drain()
await first.server.close()

// ── The works: begins when everybody else has gone ──────────────────────────────────────────────────────────

const { server, nc } = await start()
const manager = await jetstreamManager(nc)
const { state } = await manager.streams.info('ORDERS')
console.log(`after a restart of the server: ${state.messages} orders`)

await manager.consumers.add('ORDERS', { durable_name: 'works', ack_policy: AckPolicy.Explicit })
const consumer = await jetstream(nc).consumers.get('ORDERS', 'works')
let left = state.messages
const messages = await consumer.consume()
for await (const message of messages) {
  const { id } = message.json<{ id: number }>()
  if (id === 2 && !message.redelivered) {
    message.nak(500) // again in half a second
    console.log(`order ${id} put off`)
    continue
  }
  // Only now is it done: had this program died before, the order would come again.
  await message.ackAck()
  const attempt = message.info.deliveryCount
  console.log(`order ${id} done${attempt > 1 ? `, at attempt ${attempt}` : ''}`)
  left--
  if (left === 0) break
}
const { num_pending: pending, num_ack_pending: unacknowledged } = await consumer.info()
console.log(`left to do: ${pending + unacknowledged}`)
await nc.drain()
await server.close()
rmSync(storeDir, { recursive: true })
