// The index of one block: where its messages lie, how large they are, on which subject, and of what time, by slot.
// Sequences rise from slot to slot.
//
//     slot      0     1     2     3
//     seq      base   +1    +2    +3     dense: the slot says the sequence
//     size     151    0     98    151    0: the message was removed
//
// When more than half of the slots are unused they are squeezed out. From then on `deltas` has the sequence of each
// slot, less the base. A segment is so never larger than twice what its messages need.
//
// The segment that messages are added to has typed arrays with room for more. One to which none come any more is
// packed into columns (column.ts), as long as all of its messages are there: with the first that is removed it has
// arrays again, until its block is written anew.

import { at, type Column, columnOf, memoryOf, unfold } from './column.ts'
import { SubjectMarks } from './subject-marks.ts'
import { grown, roomFor } from './typed-arrays.ts'

/** Unused slots that are kept in any case. */
const UNUSED_MIN = 32
const DELTA_MAX = 2 ** 32 - 1

/** The slots of a segment that has no unused ones. */
export interface SegmentColumns {
  readonly times: Column
  /** Undefined: it is dense. */
  readonly deltas: Column | undefined
  readonly offsets: Column
  readonly sizes: Column
  readonly subjects: Column
}

interface SegmentArrays {
  /** Undefined: dense. */
  deltas: Uint32Array<ArrayBuffer> | undefined
  offsets: Uint32Array<ArrayBuffer>
  sizes: Uint32Array<ArrayBuffer>
  subjects: Uint32Array<ArrayBuffer>
  times: Float64Array<ArrayBuffer>
}

/** What is known of a segment besides its slots. */
interface SegmentFacts {
  readonly slots: number
  readonly liveBytes: number
  readonly maxTimeUs: number
  readonly hasHeaders: boolean
}

function arraysFor(room: number): SegmentArrays {
  return {
    deltas: undefined,
    offsets: new Uint32Array(room),
    sizes: new Uint32Array(room),
    subjects: new Uint32Array(room),
    times: new Float64Array(room),
  }
}

export class Segment {
  /** The number of its block. */
  readonly block: number
  /** The sequence of the first slot, or what it is to be. */
  base: number
  /** Slots in use or removed. */
  slots = 0
  /** Messages that are there, and their bytes as they count. */
  live = 0
  liveBytes = 0
  /** The latest time that any message in it has had. */
  maxTimeUs = 0
  /** Some of its messages may have headers. */
  hasHeaders = false
  /** Another segment is the last one: slots are added to that. */
  isComplete = false
  /** What is known of the subjects of slots. */
  private marks = new SubjectMarks()
  /** One of these two is there. */
  private arrays: SegmentArrays | undefined
  private packed: SegmentColumns | undefined

  constructor(block: number, base: number) {
    this.block = block
    this.base = base
    this.arrays = arraysFor(4)
  }

  /** A segment of these messages, all of which are there. */
  static from(block: number, base: number, facts: SegmentFacts, columns: SegmentColumns): Segment {
    return Object.assign(new Segment(block, base), facts, { live: facts.slots, arrays: undefined, packed: columns })
  }

  /** The segment that was sent by another thread. */
  static revived(sent: Segment): Segment {
    const marks = Object.assign(new SubjectMarks(), sent.marks)
    return Object.assign(new Segment(sent.block, sent.base), sent, { marks })
  }

  // ── Slots ─────────────────────────────────────────────────────────────────────────────────────────────

  seqAt(slot: number): number {
    return this.base + this.deltaAt(slot)
  }

  private deltaAt(slot: number): number {
    const deltas = this.arrays?.deltas
    if (deltas !== undefined) return deltas[slot]
    return this.packed?.deltas === undefined ? slot : at(this.packed.deltas, slot)
  }

  /** Bytes that the message counts for; 0: it was removed. */
  sizeAt(slot: number): number {
    return this.arrays === undefined ? at(this.columns.sizes, slot) : this.arrays.sizes[slot]
  }

  /** Whether the message in a slot is there. */
  has(slot: number): boolean {
    return this.arrays === undefined || this.arrays.sizes[slot] > 0
  }

  /** Where it lies in the block. */
  offsetAt(slot: number): number {
    return this.arrays === undefined ? at(this.columns.offsets, slot) : this.arrays.offsets[slot]
  }

  timeAt(slot: number): number {
    return this.arrays === undefined ? at(this.columns.times, slot) : this.arrays.times[slot]
  }

  /** The number of its subject. */
  subjectAt(slot: number): number {
    return this.arrays === undefined ? at(this.columns.subjects, slot) : this.arrays.subjects[slot]
  }

  /** The sequence of its last slot. */
  get lastSeq(): number {
    return this.slots === 0 ? this.base - 1 : this.seqAt(this.slots - 1)
  }

  /** Whether a sequence can be in the same segment as its first, if it has one. */
  hasRoomFor(seq: number): boolean {
    return this.slots === 0 || seq - this.base <= DELTA_MAX
  }

  /** The first slot whose sequence is `seq` or above; `slots`: there is none. */
  slotFrom(seq: number): number {
    const delta = seq - this.base
    if (delta <= 0) return 0
    const { slots } = this
    if (this.arrays?.deltas === undefined && this.packed?.deltas === undefined) return Math.min(delta, slots)
    let low = 0
    let high = slots
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.deltaAt(middle) < delta) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The slot of a message that is there; -1: it is not. */
  slotOf(seq: number): number {
    const slot = this.slotFrom(seq)
    return slot < this.slots && this.has(slot) && this.seqAt(slot) === seq ? slot : -1
  }

  /** The last slot whose message begins before an offset; -1: none does. Offsets rise as sequences do. */
  slotBefore(offset: number): number {
    let low = 0
    let high = this.slots
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.offsetAt(middle) < offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Whether a message on this subject may be in the same group of GROUP_SLOTS slots. */
  mayHave(slot: number, subject: number): boolean {
    this.mark()
    return this.marks.mayHave(slot, subject)
  }

  /** The same of any of these subjects. */
  mayHaveAny(slot: number, subjects: ReadonlySet<number>): boolean {
    this.mark()
    return this.marks.mayHaveAny(slot, subjects)
  }

  /** The sequences of its messages. */
  sequences(): number[] {
    const all: number[] = []
    for (let slot = 0; slot < this.slots; slot++) if (this.has(slot)) all.push(this.seqAt(slot))
    return all
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────

  /** Adds a message behind all others. */
  add(seq: number, timeUs: number, subject: number, size: number, offset: number, hasHeaders: boolean): void {
    const slot = this.slots
    if (slot === 0) this.base = seq
    const arrays = this.unpacked()
    if (slot === arrays.sizes.length) grow(arrays, slot)
    const delta = seq - this.base
    if (arrays.deltas === undefined && delta !== slot) arrays.deltas = counted(arrays.sizes.length, slot)
    if (arrays.deltas !== undefined) arrays.deltas[slot] = delta
    arrays.offsets[slot] = offset
    arrays.sizes[slot] = size
    arrays.subjects[slot] = subject
    arrays.times[slot] = timeUs
    if (timeUs > this.maxTimeUs) this.maxTimeUs = timeUs
    if (hasHeaders) this.hasHeaders = true
    this.slots++
    this.live++
    this.liveBytes += size
  }

  /** The message in a slot is gone. */
  remove(slot: number): void {
    const { sizes } = this.unpacked()
    this.live--
    this.liveBytes -= sizes[slot]
    sizes[slot] = 0
  }

  /** The message in a slot lies somewhere else now. */
  move(slot: number, offset: number): void {
    this.unpacked().offsets[slot] = offset
  }

  get isWasteful(): boolean {
    const unused = this.slots - this.live
    return unused > UNUSED_MIN && unused > this.live
  }

  /** Drops the unused slots. */
  squeeze(): void {
    const { slots } = this
    const { offsets, sizes, subjects, times } = this.unpacked()
    const squeezed = arraysFor(roomFor(4, this.live))
    const deltas = new Uint32Array(squeezed.sizes.length)
    const base = this.live === 0 ? this.base : this.seqAt(sizes.findIndex((size) => size > 0))
    let to = 0
    for (let slot = 0; slot < slots; slot++) {
      if (sizes[slot] === 0) continue
      deltas[to] = this.seqAt(slot) - base
      squeezed.offsets[to] = offsets[slot]
      squeezed.sizes[to] = sizes[slot]
      squeezed.subjects[to] = subjects[slot]
      squeezed.times[to] = times[slot]
      to++
    }
    this.base = base
    this.slots = to
    this.arrays = { ...squeezed, deltas }
    this.marks.cut(0)
  }

  /** Its subjects have other numbers now, by those of before. */
  renumber(numbers: Uint32Array): void {
    const { arrays, packed, slots } = this
    if (packed !== undefined) {
      const { stride, rest } = packed.subjects
      const isOne = stride === 0 && rest === undefined
      const subjects = unfold(packed.subjects, isOne ? 1 : slots, new Uint32Array(isOne ? 1 : slots))
      for (let i = 0; i < subjects.length; i++) subjects[i] = numbers[subjects[i]]
      this.packed = { ...packed, subjects: columnOf(subjects) }
    }
    if (arrays !== undefined) {
      const { sizes, subjects } = arrays
      for (let slot = 0; slot < slots; slot++) if (sizes[slot] > 0) subjects[slot] = numbers[subjects[slot]]
    }
    this.marks.cut(0)
  }

  /** It gets no more slots, or is the last one again and gets some. */
  complete(isComplete: boolean): void {
    if (this.isComplete && !isComplete) this.marks.cut(this.slots)
    this.isComplete = isComplete
    if (isComplete && this.live === this.slots) this.pack()
  }

  /** Drops all slots from this one on; they are unused. */
  cut(slots: number): void {
    this.unpacked()
    this.slots = slots
    this.marks.cut(slots)
  }

  private mark(): void {
    const { arrays, isComplete, marks, slots } = this
    if (!marks.isBehind(slots, isComplete)) return
    const subjects = arrays?.subjects ?? unfold(this.columns.subjects, slots, new Uint32Array(slots))
    marks.update(subjects, slots, isComplete)
  }

  // ── Columns and arrays ────────────────────────────────────────────────────────────────────────────────

  /** Its slots as columns. All of its messages are there. */
  get columns(): SegmentColumns {
    const { arrays, slots } = this
    if (arrays === undefined) return this.packed as SegmentColumns
    return {
      times: columnOf(arrays.times, slots),
      deltas: arrays.deltas && columnOf(arrays.deltas, slots),
      offsets: columnOf(arrays.offsets, slots),
      sizes: columnOf(arrays.sizes, slots),
      subjects: columnOf(arrays.subjects, slots),
    }
  }

  private pack(): void {
    this.packed = this.columns
    this.arrays = undefined
  }

  private unpacked(): SegmentArrays {
    if (this.arrays !== undefined) return this.arrays
    const { slots } = this
    const { times, deltas, offsets, sizes, subjects } = this.columns
    this.arrays = {
      deltas: deltas && unfold(deltas, slots, new Uint32Array(slots)),
      offsets: unfold(offsets, slots, new Uint32Array(slots)),
      sizes: unfold(sizes, slots, new Uint32Array(slots)),
      subjects: unfold(subjects, slots, new Uint32Array(slots)),
      times: unfold(times, slots, new Float64Array(slots)),
    }
    this.packed = undefined
    return this.arrays
  }

  /** The memory that it occupies. */
  get memory(): ArrayBuffer[] {
    const { arrays, packed, marks } = this
    const columns = Object.values(packed ?? {}).flatMap((column: Column | undefined) => column ?? [])
    const all = Object.values(arrays ?? {}).flatMap((array: Uint32Array<ArrayBuffer> | undefined) => array ?? [])
    return [...columns.flatMap(memoryOf), ...all.map(({ buffer }) => buffer), marks.words.buffer]
  }
}

/** Deltas of a segment that has been dense so far. */
function counted(room: number, slots: number): Uint32Array<ArrayBuffer> {
  const deltas = new Uint32Array(room)
  for (let slot = 0; slot < slots; slot++) deltas[slot] = slot
  return deltas
}

function grow(arrays: SegmentArrays, slots: number): void {
  const room = roomFor(slots, slots + 1)
  arrays.offsets = grown(arrays.offsets, room)
  arrays.sizes = grown(arrays.sizes, room)
  arrays.subjects = grown(arrays.subjects, room)
  arrays.times = grown(arrays.times, room)
  if (arrays.deltas !== undefined) arrays.deltas = grown(arrays.deltas, room)
}
