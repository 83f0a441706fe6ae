// @nats-io/jetstream over the client: the calls that its users make.

import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
  StorageType,
} from '@nats-io/jetstream'
import { describe, expect, test } from 'vitest'
import { connect, headers, type NatsConnection, nanos } from '../../src/nats-core/index.ts'
import { ownServer } from '../support/harness.ts'
import { DEADLINE_MS, until } from '../support/until.ts'
import { kinds, take, use } from './servers.ts'

let streams = 0

/** A stream with subjects `NAME.>` for the test that calls this. */
async function stream(nc: NatsConnection, config: object = {}) {
  const name = `S${++streams}`
  const options = { timeout: DEADLINE_MS }
  const jsm: JetStreamManager = await jetstreamManager(nc, options)
  await jsm.streams.add({ name, subjects: [`${name}.>`], storage: StorageType.Memory, ...config })
  const js: JetStreamClient = jetstream(nc, options)
  const fill = async (count: number): Promise<void> => {
    await Promise.all(Array.from({ length: count }, (_, i) => js.publish(`${name}.${i}`, `${i}`)))
  }
  return { name, js, jsm, fill }
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`)
const texts = (messages: readonly JsMsg[]): string[] => messages.map((message) => message.string())

describe.each(kinds('@nats-io/jetstream over the client'))('on $name', (kind) => {
  const server = use(kind)

  test('streams: create, update, list, purge, get and delete messages, delete', async () => {
    const nc = await server.connect()
    const { name, jsm, fill } = await stream(nc, { allow_direct: true })
    await fill(10)
    expect((await jsm.streams.info(name)).state.messages).toBe(10)
    expect((await jsm.streams.update(name, { max_msgs: 1_000 })).config.max_msgs).toBe(1_000)
    expect((await take(jsm.streams.list())).map(({ config }) => config.name)).toContain(name)
    expect(await take(jsm.streams.names(`${name}.1`))).toEqual([name])
    expect(await jsm.streams.find(`${name}.1`)).toBe(name)
    expect((await jsm.streams.getMessage(name, { seq: 3 }))?.seq).toBe(3)
    expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.7` }))?.string()).toBe('7')
    expect(await jsm.streams.deleteMessage(name, 3)).toBe(true)
    expect(await jsm.streams.getMessage(name, { seq: 3 })).toBeNull()
    expect((await jsm.streams.info(name, { deleted_details: true })).state.deleted).toEqual([3])
    expect((await jsm.streams.purge(name, { filter: `${name}.9` })).purged).toBe(1)
    expect((await jsm.direct.getMessage(name, { seq: 1 }))?.subject).toBe(`${name}.0`)
    expect((await take(await jsm.direct.getBatch(name, { seq: 1, batch: 4 }))).map(({ seq }) => seq)).toHaveLength(4)
    expect((await jsm.streams.purge(name)).purged).toBe(8)
    expect(await jsm.streams.delete(name)).toBe(true)
    const refused = await jsm.streams.info(name).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(JetStreamApiError)
    expect((refused as JetStreamApiError).code).toBe(10059)
  })

  test('publish: acknowledged, once for each id, as expected, with headers, in batches', async () => {
    const nc = await server.connect()
    const { name, js, jsm } = await stream(nc, { allow_atomic: true })
    expect(await js.publish(`${name}.a`, 'one', { msgID: 'id' })).toMatchObject({
      stream: name,
      seq: 1,
      duplicate: false,
    })
    expect(await js.publish(`${name}.a`, 'one', { msgID: 'id' })).toMatchObject({ seq: 1, duplicate: true })
    expect(await js.publish(`${name}.a`, 'two', { expect: { lastSequence: 1, streamName: name } })).toMatchObject({
      seq: 2,
    })
    const late = await js.publish(`${name}.a`, 'two', { expect: { lastSequence: 1 } }).catch((error: unknown) => error)
    expect((late as JetStreamApiError).code).toBe(10071)
    const h = headers()
    h.append('Trace', 'a')
    h.append('Trace', 'b')
    await js.publish(`${name}.h`, 'three', { headers: h })
    expect((await jsm.streams.getMessage(name, { seq: 3 }))?.header.values('Trace')).toEqual(['a', 'b'])
    const batch = await js.startBatch(`${name}.b`, '1')
    batch.add(`${name}.b`, '2')
    expect(await batch.commit(`${name}.b`, '3')).toMatchObject({ count: 3, seq: 6 })
    // Nobody is there: known by the class of nats-core's error.
    await expect(js.publish(`nobody.${name}`)).rejects.toMatchObject({ name: 'JetStreamNotEnabled' })
  })

  test('a consumer that is set back, which a client asks only of a server that says it is of 2.14 or later', async () => {
    const nc = await server.connect()
    const { name, js, jsm, fill } = await stream(nc)
    await fill(10)
    await jsm.consumers.add(name, { durable_name: 'back', ack_policy: AckPolicy.Explicit })
    const consumer = await js.consumers.get(name, 'back')
    for (let i = 0; i < 5; i++) expect(await (await consumer.next())?.ackAck()).toBe(true)
    expect(await jsm.consumers.reset(name, 'back', 3)).toMatchObject({ reset_seq: 3 })
    expect((await consumer.next())?.string()).toBe('2')
    // What was not acknowledged comes again.
    expect(await jsm.consumers.reset(name, 'back')).toMatchObject({ reset_seq: 3 })
    expect((await consumer.next())?.string()).toBe('2')
  })

  test('a pull consumer: next, fetch, consume', async () => {
    const nc = await server.connect()
    const { name, js, jsm, fill } = await stream(nc)
    await fill(1_000)
    const info = await jsm.consumers.add(name, { durable_name: 'pull', ack_policy: AckPolicy.Explicit })
    expect(info.num_pending).toBe(1_000)
    const consumer = await js.consumers.get(name, 'pull')
    const first = await consumer.next()
    expect(first?.string()).toBe('0')
    expect(first?.info).toMatchObject({ stream: name, consumer: 'pull', streamSequence: 1, pending: 999 })
    expect(await first?.ackAck()).toBe(true)
    const fetched: JsMsg[] = []
    for await (const message of await consumer.fetch({ max_messages: 500, expires: DEADLINE_MS })) {
      fetched.push(message)
      message.ack()
    }
    expect(texts(fetched)).toEqual(numbers(501).slice(1))
    const consumed: JsMsg[] = []
    const iteration = await consumer.consume({ max_messages: 50 })
    for await (const message of iteration) {
      consumed.push(message)
      message.ack()
      if (consumed.length === 499) break
    }
    expect(texts(consumed)).toEqual(numbers(1_000).slice(501))
    const left = (): Promise<number> => consumer.info().then(({ num_ack_pending: pending }) => pending)
    await until('all acknowledgements', async () => (await left()) === 0)
    expect(await consumer.delete()).toBe(true)
  })

  test('consume by callback, bounded by bytes', async () => {
    const nc = await server.connect()
    const { name, js, jsm, fill } = await stream(nc)
    await jsm.consumers.add(name, { durable_name: 'c', ack_policy: AckPolicy.None })
    await fill(500)
    const got: string[] = []
    const consumer = await js.consumers.get(name, 'c')
    const messages = await consumer.consume({
      max_bytes: 2_000,
      callback: (message) => {
        got.push(message.string())
      },
    })
    await until('all messages', () => got.length === 500)
    expect(got).toEqual(numbers(500))
    await messages.close()
  })

  test('nak, term and working', async () => {
    const nc = await server.connect()
    const { name, js, jsm, fill } = await stream(nc)
    await jsm.consumers.add(name, { durable_name: 'c', ack_policy: AckPolicy.Explicit, ack_wait: nanos(60_000) })
    await fill(3)
    const consumer = await js.consumers.get(name, 'c')
    const messages = await consumer.consume()
    const seen: string[] = []
    for await (const message of messages) {
      seen.push(`${message.string()} ${message.info.deliveryCount}`)
      if (message.string() === '0' && !message.redelivered) message.nak()
      else if (message.string() === '1') message.term('bad')
      else {
        message.working()
        message.ack()
      }
      if (seen.length === 4) break
    }
    expect(seen.toSorted()).toEqual(['0 1', '0 2', '1 1', '2 1'])
  })

  test('an ordered consumer begins anew when its consumer is gone, and misses nothing', async () => {
    const nc = await server.connect()
    const { name, js, jsm, fill } = await stream(nc)
    await fill(100)
    const consumer = await js.consumers.get(name, { deliver_policy: DeliverPolicy.All })
    const got: string[] = []
    const messages = await consumer.consume({ max_messages: 10, expires: 1_000, idle_heartbeat: 500 })
    for await (const message of messages) {
      got.push(message.string())
      if (got.length === 40) await jsm.consumers.delete(name, message.info.consumer)
      if (got.length === 100) break
    }
    expect(got).toEqual(numbers(100))
  })

  test('push consumers, plain and ordered', async () => {
    const nc = await server.connect()
    const { name, js, jsm, fill } = await stream(nc)
    await fill(100)
    const config = { durable_name: 'push', deliver_subject: `deliver.${name}`, ack_policy: AckPolicy.Explicit }
    await jsm.consumers.add(name, { ...config, flow_control: true, idle_heartbeat: nanos(1_000) })
    const plain = await (await js.consumers.getPushConsumer(name, 'push')).consume()
    const got: JsMsg[] = []
    for await (const message of plain) {
      message.ack()
      if (got.push(message) === 100) break
    }
    expect(texts(got)).toEqual(numbers(100))
    const ordered = await (await js.consumers.getPushConsumer(name)).consume()
    expect(texts(await take(ordered, 100))).toEqual(numbers(100))
  })

  test('consume goes on after the connection was lost', async () => {
    const nc = await server.connect()
    const { name, js, jsm, fill } = await stream(nc)
    // What was on its way then comes again after this time.
    await jsm.consumers.add(name, { durable_name: 'c', ack_policy: AckPolicy.Explicit, ack_wait: nanos(1_000) })
    await fill(50)
    const consumer = await js.consumers.get(name, 'c')
    const messages = await consumer.consume({ max_messages: 10, expires: 1_000 })
    const got = new Set<string>()
    for await (const message of messages) {
      got.add(message.string())
      message.ack()
      if (got.size === 20) await nc.reconnect()
      if (got.size === 50) break
    }
    expect([...got].toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(50))
  })

  test('an iteration ends with the connection', async () => {
    const nc = await server.connect()
    const { name, js, jsm, fill } = await stream(nc)
    await jsm.consumers.add(name, { durable_name: 'c', ack_policy: AckPolicy.Explicit })
    await fill(1)
    const consumer = await js.consumers.get(name, 'c')
    const messages = await consumer.consume()
    const taken: JsMsg[] = []
    for await (const message of messages) {
      taken.push(message)
      await nc.close()
    }
    expect(texts(taken)).toEqual(['0'])
  })

  test('advisories', async () => {
    const nc = await server.connect()
    const { jsm } = await stream(nc)
    const advisories = jsm.advisories()
    await nc.flush()
    const { name } = await stream(nc)
    for await (const { data } of advisories) {
      if ((data as { stream?: string }).stream === name) break
    }
  })
})

test('a server without streams is told by class', async () => {
  const { port } = await ownServer({ workers: 0 })
  const nc = await connect({ servers: `127.0.0.1:${port}` })
  await expect(jetstreamManager(nc)).rejects.toMatchObject({ name: 'JetStreamNotEnabled' })
  await nc.close()
})
