// Requests that wait for replies. All share one subscription to `PREFIX.*`: the last token of a reply's subject is the
// number of its request. The prefix has 131 random bits, so that nobody can guess it; the number need not be random.

import { type Timed, TimerWheel } from '../base/timer-wheel.ts'
import { decimalOf } from '../text/decimal.ts'
import type { Msg } from './api.ts'
import { bytesOf } from './bytes.ts'
import { NoRespondersError, RequestError, TimeoutError } from './errors.ts'
import type { MsgImpl } from './msg.ts'
import type { Parser } from './parser.ts'

/** How exact a timeout is. */
const STEP_MS = 10

/** Gets the replies of a request, or why there are none. */
export interface ReplyTaker {
  /** A reply; answers whether it was the last one that is wanted. */
  take(message: MsgImpl): boolean
  fail(error: unknown): void
}

/** A request that waits. */
export interface WaitingRequest extends Timed {
  readonly id: number
  readonly subject: string
  readonly taker: ReplyTaker
  /** Called when it waits no more. */
  whenOver: (() => void) | undefined
}

/** The first reply, as a promise. */
export class OneReply implements ReplyTaker {
  readonly promise: Promise<Msg>
  private resolve!: (message: Msg) => void
  private reject!: (error: unknown) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  take(message: MsgImpl): true {
    this.resolve(message)
    return true
  }

  fail(error: unknown): void {
    this.reject(error)
  }
}

/** The promise; `fail` is called with the signal's reason if that is aborted before. */
export function withSignal<T>(promise: Promise<T>, signal: AbortSignal, fail: (error: unknown) => void): Promise<T> {
  const aborted = (): void => fail(signal.reason)
  signal.addEventListener('abort', aborted, { once: true })
  return promise.finally(() => signal.removeEventListener('abort', aborted))
}

export class Requests {
  /** The subject of replies, up to the number. */
  readonly prefix: string
  private readonly prefixBytes: number
  private lastId = 0
  private readonly waiting = new Map<number, WaitingRequest>()
  private wheel: TimerWheel<WaitingRequest> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly expire = (): void => this.tick()

  constructor(inbox: string) {
    this.prefix = `${inbox}.`
    this.prefixBytes = bytesOf(this.prefix).length
  }

  get size(): number {
    return this.waiting.size
  }

  /** A request is about to be published, with `prefix` and its id as the reply subject. */
  add(subject: string, timeoutMs: number, taker: ReplyTaker): WaitingRequest {
    const id = ++this.lastId
    const request: WaitingRequest = { id, subject, taker, bucket: undefined, place: 0, whenOver: undefined }
    this.waiting.set(request.id, request)
    const nowMs = performance.now()
    if (this.wheel === undefined || this.timer === undefined) {
      // A wheel that stood still would turn through all that time.
      this.wheel = new TimerWheel(STEP_MS, nowMs)
      this.timer = setTimeout(this.expire, STEP_MS)
    }
    this.wheel.add(request, nowMs + timeoutMs)
    return request
  }

  /** It waits no more. */
  remove(request: WaitingRequest): void {
    this.waiting.delete(request.id)
    this.wheel?.remove(request)
    request.whenOver?.()
  }

  /** A message on the shared subscription, as the parser has it. */
  request(message: Parser): WaitingRequest | undefined {
    const { bytes, subjectStart, subjectEnd } = message
    return this.waiting.get(decimalOf(bytes, subjectStart + this.prefixBytes, subjectEnd))
  }

  /** A reply came. */
  take(request: WaitingRequest, message: MsgImpl): void {
    if (message.isNoResponders) {
      const cause = new NoRespondersError(request.subject)
      this.fail(request, new RequestError(cause.message, { cause }))
    } else if (request.taker.take(message)) this.remove(request)
  }

  fail(request: WaitingRequest, error: unknown): void {
    if (!this.waiting.has(request.id)) return
    this.remove(request)
    request.taker.fail(error)
  }

  /** Those for this subject fail; without a subject, all do. */
  failAll(cause: Error, subject?: string): void {
    for (const request of [...this.waiting.values()]) {
      if (subject === undefined || request.subject === subject) {
        this.fail(request, new RequestError(cause.message, { cause }))
      }
    }
    if (subject === undefined) this.stop()
  }

  private stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private tick(): void {
    this.timer = undefined
    const { wheel } = this
    if (wheel === undefined) return
    wheel.take(performance.now(), (request) => this.fail(request, new TimeoutError()))
    if (wheel.size > 0) this.timer ??= setTimeout(this.expire, STEP_MS)
  }
}
