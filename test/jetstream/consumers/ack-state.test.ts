// What is acknowledged, beside a naive model; and its bounds of memory.

import { expect, test } from 'vitest'
import { AckState } from '../../../src/jetstream/consumers/ack-state.ts'
import { chooseSeed, Random } from '../../support/random.ts'
import { walk } from './ack-model.ts'

test('random walks agree with the model', () => {
  const random = new Random(chooseSeed('ack-state'))
  for (let i = 0; i < 30; i++) walk(random, 300)
})

const RULES = { policy: 'explicit', waitMs: 100, backoffMs: [], maxDeliver: -1 } as const

test('a hundred thousand messages are acknowledged from the front, and what is behind waits', () => {
  const state = new AckState(RULES, 1, 0)
  for (let seq = 1; seq <= 100_000; seq++) state.deliver(seq, 0)
  for (let seq = 1; seq < 100_000; seq++) {
    state.acknowledge(seq, seq)
    if (state.floor.stream !== seq) expect(state.floor.stream).toBe(seq)
  }
  expect([state.pending, state.due(99), state.due(110), state.nextAgain?.seq]).toEqual([1, [], [], 100_000])
})
