// What memory and file stores have in common: everything that is answered from the index, and the removal of messages.

import assert from 'node:assert/strict'
import { MessageIndex } from './message-index.ts'
import type { Segment } from './segment.ts'
import type {
  Loss,
  MessageEntry,
  PlainMessages,
  Purge,
  SequenceRange,
  Soon,
  StoredMessage,
  StreamStore,
  SubjectState,
} from './store.ts'
import { ALL, type SubjectFilter } from './subject-filter.ts'

const NO_BATCH = 0

export abstract class IndexedStore implements StreamStore {
  protected readonly index: MessageIndex
  readonly losses: Loss[] = []
  /** The first sequence of the batch that is being appended. */
  protected batchFirst = NO_BATCH
  /** The latest time before it. */
  protected batchBeganUs = 0

  constructor(index = new MessageIndex()) {
    this.index = index
  }

  get messages(): number {
    return this.index.messages
  }

  get bytes(): number {
    return this.index.bytes
  }

  get first(): number {
    return this.index.first
  }

  get firstTimeUs(): number {
    return this.index.firstTimeUs
  }

  get last(): number {
    return this.index.last
  }

  get lastTimeUs(): number {
    return this.index.lastTimeUs
  }

  get deleted(): number {
    return this.index.deleted
  }

  get subjectCount(): number {
    return this.index.subjects.used
  }

  /** Bytes of memory that its index occupies. */
  get indexBytes(): number {
    return this.index.memoryBytes
  }

  abstract readonly durable: number
  abstract append(timeUs: number, subject: Uint8Array, headers: Uint8Array, payload: Uint8Array): number
  abstract appendPlain(timeUs: number, messages: PlainMessages, number: number): number
  abstract sizeOf(subjectBytes: number, headerBytes: number, payloadBytes: number): number
  abstract skipTo(next: number, timeUs: number): void
  abstract load(seq: number): Soon<StoredMessage | undefined>
  abstract flush(): Promise<void>
  abstract close(): Promise<void>
  abstract abandon(): Promise<void>

  /** A message is about to leave the index, which has found it. */
  protected abstract leaving(seq: number, erase: boolean): void
  /** So has this segment: it has no message left and is not the last. */
  protected abstract dropped(segment: Segment): void
  /** Messages of this segment have gone. */
  protected abstract thinned(segment: Segment): void

  // ── Batches ───────────────────────────────────────────────────────────────────────────────────────────

  protected get inBatch(): boolean {
    return this.batchFirst !== NO_BATCH
  }

  begin(): void {
    assert(!this.inBatch, 'a batch was begun within another')
    this.batchFirst = this.index.last + 1
    this.batchBeganUs = this.index.lastTimeUs
  }

  commit(): void {
    assert(this.inBatch, 'there is no batch')
    this.batchFirst = NO_BATCH
  }

  abstract rollback(): void

  // ── Looking up ────────────────────────────────────────────────────────────────────────────────────────

  has(seq: number): boolean {
    return this.index.find(seq)
  }

  entry(seq: number): MessageEntry | undefined {
    return this.index.entry(seq)
  }

  next(filter: SubjectFilter, from: number): number {
    return this.index.next(filter, from)
  }

  nextWithHeaders(from: number): number {
    return this.index.nextWithHeaders(from)
  }

  previous(filter: SubjectFilter, upTo: number): number {
    return this.index.previous(filter, upTo)
  }

  firstAtOrAfter(timeUs: number): number {
    return this.index.firstAtOrAfter(timeUs)
  }

  pending(filter: SubjectFilter, from: number): number {
    return this.index.pending(filter, from)
  }

  subject(subject: Uint8Array): SubjectState | undefined {
    return this.index.subject(subject)
  }

  surplus(subject: Uint8Array, most: number): number {
    return this.index.surplus(subject, most)
  }

  subjects(filter: SubjectFilter): Iterable<SubjectState> {
    return this.index.subjectStates(filter)
  }

  deletedRanges(): Iterable<SequenceRange> {
    return this.index.deletedRanges()
  }

  // ── Removing ──────────────────────────────────────────────────────────────────────────────────────────

  remove(seq: number, erase: boolean): boolean {
    if (!this.index.find(seq)) return false
    this.leaving(seq, erase)
    const segment = this.index.remove()
    if (segment.live > 0) this.thinned(segment)
    else this.index.dropEmpty((empty) => this.dropped(empty))
    return true
  }

  purge({ filter = ALL, below, keep }: Purge): number {
    const { index } = this
    const before = index.messages
    if (keep === undefined) {
      const until = below ?? index.last + 1
      for (let seq = index.next(filter, 1); seq > 0 && seq < until; seq = index.next(filter, seq + 1)) {
        this.remove(seq, false)
      }
      if (filter.isAll && until > index.last + 1) this.skipTo(until, 0)
    } else {
      let seq = index.next(filter, 1)
      for (let surplus = index.pending(filter, 1) - keep; surplus > 0; surplus--) {
        this.remove(seq, false)
        seq = index.next(filter, seq + 1)
      }
    }
    return before - index.messages
  }

  /** Removes what is behind `last` from the index. */
  protected cutIndex(last: number): void {
    const { index } = this
    for (let seq = index.previous(ALL, index.last); seq > last; seq = index.previous(ALL, seq - 1)) {
      index.find(seq)
      index.remove()
    }
    index.cut(last)
  }
}
