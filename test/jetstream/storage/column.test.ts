// Columns of numbers: in few bytes, and each number as it was.

import { expect, test } from 'vitest'
import {
  at,
  COLUMN_NUMBERS,
  type Column,
  columnFrom,
  columnOf,
  describe,
  restBytes,
  unfold,
} from '../../../src/jetstream/storage/column.ts'
import { chooseSeed, Random } from '../../support/random.ts'

const random = new Random(chooseSeed('column.test.ts'))

const START_US = 1_700_000_000_000_000

function line(count: number, base: number, stride: number, spread: number): number[] {
  return Array.from({ length: count }, (_, i) => base + i * stride + random.below(spread))
}

const KINDS: readonly [name: string, values: number[], width: number | undefined][] = [
  ['none', [], 0],
  ['one', [START_US], 0],
  ['the same', line(100, 151, 0, 1), 0],
  ['on a line', line(100, 128, 176, 1), 0],
  ['falling', line(100, 2 ** 40, -3, 1), 0],
  ['a little spread', [100, ...line(300, 101, 0, 200), 99], 1],
  ['near a line', [0, ...line(500, 128, 176, 300), 501 * 176], 2],
  ['with a leap', [1, 2, 3, 2 ** 20, 5], 4],
  ['clocks that were set back', [START_US, START_US - 3_600_000_000_000, START_US + 1, START_US], 8],
  ['anything', line(300, 0, 0, 2 ** 45), undefined],
  ['of 32 bits', line(300, 0, 0, 2 ** 32), undefined],
]

for (const [name, values, width] of KINDS) {
  test(`numbers (${name}) are the same in a column, and in one that was written and read`, () => {
    const column = columnOf(values)
    if (width !== undefined) expect(column.rest?.BYTES_PER_ELEMENT ?? 0).toBe(width)
    const description = describe(column)
    expect(description.length).toBe(COLUMN_NUMBERS)
    const bytes = restBytes(column)
    const read = columnFrom(description, values.length, (length) => bytes.subarray(0, length))
    for (const one of [column, read] satisfies Column[]) {
      expect(values.map((_, i) => at(one, i))).toEqual(values)
      expect([...unfold(one, values.length, new Float64Array(values.length))]).toEqual(values)
    }
  })
}

test('a column is of the first numbers alone', () => {
  const column = columnOf([7, 8, 9, 0, 0], 3)
  expect([column, at(column, 2)]).toEqual([{ base: 7, stride: 1, rest: undefined }, 9])
})
