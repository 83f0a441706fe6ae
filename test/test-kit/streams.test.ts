// Streams of a test: their folder, the clock, the disk, a restart.

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AckPolicy, jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect, type NatsConnection, nanos } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTestServer } from '../../src/test-kit/index.ts'
import type { TestServer } from '../../src/test-kit/test-server.ts'
import { DEADLINE_MS, until } from '../support/until.ts'
import { ownTestServer } from './support.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const options = { timeout: DEADLINE_MS }

async function connected(server: TestServer): Promise<NatsConnection> {
  const nc = await connect({ servers: server.url, reconnectTimeWait: 10, reconnectJitter: 5, maxReconnectAttempts: -1 })
  onTestFinished(() => nc.close())
  return nc
}

async function withStream(server: TestServer, config: object = {}) {
  const nc = await connected(server)
  const jsm = await jetstreamManager(nc, options)
  await jsm.streams.add({ name: 'S', subjects: ['s.>'], storage: StorageType.Memory, ...config })
  const count = async (): Promise<number> => (await jsm.streams.info('S')).state.messages
  return { nc, jsm, js: jetstream(nc, options), count }
}

/** Until the connection is there again. */
const back = (nc: NatsConnection): Promise<boolean> =>
  until('a server', () =>
    nc.flush().then(
      () => true,
      () => false,
    ),
  )

const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('heddle-test-'))

test('the folder is made, and removed at the end', async () => {
  const before = folders()
  const server = await createTestServer({ jetstream: true })
  const [made] = folders().filter((name) => !before.includes(name))
  const { js, count } = await withStream(server, { storage: StorageType.File })
  await js.publish('s.a', 'x')
  expect(await count()).toBe(1)
  await server.close()
  expect(existsSync(join(tmpdir(), made))).toBe(false)
})

test('a folder that is named stays', async () => {
  const storeDir = mkdtempSync(join(tmpdir(), 'heddle-named-'))
  onTestFinished(() => rmSync(storeDir, { recursive: true }))
  for (const expected of [0, 1]) {
    const server = await createTestServer({ jetstream: { storeDir } })
    const { js, count } = await withStream(server, { storage: StorageType.File })
    expect(await count()).toBe(expected)
    await js.publish('s.a', 'x')
    await server.close()
  }
})

test('bad options leave no folder behind', async () => {
  const before = folders()
  await expect(createTestServer({ jetstream: true, maxPayload: -5 })).rejects.toThrow()
  expect(folders().filter((name) => !before.includes(name))).toEqual([])
})

describe.each([0, 2])('with %i worker threads', (workers) => {
  test('messages end by the age of their stream and by their own, when the clock says so', async () => {
    const server = await ownTestServer({ workers, jetstream: true })
    const { js, count } = await withStream(server, { max_age: nanos(HOUR_MS), allow_msg_ttl: true })
    await js.publish('s.old', 'x')
    await js.publish('s.short', 'x', { ttl: '5m' })
    await server.clock.advance(4 * MINUTE_MS)
    expect(await count()).toBe(2)
    await server.clock.advance(2 * MINUTE_MS)
    await until('the end of one', async () => (await count()) === 1)
    await js.publish('s.new', 'x')
    await server.clock.advance(55 * MINUTE_MS)
    await until('the end of the old one', async () => (await count()) === 1)
    await server.clock.advance(HOUR_MS)
    await until('the end of all', async () => (await count()) === 0)
  })

  test('what is not acknowledged comes again, when the clock says so', async () => {
    const server = await ownTestServer({ workers, jetstream: true })
    const { js, jsm } = await withStream(server)
    await jsm.consumers.add('S', { durable_name: 'c', ack_policy: AckPolicy.Explicit, ack_wait: nanos(HOUR_MS) })
    await js.publish('s.a', 'x')
    const consumer = await js.consumers.get('S', 'c')
    expect((await consumer.next())?.info.deliveryCount).toBe(1)
    await server.clock.advance(59 * MINUTE_MS)
    expect((await jsm.consumers.info('S', 'c')).num_ack_pending).toBe(1)
    await server.clock.advance(2 * MINUTE_MS)
    expect((await consumer.next())?.info.deliveryCount).toBe(2)
  })

  test('an unused consumer is deleted, and ids are forgotten, when the clock says so', async () => {
    const server = await ownTestServer({ workers, jetstream: true })
    const { js, jsm } = await withStream(server, { duplicate_window: nanos(10 * MINUTE_MS) })
    await jsm.consumers.add('S', { name: 'c', ack_policy: AckPolicy.None, inactive_threshold: nanos(HOUR_MS) })
    expect((await js.publish('s.a', 'x', { msgID: '1' })).duplicate).toBe(false)
    await server.clock.advance(9 * MINUTE_MS)
    expect((await js.publish('s.a', 'x', { msgID: '1' })).duplicate).toBe(true)
    await server.clock.advance(2 * MINUTE_MS)
    expect((await js.publish('s.a', 'x', { msgID: '1' })).duplicate).toBe(false)
    expect((await jsm.consumers.info('S', 'c')).name).toBe('c')
    await server.clock.advance(HOUR_MS)
    await until('its end', () =>
      jsm.consumers.info('S', 'c').then(
        () => false,
        () => true,
      ),
    )
  })

  test('keys of a bucket end with a marker, when the clock says so', async () => {
    const server = await ownTestServer({ workers, jetstream: true })
    const nc = await connected(server)
    const kv = await new Kvm(jetstream(nc, options)).create('b', { markerTTL: HOUR_MS, storage: StorageType.Memory })
    await kv.create('session', 'joe', '30m')
    await server.clock.advance(31 * MINUTE_MS)
    await until('the marker', async () => (await kv.get('session'))?.operation === 'PURGE')
  })

  test('a full disk refuses, and serves again when there is room', async () => {
    const server = await ownTestServer({ workers, jetstream: true })
    const { js, count } = await withStream(server, { storage: StorageType.File })
    await js.publish('s.a', 'before')
    {
      await using _full = await server.disk.full()
      await expect(js.publish('s.a', 'lost')).rejects.toThrow()
      expect(await count()).toBe(1)
    }
    expect((await js.publish('s.a', 'after')).seq).toBeGreaterThan(1)
    expect(await count()).toBe(2)
  })

  test('a slow disk delays acknowledgements', async () => {
    const server = await ownTestServer({ workers, jetstream: true })
    const { js } = await withStream(server, { storage: StorageType.File })
    await js.publish('s.a', 'quick')
    const slow = await server.disk.slow(HOUR_MS)
    await expect(js.publish('s.a', 'x', { timeout: 50 })).rejects.toThrow(/timeout/i)
    await slow.end()
    expect((await js.publish('s.a', 'x')).seq).toBeGreaterThan(1)
    await server.disk.slow(HOUR_MS)
    await expect(js.publish('s.a', 'x', { timeout: 50 })).rejects.toThrow(/timeout/i)
    // Its end is not delayed.
  })

  test('a restart keeps file streams, and the clock', async () => {
    const server = await ownTestServer({ workers, jetstream: true })
    const { nc, js, count } = await withStream(server, { storage: StorageType.File, max_age: nanos(HOUR_MS) })
    await js.publish('s.a', 'x')
    await server.clock.advance(30 * MINUTE_MS)
    const { url } = server
    const [first] = server.clients
    await server.restart()
    expect(server.url).toBe(url)
    // Those of before are gone.
    expect(first.isConnected).toBe(false)
    await back(nc)
    expect(await count()).toBe(1)
    await server.clock.advance(31 * MINUTE_MS)
    await until('its end', async () => (await count()) === 0)
  })

  test('damaged messages are lost, and no others', async () => {
    const server = await ownTestServer({ workers, jetstream: true })
    const { nc, js, jsm, count } = await withStream(server, { storage: StorageType.File })
    for (let i = 1; i <= 5; i++) await js.publish('s.a', `order number ${i}`)
    expect(server.disk.damage('nobody has this')).toBe(0)
    expect(server.disk.damage('order number 3')).toBe(1)
    await server.restart()
    await back(nc)
    expect(await count()).toBe(4)
    expect(await jsm.streams.getMessage('S', { seq: 3 })).toBeNull()
    expect((await jsm.streams.getMessage('S', { seq: 4 }))?.string()).toBe('order number 4')
  })
})

test('one server leaves its clock to no other', async () => {
  const first = await createTestServer({ jetstream: true })
  await withStream(first)
  await first.clock.advance(24 * HOUR_MS)
  await first.close()
  const second = await ownTestServer({ jetstream: true })
  const { jsm } = await withStream(second)
  expect(Date.parse((await jsm.streams.info('S')).created)).toBeLessThan(Date.now() + HOUR_MS)
})

test('faults of the disk are checked', async () => {
  const server = await ownTestServer({ jetstream: true })
  expect(() => server.disk.slow(-1)).toThrow(RangeError)
  expect(() => server.disk.damage('')).toThrow(RangeError)
})
