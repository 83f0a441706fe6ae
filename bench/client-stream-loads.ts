// Loads of streams: what @nats-io/jetstream and @nats-io/kv do over `heddle/nats-core`, and over nats.js. A server with
// streams in memory; messages a second of the client's process, which publishes and consumes.

import { AckPolicy, type Consumer, jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/nats-core'
import { type ClientLoad, type Connect, measured, STREAMS, WARM_UP } from './client-loads.ts'

/** Publishes and requests that wait for their answer at a time. */
const IN_FLIGHT = 256
const KEYS = 64
const FETCHED = 500
const TIMEOUT_MS = 20_000
const NAME = 'bench'
const SUBJECT = 'bench.a'

interface Stage {
  readonly nc: NatsConnection
  /** The options of both clients and managers. */
  readonly options: { readonly timeout: number }
  readonly payload: Uint8Array
}

type Act = (count: number) => Promise<void>

/** `prepare` makes ready for so many messages, and answers what is measured; that is done for fewer before, to be warm. */
function load(name: string, messages: number, prepare: (stage: Stage, count: number) => Promise<Act>): ClientLoad {
  return {
    name,
    messages,
    libraries: STREAMS,
    async run(connect: Connect, count: number, bytes: number) {
      // The members that these packages use are there in both libraries.
      const nc = (await connect()) as unknown as NatsConnection
      const options = { timeout: TIMEOUT_MS }
      const jsm = await jetstreamManager(nc, options)
      for (const stream of [NAME, `KV_${NAME}`]) await jsm.streams.delete(stream).catch(() => undefined)
      await jsm.streams.add({ name: NAME, subjects: [`${NAME}.>`], storage: StorageType.Memory })
      const act = await prepare({ nc, options, payload: new Uint8Array(bytes).fill(120) }, count)
      await act(Math.ceil(count * WARM_UP))
      const result = await measured(count, () => act(count))
      await nc.close()
      return result
    },
  }
}

/** Does it `count` times, so many at a time. */
async function concurrently(count: number, inFlight: number, act: (lane: number) => Promise<unknown>): Promise<void> {
  let left = count
  const lane = async (_: unknown, number: number): Promise<void> => {
    while (left-- > 0) await act(number)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

function publish(name: string, messages: number, inFlight: number): ClientLoad {
  return load(name, messages, async ({ nc, options, payload }) => {
    const js = jetstream(nc, options)
    return (count) => concurrently(count, inFlight, () => js.publish(SUBJECT, payload))
  })
}

/** `take` takes so many messages out of a consumer of a stream that has as many. */
function consume(name: string, isOrdered: boolean, take: (consumer: Consumer, count: number) => Promise<void>) {
  return load(name, 100_000, async ({ nc, options, payload }, count) => {
    const js = jetstream(nc, options)
    await concurrently(count, IN_FLIGHT, () => js.publish(SUBJECT, payload))
    const jsm = await jetstreamManager(nc, options)
    let consumers = 0
    return async (wanted) => {
      const durable = `c${++consumers}`
      if (!isOrdered) {
        const config = { durable_name: durable, ack_policy: AckPolicy.Explicit, max_ack_pending: -1 }
        await jsm.consumers.add(NAME, config)
      }
      await take(await js.consumers.get(NAME, isOrdered ? undefined : durable), wanted)
    }
  })
}

async function consumeAll(consumer: Consumer, count: number, acknowledges: boolean): Promise<void> {
  let left = count
  for await (const message of await consumer.consume({ max_messages: FETCHED })) {
    if (acknowledges) message.ack()
    if (--left === 0) break
  }
}

async function fetchAll(consumer: Consumer, count: number): Promise<void> {
  for (let left = count; left > 0; ) {
    for await (const message of await consumer.fetch({ max_messages: Math.min(FETCHED, left) })) {
      message.ack()
      left--
    }
  }
}

/** `act` gets a bucket that has all the keys. */
function keyValue(
  name: string,
  act: (kv: Awaited<ReturnType<Kvm['create']>>, key: string, value: Uint8Array) => Promise<unknown>,
) {
  return load(name, 50_000, async ({ nc, payload }) => {
    const kv = await new Kvm(nc).create(NAME, { storage: StorageType.Memory })
    for (let i = 0; i < KEYS; i++) await kv.put(`k${i}`, payload)
    return (count) => concurrently(count, KEYS, (lane) => act(kv, `k${lane}`, payload))
  })
}

export const STREAM_LOADS: readonly ClientLoad[] = [
  publish('stream, publish, 256 in flight', 50_000, IN_FLIGHT),
  publish('stream, publish, 1 in flight', 5_000, 1),
  consume('stream, ordered consume', true, (consumer, count) => consumeAll(consumer, count, false)),
  consume('stream, consume and ack', false, (consumer, count) => consumeAll(consumer, count, true)),
  consume('stream, fetch 500 and ack', false, fetchAll),
  keyValue('stream, KV put', (kv, key, value) => kv.put(key, value)),
  keyValue('stream, KV get', (kv, key) => kv.get(key)),
]
