import fc from 'fast-check'
import { expect, test } from 'vitest'
import { durationText, parseDuration } from '../../src/base/duration.ts'

test.each([
  ['0', 0],
  ['5s', 5_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1_500],
  ['.5m', 30_000],
  ['5.s', 5_000],
  ['250ms', 250],
  ['1us', 0.001],
  ['1µs', 0.001],
  ['1ns', 0.000001],
  ['-5s', -5_000],
  ['+5s', 5_000],
  ['1h1m1s1ms', 3_661_001],
])('%s', (text, ms) => {
  expect(parseDuration(text)).toEqual({ ms })
})

test.each([
  ['', 'time: invalid duration ""'],
  ['s', 'time: invalid duration "s"'],
  ['.s', 'time: invalid duration ".s"'],
  ['-', 'time: invalid duration "-"'],
  ['5', 'time: missing unit in duration "5"'],
  ['5 s', 'time: unknown unit " s" in duration "5 s"'],
  ['5x', 'time: unknown unit "x" in duration "5x"'],
  ['5s5', 'time: missing unit in duration "5s5"'],
  ['9999999999h', 'time: invalid duration "9999999999h"'],
])('%s is refused', (text, wrong) => {
  expect(parseDuration(text)).toEqual({ wrong })
})

test.each([
  [0, '0s'],
  [120_000, '2m0s'],
  [90_061_500, '25h1m1.5s'],
  [1_500, '1.5s'],
  [250, '250ms'],
  [0.5, '500µs'],
  [0.000001, '1ns'],
  [-30_000, '-30s'],
])('%d ms is written %s', (ms, text) => {
  expect(durationText(ms)).toBe(text)
})

test('what is written is read', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), (ms) => {
      expect(parseDuration(durationText(ms))).toEqual({ ms: ms === 0 ? 0 : ms })
    }),
  )
})
