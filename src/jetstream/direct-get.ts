// Direct requests for stored messages (`$JS.API.DIRECT.GET.<stream>`, with a JSON body, or with a subject behind it):
// the stream hears them itself, and answers with the messages as they are, or with a status.

import type { Account } from '../accounts/account.ts'
import { API_LEVEL } from '../base/constants.ts'
import { attempt } from '../base/guarded.ts'
import { HEADERS_VERSION } from '../protocol/headers.ts'
import { type Run, replyOf, subjectOf } from '../protocol/run.ts'
import { InternalSubscription } from '../routing/subscription.ts'
import { byteString } from '../subjects/byte-string.ts'
import { microseconds } from './clock.ts'
import { type Course, DirectAnswer } from './direct-answer.ts'
import { Header, headerBlock, readHeaders } from './message-headers.ts'
import type { JetStreamOwner } from './owner.ts'
import { flag, instant, integer, list, natural, object, readJson, text } from './request-json.ts'
import type { Sender } from './sender.ts'
import type { StoredMessage, StreamStore } from './storage/store.ts'
import { SubjectFilter } from './storage/subject-filter.ts'
import type { StreamConfig } from './stream-config.ts'

/** Subjects that one request for the last message of each may match. */
const MULTI_MAX = 1024

interface Request {
  readonly seq: number
  readonly last_by_subj: string
  readonly next_by_subj: string
  readonly batch: number
  readonly max_bytes: number
  readonly start_time: string
  readonly multi_last: readonly string[]
  readonly up_to_seq: number
  readonly up_to_time: string
  readonly no_hdr: boolean
}

const REQUEST = object<Request>('JSApiMsgGetRequest', {
  seq: natural,
  last_by_subj: text,
  next_by_subj: text,
  batch: integer,
  max_bytes: integer,
  start_time: instant,
  multi_last: list(text),
  up_to_seq: natural,
  up_to_time: instant,
  no_hdr: flag,
})

const NONE: Request = {
  seq: 0,
  last_by_subj: '',
  next_by_subj: '',
  batch: 0,
  max_bytes: 0,
  start_time: '',
  multi_last: [],
  up_to_seq: 0,
  up_to_time: '',
  no_hdr: false,
}

const NOTHING = Buffer.alloc(0)

type Status = readonly [code: number, words: string]
const EMPTY: Status = [408, 'Empty Request']
const MALFORMED: Status = [408, 'Malformed Request']
const BAD: Status = [408, 'Bad Request']
const NOT_FOUND: Status = [404, 'Message Not Found']
const NO_RESULTS: Status = [404, 'No Results']
const TOO_MANY: Status = [413, 'Too Many Results']
const LEVEL: Status = [412, 'Required Api Level']

/** The stream, as far as direct requests need it. */
export interface DirectStream {
  readonly owner: Pick<JetStreamOwner, 'sublist' | 'bugMet' | 'wake' | 'options' | 'pool'>
  readonly account: Account
  readonly sender: Sender
  readonly config: StreamConfig
  readonly store: StreamStore
}

export class DirectGet {
  private readonly stream: DirectStream
  private readonly prefix: string
  private readonly found: DirectAnswer
  private entries: InternalSubscription[] = []

  /** `name`: of the stream, or of another in whose place it answers. */
  constructor(stream: DirectStream, name: string) {
    this.stream = stream
    this.prefix = `$JS.API.DIRECT.GET.${byteString(name)}`
    this.found = new DirectAnswer(stream.owner.pool, stream.sender, byteString(stream.config.name))
  }

  /** Hears requests, or does not. Returns false if the index has no room. */
  configure(isOn: boolean): boolean {
    const { account, owner } = this.stream
    if (!isOn) {
      this.close()
      return true
    }
    if (this.entries.length > 0) return true
    const take = (run: Run): void => this.take(run)
    this.entries = [this.prefix, `${this.prefix}.>`].map((subject) => new InternalSubscription(account, subject, take))
    return this.entries.every((entry) => owner.sublist.insert(entry))
  }

  close(): void {
    this.stream.owner.sublist.removeAll(this.entries)
    this.entries = []
  }

  private take(run: Run): void {
    const reply = replyOf(run)
    if (reply === '') return
    const subject = subjectOf(run).slice(this.prefix.length + 1)
    for (let i = 0; i < run.count; i++) {
      const start = run.first + i * run.stride
      const { bytes } = run.block
      const headers = run.headerSize === 0 ? NOTHING : bytes.subarray(start, start + run.headerSize)
      const body = run.size === run.headerSize ? '' : bytes.toString('utf8', start + run.headerSize, start + run.size)
      attempt(this.stream.owner.bugMet, () => this.answer(subject, headers, body, reply))
    }
  }

  private answer(subject: string, headers: Buffer, body: string, reply: string): unknown {
    const level = headers.length === 0 ? undefined : readHeaders(headers).get(Header.requiredLevel)
    if (level !== undefined && !(Number(level) <= API_LEVEL)) return this.refuse(reply, LEVEL)
    if (body === '' && subject === '') return this.refuse(reply, EMPTY)
    if (body === '') return this.one(this.lastOf(subject), NONE, reply)
    const { value, fault } = readJson(body, REQUEST, false)
    if (fault !== undefined) return this.refuse(reply, MALFORMED)
    const request: Request = { ...NONE, ...value }
    if (subject !== '') {
      return hasSelector(request) ? this.refuse(reply, BAD) : this.one(this.lastOf(subject), request, reply)
    }
    if (!hasSelector(request)) return this.refuse(reply, EMPTY)
    if (isContradictory(request)) return this.refuse(reply, BAD)
    if (request.multi_last.length > 0) return this.lastOfEach(request, reply)
    if (request.batch > 0) return this.batch(request, reply)
    return this.one(this.find(request), request, reply)
  }

  // ── One message ───────────────────────────────────────────────────────────────────────────────────────

  private lastOf(subject: string): number {
    const { store } = this.stream
    return store.previous(new SubjectFilter([subject]), store.last)
  }

  /** The sequence of the message that is asked for; 0: there is none. */
  private find({ last_by_subj: last, next_by_subj: next, seq, start_time: time }: Request): number {
    const { store } = this.stream
    if (last !== '') return this.lastOf(byteString(last))
    const from = time === '' ? seq : store.firstAtOrAfter(microseconds(time))
    if (next !== '') return store.next(new SubjectFilter([byteString(next)]), Math.max(1, from))
    return time === '' ? seq : store.next(new SubjectFilter(), from)
  }

  private one(seq: number, request: Request, reply: string): unknown {
    const message = seq === 0 ? undefined : this.stream.store.load(seq)
    if (!(message instanceof Promise)) return this.send(message, request, reply)
    return message.then((late) => {
      this.stream.owner.wake()
      this.send(late, request, reply)
    })
  }

  private send(message: StoredMessage | undefined, request: Request, reply: string): void {
    if (message === undefined) this.refuse(reply, NOT_FOUND)
    else this.found.send(reply, message, request.no_hdr)
  }

  // ── Several messages ──────────────────────────────────────────────────────────────────────────────────

  private async batch(request: Request, reply: string): Promise<void> {
    const { store } = this.stream
    const filter = new SubjectFilter(request.next_by_subj === '' ? [] : [byteString(request.next_by_subj)])
    const { seq, start_time: time } = request
    const from = Math.max(1, time === '' ? seq : store.firstAtOrAfter(microseconds(time)))
    let next = store.next(filter, from)
    if (next === 0) return this.refuse(reply, NOT_FOUND)
    let pending = store.pending(filter, from)
    const sequences = function* (): Generator<number> {
      for (; next > 0; next = store.next(filter, next + 1)) yield next
    }
    const last = await this.sendAll(sequences(), request, reply, () => --pending)
    this.end(reply, pending, last)
  }

  private lastOfEach(request: Request, reply: string): unknown {
    const { store } = this.stream
    const { up_to_seq: upToSeq, up_to_time: upToTime } = request
    const filter = new SubjectFilter(request.multi_last.map(byteString))
    let upTo = store.last
    if (upToSeq > 0) upTo = Math.min(upToSeq, store.last)
    else if (upToTime !== '') upTo = store.firstAtOrAfter(microseconds(upToTime)) - 1
    if (upTo < store.first) return this.refuse(reply, NO_RESULTS)
    const found: number[] = []
    for (const { subject, first, last } of store.subjects(filter)) {
      if (first > upTo) continue
      const seq = last <= upTo ? last : store.previous(new SubjectFilter([subject.toString('latin1')]), upTo)
      if (seq >= Math.max(1, request.seq)) found.push(seq)
      if (found.length > MULTI_MAX) return this.refuse(reply, TOO_MANY)
    }
    if (found.length === 0) return this.refuse(reply, NO_RESULTS)
    found.sort((a, b) => a - b)
    let pending = found.length
    return this.sendAll(found, request, reply, () => --pending).then((last) => this.end(reply, pending, last, upTo))
  }

  /** Sends messages as far as the request wants; answers the sequence of the last. `count`: how many follow each. */
  private async sendAll(
    sequences: Iterable<number>,
    request: Request,
    reply: string,
    count: () => number,
  ): Promise<number> {
    const { owner, store } = this.stream
    const most = request.max_bytes > 0 ? request.max_bytes : owner.options.maxPending
    let left = request.batch > 0 ? request.batch : Number.POSITIVE_INFINITY
    let bytes = 0
    let last = 0
    for (const seq of sequences) {
      const soon = store.load(seq)
      const message = soon instanceof Promise ? await soon : soon
      if (soon instanceof Promise) owner.wake()
      if (message === undefined) continue
      const course: Course = { pending: count(), last }
      this.found.send(reply, message, request.no_hdr, course)
      bytes += message.end - message.subjectStart
      last = seq
      if (--left === 0 || bytes >= most) break
    }
    return last
  }

  private end(reply: string, pending: number, last: number, upTo?: number): void {
    const lines: (readonly [string, number])[] = [
      [Header.pendingMessages, pending],
      [Header.lastSequence, last],
    ]
    if (upTo !== undefined) lines.push([Header.upToSequence, upTo])
    const block = headerBlock(lines)
    this.stream.owner.wake()
    this.status(reply, [204, 'EOB'], block.subarray(HEADERS_VERSION.length).toString('latin1'))
  }

  private refuse(reply: string, status: Status): void {
    this.status(reply, status, '\r\n')
  }

  private status(reply: string, [code, words]: Status, rest: string): void {
    this.stream.sender.send(reply, '', Buffer.from(`NATS/1.0 ${code} ${words}\r\n${rest}`, 'latin1'))
  }
}

function hasSelector(request: Request): boolean {
  const { last_by_subj: last, multi_last: multi, next_by_subj: next, seq, start_time: time } = request
  return seq > 0 || last !== '' || next !== '' || multi.length > 0 || time !== ''
}

function isContradictory(request: Request): boolean {
  const { batch, last_by_subj: last, multi_last: multi, next_by_subj: next, seq, start_time: time } = request
  if (seq > 0 && (last !== '' || time !== '')) return true
  if (last !== '' && (time !== '' || next !== '' || batch > 0 || multi.length > 0)) return true
  if (next !== '' && multi.length > 0) return true
  return request.up_to_seq > 0 && request.up_to_time !== ''
}
