import { expect, test } from 'vitest'
import { microseconds, timeText } from '../../src/jetstream/clock.ts'
import { chooseSeed, Random } from '../support/random.ts'

test('an instant has as many decimals as say something', () => {
  expect(timeText(0)).toBe('0001-01-01T00:00:00Z')
  const second = Date.parse('2026-11-30T17:04:27Z') * 1000
  for (const [us, text] of [
    [0, '27Z'],
    [1, '27.000001Z'],
    [120, '27.00012Z'],
    [309_096, '27.309096Z'],
    [500_000, '27.5Z'],
    [999_999, '27.999999Z'],
    [1_000_000, '28Z'],
    [-1, '26.999999Z'],
  ] as const) {
    expect(timeText(second + us)).toBe(`2026-11-30T17:04:${text}`)
  }
})

test('what is read is what was written', () => {
  const seed = chooseSeed('clock')
  const random = new Random(seed)
  for (let i = 0; i < 2_000; i++) {
    const us = 1 + random.below(4_000_000) * 1_000_000_000 + random.below(1_000_000_000)
    expect(microseconds(timeText(us)), `seed ${seed}`).toBe(us)
  }
})

test('a part of a microsecond counts as a whole one', () => {
  const us = Date.parse('2026-11-30T17:04:27Z') * 1000
  expect(microseconds('2026-11-30T17:04:27.508148Z')).toBe(us + 508_148)
  expect(microseconds('2026-11-30T17:04:27.508148000Z')).toBe(us + 508_148)
  expect(microseconds('2026-11-30T17:04:27.508148001Z')).toBe(us + 508_149)
  expect(microseconds('2026-11-30T18:04:27+01:00')).toBe(us)
})
