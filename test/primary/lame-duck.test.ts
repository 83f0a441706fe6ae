import { expect, test } from 'vitest'
import { closeSpread, paceOf } from '../../src/primary/lame-duck.ts'

test('a few clients are closed one by one, with a second between two of them at most', () => {
  expect(paceOf(1, 110_000)).toEqual({ batch: 1, gapMs: 1000 })
  expect(paceOf(110, 110_000)).toEqual({ batch: 1, gapMs: 1000 })
  expect(paceOf(1100, 110_000)).toEqual({ batch: 1, gapMs: 100 })
})

test('many are closed in batches, so that all are gone within the span', () => {
  for (const [clients, spanMs] of [
    [65_536, 110_000],
    [65_536, 1000],
    [1_000_000, 20_000],
    [3, 0],
  ]) {
    const { batch, gapMs } = paceOf(clients, spanMs)
    expect((Math.ceil(clients / batch) - 1) * gapMs).toBeLessThanOrEqual(spanMs)
  }
})

test('each client is closed once, and no more when the signal says so', async () => {
  const counts: number[] = []
  await closeSpread(1000, 30, (count) => counts.push(count), new AbortController().signal)
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1000)
  const hurry = new AbortController()
  let closed = 0
  await closeSpread(
    100,
    1_000_000,
    (count) => {
      closed += count
      hurry.abort()
    },
    hurry.signal,
  )
  expect(closed).toBe(1)
})
