// How a stream judges a message that comes on one of its subjects: nats-server's checks in its order, then it is stored
// and acknowledged, or refused. A message that was judged is acknowledged when it is durable.

import { allocateBlock, type Block } from '../memory/block.ts'
import { type Run, replyOf } from '../protocol/run.ts'
import type { Transform } from '../subjects/transform.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import { type Abandoned, Batches, type BatchLimits } from './batches.ts'
import { clockUs } from './clock.ts'
import { type Count, type CounterOrigin, Counters } from './counters.ts'
import type { Duplicates } from './duplicates.ts'
import { type ApiError, apiError } from './errors.ts'
import type { Expiry } from './expiry.ts'
import { FastBatches, isFastReply, readPlace } from './fast-batches.ts'
import { type ArrivedMessage, HeldMessages } from './held-messages.ts'
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
import type { Schedules } from './schedules/schedules.ts'
import type { Sender } from './sender.ts'
import type { StreamStore } from './storage/store.ts'
import type { StreamConfig } from './stream-config.ts'

const NS_PER_S = 1e9
const NOTHING = Buffer.alloc(0)

/** The stream, as far as messages that come need it. */
export interface PublishedStream {
  readonly config: StreamConfig
  readonly domain: string
  readonly store: StreamStore
  readonly duplicates: Duplicates
  readonly acknowledgements: Acknowledgements
  readonly expiry: Pick<Expiry, 'stored'>
  readonly schedules: Pick<Schedules, 'isSchedule' | 'stored'>
  /** Bytes that may still be stored, by the limits of the account and of the server; what is exceeded otherwise. */
  whyNoRoom(bytes: number): ApiError | undefined
  /** Whether a message on a subject would be kept. */
  isWanted(subject: Uint8Array): boolean
  /** A subject has one message more. */
  keepSubjectLimit(subject: Uint8Array): void
  purge(filter: string, below: number, keep: number): number
  readonly batchLimits: BatchLimits
  readonly owner: Pick<JetStreamOwner, 'options' | 'bugMet' | 'wake'>
  readonly closed: boolean
  /** Messages have been stored behind this sequence, of so many bytes. */
  appended(before: number, bytes: number): void
  abandoned(batch: string, why: Abandoned): void
  /** Publishes in the stream's account. */
  readonly sender: Pick<Sender, 'send'>
}

/** A message that was stored. */
interface Judged {
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
interface Twin {
  readonly twin: number
}

export class Publishing {
  private readonly stream: PublishedStream
  private transform: Transform | undefined
  private readonly republishing: Republishing
  /** `{"stream":"S",`, which begins what is answered to a message that was stored. */
  private opening = ''
  private plainOpening: Block = allocateBlock(0)
  /** A message without headers is stored as it is. */
  private isPlain = false
  private readonly batches: Batches
  private readonly fastBatches: FastBatches
  private readonly counters: Counters
  private readonly held: HeldMessages
  /** The id of the latest message that was stored; empty: it had none. */
  lastId = ''

  constructor(stream: PublishedStream) {
    this.stream = stream
    this.batches = new Batches({
      limits: stream.batchLimits,
      commit: (messages) => this.commit(messages),
      abandoned: (id, why) => stream.abandoned(id, why),
    })
    this.fastBatches = new FastBatches({
      limits: stream.batchLimits,
      get isMute() {
        return stream.config.no_ack
      },
      store: (message) => this.storeAlone(message),
      tell: (reply, text) => stream.acknowledgements.await(stream.store.last, reply, text),
      acknowledge: (reply, seq, more) => this.acknowledge(stream.store.last, reply, seq, more),
    })
    this.counters = new Counters(stream.store)
    this.republishing = new Republishing(stream)
    const { maxBufferedBytes = 0, maxBufferedMessages = 0 } = stream.owner.options.jetstream ?? {}
    this.held = new HeldMessages({
      maxMessages: maxBufferedMessages,
      maxBytes: maxBufferedBytes,
      ready: (message) => this.ready(message),
      judge: (message) => this.takeNow(message),
      together: (judgeThem) => this.judgeHeld(judgeThem),
      bugMet: stream.owner.bugMet,
    })
    this.reconfigured()
  }

  reconfigured(): void {
    const { config, domain } = this.stream
    this.transform = transformOf(config.subject_transform)
    this.republishing.reconfigured()
    if (!config.allow_atomic) this.batches.close()
    if (!config.allow_batched) this.fastBatches.close()
    const domainMember = domain === '' ? '' : `,"domain":${JSON.stringify(domain)}`
    this.opening = `{"stream":${JSON.stringify(config.name)}${domainMember},"seq":`
    const opening = Buffer.from(this.opening)
    this.plainOpening = allocateBlock(opening.length)
    this.plainOpening.bytes.set(opening)
    this.isPlain =
      !(config.sealed || config.allow_msg_counter || config.allow_msg_schedules || config.retention === 'interest') &&
      this.transform === undefined &&
      !this.republishing.isOn
  }

  /** Judges the messages of a run. Their bytes are copied where they are kept. */
  takeRun(run: Run): void {
    const { block, count, first, headerSize, line, size, stride } = run
    const { bytes } = block
    const isFast = run.replyEnd > run.replyStart && isFastRun(run)
    if (this.isPlain && headerSize === 0 && !isFast) {
      this.takePlain(run)
      return
    }
    const subject = line.bytes.subarray(run.subjectStart, run.subjectEnd)
    const reply = replyOf(run)
    for (let i = 0; i < count; i++) {
      const start = first + i * stride
      const payload = bytes.subarray(start + headerSize, start + size)
      this.take(subject, bytes.subarray(start, start + headerSize), payload, reply)
    }
  }

  /** Nothing is to be looked at but limits: what judge() does, without an object for what was found. */
  private takePlain(run: Run): void {
    const { stream } = this
    const { acknowledgements, config, store } = stream
    const { count, line, size, subjectEnd, subjectStart } = run
    const bytes = store.sizeOf(subjectEnd - subjectStart, 0, size)
    const isBound = config.discard === 'new' || config.max_msgs_per_subject > 0
    const subject = isBound ? line.bytes.subarray(subjectStart, subjectEnd) : NOTHING
    const isTooLarge = config.max_msg_size >= 0 && size > config.max_msg_size
    const isAnswered = !config.no_ack && run.replyEnd > run.replyStart
    const nowUs = Math.max(clockUs(), store.lastTimeUs)
    for (let i = 0; i < count; i++) {
      const wrong = isTooLarge ? apiError(10054) : (stream.whyNoRoom(bytes) ?? checkDiscard(stream, subject, bytes))
      if (wrong !== undefined) {
        if (isAnswered) acknowledgements.send(replyOf(run), this.refusal(wrong))
        continue
      }
      const seq = store.appendPlain(nowUs, run, i)
      this.lastId = ''
      if (isBound) stream.keepSubjectLimit(subject)
      if (isAnswered) acknowledgements.awaitPlain(seq, run, this.plainOpening)
    }
  }

  /** `reply`: byte string; empty: none. */
  private take(subject: Buffer, headers: Buffer, payload: Buffer, reply: string): void {
    const message = { subject: this.transformed(subject), headers, payload, reply }
    if (!this.stream.config.allow_msg_counter) this.takeNow(message)
    else if (!this.held.take(message)) this.refuse(reply, 1)
  }

  private takeNow(message: ArrivedMessage): void {
    const { acknowledgements, config } = this.stream
    const { headers, reply } = message
    const answer = config.no_ack ? '' : reply
    if (isFastReply(reply)) this.takeOfFastBatch(message, answer)
    else {
      const error =
        headers.length > 0 && headers.includes(Header.batchId)
          ? this.takeOfBatch(message, answer)
          : this.judge(message, answer)
      if (error !== undefined && answer !== '') acknowledgements.send(answer, this.refusal(error))
    }
    if (config.allow_msg_counter) this.counters.trim()
  }

  /** Resolves when the counters that a message changes are known; undefined: they are. */
  private ready({ headers, subject }: ArrivedMessage): Promise<void> | undefined {
    const id = headers.includes(Header.batchCommit) ? readHeaders(headers).get(Header.batchId) : undefined
    const subjects = [subject, ...(id === undefined ? [] : this.batches.subjectsOf(id))]
    const awaited = subjects.map((each) => this.counters.ready(each)).filter((soon) => soon !== undefined)
    return awaited.length === 0 ? undefined : Promise.all(awaited).then(() => undefined)
  }

  private judgeHeld(judgeThem: () => void): void {
    const { stream } = this
    if (stream.closed) return
    stream.owner.wake()
    const { bytes, last } = stream.store
    judgeThem()
    stream.appended(last, Math.max(0, stream.store.bytes - bytes))
  }

  /** Stores a message that the server makes. Answers whether it could. */
  produce(subject: Buffer, headers: Buffer, payload: Buffer): boolean {
    const { store } = this.stream
    const { last } = store
    const outcome = this.store({ subject: this.transformed(subject), headers, payload }, undefined, true)
    if (!('seq' in outcome)) return false
    this.follow(outcome)
    this.stream.appended(last, headers.length + payload.length)
    return true
  }

  /** Stores a message of another stream, or says why not. Its bytes are copied. One with a known id is passed over. */
  adopt({ headers, payload, subject }: BatchMessage, adopted: Adopted): ApiError | undefined {
    const outcome = this.store({ subject: this.transformed(subject), headers, payload }, undefined, false, adopted)
    if (this.stream.config.allow_msg_counter) this.counters.trim()
    if ('error' in outcome) return outcome.error
    if ('seq' in outcome) this.follow(outcome)
    return undefined
  }

  /** Resolves when a message of another stream can be judged; undefined: it can. */
  readyToAdopt(subject: Buffer): Promise<void> | undefined {
    return this.stream.config.allow_msg_counter ? this.counters.ready(this.transformed(subject)) : undefined
  }

  /** Messages that came while too much waits for the disk. */
  refuse(reply: string, count: number): void {
    const { acknowledgements, config } = this.stream
    if (config.no_ack || reply === '') return
    for (let i = 0; i < count; i++) acknowledgements.send(reply, this.refusal(apiError(10167)))
  }

  private takeOfBatch(message: BatchMessage, reply: string): ApiError | undefined {
    const { acknowledgements, config } = this.stream
    const headers = readHeaders(message.headers)
    if (!headers.has(Header.batchId)) return this.judge(message, reply)
    const wrong = this.checkOfBatch(message)
    if (wrong !== undefined) return wrong
    if (!config.allow_atomic) return apiError(10174)
    const outcome = this.batches.take(message, headers)
    if (outcome === 'kept') {
      if (reply !== '') acknowledgements.send(reply, '')
      return undefined
    }
    if ('error' in outcome) return outcome.error
    const { count, id, seq } = outcome
    this.acknowledge(seq, reply, seq, `,"batch":${JSON.stringify(id)},"count":${count}`)
    return undefined
  }

  /** What is told of a fast batch comes in the order of its messages, refusals too. */
  private takeOfFastBatch(message: ArrivedMessage, answer: string): void {
    const { acknowledgements, config, store } = this.stream
    const place = readPlace(message.reply)
    const error =
      this.checkOfBatch(message) ??
      (!config.allow_batched
        ? apiError(10205)
        : place === undefined
          ? apiError(10206)
          : this.fastBatches.take(message, message.reply, place))
    if (error !== undefined && answer !== '') acknowledgements.await(store.last, answer, this.refusal(error))
  }

  /** What is looked at before a message is one of its batch. */
  private checkOfBatch({ headers, payload, subject }: BatchMessage): ApiError | undefined {
    const { config, store } = this.stream
    if (config.sealed) return apiError(10109)
    const noRoom = this.stream.whyNoRoom(store.sizeOf(subject.length, headers.length, payload.length))
    if (noRoom !== undefined) return noRoom
    const isTooLarge = config.max_msg_size >= 0 && headers.length + payload.length > config.max_msg_size
    return isTooLarge ? apiError(10054) : undefined
  }

  /** Acknowledges a message that has a sequence, when all up to `durable` is; `more`: members behind the sequence. */
  private acknowledge(durable: number, reply: string, seq: number, more: string): void {
    if (reply !== '') this.stream.acknowledgements.await(durable, reply, `${this.opening}${seq}${more}}`)
  }

  /** Stores the messages of a batch one behind the other, or none of them. */
  private commit(messages: Iterable<BatchMessage>): { readonly seq: number } | { readonly error: ApiError } {
    const { store } = this.stream
    const { lastId } = this
    const batch: BatchProgress = { first: store.last + 1, ids: new Set(), subjects: new Set(), schedules: new Set() }
    const judged: Judged[] = []
    store.begin()
    for (const message of messages) {
      const outcome = this.store(message, batch, false)
      if ('seq' in outcome) {
        // Most lead to nothing: hundreds of them would be kept until all are stored.
        if (this.hasSequel(outcome)) judged.push(outcome)
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

  /** Nothing comes any more. */
  close(): void {
    this.batches.close()
    this.fastBatches.close()
  }

  /** Appends from `first` on could not be written. */
  undo(first: number): void {
    const { acknowledgements, duplicates } = this.stream
    duplicates.forgetFrom(first)
    // What was stored of them may be gone.
    this.fastBatches.close()
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
    const outcome = this.storeAlone(message)
    if ('error' in outcome) return outcome.error
    if ('twin' in outcome) this.acknowledge(this.stream.store.last, reply, outcome.twin, ',"duplicate": true')
    else this.acknowledge(outcome.seq, reply, outcome.seq, outcome.sum === undefined ? '' : `,"val":"${outcome.sum}"`)
    return undefined
  }

  /** Stores a message of a publisher that is in no atomic batch, with all that follows from it. */
  private storeAlone(message: BatchMessage): Judged | Twin | { readonly error: ApiError } {
    const outcome = this.store(message, undefined, false)
    if ('seq' in outcome) this.follow(outcome)
    return outcome
  }

  /**
   * Makes all checks, and appends the message. `batch`: what was stored of its batch so far. `isOwn`: the server has
   * made it, and need not be told what is allowed. `adopted`: it was judged where it comes from. What follows from a
   * stored message is done by follow().
   */
  private store(
    message: BatchMessage,
    batch: BatchProgress | undefined,
    isOwn: boolean,
    adopted?: Adopted,
  ): Judged | Twin | { readonly error: ApiError } {
    const { stream } = this
    const { config, store } = stream
    const { subject } = message
    let { payload } = message
    if (config.sealed) return { error: apiError(10109) }
    let block = message.headers.length === 0 ? message.headers : cleaned(message.headers)
    const size = block.length + payload.length
    if (config.max_msg_size >= 0 && size > config.max_msg_size) return { error: apiError(10054) }
    if (block.length > HEADERS_MAX) return { error: apiError(10097) }
    const headers = readHeaders(block)
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
  private hasSequel({ id, rollup, seconds }: Judged): boolean {
    const { config } = this.stream
    if (config.max_msgs_per_subject > 0 || config.allow_msg_schedules || config.republish !== undefined) return true
    return id !== '' || rollup !== '' || seconds !== 0
  }

  /** What follows from a message that was stored. */
  private follow(judged: Judged): void {
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
}

/** Whether the reply subject of a run is one of a fast batch. */
function isFastRun({ line: { bytes }, replyEnd }: Run): boolean {
  return bytes[replyEnd - 1] === 0x49 && bytes[replyEnd - 2] === 0x46 && bytes[replyEnd - 3] === 0x24
}
