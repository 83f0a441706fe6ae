// What a stream's configuration and state say against a message, by its headers: the checks that storing.ts makes,
// in the order in which it makes them. Each answers what is wrong, or nothing.

import { byteString } from '../subjects/byte-string.ts'
import { checkIncrement } from './counters.ts'
import { type ApiError, apiError } from './errors.ts'
import { Header, type Headers } from './message-headers.ts'
import { checkSchedule } from './schedules/schedule-headers.ts'
import type { Schedules } from './schedules/schedules.ts'
import type { StreamStore } from './storage/store.ts'
import { SubjectFilter } from './storage/subject-filter.ts'
import type { StreamConfig } from './stream-config.ts'

/** The stream, as far as its rules need it. */
export interface RuledStream {
  readonly config: StreamConfig
  readonly store: StreamStore
  readonly schedules: Pick<Schedules, 'isSchedule'>
}

/** What was stored of an atomic batch so far. */
export interface BatchProgress {
  readonly first: number
  readonly ids: Set<string>
  readonly subjects: Set<string>
  /** Those whose last message of the batch is a schedule. */
  readonly schedules: Set<string>
}

/** A message, with its headers read. `ttl`: seconds; undefined: what it says of that is wrong. */
export interface RuledMessage {
  readonly headers: Headers
  readonly subject: Buffer
  readonly payload: Buffer
  readonly ttl: number | undefined
  readonly nowUs: number
}

/** What only the messages of a batch may not say. */
export function checkInBatch({ headers, subject }: RuledMessage, batch: BatchProgress, last: number) {
  if (headers.has(Header.expectedLastId)) return apiError(10177, Header.expectedLastId)
  if (batch.ids.has(headers.get(Header.messageId) ?? '')) return apiError(10201)
  const isFirst = last + 1 === batch.first
  if (headers.has(Header.expectedLastSequence) && !isFirst) return apiError(10164)
  if (!headers.has(Header.expectedLastSubjectSequence)) return undefined
  const about = headers.get(Header.expectedLastSubject) ?? ''
  return batch.subjects.has(about === '' ? subject.toString('latin1') : byteString(about)) ? apiError(10164) : undefined
}

/** What is asked of the stream's state, and headers that are not allowed. */
export function checkHeaders(
  stream: RuledStream,
  message: RuledMessage,
  batch: BatchProgress | undefined,
): ApiError | undefined {
  const { config, store } = stream
  const { headers, ttl } = message
  const wrongIncrement = checkIncrement(config.allow_msg_counter, headers, message.payload)
  if (wrongIncrement !== undefined) return wrongIncrement
  const expectedStream = headers.get(Header.expectedStream) ?? ''
  if (expectedStream !== '' && expectedStream !== config.name) return apiError(10060)
  if (ttl !== undefined && ttl !== 0 && !config.allow_msg_ttl) return apiError(10166)
  const wrong = checkSubjectSequence(store, message)
  if (wrong !== undefined) return wrong
  const expectedLast = headers.get(Header.expectedLastSequence)
  if (expectedLast !== undefined && numberIn(expectedLast) !== store.last) return apiError(10071, store.last)
  const isSchedule = (subject: string): boolean => {
    return batch?.subjects.has(subject) === true ? batch.schedules.has(subject) : stream.schedules.isSchedule(subject)
  }
  const subject = message.subject.toString('latin1')
  const wrongSchedule = checkSchedule(config, headers, subject, message.nowUs, isSchedule)
  if (wrongSchedule !== undefined) return wrongSchedule
  return (headers.get(Header.source) ?? '') === '' ? undefined : apiError(10227)
}

function checkSubjectSequence(store: StreamStore, { headers, subject }: RuledMessage): ApiError | undefined {
  const expected = headers.get(Header.expectedLastSubjectSequence)
  const other = headers.get(Header.expectedLastSubject) ?? ''
  if (expected === undefined) return other === '' ? undefined : apiError(10193)
  const last =
    other === ''
      ? (store.subject(subject)?.last ?? 0)
      : store.previous(new SubjectFilter([byteString(other)]), store.last)
  return numberIn(expected) === last ? undefined : apiError(10071, last)
}

/** What comes after the look for duplicates. `lastId`: that of the latest message; empty: it had none. */
export function checkLate(config: StreamConfig, headers: Headers, lastId: string): ApiError | undefined {
  const expectedId = headers.get(Header.expectedLastId) ?? ''
  if (expectedId !== '' && expectedId !== lastId) return apiError(10070, lastId)
  const rollup = rollupOf(headers)
  if (rollup === '') return undefined
  if (!config.allow_rollup_hdrs || config.deny_purge) return apiError(10111, 'rollup not permitted')
  if (rollup === 'sub' || rollup === 'all') return undefined
  return apiError(10111, `rollup value invalid: ${JSON.stringify(headers.get(Header.rollup))}`)
}

/** What a message replaces: `sub`, `all`, nothing, or what makes no sense. */
export function rollupOf(headers: Headers): string {
  return headers.size === 0 ? '' : (headers.get(Header.rollup) ?? '').toLowerCase()
}

/** A batch may not replace what it has stored itself. */
export function checkRollupInBatch({ headers, subject }: RuledMessage, batch: BatchProgress, last: number) {
  const rollup = rollupOf(headers)
  if (rollup === '') return undefined
  if (rollup === 'all') return last + 1 === batch.first ? undefined : apiError(10111, 'batch rollup all invalid')
  return batch.subjects.has(subject.toString('latin1')) ? apiError(10111, 'batch rollup sub invalid') : undefined
}

/** Whether a message of so many bytes has room in a stream that discards new ones. `rollup`: what goes for it. */
export function checkDiscard(
  { config, store }: RuledStream,
  subject: Buffer,
  bytes: number,
  rollup = '',
): ApiError | undefined {
  if (config.discard !== 'new') return undefined
  if (config.max_msgs <= 0 && config.max_bytes <= 0 && !config.discard_new_per_subject) return undefined
  const state = config.max_msgs_per_subject > 0 ? store.subject(subject) : undefined
  /** Its oldest goes for it. */
  const isExchanged = state !== undefined && state.count >= config.max_msgs_per_subject
  const isRefused = isExchanged && config.discard_new_per_subject && rollup === ''
  if (isRefused) return apiError(10077, 'maximum messages per subject exceeded')
  if (config.max_msgs > 0 && store.messages >= config.max_msgs && !isExchanged) {
    return apiError(10077, 'maximum messages exceeded')
  }
  const freed = isExchanged ? (store.entry(state.first)?.size ?? 0) : 0
  if (config.max_bytes > 0 && store.bytes - freed + bytes > config.max_bytes) {
    return apiError(10077, 'maximum bytes exceeded')
  }
  return undefined
}

/** A number as expectations have it; NaN: what is none equals nothing. */
function numberIn(text: string): number {
  return /^\d{1,19}$/.test(text) ? Number(text) : Number.NaN
}
