// How a stream judges a message that comes on one of its subjects: nats-server's checks in its order, then it is stored
// and acknowledged, or refused. A message that was judged is acknowledged when it is durable.

import { HEADERS_VERSION } from '../protocol/headers.ts'
import { byteString } from '../subjects/byte-string.ts'
import { isPublishSubject } from '../subjects/filter.ts'
import { compileTransform, type Transform } from '../subjects/transform.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import { type Abandoned, Batches, type BatchLimits, type BatchMessage } from './batches.ts'
import { clockUs } from './clock.ts'
import type { Duplicates } from './duplicates.ts'
import { type ApiError, apiError } from './errors.ts'
import type { Expiry } from './expiry.ts'
import { Header, type Headers, readHeaders, withHeaders, withoutHeaders } from './message-headers.ts'
import { readTtl } from './message-ttl.ts'
import { republished } from './republish.ts'
import type { Sender } from './sender.ts'
import type { StreamStore } from './storage/store.ts'
import { SubjectFilter } from './storage/subject-filter.ts'
import type { StreamConfig } from './stream-config.ts'

const HEADERS_MAX = 65_535
const NS_PER_S = 1e9
const STATUS_LINE = Buffer.from('NATS/1.0')
const NOTHING = Buffer.alloc(0)

/** The stream, as far as messages that come need it. */
export interface PublishedStream {
  readonly config: StreamConfig
  readonly domain: string
  readonly store: StreamStore
  readonly duplicates: Duplicates
  readonly acknowledgements: Acknowledgements
  readonly expiry: Pick<Expiry, 'stored'>
  /** Bytes that may still be stored, by the limits of the account and of the server; what is exceeded otherwise. */
  whyNoRoom(bytes: number): ApiError | undefined
  /** Whether a message on a subject would be kept. */
  isWanted(subject: Uint8Array): boolean
  /** A subject has one message more. */
  keepSubjectLimit(subject: Uint8Array): void
  purge(filter: string, below: number, keep: number): number
  readonly batchLimits: BatchLimits
  abandoned(batch: string, why: Abandoned): void
  /** Publishes in the stream's account. */
  readonly sender: Pick<Sender, 'send'>
}

/** A message that was stored. */
interface Judged {
  readonly seq: number
  readonly subject: Buffer
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
}

/** A message that was stored before, at this sequence. */
interface Twin {
  readonly twin: number
}

/** What was stored of a batch so far. */
interface BatchProgress {
  readonly first: number
  readonly ids: Set<string>
  readonly subjects: Set<string>
}

export class Publishing {
  private readonly stream: PublishedStream
  private transform: Transform | undefined
  private republish: Transform | undefined
  /** `{"stream":"S",`, which begins what is answered to a message that was stored. */
  private opening = ''
  readonly batches: Batches
  /** The id of the latest message that was stored; empty: it had none. */
  lastId = ''

  constructor(stream: PublishedStream) {
    this.stream = stream
    this.batches = new Batches({
      limits: stream.batchLimits,
      commit: (messages) => this.commit(messages),
      abandoned: (id, why) => stream.abandoned(id, why),
    })
    this.reconfigured()
  }

  reconfigured(): void {
    const { config, domain } = this.stream
    this.transform = transformOf(config.subject_transform)
    this.republish = transformOf(config.republish)
    if (!config.allow_atomic) this.batches.close()
    const domainMember = domain === '' ? '' : `,"domain":${JSON.stringify(domain)}`
    this.opening = `{"stream":${JSON.stringify(config.name)}${domainMember},"seq":`
  }

  /** Judges one message. Its bytes are copied where they are kept. `reply`: byte string; empty: none. */
  take(subject: Buffer, headers: Buffer, payload: Buffer, reply: string): void {
    const { acknowledgements, config } = this.stream
    const answer = config.no_ack ? '' : reply
    const message = { subject: this.transformed(subject), headers, payload }
    const error =
      headers.length > 0 && headers.includes(Header.batchId)
        ? this.takeOfBatch(message, answer)
        : this.judge(message, answer)
    if (error !== undefined && answer !== '') acknowledgements.send(answer, this.refusal(error))
  }

  /** Messages that came while too much waits for the disk. */
  refuse(reply: string, count: number): void {
    const { acknowledgements, config } = this.stream
    if (config.no_ack || reply === '') return
    for (let i = 0; i < count; i++) acknowledgements.send(reply, this.refusal(apiError(10167)))
  }

  private takeOfBatch(message: BatchMessage, reply: string): ApiError | undefined {
    const { acknowledgements, config, store } = this.stream
    const headers = readHeaders(message.headers)
    if (!headers.has(Header.batchId)) return this.judge(message, reply)
    if (config.sealed) return apiError(10109)
    const size = message.headers.length + message.payload.length
    const bytes = store.sizeOf(message.subject.length, message.headers.length, message.payload.length)
    const noRoom = this.stream.whyNoRoom(bytes)
    if (noRoom !== undefined) return noRoom
    if (config.max_msg_size >= 0 && size > config.max_msg_size) return apiError(10054)
    if (!config.allow_atomic) return apiError(10174)
    const outcome = this.batches.take(message, headers)
    if (outcome === 'kept') {
      if (reply !== '') acknowledgements.send(reply, '')
      return undefined
    }
    if ('error' in outcome) return outcome.error
    const { count, id, seq } = outcome
    const text = `${this.opening}${seq},"batch":${JSON.stringify(id)},"count":${count}}`
    if (reply !== '') acknowledgements.await(seq, reply, text)
    return undefined
  }

  /** Stores the messages of a batch one behind the other, or none of them. */
  private commit(messages: readonly BatchMessage[]): { readonly seq: number } | { readonly error: ApiError } {
    const { store } = this.stream
    const { lastId } = this
    const batch: BatchProgress = { first: store.last + 1, ids: new Set(), subjects: new Set() }
    const judged: Judged[] = []
    store.begin()
    for (const message of messages) {
      const outcome = this.store(message, batch)
      if ('seq' in outcome) {
        judged.push(outcome)
        continue
      }
      store.rollback()
      this.lastId = lastId
      return { error: 'error' in outcome ? outcome.error : apiError(10201) }
    }
    store.commit()
    for (const each of judged) this.follow(each)
    return { seq: store.last }
  }

  /** Appends from `first` on could not be written. */
  undo(first: number): void {
    const { acknowledgements, duplicates } = this.stream
    duplicates.forgetFrom(first)
    this.lastId = ''
    acknowledgements.fail(first, this.refusal(apiError(10023)))
  }

  private refusal(error: ApiError): string {
    return JSON.stringify({ error, stream: this.stream.config.name, seq: 0 })
  }

  private transformed(subject: Buffer): Buffer {
    if (this.transform === undefined) return subject
    const tokens = subject.toString('latin1').split('.')
    return this.transform.matches(tokens) ? Buffer.from(this.transform.apply(tokens), 'latin1') : subject
  }

  /** Stores a message, or says what is wrong with it. */
  private judge(message: BatchMessage, reply: string): ApiError | undefined {
    const { acknowledgements, store } = this.stream
    const outcome = this.store(message, undefined)
    if ('error' in outcome) return outcome.error
    if ('twin' in outcome) {
      const text = `${this.opening}${outcome.twin},"duplicate": true}`
      if (reply !== '') acknowledgements.await(store.last, reply, text)
      return undefined
    }
    this.follow(outcome)
    if (reply !== '') acknowledgements.await(outcome.seq, reply, `${this.opening}${outcome.seq}}`)
    return undefined
  }

  /**
   * Makes all checks, and appends the message. `batch`: what was stored of its batch so far. What follows from a stored
   * message is done by follow().
   */
  private store(message: BatchMessage, batch: BatchProgress | undefined): Judged | Twin | { readonly error: ApiError } {
    const { stream } = this
    const { config, store } = stream
    const { subject, payload } = message
    if (config.sealed) return { error: apiError(10109) }
    let block = message.headers.length === 0 ? message.headers : cleaned(message.headers)
    const size = block.length + payload.length
    if (config.max_msg_size >= 0 && size > config.max_msg_size) return { error: apiError(10054) }
    if (block.length > HEADERS_MAX) return { error: apiError(10097) }
    const headers = readHeaders(block)
    const nowUs = Math.max(clockUs(), store.lastTimeUs)
    const wish = headers.get(Header.ttl)
    const ttl = wish === undefined ? 0 : readTtl(wish)
    if (headers.size > 0) {
      const wrong = batchFault(headers, subject, batch, store.last) ?? this.checkHeaders(headers, subject, ttl)
      if (wrong !== undefined) return { error: wrong }
    }
    const id = headers.get(Header.messageId) ?? ''
    const twin = id === '' || config.duplicate_window === 0 ? undefined : stream.duplicates.find(id, nowUs)
    if (twin !== undefined) return { twin }
    const rollup = headers.size === 0 ? '' : (headers.get(Header.rollup) ?? '').toLowerCase()
    if (headers.size > 0) {
      const wrong = this.checkLate(headers, rollup) ?? rollupFault(rollup, subject, batch, store.last)
      if (wrong !== undefined) return { error: wrong }
    }
    const isKept = stream.isWanted(subject)
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
      const wrong = stream.whyNoRoom(bytes) ?? this.checkDiscard(subject, bytes)
      if (wrong !== undefined) return { error: wrong }
    }
    const lastOfSubject = this.republish === undefined ? 0 : (store.subject(subject)?.last ?? 0)
    let seq = store.last + 1
    if (isKept) seq = store.append(nowUs, subject, block, payload)
    else store.skipTo(seq + 1, nowUs)
    this.lastId = id
    if (batch !== undefined) {
      batch.subjects.add(subject.toString('latin1'))
      if (id !== '') batch.ids.add(id)
    }
    return { seq, subject, block, payload, id, timeUs: nowUs, seconds, rollup, isKept, lastOfSubject }
  }

  /** What follows from a message that was stored. */
  private follow(judged: Judged): void {
    const { stream } = this
    const { id, isKept, rollup, seconds, seq, subject, timeUs } = judged
    if (isKept && seconds !== 0) stream.expiry.stored(seq, timeUs, seconds)
    if (id !== '') stream.duplicates.note(id, seq, timeUs)
    if (rollup === 'sub') stream.purge(subject.toString('latin1'), seq, 0)
    else if (rollup === 'all') stream.purge('', seq, 0)
    else if (isKept) stream.keepSubjectLimit(subject)
    if (this.republish !== undefined) this.sendOn(this.republish, judged)
  }

  /** Seconds that a message must live, so that the marker of its subject outlives what it stands for. */
  private leastTtl(headers: Headers): number {
    const { config } = this.stream
    const { max_msgs_per_subject: most, subject_delete_marker_ttl: markerTtl } = config
    if (markerTtl === 0 || most === 1 || headers.has(Header.markerReason)) return 0
    return Math.floor(markerTtl / NS_PER_S)
  }

  // ── Checks ────────────────────────────────────────────────────────────────────────────────────────────

  /** What is asked of the stream's state, and headers that are not allowed. */
  private checkHeaders(headers: Headers, subject: Buffer, ttl: number | undefined): ApiError | undefined {
    const { config, store } = this.stream
    if (headers.has(Header.increment)) return apiError(10168)
    const expectedStream = headers.get(Header.expectedStream)
    if (expectedStream !== undefined && expectedStream !== '' && expectedStream !== config.name) return apiError(10060)
    if (ttl !== undefined && ttl !== 0 && !config.allow_msg_ttl) return apiError(10166)
    const wrong = this.checkSubjectSequence(headers, subject)
    if (wrong !== undefined) return wrong
    const expectedLast = headers.get(Header.expectedLastSequence)
    if (expectedLast !== undefined && numberIn(expectedLast) !== store.last) return apiError(10071, store.last)
    if (headers.has(Header.schedule)) return apiError(10188)
    if (headers.has(Header.scheduler) || headers.has(Header.scheduleNext)) return apiError(10212)
    if (headers.has(Header.source)) return apiError(10227)
    return undefined
  }

  private checkSubjectSequence(headers: Headers, subject: Buffer): ApiError | undefined {
    const { store } = this.stream
    const expected = headers.get(Header.expectedLastSubjectSequence)
    const other = headers.get(Header.expectedLastSubject)
    if (expected === undefined) return other === undefined || other === '' ? undefined : apiError(10193)
    const last =
      other === undefined || other === ''
        ? (store.subject(subject)?.last ?? 0)
        : store.previous(new SubjectFilter([byteString(other)]), store.last)
    return numberIn(expected) === last ? undefined : apiError(10071, last)
  }

  /** What comes after the look for duplicates. */
  private checkLate(headers: Headers, rollup: string): ApiError | undefined {
    const { config } = this.stream
    const expectedId = headers.get(Header.expectedLastId)
    if (expectedId !== undefined && expectedId !== '' && expectedId !== this.lastId) return apiError(10070, this.lastId)
    if (rollup === '') return undefined
    if (!config.allow_rollup_hdrs || config.deny_purge) return apiError(10111, 'rollup not permitted')
    if (rollup === 'sub' || rollup === 'all') return undefined
    return apiError(10111, `rollup value invalid: ${JSON.stringify(headers.get(Header.rollup))}`)
  }

  /** Whether the message has room in a stream that discards new ones. */
  private checkDiscard(subject: Buffer, bytes: number): ApiError | undefined {
    const { config, store } = this.stream
    if (config.discard !== 'new') return undefined
    const state = config.max_msgs_per_subject > 0 ? store.subject(subject) : undefined
    /** Its oldest goes for it. */
    const isExchanged = state !== undefined && state.count >= config.max_msgs_per_subject
    if (isExchanged && config.discard_new_per_subject) return apiError(10077, 'maximum messages per subject exceeded')
    if (config.max_msgs > 0 && store.messages >= config.max_msgs && !isExchanged) {
      return apiError(10077, 'maximum messages exceeded')
    }
    const freed = isExchanged ? (store.entry(state.first)?.size ?? 0) : 0
    if (config.max_bytes > 0 && store.bytes - freed + bytes > config.max_bytes) {
      return apiError(10077, 'maximum bytes exceeded')
    }
    return undefined
  }

  // ── Republishing ──────────────────────────────────────────────────────────────────────────────────────

  private sendOn(republish: Transform, { block, lastOfSubject, payload, seq, subject, timeUs }: Judged): void {
    const { config, sender } = this.stream
    const from = subject.toString('latin1')
    const tokens = from.split('.')
    if (!republish.matches(tokens)) return
    const to = republish.apply(tokens)
    if (!isPublishSubject(to) || isReservedDestination(to)) return
    const isHeadersOnly = config.republish?.headers_only === true
    const size = isHeadersOnly ? payload.length : undefined
    const more = republished(byteString(config.name), from, seq, timeUs, lastOfSubject, size)
    sender.send(to, isHeadersOnly ? NOTHING : payload, withHeaders(block, more))
  }
}

/** What only the messages of a batch may not say. */
function batchFault(
  headers: Headers,
  subject: Buffer,
  batch: BatchProgress | undefined,
  last: number,
): ApiError | undefined {
  if (batch === undefined) return undefined
  if (headers.has(Header.expectedLastId)) return apiError(10177, Header.expectedLastId)
  if (batch.ids.has(headers.get(Header.messageId) ?? '')) return apiError(10201)
  const isFirst = last + 1 === batch.first
  if (headers.has(Header.expectedLastSequence) && !isFirst) return apiError(10164)
  if (!headers.has(Header.expectedLastSubjectSequence)) return undefined
  const about = headers.get(Header.expectedLastSubject) ?? ''
  return batch.subjects.has(about === '' ? subject.toString('latin1') : byteString(about)) ? apiError(10164) : undefined
}

function rollupFault(
  rollup: string,
  subject: Buffer,
  batch: BatchProgress | undefined,
  last: number,
): ApiError | undefined {
  if (batch === undefined || rollup === '') return undefined
  if (rollup === 'all') return last + 1 === batch.first ? undefined : apiError(10111, 'batch rollup all invalid')
  return batch.subjects.has(subject.toString('latin1')) ? apiError(10111, 'batch rollup sub invalid') : undefined
}

function transformOf(mapping: StreamConfig['subject_transform']): Transform | undefined {
  if (mapping === undefined) return undefined
  const compiled = compileTransform(byteString(mapping.src), byteString(mapping.dest === '' ? '>' : mapping.dest))
  return 'error' in compiled ? undefined : compiled
}

/** The header block as it is stored: without a status, and without what the server itself added. */
function cleaned(block: Buffer): Buffer {
  const bare = withoutStatus(block)
  return bare.includes(Header.requestInfo) ? withoutHeaders(bare, (name) => name === Header.requestInfo) : bare
}

function withoutStatus(block: Buffer): Buffer {
  const end = block.indexOf('\r\n')
  if (end === STATUS_LINE.length || end < 0) return block
  return Buffer.concat([Buffer.from(HEADERS_VERSION), block.subarray(end + 2)])
}

/** A number as expectations have it; NaN: what is none equals nothing. */
function numberIn(text: string): number {
  return /^\d{1,19}$/.test(text) ? Number(text) : Number.NaN
}

const RESERVED = ['$JS.API', '$JS.ACK', '$JS.FC', '$JS.SNAPSHOT', '$JS.EVENT', '_R_.', '_GR_.'] as const

/** Subjects that no stream or consumer may send messages to. */
export function isReservedDestination(subject: string): boolean {
  return RESERVED.some((prefix) => subject.startsWith(prefix)) || /^\$JS\.[^.]+\.API(?:\.|$)/.test(subject)
}
