// The configuration of a stream: its members, in the order in which they are shown, how they are read from a request,
// and what they are where a request says nothing. Names are those of the API. Spans are nanoseconds, sizes bytes.

import type { Json } from '../base/json.ts'
import {
  flag,
  instant,
  integer,
  list,
  natural,
  object,
  type Read,
  type Shape,
  smallInteger,
  span,
  text,
  texts,
  word,
} from './request-json.ts'

export interface SubjectMapping {
  readonly src: string
  readonly dest: string
}

export interface Republish extends SubjectMapping {
  readonly headers_only: boolean
}

export interface Placement {
  readonly cluster: string
  readonly tags: readonly string[]
  readonly preferred: string
}

/** Another stream whose messages come here too. */
export interface StreamSource {
  readonly name: string
  readonly opt_start_seq: number
  readonly opt_start_time: string
  readonly filter_subject: string
  readonly subject_transforms: readonly SubjectMapping[]
  readonly external: { readonly api: string; readonly deliver: string } | undefined
  readonly consumer: { readonly name: string; readonly deliver_subject: string } | undefined
}

export interface StreamConfig {
  name: string
  description: string
  subjects: readonly string[]
  retention: 'limits' | 'interest' | 'workqueue'
  max_consumers: number
  max_msgs: number
  max_bytes: number
  max_age: number
  max_msgs_per_subject: number
  max_msg_size: number
  discard: 'old' | 'new'
  storage: 'file' | 'memory'
  num_replicas: number
  no_ack: boolean
  duplicate_window: number
  placement: Placement | undefined
  mirror: StreamSource | undefined
  sources: readonly StreamSource[]
  compression: 'none' | 's2'
  first_seq: number
  subject_transform: SubjectMapping | undefined
  republish: Republish | undefined
  allow_direct: boolean
  mirror_direct: boolean
  discard_new_per_subject: boolean
  sealed: boolean
  deny_delete: boolean
  deny_purge: boolean
  allow_rollup_hdrs: boolean
  consumer_limits: { readonly inactive_threshold?: number; readonly max_ack_pending?: number }
  allow_msg_ttl: boolean
  subject_delete_marker_ttl: number
  allow_msg_counter: boolean
  allow_atomic: boolean
  allow_msg_schedules: boolean
  persist_mode: '' | 'default' | 'async'
  allow_batched: boolean
  metadata: Readonly<Record<string, string>> | undefined
}

const MAPPING: Shape<SubjectMapping> = { src: text, dest: text }
const mapping = object('SubjectTransformConfig', MAPPING)

const SOURCE: Shape<StreamSource> = {
  name: text,
  opt_start_seq: natural,
  opt_start_time: instant,
  filter_subject: text,
  subject_transforms: list(filled(mapping, { src: '', dest: '' })),
  external: filled(object('ExternalStream', { api: text, deliver: text }), { api: '', deliver: '' }),
  consumer: filled(object('StreamConsumerSource', { name: text, deliver_subject: text }), {
    name: '',
    deliver_subject: '',
  }),
}
const source = filled(object('StreamSource', SOURCE), {
  name: '',
  opt_start_seq: 0,
  opt_start_time: '',
  filter_subject: '',
  subject_transforms: [],
  external: undefined,
  consumer: undefined,
})

/** How the members are read, in the order in which they are shown. */
export const STREAM_CONFIG: Shape<StreamConfig> = {
  name: text,
  description: text,
  subjects: list(text),
  retention: word('limits', 'interest', 'workqueue'),
  max_consumers: integer,
  max_msgs: integer,
  max_bytes: integer,
  max_age: span,
  max_msgs_per_subject: integer,
  max_msg_size: smallInteger,
  discard: word('old', 'new'),
  storage: word('file', 'memory'),
  num_replicas: integer,
  no_ack: flag,
  duplicate_window: span,
  placement: filled(object('Placement', { cluster: text, tags: list(text), preferred: text }), {
    cluster: '',
    tags: [],
    preferred: '',
  }),
  mirror: source,
  sources: list(source),
  compression: word('none', 's2'),
  first_seq: natural,
  subject_transform: filled(mapping, { src: '', dest: '' }),
  republish: filled(object('RePublish', { ...MAPPING, headers_only: flag }), {
    src: '',
    dest: '',
    headers_only: false,
  }),
  allow_direct: flag,
  mirror_direct: flag,
  discard_new_per_subject: flag,
  sealed: flag,
  deny_delete: flag,
  deny_purge: flag,
  allow_rollup_hdrs: flag,
  consumer_limits: object('StreamConsumerLimits', { inactive_threshold: span, max_ack_pending: integer }),
  allow_msg_ttl: flag,
  subject_delete_marker_ttl: span,
  allow_msg_counter: flag,
  allow_atomic: flag,
  allow_msg_schedules: flag,
  persist_mode: word('', 'default', 'async'),
  allow_batched: flag,
  metadata: texts,
}

/** What a request that says nothing asks for. */
const ZERO: StreamConfig = {
  name: '',
  description: '',
  subjects: [],
  retention: 'limits',
  max_consumers: 0,
  max_msgs: 0,
  max_bytes: 0,
  max_age: 0,
  max_msgs_per_subject: 0,
  max_msg_size: 0,
  discard: 'old',
  storage: 'file',
  num_replicas: 0,
  no_ack: false,
  duplicate_window: 0,
  placement: undefined,
  mirror: undefined,
  sources: [],
  compression: 'none',
  first_seq: 0,
  subject_transform: undefined,
  republish: undefined,
  allow_direct: false,
  mirror_direct: false,
  discard_new_per_subject: false,
  sealed: false,
  deny_delete: false,
  deny_purge: false,
  allow_rollup_hdrs: false,
  consumer_limits: {},
  allow_msg_ttl: false,
  subject_delete_marker_ttl: 0,
  allow_msg_counter: false,
  allow_atomic: false,
  allow_msg_schedules: false,
  persist_mode: '',
  allow_batched: false,
  metadata: undefined,
}

/** The body of CREATE and UPDATE: a configuration, and whether nothing in it may be corrected silently. */
export const STREAM_REQUEST = object<StreamConfig & { pedantic: boolean }>('StreamConfigRequest', {
  ...STREAM_CONFIG,
  pedantic: flag,
})

/** A configuration with what was said of it. */
export function streamConfig(said: Partial<StreamConfig>): StreamConfig {
  const config = { ...ZERO }
  for (const name of MEMBERS) if (said[name] !== undefined) Object.assign(config, { [name]: said[name] })
  return config
}

const MEMBERS = Object.keys(STREAM_CONFIG) as (keyof StreamConfig)[]

/** Members that are left out where they are empty, 0 or false. */
const UNLESS_EMPTY = new Set<keyof StreamConfig>([
  ...(['description', 'subjects', 'no_ack', 'duplicate_window', 'placement', 'mirror', 'sources'] as const),
  ...(['first_seq', 'subject_transform', 'republish', 'discard_new_per_subject', 'subject_delete_marker_ttl'] as const),
  ...([
    'allow_msg_counter',
    'allow_atomic',
    'allow_msg_schedules',
    'allow_batched',
    'max_msg_size',
    'metadata',
  ] as const),
])

/** A configuration as answers show it. */
export function shownConfig(config: StreamConfig): { readonly [member: string]: Json } {
  const members: [string, Json][] = []
  for (const name of MEMBERS) {
    const value = config[name]
    if (UNLESS_EMPTY.has(name) && isEmpty(value)) continue
    if (name === 'persist_mode') {
      if (value === 'async') members.push([name, value])
    } else if (name === 'placement' || name === 'mirror') members.push([name, pruned(value)])
    else if (name === 'sources') members.push([name, config.sources.map(pruned)])
    else if (name === 'republish') members.push([name, shownRepublish(config.republish)])
    else members.push([name, value as Json])
  }
  return Object.fromEntries(members)
}

function shownRepublish(republish: Republish | undefined): Json {
  return republish && { ...republish, headers_only: republish.headers_only || undefined }
}

/** An object without its empty members. */
function pruned(value: unknown): Json {
  const entries = Object.entries(value as object).filter(([name, item]) => name === 'name' || !isEmpty(item))
  return Object.fromEntries(entries) as Json
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === '' || value === 0 || value === false) return true
  return Array.isArray(value) && value.length === 0
}

/** Reads an object, whose missing members are those of `defaults`. */
function filled<T extends object>(read: Read<Partial<T>>, defaults: T): Read<T> {
  return (value, at, reading) => {
    const members = read(value, at, reading)
    return members && { ...defaults, ...members }
  }
}
