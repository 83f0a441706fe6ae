// Turns in a loop that turns for real; what they are made of is counted by the test.

import { beforeEach, describe, expect, test } from 'vitest'
import { READ_TURN_BYTES, TURN_WORK } from '../../src/base/constants.ts'
import { Turns, workOfEncoding, workOfRead } from '../../src/base/turns.ts'
import { chooseSeed, Random } from '../support/random.ts'

const loopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

let turns: Turns
beforeEach(() => {
  turns = new Turns()
})

test('a turn is over when its work is done, and the next one has all of it again', () => {
  expect([turns.left, turns.isOver]).toEqual([TURN_WORK, false])
  turns.left -= TURN_WORK
  expect(turns.isOver).toBe(true)
  turns.begin()
  expect([turns.left, turns.isOver]).toEqual([TURN_WORK, false])
})

test('reading a turn of bytes is a turn of work, and no byte is for nothing; encoding is cheaper', () => {
  expect([0, 1, READ_TURN_BYTES].map(workOfRead)).toEqual([0, 1, TURN_WORK])
  expect(workOfEncoding(READ_TURN_BYTES)).toBeLessThan(TURN_WORK)
})

describe('those who wait', () => {
  test('go on in a later turn, each with a turn of its own, in the order in which they came', async () => {
    const seen: number[] = []
    turns.left = -1
    for (let i = 0; i < 3; i++) {
      turns.wait(() => {
        seen.push(i)
        expect(turns.left).toBe(TURN_WORK)
        turns.left -= 1
      })
    }
    expect(seen).toEqual([])
    await loopTurn()
    expect(seen).toEqual([0, 1, 2])
  })

  test('as many go on in one turn of the loop as fit into it, one at least', async () => {
    const seen: number[] = []
    const costs = [TURN_WORK / 2, TURN_WORK / 2, 1, 3 * TURN_WORK, 1, 1]
    costs.forEach((cost, i) => {
      turns.wait(() => {
        seen.push(i)
        turns.left -= cost
      })
    })
    const rounds: number[][] = []
    while (rounds.flat().length < costs.length) {
      await loopTurn()
      rounds.push(seen.splice(0))
    }
    expect(rounds.filter((round) => round.length > 0)).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ])
  })

  test('one that waits again stands behind those that have waited longer', async () => {
    const seen: string[] = []
    const costly = (name: string, again: number): void =>
      turns.wait(() => {
        seen.push(name)
        turns.left -= TURN_WORK
        if (again > 0) costly(name, again - 1)
      })
    for (const name of ['a', 'b', 'c']) costly(name, 1)
    while (seen.length < 6) await loopTurn()
    expect(seen).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
  })
})

describe('in pieces', () => {
  test('few items are dealt with at once, as is nothing at all', () => {
    const seen: number[] = []
    let done = 0
    turns.inPieces(
      [1, 2, 3],
      1,
      (item) => seen.push(item),
      () => done++,
    )
    turns.inPieces(
      [],
      1,
      () => expect.fail('there is nothing'),
      () => done++,
    )
    turns.inPieces(new Set([4]), 1, (item) => seen.push(item))
    expect([seen, done]).toEqual([[1, 2, 3, 4], 2])
    expect(turns.left).toBe(TURN_WORK - 4)
  })

  test('many items take several turns, a turn of work in each, whatever was left of the first', async () => {
    const seen: number[] = []
    const items = Array.from({ length: 10 }, (_, i) => i)
    let isDone = false
    turns.left = 5
    turns.inPieces(
      items,
      TURN_WORK / 4,
      (item) => seen.push(item),
      () => {
        isDone = true
      },
    )
    expect([seen.length, turns.isOver, isDone]).toEqual([4, true, false])
    await loopTurn()
    expect([seen.length, isDone]).toEqual([8, false])
    await loopTurn()
    expect([seen, isDone]).toEqual([items, true])
  })

  test('what an item counts besides is work as well', async () => {
    const seen: number[] = []
    turns.inPieces([1, 2, 3], 0, (item) => {
      seen.push(item)
      turns.left -= TURN_WORK
    })
    expect(seen).toEqual([1])
    await loopTurn()
    await loopTurn()
    expect(seen).toEqual([1, 2, 3])
  })

  test('any works in pieces, side by side, deal with each of their items once and in order', async () => {
    const random = new Random(chooseSeed('turns'))
    const works = Array.from({ length: 20 }, () => ({ count: random.below(50), seen: [] as number[], done: 0 }))
    for (const work of works) {
      const units = 1 + random.below(TURN_WORK / 2)
      const items = Array.from({ length: work.count }, (_, i) => i)
      const act = (item: number): void => {
        work.seen.push(item)
        if (random.chance(0.1)) turns.left -= random.below(2 * TURN_WORK)
      }
      turns.inPieces(items, units, act, () => work.done++)
    }
    while (works.some(({ done }) => done === 0)) await loopTurn()
    for (const { count, seen, done } of works) {
      expect([seen, done], `seed ${random.seed}`).toEqual([Array.from({ length: count }, (_, i) => i), 1])
    }
  })
})
