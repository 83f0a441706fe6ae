// Tests of orders.ts against a real server: what it publishes, and what it does when messages are lost.
//
//     src/node.sh --test examples/testing/orders.test.ts

import assert from 'node:assert/strict'
import test from 'node:test'
import { connect, type NatsConnection } from 'heddle/client'
import { createTestServer, type TestServer } from 'heddle/test'
import { serveOrders } from './orders.ts'

/** The program, connected to a server of this test, with a price service in place of the real one. */
async function started(server: TestServer): Promise<NatsConnection> {
  const nc = await connect({ servers: server.url, name: 'orders' })
  serveOrders(nc)
  const prices = await server.connect()
  prices.subscribe('price.lamp', { callback: (_, request) => request.respond('30') })
  await Promise.all([nc.flush(), prices.flush()])
  return nc
}

test('an order is announced with its price', async () => {
  await using server = await createTestServer()
  await using nc = await started(server)

  const reply = await nc.request('orders.create', 'lamp')
  assert.equal(reply.string(), 'accepted')
  const [announced] = await server.received('orders.created')
  assert.deepEqual(announced.json(), { item: 'lamp', price: 30 })
})

test('an order is refused when the price service does not answer', async () => {
  await using server = await createTestServer()
  await using nc = await started(server)
  using _ = server.faults.drop('price.>')

  const reply = await nc.request('orders.create', 'lamp')
  assert.equal(reply.string(), 'try later')
  assert.deepEqual(server.messages('orders.created'), [])
})
