// Keeps what the consumers of file streams have come to: written by the primary, into the database that has the list of
// streams (primary/catalogue.ts). All that has changed within a span is written together, in one transaction. What
// somebody waits for is written at once, and what comes meanwhile with the next one.
//
// A crash loses what was not written: its messages are delivered again. Nothing is skipped: what was written says no
// more than what had been delivered.

import { attempt } from '../../base/guarded.ts'
import type { KeptConsumer } from '../contract.ts'
import type { JetStreamOwner } from '../owner.ts'

const SPAN_MS = 250

/** A consumer, as it is kept. */
export interface Kept {
  readonly name: string
  readonly stream: { readonly id: number }
  /** Whether it is to be there again after a restart. */
  readonly isKept: boolean
  readonly closed: boolean
  kept(): KeptConsumer
}

export class ConsumerKeeper {
  private readonly owner: JetStreamOwner
  private readonly changed = new Set<Kept>()
  private waiting: (() => void)[] = []
  private timer: NodeJS.Timeout | undefined
  /** Resolves when what is being written now is written; undefined: nothing is. */
  private writing: Promise<void> | undefined

  constructor(owner: JetStreamOwner) {
    this.owner = owner
  }

  /** It is to be written, soon. */
  noteChange(consumer: Kept): void {
    if (!consumer.isKept || this.changed.has(consumer)) return
    this.changed.add(consumer)
    this.timer ??= setTimeout(() => this.begin(), SPAN_MS)
  }

  /** Calls back when all that has changed of it so far is written. */
  whenKept(consumer: Kept, then: () => void): void {
    if (this.writing === undefined && !this.changed.has(consumer)) {
      then()
      return
    }
    this.waiting.push(then)
    if (this.writing === undefined) this.begin()
  }

  /** Resolves when it is written. */
  kept(consumer: Kept): Promise<void> {
    this.noteChange(consumer)
    return new Promise((resolve) => this.whenKept(consumer, resolve))
  }

  /** Resolves when it is gone from the disk. */
  async drop(consumer: Kept): Promise<void> {
    this.changed.delete(consumer)
    if (!consumer.isKept) return
    await this.writing
    const question = { verb: 'drop', stream: consumer.stream.id, name: consumer.name } as const
    await this.owner.questions.ask('streams', { question })
  }

  /** Resolves when all is written. */
  async flush(): Promise<void> {
    while (this.writing !== undefined || this.changed.size > 0) {
      this.begin()
      await this.writing
    }
  }

  private begin(): void {
    if (this.writing !== undefined) return
    clearTimeout(this.timer)
    this.timer = undefined
    this.writing = this.write()
    attempt(this.owner.bugMet, () => this.writing)
  }

  private async write(): Promise<void> {
    const { owner, waiting } = this
    const consumers: KeptConsumer[] = []
    for (const consumer of this.changed) if (!consumer.closed) consumers.push(consumer.kept())
    this.changed.clear()
    this.waiting = []
    try {
      if (consumers.length > 0) await owner.questions.ask('streams', { question: { verb: 'keep', consumers } })
    } finally {
      this.writing = undefined
    }
    owner.wake()
    for (const then of waiting) attempt(owner.bugMet, then)
    if (this.waiting.length > 0) this.begin()
  }
}
