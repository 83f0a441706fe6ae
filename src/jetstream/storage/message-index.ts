// The index of a store: all that can be asked about its messages without reading them. A list of segments, one for each
// block, and the table of subjects.
//
//     segments   │ block 3: 1001 ‥ 2000 │ block 4: 2001 ‥ 3000 │ block 5: 3001 ‥ │  ◀ messages are added to the last
//                   each slot names a subject by its number ─▶ SubjectTable

import assert from 'node:assert/strict'
import { Segment } from './segment.ts'
import type { MessageEntry, SequenceRange, SubjectState } from './store.ts'
import type { SubjectFilter } from './subject-filter.ts'
import { GROUP_SLOTS } from './subject-marks.ts'
import { SubjectOrder } from './subject-order.ts'
import { SubjectTable } from './subject-table.ts'

/** What an index takes of a block. */
interface Adopted {
  readonly segment: Segment
  readonly subjects: SubjectTable
  readonly nextSeq: number
  readonly lastTimeUs: number
}

/** Slots that are looked at before subjects are asked, and how many of these may need a search of their own. */
const SCAN_MAX = 1024
const FEW = 64

export class MessageIndex {
  readonly subjects: SubjectTable = new SubjectTable()
  private readonly order = new SubjectOrder()
  /** In the order of their sequences. */
  segments: Segment[] = []
  messages = 0
  bytes = 0
  last = 0
  lastTimeUs = 0
  private firstSeq = 1
  /** Where find() found a message. */
  segment = new Segment(0, 1)
  slot = 0
  /** Where segmentFrom() found a segment: what is asked for next is mostly in the same. */
  private near = 0

  /** The index that was sent by another thread. */
  static from(sent: MessageIndex): MessageIndex {
    const index: MessageIndex = Object.assign(new MessageIndex(), sent)
    const segments = sent.segments.map((segment) => Segment.revived(segment))
    return Object.assign(index, { segments, subjects: SubjectTable.revived(sent.subjects), order: new SubjectOrder() })
  }

  /** The memory that goes along when it is sent to another thread. */
  get memory(): ArrayBuffer[] {
    return [...this.subjects.memory, ...this.segments.flatMap((segment) => segment.memory)]
  }

  get first(): number {
    return this.messages > 0 ? this.firstSeq : this.last === 0 ? 0 : this.last + 1
  }

  get firstTimeUs(): number {
    return this.find(this.firstSeq) ? this.segment.timeAt(this.slot) : 0
  }

  get deleted(): number {
    return this.messages === 0 ? 0 : this.last - this.firstSeq + 1 - this.messages
  }

  /** Bytes of memory that it occupies. */
  get memoryBytes(): number {
    return this.memory.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────

  /** Messages come to this block from now on. */
  open(block: number): Segment {
    const segment = new Segment(block, this.last + 1)
    this.segments.at(-1)?.complete(true)
    this.segments.push(segment)
    return segment
  }

  /** Adds a message to the last segment; `seq` is above last. Its subject is bytes [start, end). */
  add(
    seq: number,
    timeUs: number,
    size: number,
    offset: number,
    hasHeaders: boolean,
    subject: Uint8Array,
    start = 0,
    end = subject.length,
  ): void {
    const { subjects } = this
    const id = subjects.number(subject, start, end)
    this.segments[this.segments.length - 1].add(seq, timeUs, id, size, offset, hasHeaders)
    subjects.added(id, seq)
    if (this.messages++ === 0) this.firstSeq = seq
    this.bytes += size
    this.last = seq
    this.lastTimeUs = timeUs
  }

  /** Takes a block's messages, which are behind all others; the subjects get numbers of this index. */
  adopt({ segment, subjects, nextSeq, lastTimeUs }: Adopted): void {
    const table = this.subjects
    const numbers = new Uint32Array(subjects.numbered)
    for (let local = 0; local < numbers.length; local++) {
      const count = subjects.countOf(local)
      if (count === 0) continue
      numbers[local] = table.number(subjects.arena, subjects.startOf(local), subjects.endOf(local))
      table.addedAll(numbers[local], count, subjects.firstOf(local), subjects.lastOf(local))
    }
    segment.renumber(numbers)
    if (this.messages === 0 && segment.live > 0) this.firstSeq = segment.base
    this.messages += segment.live
    this.bytes += segment.liveBytes
    this.segments.at(-1)?.complete(true)
    this.segments.push(segment)
    this.last = Math.max(this.last, nextSeq - 1)
    if (lastTimeUs !== 0) this.lastTimeUs = lastTimeUs
  }

  /** The next message gets this sequence or a higher one. */
  skipTo(next: number, timeUs: number): void {
    assert(next > this.last, 'a sequence was to be given again')
    this.last = next - 1
    if (timeUs !== 0) this.lastTimeUs = timeUs
  }

  /** The message that find() found is gone. Answers its segment, which may have been squeezed. */
  remove(): Segment {
    const { segment, slot, subjects } = this
    const seq = segment.seqAt(slot)
    const id = segment.subjectAt(slot)
    this.messages--
    this.bytes -= segment.sizeAt(slot)
    segment.remove(slot)
    subjects.removed(id, seq)
    if (seq === this.firstSeq && this.messages > 0) this.firstSeq = this.liveFrom(seq + 1)
    if (segment.isWasteful) segment.squeeze()
    if (subjects.isWasteful(this.messages)) this.renumber()
    return segment
  }

  /** Segments without messages are gone, but for the last, which is written to. */
  dropEmpty(onDrop: (segment: Segment) => void): void {
    const last = this.segments.at(-1)
    const isKept = (segment: Segment): boolean => segment.live > 0 || segment === last
    if (this.segments.every(isKept)) return
    for (const segment of this.segments) if (!isKept(segment)) onDrop(segment)
    this.segments = this.segments.filter(isKept)
  }

  /** All messages behind `last` have been removed; it becomes the latest. */
  cut(last: number): void {
    for (;;) {
      const segment = this.segments.at(-1)
      if (segment === undefined || segment.lastSeq <= last) break
      segment.cut(segment.slotFrom(last + 1))
      if (segment.slots > 0) break
      this.segments.pop()
    }
    this.segments.at(-1)?.complete(false)
    this.last = last
    this.lastTimeUs = this.find(last) ? this.segment.timeAt(this.slot) : this.lastTimeUs
  }

  private renumber(): void {
    const numbers = this.subjects.renumber()
    for (const segment of this.segments) segment.renumber(numbers)
  }

  // ── Looking up ────────────────────────────────────────────────────────────────────────────────────────

  /** Whether there is a message; `segment` and `slot` are then where. */
  find(seq: number): boolean {
    const at = this.segmentFrom(seq)
    if (at === this.segments.length) return false
    const segment = this.segments[at]
    const slot = segment.slotOf(seq)
    if (slot < 0) return false
    this.segment = segment
    this.slot = slot
    return true
  }

  /** What is known of a message without reading it. */
  entry(seq: number): MessageEntry | undefined {
    if (!this.find(seq)) return undefined
    const { segment, slot, subjects } = this
    const subject = subjects.nameOf(segment.subjectAt(slot))
    return { subject, timeUs: segment.timeAt(slot), size: segment.sizeAt(slot) }
  }

  /** The first segment that ends at `seq` or behind it; the number of segments: there is none. */
  private segmentFrom(seq: number): number {
    const { segments, near } = this
    if (near < segments.length && segments[near].base <= seq && seq <= segments[near].lastSeq) return near
    let low = 0
    let high = segments.length
    // Most of what is asked for is among the newest.
    if (high > 0 && segments[high - 1].base <= seq) low = high - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (segments[middle].lastSeq < seq) low = middle + 1
      else high = middle
    }
    this.near = low
    return low
  }

  /** The first message at or behind `seq`; 0: none. */
  private liveFrom(seq: number, withHeaders = false): number {
    for (let at = this.segmentFrom(seq); at < this.segments.length; at++) {
      const segment = this.segments[at]
      const { slots } = segment
      if (segment.live === 0 || (withHeaders && !segment.hasHeaders)) continue
      for (let slot = segment.slotFrom(seq); slot < slots; slot++) if (segment.has(slot)) return segment.seqAt(slot)
    }
    return 0
  }

  /** The first message at or behind `from` that may have headers; 0: none. */
  nextWithHeaders(from: number): number {
    return this.messages === 0 ? 0 : this.liveFrom(Math.max(from, this.firstSeq), true)
  }

  next(filter: SubjectFilter, from: number): number {
    if (this.messages === 0 || from > this.last) return 0
    if (from < this.firstSeq) from = this.firstSeq
    if (filter.isAll) return this.liveFrom(from)
    const { literals } = filter
    if (literals === undefined) return this.nextOfFilter(filter, from)
    let nearest = 0
    for (const literal of literals) {
      const seq = this.nextOf(this.subjects.find(literal), from, nearest)
      if (seq > 0) nearest = seq
    }
    return nearest
  }

  /** The first match at or behind `from`; 0: none. If none is near, the subjects that match are asked. */
  private nextOfFilter(filter: SubjectFilter, from: number): number {
    const near = this.scan(filter, from, SCAN_MAX)
    if (near >= 0) return near
    const table = this.subjects
    let nearest = 0
    const unsure: number[] = []
    for (const id of this.matching(filter)) {
      const first = table.firstOf(id)
      if (Math.abs(table.lastOf(id)) < from) continue
      if (first < from) unsure.push(id)
      else if (nearest === 0 || first < nearest) nearest = first
      if (unsure.length > FEW) return this.scan(filter, from, Number.POSITIVE_INFINITY)
    }
    for (const id of unsure) {
      const seq = this.nextOf(id, from, nearest)
      if (seq > 0) nearest = seq
    }
    return nearest
  }

  /** The first match at or behind `from`; 0: none; -1: not among the first `most` slots. */
  private scan(filter: SubjectFilter, from: number, most: number): number {
    const table = this.subjects
    for (let at = this.segmentFrom(from); at < this.segments.length; at++) {
      const segment = this.segments[at]
      const { slots } = segment
      if (segment.live === 0) continue
      for (let slot = segment.slotFrom(from); slot < slots; slot++) {
        if (segment.has(slot) && filter.accepts(table, segment.subjectAt(slot))) return segment.seqAt(slot)
        if (--most < 0) return -1
      }
    }
    return 0
  }

  /** The first message on a subject at or behind `from`, if it is before `before` (0: wherever it is). */
  private nextOf(id: number, from: number, before: number): number {
    if (id < 0) return 0
    const table = this.subjects
    const last = table.lastOf(id)
    // Both may be bounds only.
    if (from > Math.abs(last)) return 0
    const first = table.firstOf(id)
    const isFirst = from <= Math.abs(first)
    if (before > 0 && Math.max(from, Math.abs(first)) >= before) return 0
    if (isFirst && first > 0) return first
    if (from === last) return last
    const seq = this.scanFor(id, Math.max(from, Math.abs(first)))
    if (isFirst) table.setFirst(id, seq)
    return before > 0 && seq >= before ? 0 : seq
  }

  /** The first message at or behind `from` on a subject; 0: none. */
  private scanFor(id: number, from: number): number {
    for (let at = this.segmentFrom(from); at < this.segments.length; at++) {
      const segment = this.segments[at]
      if (segment.live === 0) continue
      const { slots } = segment
      for (let slot = segment.slotFrom(from); slot < slots; ) {
        const end = Math.min((slot | (GROUP_SLOTS - 1)) + 1, slots)
        if (segment.mayHave(slot, id)) {
          for (; slot < end; slot++) if (segment.subjectAt(slot) === id && segment.has(slot)) return segment.seqAt(slot)
        }
        slot = end
      }
    }
    return 0
  }

  previous(filter: SubjectFilter, upTo: number): number {
    if (this.messages === 0) return 0
    const { literals } = filter
    if (literals === undefined) return this.previousOfFilter(filter, upTo)
    let nearest = 0
    for (const literal of literals) nearest = Math.max(nearest, this.previousOf(this.subjects.find(literal), upTo))
    return nearest
  }

  /** The last match at or before `upTo`; 0: none. As nextOfFilter() does it. */
  private previousOfFilter(filter: SubjectFilter, upTo: number): number {
    const near = this.scanBack(filter, upTo, SCAN_MAX)
    if (near >= 0) return near
    const table = this.subjects
    let nearest = 0
    const unsure: number[] = []
    for (const id of this.matching(filter)) {
      const last = table.lastOf(id)
      if (Math.abs(table.firstOf(id)) > upTo) continue
      if (last < 0 || last > upTo) unsure.push(id)
      else nearest = Math.max(nearest, last)
      if (unsure.length > FEW) return this.scanBack(filter, upTo, Number.POSITIVE_INFINITY)
    }
    for (const id of unsure) {
      if (Math.abs(table.lastOf(id)) > nearest) nearest = Math.max(nearest, this.previousOf(id, upTo))
    }
    return nearest
  }

  private previousOf(id: number, upTo: number): number {
    if (id < 0) return 0
    const table = this.subjects
    const last = table.lastOf(id)
    const isLast = upTo >= Math.abs(last)
    if (isLast && last > 0) return last
    const first = table.firstOf(id)
    if (upTo < Math.abs(first)) return 0
    if (upTo === first) return first
    const seq = this.scanBackFor(id, Math.min(upTo, Math.abs(last)))
    if (isLast) table.setLast(id, seq)
    return seq
  }

  /** The last message at or before `upTo` on a subject; 0: none. */
  private scanBackFor(id: number, upTo: number): number {
    for (let at = Math.min(this.segmentFrom(upTo), this.segments.length - 1); at >= 0; at--) {
      const segment = this.segments[at]
      if (segment.live === 0) continue
      for (let slot = segment.slotFrom(upTo + 1) - 1; slot >= 0; ) {
        const start = slot & ~(GROUP_SLOTS - 1)
        if (segment.mayHave(slot, id)) {
          for (; slot >= start; slot--)
            if (segment.subjectAt(slot) === id && segment.has(slot)) return segment.seqAt(slot)
        }
        slot = start - 1
      }
    }
    return 0
  }

  /** The last match at or before `upTo`; 0: none; -1: not among the last `most` slots. */
  private scanBack(filter: SubjectFilter, upTo: number, most: number): number {
    const table = this.subjects
    for (let at = Math.min(this.segmentFrom(upTo), this.segments.length - 1); at >= 0; at--) {
      const segment = this.segments[at]
      if (segment.live === 0) continue
      for (let slot = segment.slotFrom(upTo + 1) - 1; slot >= 0; slot--) {
        if (segment.has(slot) && filter.accepts(table, segment.subjectAt(slot))) return segment.seqAt(slot)
        if (--most < 0) return -1
      }
    }
    return 0
  }

  firstAtOrAfter(timeUs: number): number {
    for (const segment of this.segments) {
      if (segment.live === 0 || segment.maxTimeUs < timeUs) continue
      const { slots } = segment
      for (let slot = 0; slot < slots; slot++) {
        if (segment.has(slot) && segment.timeAt(slot) >= timeUs) return segment.seqAt(slot)
      }
    }
    return this.last + 1
  }

  pending(filter: SubjectFilter, from: number): number {
    if (this.messages === 0 || from > this.last) return 0
    if (filter.isAll) return from <= this.firstSeq ? this.messages : this.countFrom(from, () => true)
    const table = this.subjects
    let count = 0
    /** Subjects with messages before `from`, and perhaps with others behind it. */
    const split = new Set<number>()
    for (const id of this.matching(filter)) {
      if (from <= Math.abs(table.firstOf(id))) count += table.countOf(id)
      else if (from <= Math.abs(table.lastOf(id))) split.add(id)
    }
    if (split.size === 0) return count
    return count + this.countFrom(from, (id) => split.has(id), split.size <= FEW ? split : undefined)
  }

  /** Messages at or behind `from` whose subjects count; `only`: all that do. */
  private countFrom(from: number, counts: (id: number) => boolean, only?: ReadonlySet<number>): number {
    let count = 0
    for (let at = this.segmentFrom(from); at < this.segments.length; at++) {
      const segment = this.segments[at]
      const { slots } = segment
      if (segment.live === 0) continue
      for (let slot = segment.slotFrom(from); slot < slots; ) {
        const end = Math.min((slot | (GROUP_SLOTS - 1)) + 1, slots)
        if (only === undefined || segment.mayHaveAny(slot, only)) {
          for (; slot < end; slot++) if (segment.has(slot) && counts(segment.subjectAt(slot))) count++
        }
        slot = end
      }
    }
    return count
  }

  // ── Subjects ──────────────────────────────────────────────────────────────────────────────────────────

  subject(subject: Uint8Array): SubjectState | undefined {
    const id = this.subjects.find(subject)
    return id < 0 ? undefined : this.stateOf(id)
  }

  /** The oldest message of a subject that has more than so many; 0: it has not. */
  surplus(subject: Uint8Array, most: number): number {
    const id = this.subjects.find(subject)
    return id >= 0 && this.subjects.countOf(id) > most ? this.nextOf(id, 1, 0) : 0
  }

  *subjectStates(filter: SubjectFilter): Generator<SubjectState, undefined> {
    for (const id of this.matching(filter)) yield this.stateOf(id)
  }

  private stateOf(id: number): SubjectState {
    const table = this.subjects
    return {
      subject: table.nameOf(id),
      count: table.countOf(id),
      first: this.nextOf(id, 1, 0),
      last: this.previousOf(id, this.last),
    }
  }

  private *matching(filter: SubjectFilter): Generator<number, undefined> {
    const table = this.subjects
    const { literals } = filter
    if (literals !== undefined) {
      for (const id of new Set(literals.map((literal) => table.find(literal)))) if (id >= 0) yield id
      return
    }
    if (filter.isAll) {
      for (let id = 0; id < table.numbered; id++) if (table.countOf(id) > 0) yield id
      return
    }
    for (const id of this.order.matching(table, filter)) if (table.countOf(id) > 0) yield id
  }

  *deletedRanges(): Generator<SequenceRange, undefined> {
    let expected = this.first
    for (const segment of this.segments) {
      for (let slot = 0; slot < segment.slots; slot++) {
        if (!segment.has(slot)) continue
        const seq = segment.seqAt(slot)
        if (seq > expected) yield { first: expected, last: seq - 1 }
        expected = seq + 1
      }
    }
    if (this.messages > 0 && expected <= this.last) yield { first: expected, last: this.last }
  }
}
