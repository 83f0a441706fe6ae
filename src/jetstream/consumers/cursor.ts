// How far a consumer is in its stream: which message comes next, and how many are still to come. What was delivered,
// and what is to be delivered again, is in ack-state.ts.
//
//     stream     1  2  3  4  5  6  7  8  9 …
//                   ▲     ▲           ▲
//                 listed, listed      next
//
// From `next` on, everything comes that matches. Before that come the listed ones, where the consumer began with the
// last message of each subject.

import { covers, overlap } from '../../subjects/filter.ts'
import type { StreamStore } from '../storage/store.ts'
import { SubjectFilter } from '../storage/subject-filter.ts'
import { placeIn } from './sorted.ts'
import type { Start } from './start.ts'

export class Cursor {
  filter: SubjectFilter
  /** Messages that were not delivered yet. */
  pending = 0
  private readonly store: StreamStore
  /** Where new messages are looked for. */
  private next: number
  /** Sequences of the list, rising; those before `listedAt` have been delivered: to shift a long list is slow. */
  private listed: number[]
  private listedAt = 0
  /** Messages behind it are not in `pending` yet. */
  private countedTo = 0

  /** Where it was, or, for a new consumer, at a start. */
  constructor(store: StreamStore, filter: SubjectFilter, start: Start, isNew: boolean) {
    this.store = store
    this.filter = filter
    this.listed = [...start.lastOfEach]
    this.next = isNew && start.lastOfEach.length > 0 ? store.last + 1 : start.next
  }

  /** What a later cursor begins with. */
  get place(): Start {
    return { next: this.next, lastOfEach: this.toCome }
  }

  /** The sequence up to which new messages have been delivered, but for the list. */
  get reached(): number {
    return this.next - 1
  }

  get hasList(): boolean {
    return this.listedAt < this.listed.length
  }

  /** What of the list is to be delivered. */
  private get toCome(): number[] {
    return this.listed.slice(this.listedAt)
  }

  private setList(listed: number[]): void {
    this.listed = listed
    this.listedAt = 0
  }

  /** Whether there is a message, and the filter matches it. */
  isMatch(seq: number): boolean {
    const { filter, store } = this
    if (filter.isAll) return store.has(seq)
    const entry = store.entry(seq)
    return entry !== undefined && filter.matches(entry.subject)
  }

  /** Whether a message that matches is still to be delivered for the first time. */
  isAhead(seq: number): boolean {
    return seq >= this.next || this.isListed(seq)
  }

  private isListed(seq: number): boolean {
    return this.hasList && this.listed[placeIn(this.listed, seq, this.listedAt, this.listed.length)] === seq
  }

  /** Counts what is to come anew. */
  count(): void {
    const { filter, listed, listedAt, next, store } = this
    this.pending = listed.length - listedAt + store.pending(filter, next)
    this.countedTo = store.last
  }

  /** The stream has messages up to `last`. */
  stored(last: number): void {
    for (let seq = Math.max(this.countedTo + 1, this.next); seq <= last; seq++) if (this.isMatch(seq)) this.pending++
    this.countedTo = Math.max(this.countedTo, last)
  }

  /** A message is about to be removed. */
  leaving(seq: number): void {
    if (seq > this.countedTo || !this.isAhead(seq) || !this.isMatch(seq)) return
    this.pending--
    if (this.isListed(seq)) this.listed.splice(placeIn(this.listed, seq, this.listedAt, this.listed.length), 1)
  }

  /**
   * Messages that match a filter (byte string; empty: all) have been purged. Answers the first sequence that may be
   * delivered now; 0: any, as before.
   */
  purged(filter: string): number {
    const first = this.firstAfter(filter)
    this.dropMissing()
    this.next = Math.max(this.next, first)
    this.count()
    return first
  }

  private firstAfter(filter: string): number {
    const { store } = this
    const own = this.filter.patterns.map(({ bytes }) => bytes.toString('latin1'))
    if (filter === '') return Math.max(1, store.first)
    // All that it wants has been purged, but for what was kept.
    if (own.length > 0 && own.every((one) => covers(filter, one))) {
      return store.next(new SubjectFilter([filter]), 1) || store.last + 1
    }
    return own.length === 0 || own.some((one) => overlap(one, filter)) ? Math.max(1, store.first) : 0
  }

  /** Forgets messages of the list that are not there any more. */
  dropMissing(): void {
    this.setList(this.toCome.filter((seq) => this.store.has(seq)))
  }

  /** Goes no further than to behind `reach`. */
  cutTo(reach: number): void {
    this.next = Math.min(this.next, reach + 1)
  }

  moveTo(next: number): void {
    this.next = next
    this.setList([])
    this.count()
  }

  /** The sequence of the next message, if it is durable; 0: there is none yet. */
  find(): number {
    if (this.hasList) return this.listed[this.listedAt]
    const { durable } = this.store
    if (this.next > durable) return 0
    const seq = this.store.next(this.filter, this.next)
    if (seq > 0 && seq <= durable) return seq
    this.next = durable + 1
    return 0
  }

  /** The next message was delivered, or never will be. */
  passed(seq: number): void {
    if (this.hasList && this.listed[this.listedAt] === seq) {
      this.listedAt++
      if (!this.hasList) this.setList([])
    } else this.next = seq + 1
    this.pending--
  }
}
