// Faults on the way, as official and raw clients meet them.

import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../support/harness.ts'
import { ownTestServer } from './support.ts'

/** A client of nats.js, closed after the test. */
async function client(url: string, name: string): Promise<NatsConnection> {
  const nc = await connect({ servers: url, name, reconnectTimeWait: 1, reconnectJitter: 0, maxReconnectAttempts: -1 })
  onTestFinished(() => nc.close())
  return nc
}

/** The texts that a subscription gets. */
function gather(nc: NatsConnection, subject: string): string[] {
  const texts: string[] = []
  nc.subscribe(subject, { callback: (_, message) => void texts.push(message.string()) })
  return texts
}

test('messages are dropped by subject, direction and client, as often as was asked for', async () => {
  const server = await ownTestServer()
  const [shop, desk] = await Promise.all([client(server.url, 'shop'), client(server.url, 'desk')])
  const texts = { shop: gather(shop, '*'), desk: gather(desk, '*') }
  await Promise.all([shop.flush(), desk.flush()])
  const once = server.faults.drop('a', { direction: 'publish', times: 1 })
  const toDesk = server.faults.drop('b', { direction: 'deliver', client: 'desk' })
  for (const text of ['1', '2']) shop.publish('a', text)
  shop.publish('b', '3')
  await shop.flush()
  await desk.flush()
  expect(texts).toEqual({ shop: ['2', '3'], desk: ['2'] })
  expect([once.count, toDesk.count]).toEqual([1, 1])
  expect(server.messages().map((message) => message.string())).toEqual(['2', '3'])
  toDesk.end()
  {
    using all = server.faults.drop('>')
    shop.publish('b', '4')
    await shop.flush()
    expect(all.count).toBe(1)
  }
  shop.publish('b', '5')
  await shop.flush()
  await desk.flush()
  expect(texts.desk).toEqual(['2', '5'])
})

test('a delayed message comes later, and what follows it behind it', async () => {
  const server = await ownTestServer()
  const nc = await client(server.url, 'slow')
  const texts = gather(nc, '*')
  await nc.flush()
  using delay = server.faults.delay('late', 150, { direction: 'publish' })
  const before = performance.now()
  nc.publish('early', '1')
  nc.publish('late', '2')
  nc.publish('after', '3')
  await server.received('early', { timeout: 20_000 })
  await nc.flush()
  expect(performance.now() - before).toBeGreaterThanOrEqual(149)
  expect(texts).toEqual(['1', '2', '3'])
  expect(delay.count).toBe(1)
  expect(() => server.faults.delay('a', Number.NaN)).toThrow(RangeError)
})

test('a client that is cut loses its connection, and comes again', async () => {
  const server = await ownTestServer()
  const nc = await client(server.url, 'shop')
  const statuses = nc.status()[Symbol.asyncIterator]()
  const first = await server.client('shop')
  expect(first).toMatchObject({ name: 'shop', library: 'nats.js', isConnected: true })
  first.cut()
  await first.closed
  expect(first.isConnected).toBe(false)
  expect((await statuses.next()).value).toMatchObject({ type: 'disconnect' })
  const second = await server.client('shop', { timeout: 20_000 })
  expect(second.id).toBeGreaterThan(first.id)
})

test('connections are refused, and accepted again', async () => {
  const server = await ownTestServer()
  server.refuseConnections()
  await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow()
  expect(server.clients).toEqual([])
  server.acceptConnections()
  await client(server.url, 'late')
  expect(server.clients.map(({ name }) => name)).toEqual(['late'])
})

test('a client that does not come is named, beside those that are there', async () => {
  const server = await ownTestServer()
  await client(server.url, 'shop')
  await expect(server.client('desk', { timeout: 1 })).rejects.toThrow(
    'no client called "desk" is connected within 1 ms; connected: shop',
  )
})

test('a client that reads nothing is a slow consumer', async () => {
  const server = await ownTestServer({ maxPending: 100_000, maxPayload: 100_000 })
  const slow = await open(server.port, { name: 'slow' })
  slow.send('SUB load 1\r\n')
  await slow.sync()
  const reader = await server.client('slow')
  reader.stopReading()
  const nc = await client(server.url, 'publisher')
  const payload = 'x'.repeat(100_000)
  const gone = reader.closed.then(() => true)
  // 40 MB: more than the buffers of the kernel take.
  for (let i = 0; i < 400; i++) nc.publish('load', payload)
  await nc.flush()
  reader.resume()
  expect(await gone).toBe(true)
  expect(slow.received().length).toBeLessThan(400 * payload.length)
})

test('what waits for a client that reads again comes', async () => {
  const server = await ownTestServer()
  const raw = await open(server.port, { name: 'reader' })
  raw.send('SUB a 1\r\n')
  await raw.sync()
  const reader = await server.client('reader')
  reader.stopReading()
  raw.send('PUB a 2\r\nhi\r\n')
  await server.received('a', { timeout: 20_000 })
  expect(raw.received().length).toBe(0)
  reader.resume()
  await raw.expect('MSG a 1 2\r\nhi\r\n')
})

test('a shard that is killed takes its clients along, and another one serves in its place', async () => {
  const server = await ownTestServer({ workers: 2 })
  const clients = await Promise.all(['a', 'b', 'c', 'd'].map((name) => client(server.url, name)))
  const before = server.clients
  expect(before).toHaveLength(4)
  const lost = Promise.race(before.map(({ closed }) => closed))
  await server.killShard(0)
  await lost
  expect(before.filter(({ isConnected }) => isConnected)).toHaveLength(2)
  await Promise.all(clients.map((nc) => nc.flush().catch(() => undefined)))
  for (const name of ['a', 'b', 'c', 'd']) await server.client(name, { timeout: 20_000 })
  await expect(server.killShard(2)).rejects.toThrow('there is no worker thread 2')
})

test('without worker threads there is no shard to kill', async () => {
  const server = await ownTestServer()
  await expect(server.killShard(0)).rejects.toThrow(RangeError)
})
