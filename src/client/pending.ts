// Items that wait for an iteration, and the iteration. Those that come while earlier ones are worked on gather in a
// second array; the two change places. An item costs a place in an array, and a promise only when somebody waits.
//
//     batch     [ done | ^at: next ]        what is being handed out
//     incoming  [ ... ]                     what came meanwhile

/** What one iteration takes at a time. */
type Waiter = () => void

export class Pending<T> {
  private batch: T[] = []
  private at = 0
  private incoming: T[] = []
  private waiter: Waiter | undefined
  private isEnded = false
  private error: Error | undefined
  private readonly whenTaken: (count: number) => void
  private readonly whenLeft: () => void

  /**
   * `whenTaken` is told how many items were handed out; `whenLeft`, that the iteration was left, by break or an
   * exception, or that it is over and its last item processed.
   */
  constructor(whenTaken: (count: number) => void = () => undefined, whenLeft: () => void = () => undefined) {
    this.whenTaken = whenTaken
    this.whenLeft = whenLeft
  }

  get size(): number {
    return this.batch.length - this.at + this.incoming.length
  }

  push(item: T): void {
    if (this.isEnded) return
    this.incoming.push(item)
    if (this.waiter !== undefined) this.wake()
  }

  /** The items that are there are still handed out; then the iteration ends, or throws `error`. */
  end(error?: Error): void {
    if (this.isEnded) return
    this.isEnded = true
    this.error = error
    this.wake()
  }

  /** Forgets the oldest item. */
  dropOldest(): void {
    if (this.at === this.batch.length) this.turn()
    if (this.at < this.batch.length) this.at++
  }

  clear(): void {
    this.batch = []
    this.at = 0
    this.incoming = []
  }

  /** One item at a time. */
  items(): AsyncIterableIterator<T> {
    return this.iterate(() => this.take())
  }

  /** All items that are there at a time; an array is the caller's until the next one is asked for. */
  batches(): AsyncIterableIterator<readonly T[]> {
    return this.iterate(() => this.takeAll())
  }

  /** `take` is called when there are items. */
  private iterate<R>(take: () => IteratorResult<R>): AsyncIterableIterator<R> {
    const iterator: AsyncIterableIterator<R> = {
      next: () => {
        if (this.at === this.batch.length) this.turn()
        return this.at < this.batch.length ? Promise.resolve(take()) : this.later(take)
      },
      return: () => this.leave(),
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  private take(): IteratorResult<T> {
    const value = this.batch[this.at++]
    this.whenTaken(1)
    return { done: false, value }
  }

  private takeAll(): IteratorResult<readonly T[]> {
    const items = this.at === 0 ? this.batch : this.batch.slice(this.at)
    // Handed out: the next turn must not fill it.
    this.batch = []
    this.at = 0
    this.whenTaken(items.length)
    return { done: false, value: items }
  }

  /** What came meanwhile is next. */
  private turn(): void {
    const { batch } = this
    batch.length = 0
    this.batch = this.incoming
    this.incoming = batch
    this.at = 0
  }

  private async later<R>(take: () => IteratorResult<R>): Promise<IteratorResult<R>> {
    while (this.size === 0 && !this.isEnded) await this.wait()
    if (this.at === this.batch.length) this.turn()
    if (this.at < this.batch.length) return take()
    this.whenLeft()
    const { error } = this
    this.error = undefined
    if (error !== undefined) throw error
    return { done: true, value: undefined }
  }

  private wait(): Promise<void> {
    // Several that wait at a time are all woken.
    const before = this.waiter
    return new Promise((resolve) => {
      this.waiter = () => {
        before?.()
        resolve()
      }
    })
  }

  private wake(): void {
    const { waiter } = this
    this.waiter = undefined
    waiter?.()
  }

  private leave(): Promise<IteratorReturnResult<undefined>> {
    this.isEnded = true
    this.clear()
    this.whenLeft()
    this.wake()
    return Promise.resolve({ done: true, value: undefined })
  }
}
