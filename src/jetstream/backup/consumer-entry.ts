// A consumer in an archive: `{"config":…,"state":…}`, in nats-server's terms.

import type { AckSnapshot } from '../consumers/ack-state.ts'
import {
  CONSUMER_CONFIG_OBJECT,
  type ConsumerConfig,
  consumerConfig,
  shownConsumerConfig,
} from '../consumers/config.ts'
import type { Consumer } from '../consumers/consumer.ts'
import type { ConsumerSnapshot } from '../consumers/kept-consumer.ts'
import { integer, natural, object, type Read, readJson } from '../request-json.ts'

const NS_PER_MS = 1e6
const MS_PER_S = 1000

interface Place {
  consumer_seq: number
  stream_seq: number
}

interface PendingMessage {
  Sequence: number
  Timestamp: number
}

interface State {
  delivered: Partial<Place>
  ack_floor: Partial<Place>
  pending: Readonly<Record<string, Partial<PendingMessage>>>
  redelivered: Readonly<Record<string, number>>
}

/** A consumer as it is written, as far as the messages up to `last` go. */
export function consumerEntry(consumer: Consumer, last: number): string {
  const { cursor, name, state } = consumer
  const { delivered, floor, pending } = state.snapshot()
  const waiting = pending.filter(([seq]) => seq <= last)
  // What it has looked at, wanted or not, unless it still has a list of older ones.
  const reached = cursor.hasList ? delivered.stream : Math.max(delivered.stream, cursor.reached)
  const place = (consumerSeq: number, seq: number): Place => ({
    consumer_seq: consumerSeq,
    stream_seq: Math.min(seq, last),
  })
  const again = waiting.filter(([, , deliveries]) => deliveries > 1)
  return JSON.stringify({
    config: { ...shownConsumerConfig(consumer.config), name },
    state: {
      delivered: place(delivered.consumer, reached),
      ack_floor: place(floor.consumer, floor.stream),
      pending: Object.fromEntries(
        waiting.map(([seq, consumerSeq, , sinceMs]) => [
          seq,
          { Sequence: consumerSeq, Timestamp: nanoseconds(sinceMs) },
        ]),
      ),
      redelivered: Object.fromEntries(again.map(([seq, , deliveries]) => [seq, deliveries - 1])),
    },
  })
}

const nanoseconds = (ms: number): number => Math.round(ms) * NS_PER_MS

/** Numbers, or objects, by the sequences of messages. */
function bySequence<T>(read: Read<T>): Read<Record<string, T>> {
  return (value, at, reading) => {
    if (typeof value !== 'object' || value === null) return undefined
    const found: [string, T][] = []
    for (const [name, item] of Object.entries(value)) {
      const member = read(item, at, reading)
      if (member !== undefined && Number.isSafeInteger(Number(name))) found.push([name, member])
    }
    return Object.fromEntries(found)
  }
}

const PLACE = object<Place>('SequencePair', { consumer_seq: natural, stream_seq: natural })
const STATE = object<State>('ConsumerState', {
  delivered: PLACE,
  ack_floor: PLACE,
  pending: bySequence(object<PendingMessage>('Pending', { Sequence: natural, Timestamp: integer })),
  redelivered: bySequence(natural),
})
const ENTRY = object<{ config: Partial<ConsumerConfig>; state: Partial<State> }>('SnapshotConsumerState', {
  config: CONSUMER_CONFIG_OBJECT,
  state: STATE,
})

/** A consumer as it is read; the text is what is wrong with it. */
export function readConsumerEntry(json: string): { config: ConsumerConfig; state: ConsumerSnapshot } | string {
  const { fault, value } = readJson(json, ENTRY, false)
  if (value === undefined || fault !== undefined) return fault ?? 'it is empty'
  if (value.config === undefined) return 'config'
  if (value.state === undefined) return 'state'
  const config = consumerConfig(value.config)
  return { config, state: snapshotOf(value.state, config) }
}

function snapshotOf(state: Partial<State>, { ack_wait: wait }: ConsumerConfig): ConsumerSnapshot {
  const { ack_floor: floor = {}, delivered = {}, pending = {}, redelivered = {} } = state
  const waiting: AckSnapshot['pending'][number][] = []
  for (const [name, { Sequence: consumerSeq = 0, Timestamp: sinceNs = 0 }] of Object.entries(pending)) {
    const sinceMs = sinceNs / NS_PER_MS
    const waitMs = wait > 0 ? wait / NS_PER_MS : 30 * MS_PER_S
    waiting.push([Number(name), consumerSeq, 1 + (redelivered[name] ?? 0), sinceMs, sinceMs + waitMs])
  }
  const last = delivered.stream_seq ?? 0
  return {
    delivered: { consumer: delivered.consumer_seq ?? 0, stream: last },
    floor: { consumer: floor.consumer_seq ?? 0, stream: floor.stream_seq ?? 0 },
    pending: waiting.sort(([a], [b]) => a - b),
    givenUp: [],
    next: last + 1,
    lastOfEach: [],
  }
}
