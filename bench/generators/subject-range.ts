// The subjects of messages to a stream.

import type { Random } from '../../test/support/random.ts'

export interface SubjectRange {
  /** The subject up to its number. */
  readonly prefix: string
  readonly count: number
  /** One after the other, from the first to the last and so on; or at random. */
  readonly order: 'rising' | 'random'
}

export class Subjects {
  private readonly range: SubjectRange
  private readonly random: Random
  private number: number

  /** `from`: the number that is the first of the rising ones. */
  constructor(range: SubjectRange, random: Random, from: number) {
    this.range = range
    this.random = random
    this.number = from
  }

  next(): string {
    const { count, order, prefix } = this.range
    return `${prefix}${order === 'rising' ? this.number++ % count : this.random.below(count)}`
  }
}
