// The loop's own clock, over a time that the test makes go on.

import { expect, test } from 'vitest'
import { HEARTBEAT_MS } from '../../src/base/constants.ts'
import { LOOP_GAP_MAX_MS, LoopClock } from '../../src/base/loop-clock.ts'
import { chooseSeed, Random } from '../support/random.ts'

function clockAt(startMs: number) {
  const time = { nowMs: startMs }
  return { time, clock: new LoopClock(() => time.nowMs) }
}

test('it goes as time does while the loop turns, between ticks as well', () => {
  const { time, clock } = clockAt(1_000)
  const { nowMs } = clock
  for (let i = 1; i <= 10; i++) {
    time.nowMs += HEARTBEAT_MS / 2
    expect(clock.nowMs - nowMs).toBe((i * HEARTBEAT_MS) / 2)
    if (i % 2 === 0) clock.tick()
  }
})

test('a tick that comes late, but no later than may be, is no gap', () => {
  const { time, clock } = clockAt(0)
  time.nowMs += LOOP_GAP_MAX_MS
  expect(clock.nowMs).toBe(LOOP_GAP_MAX_MS)
  clock.tick()
  expect(clock.nowMs).toBe(LOOP_GAP_MAX_MS)
})

test('when the loop stood still it is where it was at the latest tick, and goes on from there', () => {
  const { time, clock } = clockAt(0)
  time.nowMs += HEARTBEAT_MS
  clock.tick()
  time.nowMs += LOOP_GAP_MAX_MS
  expect(clock.nowMs).toBe(HEARTBEAT_MS + LOOP_GAP_MAX_MS)
  time.nowMs += 1
  expect(clock.nowMs).toBe(HEARTBEAT_MS)
  time.nowMs += 1_000_000
  expect(clock.nowMs).toBe(HEARTBEAT_MS)
  clock.tick()
  expect(clock.nowMs).toBe(HEARTBEAT_MS)
  time.nowMs += 10
  expect(clock.nowMs).toBe(HEARTBEAT_MS + 10)
})

test('whatever the loop does, at ticks it has gone on by the gaps that were short', () => {
  const random = new Random(chooseSeed('loop clock'))
  const { time, clock } = clockAt(random.below(1_000_000))
  let lived = clock.nowMs
  for (let i = 0; i < 1_000; i++) {
    const gapMs = random.chance(0.2) ? LOOP_GAP_MAX_MS + 1 + random.below(1_000_000) : random.below(LOOP_GAP_MAX_MS)
    time.nowMs += gapMs
    if (gapMs <= LOOP_GAP_MAX_MS) lived += gapMs
    clock.tick()
    expect(clock.nowMs, `seed ${random.seed}`).toBe(lived)
  }
})

test('put forward, it is ahead from then on, and a loop that stood still gains nothing by it', () => {
  const { time, clock } = clockAt(1_000)
  const { dateMs } = clock
  clock.advance(60_000)
  expect(clock.nowMs).toBe(61_000)
  expect(clock.monotonicMs).toBe(61_000)
  expect(clock.dateMs - dateMs).toBeGreaterThanOrEqual(60_000)
  time.nowMs += LOOP_GAP_MAX_MS + 1
  expect(clock.nowMs).toBe(61_000)
  expect(clock.monotonicMs).toBe(61_000 + LOOP_GAP_MAX_MS + 1)
})

test('by itself it goes by the time of the process', () => {
  const before = performance.now()
  const { nowMs } = new LoopClock()
  expect(nowMs).toBeGreaterThanOrEqual(before)
  expect(nowMs).toBeLessThanOrEqual(performance.now())
})
