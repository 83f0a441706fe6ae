// Traffic (traffic.ts) through a server: as fast as it takes it, or at a pace.

import { type Connect, connectText } from './connect.ts'
import type { Marks } from './generators/arrival-clock.ts'
import { Backlog } from './generators/backlog.ts'
import { publishTraffic, receiveTraffic } from './generators/pool.ts'
import type { Pace, PublishedTraffic, ReceivedTraffic } from './generators/traffic.ts'
import type { Load } from './load.ts'
import type { Run } from './metrics.ts'
import type { ServerProcess } from './server-process.ts'
import { percentile } from './statistics.ts'
import { type Message, owedBy, publishText, type Subscriber, type Traffic } from './traffic.ts'

/** Clients write about as much at once, when they can. */
const PIECE_BYTES = 128 * 1024
/** This share of the pieces at the beginning does not count where batches are timed. */
const WARM_UP = 0.25

export interface Publishing {
  /** Published in all, by all publishers. */
  readonly messages: number
  /** Messages that a publisher writes at once; undefined: as many as clients do under load. */
  readonly batch?: number
  readonly connect?: Connect
}

/** The only publisher writes a batch at a time, with pauses. */
export interface Paced extends Publishing {
  readonly batch: number
  readonly pace: Pace
}

/** `make` is called when the load runs: traffic is large. */
export function trafficLoad(make: () => Traffic, publishing: Publishing): Load {
  return {
    async run(server, scale) {
      const { messages, received, sent } = await run(server, scale, make(), publishing)
      const lastMs = received.lastMs > 0 ? received.lastMs : sent.lastMs
      return { messages, metrics: { rate: (messages * 1000) / (lastMs - sent.firstMs) } }
    },
  }
}

/** Far from as much as a server can take: what a message costs then, and how long batches take. */
export function pacedLoad(make: () => Traffic, paced: Paced): Load {
  return {
    async run(server, scale) {
      const { messages, received, sent } = await run(server, scale, make(), paced)
      return { messages, metrics: latencyOf(received, sent) }
    },
  }
}

/** The same for large batches; the rate is that within bursts, from the first byte to the last subscriber's last. */
export function burstLoad(make: () => Traffic, paced: Paced): Load {
  return {
    async run(server, scale) {
      const { messages, received, sent } = await run(server, scale, make(), paced)
      const { departures } = sent
      const bursts = [...departures.keys()].slice(Math.floor(departures.length * WARM_UP))
      const last = (burst: number): number => Math.max(...received.arrivals.map((times) => times[burst]))
      const busyMs = bursts.reduce((sum, burst) => sum + last(burst) - departures[burst], 0)
      const rate = (((messages * bursts.length) / departures.length) * 1000) / busyMs
      return { messages, metrics: { rate, ...latencyOf(received, sent) } }
    },
  }
}

/** From a batch's being written to its having come, over all subscribers. */
function latencyOf({ arrivals }: ReceivedTraffic, { departures }: PublishedTraffic): Run {
  const from = Math.floor(departures.length * WARM_UP)
  const times = arrivals.flatMap((own) =>
    [...own.subarray(from)].map((time, i) => (time - departures[from + i]) * 1000),
  )
  const sorted = Float64Array.from(times).sort()
  return { p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) }
}

interface Outcome {
  /** Delivered, or published where nobody subscribes. */
  readonly messages: number
  readonly received: ReceivedTraffic
  readonly sent: PublishedTraffic
}

async function run(
  server: ServerProcess,
  scale: number,
  traffic: Traffic,
  { messages, batch, connect, pace }: Publishing & Partial<Paced>,
): Promise<Outcome> {
  const inRound = traffic.publishers.reduce((sum, publisher) => sum + publisher.messages.length, 0)
  const rounds = Math.max(1, Math.round((messages * scale) / inRound))
  const owed = owedBy(traffic)
  const backlog = Backlog.memory(owed.map(({ bytes }) => bytes * rounds))
  const { endpoint } = server
  const batches = traffic.publishers.map((publisher) => batchesOf(publisher.messages, batch))
  const receiver = receiveTraffic({
    endpoint,
    traffic,
    hellos: traffic.subscribers.map((subscriber) => helloOf(subscriber, connect)),
    backlog,
    ...(pace === undefined ? {} : { marks: marksOf(traffic, batches[0]) }),
  })
  await receiver.ready
  const publishers = traffic.publishers.map(({ account }, i) => ({
    hello: connectText(account, connect),
    pieces: batches[i].map((each) => Buffer.from(each.map(publishText).join(''), 'latin1')),
  }))
  const sender = publishTraffic({
    endpoint,
    publishers,
    rounds,
    backlog,
    ...(pace === undefined ? {} : { pace }),
  })
  await sender.ready
  server.begin()
  sender.tell({ kind: 'go' })
  const [received, sent] = await Promise.all([receiver.done, sender.done])
  server.end()
  const delivered = owed.length > 0 ? owed.reduce((sum, each) => sum + each.messages, 0) : inRound
  return { messages: delivered * rounds, received, sent }
}

function helloOf({ account, subscriptions }: Subscriber, connect: Connect | undefined): string {
  const subs = subscriptions.map(({ filter, sid }) => `SUB ${filter} ${sid}\r\n`)
  return `${connectText(account, connect)}${subs.join('')}`
}

/** What is written at once: whole messages, as a PONG may have to be written in between. */
function batchesOf(messages: readonly Message[], batch = Number.POSITIVE_INFINITY): Message[][] {
  const batches: Message[][] = []
  let current: Message[] = []
  let length = 0
  for (const message of messages) {
    current.push(message)
    length += publishText(message).length
    const isFull = batch === Number.POSITIVE_INFINITY ? length >= PIECE_BYTES : current.length >= batch
    if (!isFull && message !== messages.at(-1)) continue
    batches.push(current)
    current = []
    length = 0
  }
  return batches
}

/** For each subscriber what it is owed after each batch of the only publisher. */
function marksOf({ publishers: [publisher], subscribers }: Traffic, batches: readonly Message[][]): Marks[] {
  const owed = batches.map((messages) => owedBy({ publishers: [{ ...publisher, messages }], subscribers }))
  return subscribers.map((_, subscriber) => {
    let sum = 0
    return owed.map((each) => {
      sum += each[subscriber].bytes
      return sum
    })
  })
}
