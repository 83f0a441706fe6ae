// Messages that are kept for consumers alone: in a work queue until one has done with them, with interest as long as
// anybody needs them.

import { attempt } from '../base/guarded.ts'
import type { Attached } from './attached.ts'
import type { JetStreamOwner } from './owner.ts'
import type { StreamStore } from './storage/store.ts'
import { SubjectFilter } from './storage/subject-filter.ts'
import type { StreamConfig } from './stream-config.ts'

/** Units of work to find out whether a message is needed. */
const NEED_WORK = 60
const ALL = new SubjectFilter()

/** The stream, as far as messages for consumers need it. */
export interface RetainingStream {
  readonly owner: Pick<JetStreamOwner, 'bugMet' | 'turns'>
  readonly config: StreamConfig
  readonly store: StreamStore
  readonly closed: boolean
  readonly attached: ReadonlyMap<string, Pick<Attached, 'needs' | 'wants'>>
  remove(seq: number, erase: boolean): boolean
}

export class Retention {
  private readonly stream: RetainingStream

  constructor(stream: RetainingStream) {
    this.stream = stream
  }

  /** Whether a message on a subject would be kept: where only interest keeps messages, somebody must have it. */
  isWanted(subject: Uint8Array): boolean {
    const { attached, config } = this.stream
    if (config.retention !== 'interest') return true
    for (const each of attached.values()) if (each.wants(subject)) return true
    return false
  }

  /** A consumer has done with a message: where messages are kept for consumers alone, it may go. */
  acknowledged(seq: number): void {
    const { retention } = this.stream.config
    if (retention === 'limits') return
    if (retention === 'interest') this.removeUnneeded(seq)
    else this.stream.remove(seq, false)
  }

  /** A consumer is gone, or wants less than before: messages that nobody needs any more go. */
  interestChanged(): void {
    if (this.stream.config.retention === 'interest') this.lookAtEach((seq) => this.removeUnneeded(seq))
  }

  /** Consumers are as they were kept: messages that they have done with go, whose removal a crash has undone. */
  consumersRestored(): void {
    this.interestChanged()
    if (this.stream.config.retention === 'workqueue') this.lookAtEach((seq) => this.removeDone(seq))
  }

  private lookAtEach(look: (seq: number) => void): void {
    const { owner } = this.stream
    owner.turns.inPieces(this.sequences(), NEED_WORK, (seq) => {
      attempt(owner.bugMet, () => look(seq))
    })
  }

  /** Of all messages; they may change meanwhile. */
  private *sequences(): Generator<number, undefined> {
    const { store } = this.stream
    for (let seq = store.next(ALL, store.first); seq > 0; seq = store.next(ALL, seq + 1)) yield seq
  }

  private removeDone(seq: number): void {
    const { attached, closed, store } = this.stream
    const entry = closed ? undefined : store.entry(seq)
    if (entry === undefined) return
    for (const each of attached.values()) {
      if (each.wants(entry.subject) && !each.needs(seq)) {
        this.stream.remove(seq, false)
        return
      }
    }
  }

  private removeUnneeded(seq: number): void {
    const { attached, closed } = this.stream
    if (closed) return
    for (const each of attached.values()) if (each.needs(seq)) return
    this.stream.remove(seq, false)
  }
}
