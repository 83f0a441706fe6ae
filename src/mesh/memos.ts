// What this shard's router knows of subjects, by the numbers that another shard has given to them (PlanCache.add). With
// many subjects a look at a number takes two lines of memory, where finding the plan by the subject takes eight. A
// number means the same subject and account for the life of that shard; whether what is known still holds, the router
// asks.

import { MEMOS_MAX, MEMOS_MIN } from '../base/constants.ts'

export class Memos {
  private readonly mask: number
  /** By the low bits of the number: the number, and the memo. Made when the first one comes. */
  private numbers: Int32Array | undefined
  private memos: (object | undefined)[] = []
  /** Some have been kept since clear(). */
  private areKept = false

  /** One of so many that a shard has: less for each where there are many. */
  constructor(peers: number) {
    let slots = MEMOS_MAX
    while (slots > MEMOS_MIN && slots * peers > MEMOS_MAX) slots /= 2
    this.mask = slots - 1
  }

  /** 0: the subject has no number. */
  find(number: number): object | undefined {
    const slot = number & this.mask
    return this.numbers !== undefined && number !== 0 && this.numbers[slot] === number ? this.memos[slot] : undefined
  }

  keep(number: number, memo: object | undefined): void {
    if (number === 0) return
    if (this.numbers === undefined) {
      this.numbers = new Int32Array(this.mask + 1)
      this.memos = new Array(this.mask + 1).fill(undefined)
    }
    const slot = number & this.mask
    this.areKept = true
    this.numbers[slot] = number
    this.memos[slot] = memo
  }

  /** Lets go of all, and with them of closed connections that they name. */
  clear(): void {
    if (!this.areKept) return
    this.areKept = false
    this.numbers?.fill(0)
    this.memos.fill(undefined)
  }
}
