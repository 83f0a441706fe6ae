import { expect, test } from 'vitest'
import { COMPLAINTS_A_SECOND, COMPLAINTS_SOURCES_MAX } from '../../src/base/constants.ts'
import { Repeats } from '../../src/log/repeats.ts'
import { chooseSeed, Random } from '../support/random.ts'

test('every line is either written or counted, and of each source only some a second are written', () => {
  const random = new Random(chooseSeed('repeats.test.ts'))
  const repeats = new Repeats<string>('others')
  const due = new Map<string, number>()
  const told = new Map<string, number>()
  const count = (map: Map<string, number>, source: string, lines: number): void =>
    void map.set(source, (map.get(source) ?? 0) + lines)
  let nowMs = 0
  for (let second = 0; second < 50; second++) {
    const written = new Map<string, number>()
    for (let i = 0; i < 200; i++) {
      const source = random.pick(['a', 'b', 'c'])
      const lines = 1 + random.below(20)
      count(due, source, lines)
      const admitted = repeats.admit(source, nowMs, lines)
      count(written, source, admitted)
      count(told, source, admitted)
    }
    for (const lines of written.values()) expect(lines).toBeLessThanOrEqual(COMPLAINTS_A_SECOND)
    nowMs += 1_000
    repeats.sweep(nowMs, (source, held) => count(told, source, held))
  }
  expect(told).toEqual(due)
})

test('the first is written at once, and a source that was quiet for a second begins anew', () => {
  const repeats = new Repeats<string>('others')
  expect(repeats.admit('a', 0)).toBe(1)
  repeats.sweep(1_000, () => expect.fail('nothing was held back'))
  expect(repeats.admit('a', 1_000, COMPLAINTS_A_SECOND)).toBe(COMPLAINTS_A_SECOND)
})

test('a second that is not over is not told of', () => {
  const repeats = new Repeats<string>('others')
  repeats.admit('a', 0, 100)
  repeats.sweep(999, () => expect.fail('too soon'))
  const told: [string, number][] = []
  repeats.sweep(1_000, (source, held) => told.push([source, held]))
  expect(told).toEqual([['a', 100 - COMPLAINTS_A_SECOND]])
})

test('of very many sources those that came last are counted together', () => {
  const repeats = new Repeats<string>('others')
  for (let i = 0; i < COMPLAINTS_SOURCES_MAX + 100; i++) repeats.admit(`source ${i}`, 0)
  const told: [string, number][] = []
  repeats.sweep(1_000, (source, held) => told.push([source, held]))
  expect(told).toEqual([['others', 100 - COMPLAINTS_A_SECOND]])
})
