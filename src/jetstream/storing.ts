// How a message gets into a stream: nats-server's checks in its order, then it is appended, and what follows from it is
// done. It comes from a publisher (publishing.ts), from the server itself, or from another stream.

import type { Transform } from '../subjects/transform.ts'
import { clockUs } from './clock.ts'
import { type Count, type CounterOrigin, Counters } from './counters.ts'
import type { Duplicates } from './duplicates.ts'
import { type ApiError, apiError } from './errors.ts'
import type { Expiry } from './expiry.ts'
import type { BatchMessage } from './kept-messages.ts'
import {
  cleaned,
  HEADERS_MAX,
  Header,
  type Headers,
  readHeaders,
  withHeaders,
  withoutHeaders,
} from './message-headers.ts'
import {
  type BatchProgress,
  checkDiscard,
  checkHeaders,
  checkInBatch,
  checkLate,
  checkRollupInBatch,
  rollupOf,
} from './message-rules.ts'
import { readTtl } from './message-ttl.ts'
import type { JetStreamOwner } from './owner.ts'
import { Republishing, transformOf } from './republish.ts'
import type { Retention } from './retention.ts'
import type { Schedules } from './schedules/schedules.ts'
import type { Sender } from './sender.ts'
import type { StreamStore } from './storage/store.ts'
import type { StreamConfig } from './stream-config.ts'

const NS_PER_S = 1e9

/** The stream, as far as messages that are stored need it. */
export interface StoringStream {
  readonly config: StreamConfig
  readonly store: StreamStore
  readonly duplicates: Duplicates
  readonly expiry: Pick<Expiry, 'stored'>
  readonly schedules: Pick<Schedules, 'isSchedule' | 'stored'>
  readonly retention: Pick<Retention, 'isWanted'>
  /** What the limits of the account or of the server say against so many bytes more. */
  whyNoRoom(bytes: number): ApiError | undefined
  /** A subject has one message more. */
  keepSubjectLimit(subject: Uint8Array): void
  purge(filter: string, below: number, keep: number): number
  readonly owner: Pick<JetStreamOwner, 'options'>
  /** Messages have been stored behind this sequence, of so many bytes. */
  appended(before: number, bytes: number): void
  /** Publishes in the stream's account. */
  readonly sender: Pick<Sender, 'send'>
}

/** A message that was stored. */
export interface Judged {
  readonly seq: number
  readonly subject: Buffer
  readonly headers: Headers
  readonly block: Buffer
  readonly payload: Buffer
  readonly id: string
  readonly timeUs: number
  /** How long it lives; 0: it says nothing. */
  readonly seconds: number
  readonly rollup: string
  /** Its sequence was used, but nobody wanted it. */
  readonly isKept: boolean
  readonly lastOfSubject: number
  /** What its counter has come to. */
  readonly sum: bigint | undefined
}

/** A message that another stream has had before. */
export interface Adopted {
  /** The sequence and the time that it keeps, above what is there; undefined: it gets its own. */
  readonly place: { readonly seq: number; readonly timeUs: number } | undefined
  /** Where it had which subject; undefined: that makes no difference. */
  readonly origin: CounterOrigin | undefined
}

/** A message that was stored before, at this sequence. */
export interface Twin {
  readonly twin: number
}

export class Storing {
  private readonly stream: StoringStream
  private transform: Transform | undefined
  private readonly republishing: Republishing
  readonly counters: Counters
  /** The id of the latest message that was stored; empty: it had none. */
  lastId = ''
  /** A message without headers is stored as it is. */
  isPlain = false

  constructor(stream: StoringStream) {
    this.stream = stream
    this.counters = new Counters(stream.store)
    this.republishing = new Republishing(stream)
    this.reconfigured()
  }

  reconfigured(): void {
    const { config } = this.stream
    this.transform = transformOf(config.subject_transform)
    this.republishing.reconfigured()
    this.isPlain =
      !(config.sealed || config.allow_msg_counter || config.allow_msg_schedules || config.retention === 'interest') &&
      this.transform === undefined &&
      !this.republishing.isOn
  }

  /** The subject with which a message is stored. */
  transformed(subject: Buffer): Buffer {
    if (this.transform === undefined) return subject
    const tokens = subject.toString('latin1').split('.')
    return this.transform.matches(tokens) ? Buffer.from(this.transform.apply(tokens), 'latin1') : subject
  }

  /** Stores a message that the server makes. Answers whether it could. */
  produce(subject: Buffer, headers: Buffer, payload: Buffer): boolean {
    const { store } = this.stream
    const { last } = store
    const message = { subject: this.transformed(subject), headers, payload }
    const outcome = this.store(message, readHeaders(headers), undefined, true)
    if (!('seq' in outcome)) return false
    this.follow(outcome)
    this.stream.appended(last, headers.length + payload.length)
    return true
  }

  /** Stores a message of another stream, or says why not. Its bytes are copied. One with a known id is passed over. */
  adopt({ headers, payload, subject }: BatchMessage, adopted: Adopted): ApiError | undefined {
    const message = { subject: this.transformed(subject), headers, payload }
    const outcome = this.store(message, readHeaders(headers), undefined, false, adopted)
    if (this.stream.config.allow_msg_counter) this.counters.trim()
    if ('error' in outcome) return outcome.error
    if ('seq' in outcome) this.follow(outcome)
    return undefined
  }

  /** Resolves when a message of another stream can be judged; undefined: it can. */
  readyToAdopt(subject: Buffer): Promise<void> | undefined {
    return this.stream.config.allow_msg_counter ? this.counters.ready(this.transformed(subject)) : undefined
  }

  /** Stores a message that is in no atomic batch, with all that follows from it. */
  storeAlone(message: BatchMessage, headers: Headers): Judged | Twin | { readonly error: ApiError } {
    const outcome = this.store(message, headers, undefined, false)
    if ('seq' in outcome) this.follow(outcome)
    return outcome
  }

  /**
   * Makes all checks, and appends the message. `read`: what its header block says. `batch`: what was stored of its
   * batch so far. `isOwn`: the server has made it, and need not be told what is allowed. `adopted`: it was judged where
   * it comes from. What follows from a stored message is done by follow().
   */
  store(
    message: BatchMessage,
    read: Headers,
    batch: BatchProgress | undefined,
    isOwn: boolean,
    adopted?: Adopted,
  ): Judged | Twin | { readonly error: ApiError } {
    const { stream } = this
    const { config, store } = stream
    const { subject } = message
    let { payload } = message
    if (config.sealed) return { error: apiError(10109) }
    let block = message.headers.length === 0 ? message.headers : cleaned(message.headers, read)
    const size = block.length + payload.length
    if (config.max_msg_size >= 0 && size > config.max_msg_size) return { error: apiError(10054) }
    if (block.length > HEADERS_MAX) return { error: apiError(10097) }
    const headers = block === message.headers ? read : readHeaders(block)
    const nowUs = adopted?.place?.timeUs ?? Math.max(clockUs(), store.lastTimeUs)
    const wish = headers.get(Header.ttl)
    const ttl = wish === undefined ? 0 : adopted === undefined ? readTtl(wish) : this.adoptedTtl(wish)
    const ruled = { headers, subject, payload, ttl, nowUs }
    const isJudged = headers.size > 0 && !isOwn && adopted === undefined
    if (isJudged) {
      const wrong =
        (batch === undefined ? undefined : checkInBatch(ruled, batch, store.last)) ?? checkHeaders(stream, ruled, batch)
      if (wrong !== undefined) return { error: wrong }
    }
    const id = headers.get(Header.messageId) ?? ''
    const isSearched = id !== '' && config.duplicate_window > 0 && adopted?.place === undefined
    const twin = isSearched ? stream.duplicates.find(id, nowUs) : undefined
    if (twin !== undefined) return { twin }
    if (isJudged) {
      const wrong =
        checkLate(config, headers, this.lastId) ??
        (batch === undefined ? undefined : checkRollupInBatch(ruled, batch, store.last))
      if (wrong !== undefined) return { error: wrong }
    }
    const isSchedule = config.allow_msg_schedules && (headers.get(Header.schedule) ?? '') !== ''
    const mayReplace = adopted === undefined || (config.allow_rollup_hdrs && !config.deny_purge)
    let rollup = mayReplace ? rollupOf(headers) : ''
    if (isSchedule && rollup === '') {
      // As on nats-server, an empty header of the publisher's own is what counts.
      rollup = headers.has(Header.rollup) ? '' : 'sub'
      block = withHeaders(block, [[Header.rollup, 'sub']])
    }
    let sum: bigint | undefined
    let count: Count | undefined
    if (config.allow_msg_counter) {
      const { maxPayload } = stream.owner.options
      const most = config.max_msg_size >= 0 ? Math.min(config.max_msg_size, maxPayload) : maxPayload
      const counted = this.counters.add({ subject, block, headers, payload, origin: adopted?.origin }, most)
      if ('error' in counted) return counted
      ;({ block, payload, sum, count } = counted)
    }
    const isKept = stream.retention.isWanted(subject)
    let seconds = ttl ?? 0
    if (isKept) {
      if (ttl === undefined) return { error: apiError(10165) }
      const least = this.leastTtl(headers)
      if (ttl > 0 && ttl < least) {
        seconds = least
        block = withHeaders(
          withoutHeaders(block, (name) => name === Header.ttl),
          [[Header.ttl, least]],
        )
      }
      const bytes = store.sizeOf(subject.length, block.length, payload.length)
      const wrong = stream.whyNoRoom(bytes) ?? checkDiscard(stream, subject, bytes, rollup)
      if (wrong !== undefined) return { error: wrong }
    }
    const lastOfSubject = this.republishing.isOn ? (store.subject(subject)?.last ?? 0) : 0
    const seq = adopted?.place?.seq ?? store.last + 1
    if (isKept && seq > store.last + 1) store.skipTo(seq, 0)
    if (isKept) store.append(nowUs, subject, block, payload)
    else store.skipTo(seq + 1, nowUs)
    this.lastId = id
    if (batch !== undefined) {
      const name = subject.toString('latin1')
      batch.subjects.add(name)
      if (isSchedule) batch.schedules.add(name)
      else batch.schedules.delete(name)
      if (id !== '') batch.ids.add(id)
    }
    if (sum !== undefined) this.counters.note(subject, seq, count)
    return { seq, subject, headers, block, payload, id, timeUs: nowUs, seconds, rollup, isKept, lastOfSubject, sum }
  }

  /** Whether follow() has something to do. */
  hasSequel({ id, rollup, seconds }: Judged): boolean {
    const { config } = this.stream
    if (config.max_msgs_per_subject > 0 || config.allow_msg_schedules || config.republish !== undefined) return true
    return id !== '' || rollup !== '' || seconds !== 0
  }

  /** What follows from a message that was stored. */
  follow(judged: Judged): void {
    const { stream } = this
    const { headers, id, isKept, rollup, seconds, seq, subject, timeUs } = judged
    if (isKept && seconds !== 0) stream.expiry.stored(seq, timeUs, seconds)
    if (id !== '') stream.duplicates.note(id, seq, timeUs)
    if (rollup === 'sub') stream.purge(subject.toString('latin1'), seq, 0)
    else if (rollup === 'all') stream.purge('', seq, 0)
    else if (isKept) stream.keepSubjectLimit(subject)
    stream.schedules.stored(seq, subject, headers, timeUs)
    this.republishing.stored(judged)
  }

  /** Seconds that a message of another stream lives here; 0: it says nothing. */
  private adoptedTtl(wish: string): number {
    return this.stream.config.allow_msg_ttl ? (readTtl(wish) ?? 0) : 0
  }

  /** Seconds that a message must live, so that the marker of its subject outlives what it stands for. */
  private leastTtl(headers: Headers): number {
    const { config } = this.stream
    const { max_msgs_per_subject: most, subject_delete_marker_ttl: markerTtl } = config
    if (markerTtl === 0 || most === 1 || headers.has(Header.markerReason)) return 0
    return Math.floor(markerTtl / NS_PER_S)
  }

  /** Appends from `first` on could not be written. */
  undo(first: number): void {
    this.stream.duplicates.forgetFrom(first)
    this.lastId = ''
  }
}
