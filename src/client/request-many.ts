// Several replies to one request, as an iteration that ends by a strategy.

import type { Msg, RequestManyOptions, RequestStrategy } from './api.ts'
import { InvalidArgumentError, TimeoutError } from './errors.ts'
import type { MsgImpl } from './msg.ts'
import { Pending } from './pending.ts'
import type { ReplyTaker } from './requests.ts'

const MAX_WAIT_MS = 1_000
const STALL_MS = 300

export interface ManySettings {
  readonly strategy: RequestStrategy
  readonly maxWaitMs: number
  readonly messagesMax: number
  readonly stallMs: number
}

/** Adds the defaults. Throws InvalidArgumentError. */
export function manySettings(options: Partial<RequestManyOptions>): ManySettings {
  const { strategy = 'timer', maxWait = MAX_WAIT_MS, maxMessages, stall = STALL_MS } = options
  if (!(maxWait > 0)) throw InvalidArgumentError.format('timeout', 'must be greater than 0')
  if (strategy === 'count' && !(maxMessages !== undefined && maxMessages > 0)) {
    throw InvalidArgumentError.format('maxMessages', 'must be greater than 0 with strategy count')
  }
  return {
    strategy,
    maxWaitMs: maxWait,
    messagesMax: maxMessages !== undefined && maxMessages > 0 ? maxMessages : Number.POSITIVE_INFINITY,
    stallMs: stall,
  }
}

/** Takes replies until it has enough. */
export class ManyReplies implements ReplyTaker {
  readonly replies: AsyncIterable<Msg>
  private readonly settings: ManySettings
  private readonly pending: Pending<Msg>
  private doneListener: (() => void) | undefined
  private received = 0
  private isDone = false
  private stall: ReturnType<typeof setTimeout> | undefined

  constructor(settings: ManySettings) {
    this.settings = settings
    this.pending = new Pending<Msg>(undefined, () => this.done())
    this.replies = this.pending.items()
  }

  /** Calls back once, when it has enough. */
  whenDone(callback: () => void): void {
    if (this.isDone) callback()
    else this.doneListener = callback
  }

  take(message: MsgImpl): boolean {
    const { strategy, messagesMax, stallMs } = this.settings
    if (this.isDone) return true
    // The sentinel itself says only that it was the last.
    if (strategy === 'sentinel' && message.data.length === 0) return this.done()
    this.pending.push(message)
    this.received++
    if (this.received >= messagesMax) return this.done()
    if (strategy === 'stall') {
      clearTimeout(this.stall)
      this.stall = setTimeout(() => this.done(), stallMs)
    }
    return false
  }

  /** The time is over: that is how most strategies end. Anything else the iteration throws. */
  fail(error: unknown): void {
    if (error instanceof TimeoutError) this.done()
    else this.done(error as Error)
  }

  private done(error?: Error): true {
    if (this.isDone) return true
    this.isDone = true
    clearTimeout(this.stall)
    this.pending.end(error)
    this.doneListener?.()
    return true
  }
}
