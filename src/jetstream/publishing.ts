// What publishers send to a stream: their messages are judged and stored (storing.ts), one by one or in batches, and
// acknowledged or refused. A message that was judged is acknowledged when it is durable.

import { allocateBlock, type Block } from '../memory/block.ts'
import { type Run, replyOf } from '../protocol/run.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import { type Abandoned, Batches, type BatchLimits } from './batches.ts'
import { clockUs } from './clock.ts'
import { type ApiError, apiError } from './errors.ts'
import { FastBatches, isFastReply, readPlace } from './fast-batches.ts'
import { type ArrivedMessage, HeldMessages } from './held-messages.ts'
import type { BatchMessage } from './kept-messages.ts'
import { Header, type Headers, readHeaders } from './message-headers.ts'
import { type BatchProgress, checkDiscard } from './message-rules.ts'
import type { JetStreamOwner } from './owner.ts'
import type { Judged, Storing, StoringStream } from './storing.ts'

const NOTHING = Buffer.alloc(0)

/** The stream, as far as publishers need it. */
export interface PublishedStream extends StoringStream {
  readonly storing: Storing
  readonly domain: string
  readonly acknowledgements: Acknowledgements
  readonly batchLimits: BatchLimits
  readonly owner: Pick<JetStreamOwner, 'options' | 'bugMet' | 'wake'>
  readonly closed: boolean
  abandoned(batch: string, why: Abandoned): void
}

export class Publishing {
  private readonly stream: PublishedStream
  private readonly storing: Storing
  /** `{"stream":"S",`, which begins what is answered to a message that was stored. */
  private opening = ''
  private plainOpening: Block = allocateBlock(0)
  private readonly batches: Batches
  private readonly fastBatches: FastBatches
  private readonly held: HeldMessages

  constructor(stream: PublishedStream) {
    this.stream = stream
    this.storing = stream.storing
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
      store: (message) => this.storing.storeAlone(message, readHeaders(message.headers)),
      tell: (reply, text) => stream.acknowledgements.await(stream.store.last, reply, text),
      acknowledge: (reply, seq, more) => this.acknowledge(stream.store.last, reply, seq, more),
    })
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
    if (!config.allow_atomic) this.batches.close()
    if (!config.allow_batched) this.fastBatches.close()
    const domainMember = domain === '' ? '' : `,"domain":${JSON.stringify(domain)}`
    this.opening = `{"stream":${JSON.stringify(config.name)}${domainMember},"seq":`
    const opening = Buffer.from(this.opening)
    this.plainOpening = allocateBlock(opening.length)
    this.plainOpening.bytes.set(opening)
  }

  /** Judges the messages of a run. Their bytes are copied where they are kept. */
  takeRun(run: Run): void {
    const { block, count, first, headerSize, line, size, stride } = run
    const { bytes } = block
    const isFast = run.replyEnd > run.replyStart && isFastRun(run)
    if (this.storing.isPlain && headerSize === 0 && !isFast) {
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
      this.storing.lastId = ''
      if (isBound) stream.keepSubjectLimit(subject)
      if (isAnswered) acknowledgements.awaitPlain(seq, run, this.plainOpening)
    }
  }

  /** `reply`: byte string; empty: none. */
  private take(subject: Buffer, headers: Buffer, payload: Buffer, reply: string): void {
    const message = { subject: this.storing.transformed(subject), headers, payload, reply }
    if (!this.stream.config.allow_msg_counter) this.takeNow(message)
    else if (!this.held.take(message)) this.refuse(reply, 1)
  }

  private takeNow(message: ArrivedMessage): void {
    const { acknowledgements, config } = this.stream
    const { reply } = message
    const answer = config.no_ack ? '' : reply
    if (isFastReply(reply)) this.takeOfFastBatch(message, answer)
    else {
      const headers = readHeaders(message.headers)
      const isOfBatch = headers.has(Header.batchId)
      const error = isOfBatch ? this.takeOfBatch(message, headers, answer) : this.judge(message, headers, answer)
      if (error !== undefined && answer !== '') acknowledgements.send(answer, this.refusal(error))
    }
    if (config.allow_msg_counter) this.storing.counters.trim()
  }

  /** Resolves when the counters that a message changes are known; undefined: they are. */
  private ready({ headers, subject }: ArrivedMessage): Promise<void> | undefined {
    const id = headers.includes(Header.batchCommit) ? readHeaders(headers).get(Header.batchId) : undefined
    const subjects = [subject, ...(id === undefined ? [] : this.batches.subjectsOf(id))]
    const awaited = subjects.map((each) => this.storing.counters.ready(each)).filter((soon) => soon !== undefined)
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

  /** Messages that came while too much waits for the disk. */
  refuse(reply: string, count: number): void {
    const { acknowledgements, config } = this.stream
    if (config.no_ack || reply === '') return
    for (let i = 0; i < count; i++) acknowledgements.send(reply, this.refusal(apiError(10167)))
  }

  private takeOfBatch(message: BatchMessage, headers: Headers, reply: string): ApiError | undefined {
    const { acknowledgements, config } = this.stream
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
    const { storing } = this
    const { store } = this.stream
    const { lastId } = storing
    const batch: BatchProgress = { first: store.last + 1, ids: new Set(), subjects: new Set(), schedules: new Set() }
    const judged: Judged[] = []
    store.begin()
    for (const message of messages) {
      const outcome = storing.store(message, readHeaders(message.headers), batch, false)
      if ('seq' in outcome) {
        // Most lead to nothing: hundreds of them would be kept until all are stored.
        if (storing.hasSequel(outcome)) judged.push(outcome)
        continue
      }
      store.rollback()
      storing.lastId = lastId
      return { error: 'error' in outcome ? outcome.error : apiError(10201) }
    }
    store.commit()
    for (const each of judged) storing.follow(each)
    return { seq: store.last }
  }

  /** Nothing comes any more. */
  close(): void {
    this.batches.close()
    this.fastBatches.close()
  }

  /** Appends from `first` on could not be written. */
  undo(first: number): void {
    // What was stored of them may be gone.
    this.fastBatches.close()
    this.stream.acknowledgements.fail(first, this.refusal(apiError(10023)))
  }

  private refusal(error: ApiError): string {
    return JSON.stringify({ error, stream: this.stream.config.name, seq: 0 })
  }

  /** Stores a message, or says what is wrong with it. */
  private judge(message: BatchMessage, headers: Headers, reply: string): ApiError | undefined {
    const outcome = this.storing.storeAlone(message, headers)
    if ('error' in outcome) return outcome.error
    if ('twin' in outcome) this.acknowledge(this.stream.store.last, reply, outcome.twin, ',"duplicate": true')
    else this.acknowledge(outcome.seq, reply, outcome.seq, outcome.sum === undefined ? '' : `,"val":"${outcome.sum}"`)
    return undefined
  }
}

/** Whether the reply subject of a run is one of a fast batch. */
function isFastRun({ line: { bytes }, replyEnd }: Run): boolean {
  return bytes[replyEnd - 1] === 0x49 && bytes[replyEnd - 2] === 0x46 && bytes[replyEnd - 3] === 0x24
}
