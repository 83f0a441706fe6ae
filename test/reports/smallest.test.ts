import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeFound } from '../../src/monitor/pages/found-connections.ts'
import { Smallest } from '../../src/reports/smallest.ts'

type Entry = readonly [key: number, id: number]

/** What it must be: all sorted, then cut. */
function naive(entries: readonly Entry[], max: number): number[] {
  return entries
    .toSorted(([a, i], [b, j]) => a - b || i - j)
    .slice(0, max)
    .flat()
}

/** Few different keys, so that many are equal; no number twice. */
const entries = fc.uniqueArray(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.nat(1000)), {
  selector: ([, id]) => id,
  maxLength: 60,
})

describe('Smallest', () => {
  it('keeps the first of any entries in any order', () => {
    fc.assert(
      fc.property(entries, fc.nat(70), (list, max) => {
        const smallest = new Smallest(max)
        for (const [key, id] of list) smallest.add(key, id)
        expect(smallest.sorted()).toEqual(naive(list, max))
      }),
    )
  })

  it('keeps all where there may be any number', () => {
    const smallest = new Smallest(Number.MAX_SAFE_INTEGER)
    for (const id of [3, 1, 2]) smallest.add(0, id)
    expect(smallest.sorted()).toEqual([0, 1, 0, 2, 0, 3])
  })
})

describe('mergeFound', () => {
  it('makes of the lists of shards what one shard with all connections would have found', () => {
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 4 }), fc.nat(70), (list, shards, max) => {
        const found = Array.from({ length: shards }, (_, shard) => ({
          keys: naive(
            list.filter(([, id]) => id % shards === shard),
            max,
          ),
        }))
        expect(mergeFound(found, max)).toEqual(naive(list, max).filter((_, i) => i % 2 === 1))
      }),
    )
  })

  it('ends where a key is not wanted any more', () => {
    expect(mergeFound([{ keys: [-2, 5, 0, 1] }, { keys: [-1, 2] }], 9, (key) => key < 0)).toEqual([5, 2])
  })
})
