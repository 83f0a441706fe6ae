// What answers tell of a consumer.

import { API_LEVEL, NATS_VERSION } from '../../base/constants.ts'
import type { Json } from '../../base/json.ts'
import { nowMs, timeText } from '../clock.ts'
import type { Place } from './ack-state.ts'
import { type ConsumerConfig, shownConsumerConfig } from './config.ts'
import { Pull } from './pull.ts'
import { Push } from './push.ts'

const NS_PER_MS = 1e6
const US_PER_MS = 1000

export interface ShownConsumer {
  readonly stream: { readonly name: string }
  readonly name: string
  readonly config: ConsumerConfig
  readonly createdUs: number
  readonly state: {
    readonly delivered: Place
    readonly floor: Place
    readonly pending: number
    readonly redelivered: number
  }
  readonly cursor: { readonly pending: number }
  readonly mode: Pull | Push
  readonly pace: { readonly isPaused: boolean; readonly pausedUntilMs: number }
  /** When a message was delivered last, and one acknowledged; 0: never. */
  readonly lastDeliveryMs: number
  readonly lastAckMs: number
}

/** The members of consumer info; `isListed`: without what the server says of itself in the metadata. */
export function consumerInfo(consumer: ShownConsumer, isListed: boolean): { readonly [member: string]: Json } {
  const { config, mode, pace, state } = consumer
  const pull = mode instanceof Pull ? mode : undefined
  const now = nowMs()
  const { isPaused } = pace
  const ofServer = isListed ? {} : { '_nats.ver': NATS_VERSION, '_nats.level': String(API_LEVEL) }
  const metadata = { ...config.metadata, ...ofServer }
  return {
    stream_name: consumer.stream.name,
    name: consumer.name,
    created: timeText(consumer.createdUs),
    config: { ...shownConsumerConfig(config), metadata: Object.fromEntries(Object.entries(metadata).sort()) },
    delivered: shownPlace(state.delivered, consumer.lastDeliveryMs),
    ack_floor: shownPlace(state.floor, consumer.lastAckMs),
    num_ack_pending: state.pending,
    num_redelivered: config.max_deliver === 1 ? 0 : state.redelivered,
    num_waiting: pull?.countWaiting() ?? 0,
    num_pending: consumer.cursor.pending,
    push_bound: (mode instanceof Push && mode.isListened()) || undefined,
    paused: isPaused || undefined,
    pause_remaining: isPaused ? Math.round((pace.pausedUntilMs - now) * NS_PER_MS) : undefined,
    ts: timeText(Math.floor(now * US_PER_MS)),
    priority_groups: pull?.groups,
  }
}

function shownPlace({ consumer, stream }: Place, lastMs: number): Json {
  return {
    consumer_seq: consumer,
    stream_seq: stream,
    last_active: lastMs === 0 ? undefined : timeText(Math.floor(lastMs * US_PER_MS)),
  }
}
