// Keeps what the consumers of file streams have come to, in the catalogue of streams (storage/catalogue.ts), by way of
// the store thread. All that has changed within a span, of all consumers of the shard, is written in one transaction.
// What somebody waits for is written at once, and what comes meanwhile with the next one.
//
// A crash loses what was not written: its messages are delivered again. Nothing is skipped: what was written says no
// more than what had been delivered. What could not be written is tried again, and whoever waits for it is told.

import { attempt } from '../../base/guarded.ts'
import type { JetStreamOwner } from '../owner.ts'
import type { KeptConsumer } from '../storage/catalogue.ts'
import type { StoreService } from '../storage/store-service.ts'

const SPAN_MS = 250
/** After a write that failed. */
const RETRY_MS = 1_000

/** A consumer, as it is kept. */
export interface Kept {
  readonly name: string
  readonly stream: { readonly id: number }
  /** Whether it is to be there again after a restart. */
  readonly isKept: boolean
  readonly closed: boolean
  kept(): KeptConsumer
}

/** Undefined: it is written. */
type Then = (failure: Error | undefined) => void

export class ConsumerKeeper {
  private readonly owner: Pick<JetStreamOwner, 'bugMet' | 'log' | 'wake'>
  private readonly store: Pick<StoreService, 'putConsumers' | 'deleteConsumer'>
  private readonly changed = new Set<Kept>()
  private waiting: Then[] = []
  private timer: NodeJS.Timeout | undefined
  /** Resolves when what is being written now is written, or could not be; undefined: nothing is. */
  private writing: Promise<void> | undefined
  /** Why the latest write failed. */
  private failure: Error | undefined

  constructor(owner: ConsumerKeeper['owner'], store: ConsumerKeeper['store']) {
    this.owner = owner
    this.store = store
  }

  /** It is to be written, soon. */
  noteChange(consumer: Kept): void {
    if (!consumer.isKept || this.changed.has(consumer)) return
    this.changed.add(consumer)
    this.timer ??= setTimeout(() => this.begin(), SPAN_MS)
  }

  /** Calls back when all that has changed of it so far is written, or could not be. */
  whenKept(consumer: Kept, then: Then): void {
    if (this.writing === undefined && !this.changed.has(consumer)) {
      then(undefined)
      return
    }
    this.waiting.push(then)
    if (this.writing === undefined) this.begin()
  }

  /** Resolves when it is written. Rejects if it could not be: that is tried again. */
  kept(consumer: Kept): Promise<void> {
    this.noteChange(consumer)
    return new Promise((resolve, reject) => {
      this.whenKept(consumer, (failure) => (failure === undefined ? resolve() : reject(failure)))
    })
  }

  /** Resolves when it is gone from the disk. */
  async drop(consumer: Kept): Promise<void> {
    this.changed.delete(consumer)
    if (!consumer.isKept) return
    await this.writing
    await this.store.deleteConsumer(consumer.stream.id, consumer.name)
  }

  /** Resolves when all is written, or cannot be. */
  async flush(): Promise<void> {
    await this.writing
    if (this.changed.size > 0) this.begin()
    await this.writing
    clearTimeout(this.timer)
  }

  private begin(): void {
    if (this.writing !== undefined) return
    clearTimeout(this.timer)
    this.timer = undefined
    this.writing = this.write().finally(() => {
      this.writing = undefined
      if (this.waiting.length > 0) this.begin()
    })
    attempt(this.owner.bugMet, () => this.writing)
  }

  private async write(): Promise<void> {
    const { changed, owner, waiting } = this
    const consumers = [...changed].filter(({ closed }) => !closed)
    changed.clear()
    this.waiting = []
    let failure: Error | undefined
    try {
      if (consumers.length > 0) await this.store.putConsumers(consumers.map((consumer) => consumer.kept()))
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
      for (const consumer of consumers) if (!consumer.closed) changed.add(consumer)
      if (changed.size > 0) this.timer ??= setTimeout(() => this.begin(), RETRY_MS)
    }
    if (failure !== undefined && this.failure === undefined) {
      owner.log.error(`States of consumers could not be written: ${failure.message}`)
    }
    if (consumers.length > 0) this.failure = failure
    owner.wake()
    for (const then of waiting) attempt(owner.bugMet, () => then(failure))
  }
}
