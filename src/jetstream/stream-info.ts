// What answers tell of a stream.

import { API_LEVEL, NATS_VERSION } from '../base/constants.ts'
import type { Json } from '../base/json.ts'
import { properText } from '../subjects/byte-string.ts'
import type { Attached } from './attached.ts'
import { clockUs, NEVER, timeText } from './clock.ts'
import type { Loss, StreamStore } from './storage/store.ts'
import { SubjectFilter } from './storage/subject-filter.ts'
import { type StreamConfig, shownConfig } from './stream-config.ts'

/** Lost messages that info names. */
const LOST_MAX = 10_000

type Members = { readonly [member: string]: Json }

export interface ShownStream {
  readonly config: StreamConfig
  readonly createdUs: number
  readonly domain: string
  readonly store: StreamStore
  readonly attached: ReadonlyMap<string, Pick<Attached, 'isListed'>>
  /** Undefined: it follows no other stream yet. */
  readonly following: { info(): Members } | undefined
}

/** Members of stream info that not every answer has. */
interface StreamDetails {
  subjects?: Json
  deleted?: Json
  cluster?: Json
}

/** The members of stream info. `details`: members of it and of its `state` that were asked for. */
export function streamInfo(stream: ShownStream, { subjects, deleted, cluster }: StreamDetails = {}): Members {
  const metadata = { ...stream.config.metadata, '_nats.ver': NATS_VERSION, '_nats.level': String(API_LEVEL) }
  return {
    config: { ...shownConfig(stream.config), metadata: sorted(metadata) },
    created: timeText(stream.createdUs),
    state: streamState(stream, { subjects, deleted }),
    domain: stream.domain || undefined,
    cluster,
    ...stream.following?.info(),
    ts: timeText(clockUs()),
  }
}

/** The same as lists show it: without what the server says of itself in the metadata. */
export function listedInfo(stream: ShownStream): Members {
  const { config } = stream
  return { ...streamInfo(stream), config: { ...shownConfig(config), metadata: config.metadata } }
}

/** What is in it. */
export function streamState(
  { attached, store }: Pick<ShownStream, 'attached' | 'store'>,
  { subjects, deleted }: Pick<StreamDetails, 'subjects' | 'deleted'> = {},
): Members {
  return {
    messages: store.messages,
    bytes: store.bytes,
    first_seq: store.first,
    first_ts: store.messages === 0 ? NEVER : timeText(store.firstTimeUs),
    last_seq: store.last,
    last_ts: timeText(store.lastTimeUs),
    num_subjects: store.subjectCount || undefined,
    subjects,
    num_deleted: store.deleted || undefined,
    deleted,
    lost: lostOf(store.losses),
    consumer_count: [...attached.values()].filter(({ isListed }) => isListed).length,
  }
}

/** Messages that are damaged, as far as one answer shows them. */
function lostOf(losses: readonly Loss[]): Json {
  const msgs: number[] = []
  let bytes = 0
  for (const loss of losses) {
    for (let seq = loss.first; seq <= loss.last && msgs.length < LOST_MAX; seq++) msgs.push(seq)
    bytes += loss.bytes ?? 0
  }
  return msgs.length === 0 ? undefined : { msgs, bytes }
}

function sorted(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** How many messages each subject that matches (byte string) has, sorted by subject. */
export function subjectCounts(store: StreamStore, filter: string): [subject: string, count: number][] {
  const found = [...store.subjects(new SubjectFilter([filter]))]
  const counts = found.map(({ subject, count }) => [properText(subject.toString('latin1')), count] as [string, number])
  return counts.sort(([a], [b]) => (a < b ? -1 : 1))
}
