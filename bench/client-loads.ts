// What the bench of the client makes each library do, with calls that all of them have. It runs in a process of its own
// (client-worker.ts), so that the processor time of that process is the library's.

import { percentile } from './statistics.ts'

/** What the loads use of a connection. */
export interface Connection {
  publish(subject: string, payload?: Uint8Array): void
  subscribe(subject: string, options?: { callback?: (error: Error | null, message: Message) => void }): Subscription
  request(subject: string, payload?: Uint8Array, options?: { timeout: number }): Promise<Message>
  flush(): Promise<void>
  close(): Promise<void>
}

export interface Message {
  readonly data: Uint8Array
  respond(payload?: Uint8Array): boolean
}

export interface Subscription extends AsyncIterable<Message> {
  batches?(): AsyncIterable<readonly Message[]>
}

export type Connect = () => Promise<Connection>

export interface Measured {
  /** Messages delivered (published, where nobody subscribes; requests answered) a second. */
  readonly rate: number
  /** Processor time of the client's process for each of them. */
  readonly cpuUs: number
  /** Of requests one at a time. */
  readonly p50Us?: number
  readonly p99Us?: number
}

export interface ClientLoad {
  readonly name: string
  /** How many messages at scale 1. */
  readonly messages: number
  /** Those that do it, the client's own first; default: all with sockets. */
  readonly libraries?: readonly string[]
  run(connect: Connect, count: number, bytes: number): Promise<Measured>
}

export const SOCKETS: readonly string[] = ['heddle', 'nats.js 3', 'nats.js 2']
/** Within the process of a server (server.connect()): no other library has that. */
export const IN_PROCESS: readonly string[] = ['in process']
/** What is left of a client if nothing is (client-floor.ts). */
const BARE = 'bare sockets'
/** What the packages for streams run over. */
export const STREAMS: readonly string[] = ['heddle/nats-core', 'nats.js 3']

/** So many messages are published before the loop turns. */
const BURST = 500
/** No more are on their way. */
const AHEAD_MAX = 20_000
/** Compiled and warm after this share of the messages. */
export const WARM_UP = 0.2

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Measures `act`, which moves `count` messages. */
export async function measured(count: number, act: () => Promise<void>): Promise<Measured> {
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  await act()
  const ms = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  return { rate: (count * 1000) / ms, cpuUs: (user + system) / count }
}

/** Publishes `count` messages in bursts, as fast as `received` follows. */
async function publish(nc: Connection, count: number, payload: Uint8Array, received: () => number): Promise<void> {
  for (let sent = 0; sent < count; ) {
    const end = Math.min(count, sent + BURST)
    for (; sent < end; sent++) nc.publish('bench', payload)
    do await turn()
    while (sent - received() > AHEAD_MAX)
  }
  await nc.flush()
}

const publishOnly: ClientLoad = {
  name: 'publish',
  messages: 2_000_000,
  async run(connect, count, bytes) {
    const nc = await connect()
    const payload = new Uint8Array(bytes).fill(120)
    const all = async (n: number): Promise<void> => {
      for (let sent = 0; sent < n; sent += AHEAD_MAX) {
        const end = Math.min(n, sent + AHEAD_MAX)
        for (let i = sent; i < end; i++) nc.publish('bench', payload)
        await nc.flush()
      }
    }
    await all(count * WARM_UP)
    const result = await measured(count, () => all(count))
    await nc.close()
    return result
  },
}

type Receive = (nc: Connection, got: () => void) => void

const byCallback: Receive = (nc, got) => {
  nc.subscribe('bench', { callback: () => got() })
}

const byIteration: Receive = (nc, got) => {
  const iterate = async (): Promise<void> => {
    for await (const message of nc.subscribe('bench')) if (message.data.length > 0) got()
  }
  iterate().catch(() => undefined)
}

const byBatches: Receive = (nc, got) => {
  const subscription = nc.subscribe('bench')
  const batches = subscription.batches?.()
  if (batches === undefined) return byIteration(nc, got)
  const iterate = async (): Promise<void> => {
    for await (const batch of batches) for (const message of batch) if (message.data.length > 0) got()
  }
  iterate().catch(() => undefined)
}

function fanOut(name: string, receivers: number, messages: number, receive: Receive): ClientLoad {
  return {
    name,
    messages,
    async run(connect, count, bytes) {
      const publisher = await connect()
      const subscribers = await Promise.all(Array.from({ length: receivers }, () => connect()))
      let received = 0
      let goal = Number.POSITIVE_INFINITY
      let reached = (): void => undefined
      for (const nc of subscribers) {
        receive(nc, () => {
          received++
          if (received === goal) reached()
        })
      }
      await Promise.all(subscribers.map((nc) => nc.flush()))
      const payload = new Uint8Array(bytes).fill(120)
      const all = async (n: number): Promise<void> => {
        received = 0
        goal = n * receivers
        const done = new Promise<void>((resolve) => {
          reached = resolve
        })
        await publish(publisher, n, payload, () => received / receivers)
        await done
      }
      await all(Math.round(count * WARM_UP))
      const result = await measured(count * receivers, () => all(count))
      await Promise.all([publisher, ...subscribers].map((nc) => nc.close()))
      return result
    },
  }
}

/** Requests, `inFlight` at a time; requester and responder are two connections of the process. */
function requests(name: string, inFlight: number, messages: number): ClientLoad {
  return {
    name,
    messages,
    async run(connect, count, bytes) {
      const [requester, responder] = [await connect(), await connect()]
      responder.subscribe('bench', {
        callback: (_, message) => {
          message.respond(message.data)
        },
      })
      await responder.flush()
      const payload = new Uint8Array(bytes).fill(120)
      const timesUs: number[] = []
      const all = async (n: number): Promise<void> => {
        timesUs.length = 0
        let left = n
        const one = async (): Promise<void> => {
          while (left-- > 0) {
            const startMs = performance.now()
            await requester.request('bench', payload, { timeout: 20_000 })
            timesUs.push((performance.now() - startMs) * 1000)
          }
        }
        await Promise.all(Array.from({ length: inFlight }, one))
      }
      await all(Math.round(count * WARM_UP))
      const result = await measured(count, () => all(count))
      await Promise.all([requester.close(), responder.close()])
      const sorted = timesUs.sort((a, b) => a - b)
      return { ...result, p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) }
    },
  }
}

export const LOADS: readonly ClientLoad[] = [
  publishOnly,
  fanOut('1 to 1, callback', 1, 1_000_000, byCallback),
  fanOut('1 to 1, for await', 1, 1_000_000, byIteration),
  fanOut('1 to 1, batches', 1, 1_000_000, byBatches),
  fanOut('1 to 8, callback', 8, 250_000, byCallback),
  { ...requests('request, 1 in flight', 1, 20_000), libraries: [...SOCKETS, BARE] },
  requests('request, 64 in flight', 64, 200_000),
  { ...requests('in process, request', 1, 100_000), libraries: IN_PROCESS },
  { ...fanOut('in process, 1 to 1', 1, 1_000_000, byCallback), libraries: IN_PROCESS },
]
