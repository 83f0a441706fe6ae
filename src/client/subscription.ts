// A subscription: hands messages to its callback, or keeps them for an iteration.

import type { Msg, MsgCallback, Subscription, SubscriptionOptions } from './api.ts'
import { deferred } from './deferred.ts'
import { InvalidArgumentError, InvalidOperationError, TimeoutError } from './errors.ts'
import type { MsgImpl } from './msg.ts'
import { Pending } from './pending.ts'
import { asError } from './reasons.ts'

/** What a subscription needs of its connection. */
export interface SubscriptionOwner {
  /** It gets nothing any more, or nothing after `max` messages. */
  unsubscribe(subscription: SubscriptionImpl, max: number): void
  /** The server is told; resolves when nothing more can come. */
  unsubscribeAndFlush(subscription: SubscriptionImpl): Promise<void>
  /** How long drain() waits for an iteration. */
  readonly drainTimeoutMs: number
  /** More messages wait than the program wanted. */
  slow(subscription: SubscriptionImpl, pending: number): void
}

function checkedCount(name: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!Number.isInteger(value) || value <= 0) throw InvalidArgumentError.format(name, 'must be greater than 0')
  return value
}

/** Throws what a program's callback threw as an uncaught exception: nobody here can handle it, and the rest goes on. */
export function rethrow(thrown: unknown): void {
  queueMicrotask(() => {
    throw asError(thrown)
  })
}

export class SubscriptionImpl implements Subscription {
  readonly sid: number
  readonly subject: string
  readonly queue: string
  readonly closed: Promise<Error | undefined>
  max: number | undefined
  received = 0
  /** Messages that had come when the present server was told of it, which counts from there on. */
  receivedBefore = 0
  private readonly owner: SubscriptionOwner
  private readonly callback: MsgCallback<Msg> | undefined
  private readonly pending: Pending<MsgImpl> | undefined
  private readonly slow: number
  private readonly pendingMax: number
  private isSlow = false
  private processed = 0
  private dropped = 0
  private isOver = false
  private draining: Promise<void> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly signal: AbortSignal | undefined
  private readonly resolveClosed: (error: Error | undefined) => void
  /** The iteration has got everything. */
  private readonly emptied = deferred()
  private isIterated = false
  private readonly aborted = (): void => this.unsubscribe()

  /** Throws InvalidArgumentError. */
  constructor(owner: SubscriptionOwner, sid: number, subject: string, options: SubscriptionOptions) {
    const { queue = '', max, timeout, callback, slow, maxPending, signal } = options
    for (const char of queue) {
      if (char <= ' ') throw InvalidArgumentError.format('queue', 'must have no blanks')
    }
    this.owner = owner
    this.sid = sid
    this.subject = subject
    this.queue = queue
    this.max = max !== undefined && max > 0 ? max : undefined
    this.callback = callback
    this.slow = checkedCount('slow', slow) ?? Number.POSITIVE_INFINITY
    this.pendingMax = checkedCount('maxPending', maxPending) ?? Number.POSITIVE_INFINITY
    const { promise, resolve } = deferred<Error | undefined>()
    this.closed = promise
    this.resolveClosed = resolve
    this.pending =
      callback === undefined
        ? new Pending(
            (count) => this.taken(count),
            () => this.left(),
          )
        : undefined
    if (timeout !== undefined && timeout > 0) this.timer = setTimeout(() => this.fail(new TimeoutError()), timeout)
    this.signal = signal
    signal?.addEventListener('abort', this.aborted, { once: true })
  }

  /** A message came. */
  deliver(message: MsgImpl): void {
    this.received++
    if (this.timer !== undefined) this.stopTimer()
    const { callback, pending } = this
    if (callback !== undefined) {
      this.processed++
      try {
        callback(null, message)
      } catch (error) {
        rethrow(error)
      }
    } else if (pending !== undefined) {
      if (pending.size >= this.slow && !this.isSlow) this.tellSlow(pending.size + 1)
      if (pending.size >= this.pendingMax) this.drop(pending.size)
      else pending.push(message)
    }
    if (this.max !== undefined && this.received >= this.max) this.owner.unsubscribe(this, 0)
  }

  private drop(pending: number): void {
    if (!this.isSlow) this.tellSlow(pending)
    this.dropped++
  }

  /** Once, until the iteration has caught up. */
  private tellSlow(pending: number): void {
    this.isSlow = true
    this.owner.slow(this, pending)
  }

  /** It has ended: the connection no longer knows it. What waits is still iterated over. */
  end(error?: Error): void {
    if (this.isOver) return
    this.isOver = true
    this.stopTimer()
    this.signal?.removeEventListener('abort', this.aborted)
    this.pending?.end(error)
    // Where nobody iterates, drain() would wait for nothing.
    if (this.getPending() === 0 || !this.isIterated) this.emptied.resolve()
    this.resolveClosed(error)
  }

  /** Ends it for an error, which its callback or iteration gets. */
  fail(error: Error): void {
    if (this.isOver) return
    this.end(error)
    this.owner.unsubscribe(this, 0)
    try {
      // As in nats.js, there is no message with an error.
      this.callback?.(error, undefined as unknown as Msg)
    } catch (thrown) {
      rethrow(thrown)
    }
  }

  unsubscribe(max?: number): void {
    if (this.isOver) return
    if (max !== undefined && max > 0 && max > this.received) {
      this.max = max
      this.owner.unsubscribe(this, max)
      return
    }
    this.owner.unsubscribe(this, 0)
  }

  async drain(): Promise<void> {
    if (this.isOver && this.draining === undefined) {
      throw new InvalidOperationError('subscription is already closed')
    }
    this.draining ??= this.drained()
    return this.draining
  }

  private async drained(): Promise<void> {
    await this.owner.unsubscribeAndFlush(this)
    this.end()
    // The body of an iteration may be what waits for this: it is not waited for without end.
    const timer = setTimeout(() => this.emptied.resolve(), this.owner.drainTimeoutMs)
    await this.emptied.promise
    clearTimeout(timer)
  }

  [Symbol.dispose](): void {
    this.unsubscribe()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isOver || this.draining !== undefined) await this.drain()
  }

  [Symbol.asyncIterator](): AsyncIterator<Msg> {
    return this.iterated().items()
  }

  batches(): AsyncIterable<readonly Msg[]> {
    return this.iterated().batches()
  }

  private iterated(): Pending<MsgImpl> {
    if (this.pending === undefined) {
      throw new InvalidOperationError('iterator is not available: the subscription has a callback')
    }
    this.isIterated = true
    return this.pending
  }

  private taken(count: number): void {
    this.processed += count
    if (this.isSlow && this.getPending() < Math.min(this.slow, this.pendingMax)) this.isSlow = false
    if (this.isOver && this.getPending() === 0) this.emptied.resolve()
  }

  private left(): void {
    this.emptied.resolve()
    this.unsubscribe()
  }

  private stopTimer(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  isDraining(): boolean {
    return this.draining !== undefined
  }

  isClosed(): boolean {
    return this.isOver
  }

  getSubject(): string {
    return this.subject
  }

  getReceived(): number {
    return this.received
  }

  getProcessed(): number {
    return this.processed
  }

  getPending(): number {
    return this.pending?.size ?? 0
  }

  getDropped(): number {
    return this.dropped
  }

  getID(): number {
    return this.sid
  }

  getMax(): number | undefined {
    return this.max
  }
}
