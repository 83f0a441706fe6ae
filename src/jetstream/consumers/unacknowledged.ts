// Messages that were delivered and wait for their acknowledgement, oldest first, in columns: they come and go all the
// time, and as an object each they would be most of what a consumer leaves to the collector.
//
//     slot          from                        to
//     seq         ‥ │  5   7   8   9   12   13  │ ‥     rising
//     deliveries  ‥ │  2   0   1   1   0    1   │ ‥     0: gone
//
// New ones come at the end. When that is reached, those that are left move to the beginning, or to larger columns, so
// that a slot is valid until the next message is added.

import assert from 'node:assert/strict'
import { placeIn } from './sorted.ts'

/** No message. */
export const NONE = -1
const SLOTS_MIN = 8
/** Columns of which less is used become smaller. */
const USED_MIN = 1 / 8
/** Larger ones are let go when nothing waits any more. */
const SLOTS_IDLE_MAX = 16 * 1024

/** What is known of each message, by slot. */
class Columns {
  readonly seqs: Float64Array
  /** The number of its first delivery. */
  readonly consumerSeqs: Float64Array
  readonly deliveries: Float64Array
  /** When it was delivered last, and when its wait is over: milliseconds since 1970. */
  readonly sinceMs: Float64Array
  readonly dueMs: Float64Array

  constructor(slots: number) {
    this.seqs = new Float64Array(slots)
    this.consumerSeqs = new Float64Array(slots)
    this.deliveries = new Float64Array(slots)
    this.sinceMs = new Float64Array(slots)
    this.dueMs = new Float64Array(slots)
  }

  get slots(): number {
    return this.seqs.length
  }

  take(to: number, { seqs, consumerSeqs, deliveries, sinceMs, dueMs }: Columns, from: number): void {
    this.seqs[to] = seqs[from]
    this.consumerSeqs[to] = consumerSeqs[from]
    this.deliveries[to] = deliveries[from]
    this.sinceMs[to] = sinceMs[from]
    this.dueMs[to] = dueMs[from]
  }
}

export class UnacknowledgedMessages {
  columns = new Columns(SLOTS_MIN)
  size = 0
  private from = 0
  private to = 0

  /** Adds a message, whose sequence is above those of all others; its wait is to be set. Answers its slot. */
  add(seq: number, consumerSeq: number, deliveries: number, sinceMs: number): number {
    this.dropGone(seq)
    if (this.to === this.columns.slots) this.makeRoom()
    const { columns, to } = this
    assert(this.size === 0 || seq > columns.seqs[to - 1], 'a message was added before others')
    columns.seqs[to] = seq
    columns.consumerSeqs[to] = consumerSeq
    columns.deliveries[to] = deliveries
    columns.sinceMs[to] = sinceMs
    this.size++
    return this.to++
  }

  /** What a stream has lost is delivered again under the same sequences, which messages had that are gone. */
  private dropGone(seq: number): void {
    const { deliveries, seqs } = this.columns
    while (this.size > 0 && seqs[this.to - 1] >= seq && deliveries[this.to - 1] === 0) this.to--
  }

  /** The slot of a message, or NONE. */
  find(seq: number): number {
    const slot = this.slotFrom(seq)
    return slot < this.to && this.columns.seqs[slot] === seq && this.columns.deliveries[slot] > 0 ? slot : NONE
  }

  remove(slot: number): void {
    const { deliveries } = this.columns
    deliveries[slot] = 0
    this.size--
    if (this.size === 0) {
      this.from = this.to = 0
      if (this.columns.slots > SLOTS_IDLE_MAX) this.columns = new Columns(SLOTS_MIN)
      return
    }
    while (deliveries[this.from] === 0) this.from++
  }

  /** The slot of the oldest, or NONE. */
  get first(): number {
    return this.size === 0 ? NONE : this.from
  }

  /** The slot of the oldest behind another, or NONE; that one may have been removed. */
  after(slot: number): number {
    return this.liveFrom(slot + 1)
  }

  /** The slot of the oldest whose sequence is `seq` or above, or NONE. */
  firstFrom(seq: number): number {
    return this.liveFrom(this.slotFrom(seq))
  }

  private liveFrom(slot: number): number {
    const { deliveries } = this.columns
    while (slot < this.to && deliveries[slot] === 0) slot++
    return slot < this.to ? slot : NONE
  }

  /** The first slot whose sequence is `seq` or above; `to`: there is none. */
  private slotFrom(seq: number): number {
    const { seqs } = this.columns
    if (this.size === 0 || seq <= seqs[this.from]) return this.from
    // Sequences rise by one at least: it is no further. Where all that comes is delivered, it is there.
    const high = Math.min(this.from + (seq - seqs[this.from]), this.to)
    return high < this.to && seqs[high] === seq ? high : placeIn(seqs, seq, this.from, high)
  }

  private makeRoom(): void {
    const { columns: before, from, to, size } = this
    let { slots } = before
    if (size > slots / 2) slots *= 2
    else while (slots > SLOTS_MIN && size < slots * USED_MIN) slots /= 2
    const columns = slots === before.slots ? before : new Columns(slots)
    let used = 0
    for (let slot = from; slot < to; slot++) if (before.deliveries[slot] > 0) columns.take(used++, before, slot)
    this.columns = columns
    this.from = 0
    this.to = used
  }
}
