// The configuration of a consumer: its members, in the order in which they are shown, how they are read from a request,
// and what they are where a request says nothing. Names are those of the API. Spans are nanoseconds, sizes bytes.

import type { Json } from '../../base/json.ts'
import { flag, instant, integer, list, natural, object, type Shape, span, text, texts, word } from '../request-json.ts'

export interface ConsumerConfig {
  durable_name: string
  name: string
  description: string
  deliver_policy: 'all' | 'last' | 'new' | 'by_start_sequence' | 'by_start_time' | 'last_per_subject'
  opt_start_seq: number
  /** RFC 3339; empty: not said. */
  opt_start_time: string
  ack_policy: 'none' | 'all' | 'explicit' | 'flow_control'
  ack_wait: number
  max_deliver: number
  backoff: readonly number[]
  filter_subject: string
  filter_subjects: readonly string[]
  replay_policy: 'instant' | 'original'
  /** Bits a second. */
  rate_limit_bps: number
  sample_freq: string
  max_waiting: number
  max_ack_pending: number
  flow_control: boolean
  headers_only: boolean
  max_batch: number
  max_expires: number
  max_bytes: number
  deliver_subject: string
  deliver_group: string
  idle_heartbeat: number
  inactive_threshold: number
  num_replicas: number
  mem_storage: boolean
  direct: boolean
  sourcing: boolean
  metadata: Readonly<Record<string, string>> | undefined
  /** RFC 3339; empty: it is not paused. */
  pause_until: string
  priority_groups: readonly string[]
  priority_policy: 'none' | 'overflow' | 'pinned_client' | 'prioritized'
  priority_timeout: number
}

/** How the members are read, in the order in which they are shown. */
const CONSUMER_CONFIG: Shape<ConsumerConfig> = {
  durable_name: text,
  name: text,
  description: text,
  deliver_policy: word('all', 'last', 'new', 'by_start_sequence', 'by_start_time', 'last_per_subject'),
  opt_start_seq: natural,
  opt_start_time: instant,
  ack_policy: word('none', 'all', 'explicit', 'flow_control'),
  ack_wait: span,
  max_deliver: integer,
  backoff: list(span),
  filter_subject: text,
  filter_subjects: list(text),
  replay_policy: word('instant', 'original'),
  rate_limit_bps: natural,
  sample_freq: text,
  max_waiting: integer,
  max_ack_pending: integer,
  flow_control: flag,
  headers_only: flag,
  max_batch: integer,
  max_expires: span,
  max_bytes: integer,
  deliver_subject: text,
  deliver_group: text,
  idle_heartbeat: span,
  inactive_threshold: span,
  num_replicas: integer,
  mem_storage: flag,
  direct: flag,
  sourcing: flag,
  metadata: texts,
  pause_until: instant,
  priority_groups: list(text),
  priority_policy: word('none', 'overflow', 'pinned_client', 'prioritized'),
  priority_timeout: span,
}

/** What a request that says nothing asks for. */
const ZERO: ConsumerConfig = {
  durable_name: '',
  name: '',
  description: '',
  deliver_policy: 'all',
  opt_start_seq: 0,
  opt_start_time: '',
  ack_policy: 'none',
  ack_wait: 0,
  max_deliver: 0,
  backoff: [],
  filter_subject: '',
  filter_subjects: [],
  replay_policy: 'instant',
  rate_limit_bps: 0,
  sample_freq: '',
  max_waiting: 0,
  max_ack_pending: 0,
  flow_control: false,
  headers_only: false,
  max_batch: 0,
  max_expires: 0,
  max_bytes: 0,
  deliver_subject: '',
  deliver_group: '',
  idle_heartbeat: 0,
  inactive_threshold: 0,
  num_replicas: 0,
  mem_storage: false,
  direct: false,
  sourcing: false,
  metadata: undefined,
  pause_until: '',
  priority_groups: [],
  priority_policy: 'none',
  priority_timeout: 0,
}

/** What a request is to do with a name that is taken, or is not; empty: whatever fits. */
export type ConsumerAction = '' | 'create' | 'update'

export interface ConsumerRequest {
  stream_name: string
  config: Partial<ConsumerConfig>
  action: ConsumerAction
  pedantic: boolean
}

/** A configuration by itself. */
export const CONSUMER_CONFIG_OBJECT = object('ConsumerConfig', CONSUMER_CONFIG)

/** The body of a request to create a consumer. */
export const CONSUMER_REQUEST = object<ConsumerRequest>('CreateConsumerRequest', {
  stream_name: text,
  config: CONSUMER_CONFIG_OBJECT,
  action: word('', 'create', 'update'),
  pedantic: flag,
})

const MEMBERS = Object.keys(CONSUMER_CONFIG) as (keyof ConsumerConfig)[]
/** Members that are shown even where they say nothing. */
const ALWAYS: readonly (keyof ConsumerConfig)[] = ['deliver_policy', 'ack_policy', 'replay_policy', 'num_replicas']

/** A configuration with what was said of it. */
export function consumerConfig(said: Partial<ConsumerConfig>): ConsumerConfig {
  return { ...ZERO, ...said }
}

/** A configuration as answers show it. */
export function shownConsumerConfig(config: ConsumerConfig): { readonly [member: string]: Json } {
  const members: [string, Json][] = []
  for (const name of MEMBERS) {
    const value = config[name]
    const isSaid = Array.isArray(value) ? value.length > 0 : value !== ZERO[name]
    if (isSaid || ALWAYS.includes(name)) members.push([name, value as Json])
  }
  return Object.fromEntries(members)
}

/** The filters, as texts; none: all messages. */
export function filtersOf({ filter_subject: one, filter_subjects: several }: ConsumerConfig): readonly string[] {
  return one === '' ? several : [one]
}

/** It gives messages to who asks for them, and pushes them to nobody. */
export const isPull = ({ deliver_subject: subject }: ConsumerConfig): boolean => subject === ''

export const isDurable = ({ durable_name: name }: ConsumerConfig): boolean => name !== ''
