import { expect, it } from 'vitest'
import { PAGE_TURN_WORK } from '../../src/base/constants.ts'
import { type LongReport, ReportQueue, TurnWork } from '../../src/reports/report-queue.ts'
import { until } from '../support/until.ts'

/** Looks at so many things, and tells which, as it goes. */
function* lookAt(things: number): LongReport<number[]> {
  const work = new TurnWork()
  let seen: number[] = []
  for (let i = 0; i < things; i++) {
    seen.push(i)
    if (!work.isUpAfter(1)) continue
    yield seen
    seen = []
  }
  yield seen
}

// biome-ignore lint/correctness/useYield: it never comes to it
function* fail(): LongReport<number[]> {
  throw new Error('a bug')
}

class Shard {
  readonly queue = new ReportQueue(this)
  readonly errors: unknown[] = []
  /** Sizes of the parts, and how each report ended, in order. */
  readonly told: (number | boolean)[] = []
  woken = 0

  wake(): void {
    this.woken++
  }

  bugMet(error: unknown): void {
    this.errors.push(error)
  }

  ask(report: LongReport<number[]>): void {
    const part = (numbers: unknown): unknown => this.told.push((numbers as number[]).length)
    this.queue.add(report, { part, end: (complete) => this.told.push(complete) })
  }
}

it('does a bounded piece of work in a turn', async () => {
  const shard = new Shard()
  shard.ask(lookAt(3 * PAGE_TURN_WORK + 1))
  expect(shard.told).toEqual([])
  await until('the end', () => shard.told.includes(true))
  expect(shard.told).toEqual([PAGE_TURN_WORK, PAGE_TURN_WORK, PAGE_TURN_WORK, 1, true])
  expect(shard.queue.turns).toBeGreaterThanOrEqual(4)
  expect(shard.woken).toBe(shard.queue.turns)
})

it('makes one report after the other, and goes on after one that failed', async () => {
  const shard = new Shard()
  for (const report of [lookAt(1), fail(), lookAt(2)]) shard.ask(report)
  await until('the end', () => shard.told.filter((one) => typeof one === 'boolean').length === 3)
  expect(shard.told).toEqual([1, true, false, 2, true])
  expect(shard.errors).toHaveLength(1)
})

it('goes on with the next report when the end of one cannot be told', async () => {
  const shard = new Shard()
  const end = (): never => {
    throw new Error('another bug')
  }
  shard.queue.add(fail(), { part: () => undefined, end })
  shard.ask(lookAt(3))
  await until('the second one to end', () => shard.told.includes(true))
  expect(shard.told).toEqual([3, true])
  expect(shard.errors.map((error) => (error as Error).message)).toEqual(['a bug', 'another bug'])
})
