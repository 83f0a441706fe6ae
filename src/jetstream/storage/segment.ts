// The index of one block: where its messages lie, how large they are, on which subject, and of what time, in typed
// arrays by slot. Sequences rise from slot to slot.
//
//     slot      0     1     2     3
//     seq      base   +1    +2    +3     dense: the slot says the sequence
//     size     151    0     98    151    0: the message was removed
//
// When more than half of the slots are unused they are squeezed out. From then on `deltas` has the sequence of each
// slot, less the base. A segment is so never larger than twice what its messages need.

import { GROUP_SLOTS, SubjectMarks } from './subject-marks.ts'
import { grown, roomFor } from './typed-arrays.ts'

/** Unused slots that are kept in any case. */
const UNUSED_MIN = 32
const DELTA_MAX = 2 ** 32 - 1

export interface SegmentColumns {
  readonly times: Float64Array<ArrayBuffer>
  /** Empty: the segment is dense. */
  readonly deltas: Uint32Array<ArrayBuffer>
  readonly offsets: Uint32Array<ArrayBuffer>
  readonly sizes: Uint32Array<ArrayBuffer>
  readonly subjects: Uint32Array<ArrayBuffer>
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
  /** What is known of the subjects of slots. */
  marks = new SubjectMarks()
  /** Another segment is the last one: slots are added to that. */
  isComplete = false
  /** Undefined: dense. */
  private deltas: Uint32Array<ArrayBuffer> | undefined
  offsets: Uint32Array<ArrayBuffer>
  sizes: Uint32Array<ArrayBuffer>
  subjects: Uint32Array<ArrayBuffer>
  times: Float64Array<ArrayBuffer>

  constructor(block: number, base: number, room = 4) {
    this.block = block
    this.base = base
    this.offsets = new Uint32Array(room)
    this.sizes = new Uint32Array(room)
    this.subjects = new Uint32Array(room)
    this.times = new Float64Array(room)
  }

  /** A segment of these messages, all of which are there. No deltas: it is dense. */
  static from(block: number, base: number, maxTimeUs: number, hasHeaders: boolean, columns: SegmentColumns): Segment {
    const { times, deltas, offsets, sizes, subjects } = columns
    const segment = new Segment(block, base, 0)
    segment.slots = sizes.length
    for (const size of sizes) {
      if (size > 0) segment.live++
      segment.liveBytes += size
    }
    Object.assign(segment, { times, offsets, sizes, subjects, maxTimeUs, hasHeaders })
    segment.deltas = deltas.length > 0 ? deltas : undefined
    return segment
  }

  /** Its slots, without room for more. */
  get columns(): SegmentColumns {
    const { slots } = this
    return {
      times: this.times.subarray(0, slots),
      deltas: this.deltas?.subarray(0, slots) ?? new Uint32Array(0),
      offsets: this.offsets.subarray(0, slots),
      sizes: this.sizes.subarray(0, slots),
      subjects: this.subjects.subarray(0, slots),
    }
  }

  seqAt(slot: number): number {
    return this.base + (this.deltas === undefined ? slot : this.deltas[slot])
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
    const { deltas, slots } = this
    if (deltas === undefined) return Math.min(delta, slots)
    let low = 0
    let high = slots
    while (low < high) {
      const middle = (low + high) >>> 1
      if (deltas[middle] < delta) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The slot of a message that is there; -1: it is not. */
  slotOf(seq: number): number {
    const slot = this.slotFrom(seq)
    return slot < this.slots && this.sizes[slot] > 0 && this.seqAt(slot) === seq ? slot : -1
  }

  /** The last slot whose message begins before an offset; -1: none does. Offsets rise as sequences do. */
  slotBefore(offset: number): number {
    const { offsets } = this
    let low = 0
    let high = this.slots
    while (low < high) {
      const middle = (low + high) >>> 1
      if (offsets[middle] < offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** The sequences of its messages. */
  sequences(): number[] {
    const all: number[] = []
    for (let slot = 0; slot < this.slots; slot++) if (this.sizes[slot] > 0) all.push(this.seqAt(slot))
    return all
  }

  /** Adds a message behind all others. */
  add(seq: number, timeUs: number, subject: number, size: number, offset: number, hasHeaders: boolean): void {
    const slot = this.slots
    if (slot === 0) this.base = seq
    if (slot === this.sizes.length) this.grow()
    const delta = seq - this.base
    if (this.deltas === undefined && delta !== slot) this.toSparse()
    if (this.deltas !== undefined) this.deltas[slot] = delta
    this.offsets[slot] = offset
    this.sizes[slot] = size
    this.subjects[slot] = subject
    this.times[slot] = timeUs
    if (timeUs > this.maxTimeUs) this.maxTimeUs = timeUs
    if (hasHeaders) this.hasHeaders = true
    this.slots++
    if (this.slots % GROUP_SLOTS === 0) this.mark()
    this.live++
    this.liveBytes += size
  }

  /** The message in a slot is gone. */
  remove(slot: number): void {
    this.live--
    this.liveBytes -= this.sizes[slot]
    this.sizes[slot] = 0
  }

  get isWasteful(): boolean {
    const unused = this.slots - this.live
    return unused > UNUSED_MIN && unused > this.live
  }

  /** Drops the unused slots. */
  squeeze(): void {
    const { slots, sizes } = this
    const room = roomFor(4, this.live)
    const squeezed = {
      deltas: new Uint32Array(room),
      offsets: new Uint32Array(room),
      sizes: new Uint32Array(room),
      subjects: new Uint32Array(room),
      times: new Float64Array(room),
    }
    const base = this.live === 0 ? this.base : this.seqAt(sizes.findIndex((size) => size > 0))
    let to = 0
    for (let slot = 0; slot < slots; slot++) {
      if (sizes[slot] === 0) continue
      squeezed.deltas[to] = this.seqAt(slot) - base
      squeezed.offsets[to] = this.offsets[slot]
      squeezed.sizes[to] = sizes[slot]
      squeezed.subjects[to] = this.subjects[slot]
      squeezed.times[to] = this.times[slot]
      to++
    }
    this.base = base
    this.slots = to
    Object.assign(this, squeezed)
    this.subjectsChanged()
  }

  /** The numbers of its subjects are others now. */
  subjectsChanged(): void {
    this.marks.cut(0)
    this.mark()
  }

  /** It gets no more slots, or is the last one again and gets some. */
  complete(isComplete: boolean): void {
    if (this.isComplete && !isComplete) this.marks.cut(this.slots)
    this.isComplete = isComplete
    this.mark()
  }

  private mark(): void {
    this.marks.update(this.subjects, this.slots, this.isComplete)
  }

  /** Drops all slots from this one on; they are unused. */
  cut(slots: number): void {
    this.slots = slots
    this.marks.cut(slots)
  }

  /** The memory that it occupies. */
  get memory(): ArrayBuffer[] {
    const { deltas, marks, offsets, sizes, subjects, times } = this
    const arrays = [...(deltas === undefined ? [] : [deltas]), offsets, sizes, subjects, times, marks.words]
    return arrays.map(({ buffer }) => buffer)
  }

  private toSparse(): void {
    this.deltas = new Uint32Array(this.sizes.length)
    for (let slot = 0; slot < this.slots; slot++) this.deltas[slot] = slot
  }

  private grow(): void {
    const room = roomFor(this.sizes.length, this.slots + 1)
    this.offsets = grown(this.offsets, room)
    this.sizes = grown(this.sizes, room)
    this.subjects = grown(this.subjects, room)
    this.times = grown(this.times, room)
    if (this.deltas !== undefined) this.deltas = grown(this.deltas, room)
  }
}
