import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DESCRIPTORS_KEPT_MAX } from '../../src/base/constants.ts'
import { Descriptors } from '../../src/primary/descriptors.ts'

function descriptors(limit: number): { lines: string[]; of: Descriptors } {
  const lines: string[] = []
  return { lines, of: new Descriptors({ error: (text) => void lines.push(text) }, limit) }
}

test.each([
  [1_000_000, DESCRIPTORS_KEPT_MAX],
  [4 * DESCRIPTORS_KEPT_MAX, DESCRIPTORS_KEPT_MAX],
  [100, 25],
  [3, 0],
])('of %d that may be open, %d are kept for the server', (limit, kept) => {
  expect(descriptors(limit).of.kept).toBe(kept)
})

test('connections are taken as far as the server’s own are not touched', () => {
  const { of, lines } = descriptors(100)
  expect([0, 74].map((connections) => of.judge(connections))).toEqual(['take', 'take'])
  expect(lines).toEqual([])
  expect(of.judge(75)).toBe('refuse')
})

test('where the system tells no limit, all are taken', () => {
  const { of } = descriptors(Number.POSITIVE_INFINITY)
  expect([of.judge(10_000_000), of.kept]).toEqual(['take', DESCRIPTORS_KEPT_MAX])
})

test('a few of those too many are told so, the others are closed, and the log hears of it once a second', () => {
  const { of, lines } = descriptors(100)
  const verdicts = Array.from({ length: 1_000 }, () => of.judge(75))
  const refused = verdicts.filter((verdict) => verdict === 'refuse').length
  expect(refused).toBeGreaterThan(0)
  expect(refused).toBeLessThanOrEqual(of.kept)
  expect(new Set(verdicts.slice(0, refused))).toEqual(new Set(['refuse']))
  expect(new Set(verdicts.slice(refused))).toEqual(new Set(['close']))
  expect(lines).toEqual([
    'Error accepting connections: too many open files, 1 refused: 100 may be open, 25 of them are kept for the server',
  ])
})

test('once others have left, connections are taken again', () => {
  const { of } = descriptors(100)
  for (let i = 0; i < 100; i++) of.judge(75)
  expect(of.judge(74)).toBe('take')
})

test.skipIf(process.platform !== 'linux')('what is open when the server has started counts beside connections', () => {
  const MARGIN = 50
  const open = readdirSync('/proc/self/fd').length
  const { of } = descriptors(open + 1_000)
  of.started(0)
  const room = 1_000 - of.kept
  expect(of.judge(room - MARGIN)).toBe('take')
  expect(of.judge(room + MARGIN)).toBe('refuse')
  // Connections that were there already are among those that are open, and are not counted twice.
  of.started(500)
  expect(of.judge(500 + room - MARGIN)).toBe('take')
  expect(of.judge(500 + room + MARGIN)).toBe('refuse')
})

test.skipIf(process.platform !== 'linux')('the limit is the one that the system has set', () => {
  const { limit } = new Descriptors({ error: () => undefined })
  expect(limit).toBeGreaterThan(readdirSync('/proc/self/fd').length)
})
