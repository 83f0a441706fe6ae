// When each piece of what a publisher wrote has come to a subscriber, told by the bytes that it has got.

import { now } from './task.ts'

/** Bytes that a subscriber has been owed for a round when each of its pieces has been published. */
export type Marks = readonly number[]

export class ArrivalClock {
  readonly times: Float64Array
  private readonly marks: Marks
  private next = 0

  /** `owed`: bytes in all, which are so many rounds. */
  constructor(marks: Marks, owed: number) {
    this.marks = marks
    const roundBytes = marks[marks.length - 1]
    this.times = new Float64Array(marks.length * Math.round(owed / roundBytes))
  }

  /** So many bytes have come by now. Returns how many pieces that is. */
  note(bytes: number): number {
    const { times } = this
    if (this.next < times.length && this.markOf(this.next) <= bytes) {
      for (const time = now(); this.next < times.length && this.markOf(this.next) <= bytes; ) times[this.next++] = time
    }
    return this.next
  }

  private markOf(piece: number): number {
    const { marks } = this
    return Math.floor(piece / marks.length) * marks[marks.length - 1] + marks[piece % marks.length]
  }
}
