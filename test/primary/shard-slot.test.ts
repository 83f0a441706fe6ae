// How long a place whose thread has died waits for another one, by a staged clock.

import { expect, test } from 'vitest'
import { SHARD_SETTLED_MS } from '../../src/base/constants.ts'
import { replacementDelayMs, type Slot } from '../../src/primary/shard-slot.ts'

/** The delays of threads that each live for so long, one after the other. */
function delaysOf(livesMs: readonly number[]): number[] {
  const slot = { failures: 0, bornMs: 0 } as Slot
  let nowMs = 0
  return livesMs.map((lifeMs) => {
    nowMs += lifeMs
    const delayMs = replacementDelayMs(slot, nowMs)
    nowMs += delayMs
    slot.bornMs = nowMs
    return delayMs
  })
}

test('the first one is replaced at once, the next ones later and later, up to a bound', () => {
  expect(delaysOf(Array(9).fill(1_000))).toEqual([0, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
})

test('a thread that has lived for long enough is replaced at once again', () => {
  const [long, short] = [SHARD_SETTLED_MS + 1, SHARD_SETTLED_MS]
  expect(delaysOf([short, short, short, long, short])).toEqual([0, 200, 400, 0, 200])
})
