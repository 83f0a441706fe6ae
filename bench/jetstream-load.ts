// Loads of streams, over raw sockets: publishers that await acknowledgements, consumers, key-value buckets.

import { connectText } from './connect.ts'
import { consumeStream, getStream, publishBatches, publishStream, request } from './generators/pool.ts'
import type { PublishedStream } from './generators/stream-publisher.ts'
import type { SubjectRange } from './generators/subject-range.ts'
import { askApi } from './jetstream-api.ts'
import { type Load, scaled } from './load.ts'
import type { Run } from './metrics.ts'
import type { ServerProcess } from './server-process.ts'

const STREAM = 'BENCH'
const CONSUMER = 'worker'
const INBOX = '_INBOX.consumer'
const NS_PER_S = 1e9
const CONNECT = connectText('')
/** By which a stream is filled for what is measured behind it. */
const FILLING = { clients: 1, window: 500 }
const SUBJECTS: SubjectRange = { prefix: 'orders.customer.', count: 1_000, order: 'random' }
const KEYS: SubjectRange = { prefix: `$KV.${STREAM}.key.`, count: 100_000, order: 'random' }
/** Clients that ask for values, one request each at a time. */
const GETTERS = 16

/** Members of a stream's configuration besides its name and subjects. */
type Configuration = Readonly<Record<string, unknown>>

const BUCKET: Configuration = {
  max_msgs_per_subject: 1,
  discard: 'new',
  allow_rollup_hdrs: true,
  deny_delete: true,
  allow_direct: true,
}

export interface StreamPublishing {
  readonly clients: number
  /** Messages of a client that are under way at most; 1: a synchronous publisher. */
  readonly window: number
  /** Over all clients. */
  readonly messages: number
  readonly bytes: number
  readonly storage?: 'file' | 'memory'
}

async function createStream(server: ServerProcess, { prefix }: SubjectRange, more: Configuration): Promise<void> {
  await askApi(server.endpoint, `STREAM.CREATE.${STREAM}`, { name: STREAM, subjects: [`${prefix}>`], ...more })
}

/** Publishes, measured or not, and looks whether all of it is stored. */
async function publish(
  server: ServerProcess,
  { clients, messages, ...task }: Omit<StreamPublishing, 'storage'> & { readonly subjects: SubjectRange },
  isMeasured: boolean,
): Promise<PublishedStream> {
  const { endpoint } = server
  const each = Math.ceil(messages / clients)
  const generator = publishStream({ endpoint, connect: CONNECT, clients, messages: each, ...task })
  await generator.ready
  if (isMeasured) server.begin()
  generator.tell({ kind: 'go' })
  const published = await generator.done
  if (isMeasured) server.end()
  return published
}

function metricsOf(server: ServerProcess, messages: number, { firstMs, lastMs, p50Us, p99Us }: PublishedStream): Run {
  return { rate: (messages * 1000) / (lastMs - firstMs), p50Us, p99Us, diskMiB: server.diskMiB() }
}

async function stored(server: ServerProcess): Promise<number> {
  const { state } = await askApi(server.endpoint, `STREAM.INFO.${STREAM}`, undefined)
  return state?.messages ?? 0
}

async function mustHaveStored(server: ServerProcess, messages: number): Promise<void> {
  const found = await stored(server)
  if (found !== messages) throw new Error(`${found} of ${messages} messages are stored`)
}

export function publishing({ storage = 'file', messages, ...publisher }: StreamPublishing): Load {
  return {
    async run(server, scale) {
      const count = Math.ceil(scaled(messages, scale, publisher.clients) / publisher.clients) * publisher.clients
      await createStream(server, SUBJECTS, { storage })
      const published = await publish(server, { ...publisher, messages: count, subjects: SUBJECTS }, true)
      await mustHaveStored(server, count)
      return { messages: count, metrics: metricsOf(server, count, published) }
    },
  }
}

export function publishingBatches(batches: number, size: number, bytes: number): Load {
  return {
    async run(server, scale) {
      const count = scaled(batches, scale)
      await createStream(server, SUBJECTS, { allow_atomic: true })
      const { endpoint } = server
      const generator = publishBatches({
        endpoint,
        connect: CONNECT,
        batches: count,
        size,
        bytes,
        subjects: SUBJECTS,
      })
      await generator.ready
      server.begin()
      generator.tell({ kind: 'go' })
      const published = await generator.done
      server.end()
      await mustHaveStored(server, count * size)
      return { messages: count * size, metrics: metricsOf(server, count * size, published) }
    },
  }
}

// ── Consumers ───────────────────────────────────────────────────────────────────────────────────────────

export type Consuming =
  /** As clients make an ordered consumer: without acknowledgements, in memory, asked for 500 and again at half of it. */
  | 'ordered'
  /** A durable one with explicit acknowledgements, asked in the same way. */
  | 'durable'
  /** The same, asked for 500 when 500 have come. */
  | 'fetch'
  /** Pushed, with flow control and heartbeats: the last message of each subject. */
  | 'watch'

const BATCH = 500

async function consume(server: ServerProcess, how: Consuming, messages: number): Promise<Run> {
  const { endpoint } = server
  const acknowledges = how === 'durable' || how === 'fetch'
  const create = `$JS.API.CONSUMER.CREATE.${STREAM}.${CONSUMER}`
  const config = {
    name: CONSUMER,
    ...(acknowledges
      ? { durable_name: CONSUMER, ack_policy: 'explicit' }
      : { ack_policy: 'none', mem_storage: true, inactive_threshold: 300 * NS_PER_S }),
    ...(how === 'watch'
      ? {
          deliver_subject: INBOX,
          deliver_policy: 'last_per_subject',
          filter_subject: `${KEYS.prefix}>`,
          flow_control: true,
          idle_heartbeat: 5 * NS_PER_S,
        }
      : {}),
  }
  const payload = JSON.stringify({ stream_name: STREAM, config })
  if (how !== 'watch') {
    await askApi(endpoint, `CONSUMER.CREATE.${STREAM}.${CONSUMER}`, { stream_name: STREAM, config })
  }
  const subject = `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${CONSUMER}`
  const generator = consumeStream({
    endpoint,
    connect: CONNECT,
    inbox: INBOX,
    pull: how === 'watch' ? undefined : { subject, batch: BATCH, threshold: how === 'fetch' ? 0 : BATCH / 2 },
    begin: how === 'watch' ? { subject: create, payload } : undefined,
    acknowledges,
    messages,
  })
  await generator.ready
  server.begin()
  generator.tell({ kind: 'go' })
  const { firstMs, lastMs } = await generator.done
  server.end()
  return { rate: (messages * 1000) / (lastMs - firstMs) }
}

/** Consumes a stream that was filled before. */
export function consuming(how: Consuming, messages: number, bytes: number, storage: 'file' | 'memory' = 'file'): Load {
  return {
    async run(server, scale) {
      const count = scaled(messages, scale)
      await createStream(server, SUBJECTS, { storage })
      await publish(server, { ...FILLING, messages: count, bytes, subjects: SUBJECTS }, false)
      return { messages: count, metrics: await consume(server, how, count) }
    },
  }
}

// ── Buckets ─────────────────────────────────────────────────────────────────────────────────────────────

/** Puts values under keys at random. */
export function puttingValues(puts: number, bytes: number): Load {
  return {
    async run(server, scale) {
      const count = scaled(puts, scale)
      await createStream(server, KEYS, BUCKET)
      const published = await publish(server, { ...FILLING, messages: count, bytes, subjects: KEYS }, true)
      return { messages: count, metrics: metricsOf(server, count, published) }
    },
  }
}

function keysAt(scale: number, keys = KEYS.count): SubjectRange {
  return { ...KEYS, count: scaled(keys, scale), order: 'rising' }
}

async function fillBucket(server: ServerProcess, subjects: SubjectRange, bytes: number): Promise<void> {
  await createStream(server, subjects, BUCKET)
  await publish(server, { ...FILLING, messages: subjects.count, bytes, subjects }, false)
}

async function get(server: ServerProcess, subjects: SubjectRange, requests: number): Promise<Run> {
  const { endpoint } = server
  const task = { endpoint, connect: CONNECT, stream: STREAM, clients: GETTERS, requests }
  const generator = getStream({ ...task, subjects: { ...subjects, order: 'random' } })
  await generator.ready
  server.begin()
  generator.tell({ kind: 'go' })
  const { p50Us, p99Us, rate } = await generator.done
  server.end()
  return { rate, p50Us, p99Us }
}

export function gettingValues(gets: number, bytes: number): Load {
  return {
    async run(server, scale) {
      const subjects = keysAt(scale)
      const requests = scaled(gets, scale, GETTERS)
      await fillBucket(server, subjects, bytes)
      return { messages: requests, metrics: await get(server, subjects, requests) }
    },
  }
}

export function watchingValues(bytes: number): Load {
  return {
    async run(server, scale) {
      const subjects = keysAt(scale)
      await fillBucket(server, subjects, bytes)
      return { messages: subjects.count, metrics: await consume(server, 'watch', subjects.count) }
    },
  }
}

/** Until the server, started again, tells that the stream has all of its messages. */
async function restarted(server: ServerProcess, signal: 'SIGTERM' | 'SIGKILL', messages: number): Promise<number> {
  const startMs = await server.restart(signal)
  await mustHaveStored(server, messages)
  return performance.now() - startMs
}

/** Very many keys: what they take, how they are found, and how soon they are there again. */
export function manyKeys(keys: number, bytes: number, gets: number): Load {
  return {
    async run(server, scale) {
      const subjects = keysAt(scale, keys)
      await fillBucket(server, subjects, bytes)
      const requests = scaled(gets, scale, GETTERS)
      const figures = await get(server, subjects, requests)
      const metrics = { ...figures, filledMiB: server.usage().rssMiB, diskMiB: server.diskMiB() }
      const restartMs = await restarted(server, 'SIGTERM', subjects.count)
      await publish(server, { ...FILLING, messages: 1, bytes, subjects }, false)
      const killedMs = await restarted(server, 'SIGKILL', subjects.count)
      return { messages: 0, metrics: { ...metrics, restartMs, killedMs } }
    },
  }
}

/** A stream of very many messages: how soon it is there again. */
export function manyMessages(messages: number, bytes: number): Load {
  return {
    async run(server, scale) {
      const count = scaled(messages, scale)
      await createStream(server, SUBJECTS, {})
      await publish(server, { ...FILLING, messages: count, bytes, subjects: SUBJECTS }, false)
      const filledMiB = server.usage().rssMiB
      const restartMs = await restarted(server, 'SIGTERM', count)
      const killedMs = await restarted(server, 'SIGKILL', count)
      return { messages: 0, metrics: { filledMiB, restartMs, killedMs, diskMiB: server.diskMiB() } }
    },
  }
}

// ── Beside core messages ────────────────────────────────────────────────────────────────────────────────

/** Requests and replies, alone, and then beside a publisher to a stream that never waits. */
export function requestsBeside(requests: number, pace: number, bytes: number): Load {
  return {
    async run(server, scale) {
      const { endpoint } = server
      const task = { endpoint, connect: CONNECT, clients: 8, services: 2, warmUp: 500, pace }
      const count = scaled(requests, scale, 500)
      const ask = async (): Promise<number> => {
        const generator = request({ ...task, requests: count })
        await generator.ready
        generator.tell({ kind: 'go' })
        return (await generator.done).p99Us
      }
      await createStream(server, { ...SUBJECTS, prefix: 'events.' }, {})
      const alone = await ask()
      const subjects = { ...SUBJECTS, prefix: 'events.' }
      const store = publishStream({
        endpoint,
        connect: CONNECT,
        ...FILLING,
        messages: Number.MAX_SAFE_INTEGER,
        bytes,
        subjects,
      })
      await store.ready
      store.tell({ kind: 'go' })
      const p99Us = await ask()
      store.tell({ kind: 'stop' })
      await store.done
      return { messages: 0, metrics: { p99Us, besideRatio: p99Us / alone } }
    },
  }
}
