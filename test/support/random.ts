// Seeded random numbers, so that a failing run can be repeated. The seed is printed by whoever chooses it.

import { randomInt } from 'node:crypto'

export class Random {
  readonly seed: number
  private state: number

  constructor(seed: number) {
    this.seed = seed
    this.state = seed >>> 0
  }

  /** In [0, 1). mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}

/** The seed that HEDDLE_SEED names, or a new one; printed either way. */
export function chooseSeed(who: string): number {
  const given = Number(process.env['HEDDLE_SEED'])
  const seed = Number.isSafeInteger(given) && given > 0 ? given : randomInt(1, 2 ** 31)
  process.stderr.write(`${who}: HEDDLE_SEED=${seed}\n`)
  return seed
}
