// What is acknowledged, beside a naive model; and its bounds of memory.

import { expect, test } from 'vitest'
import { AckState } from '../../../src/jetstream/consumers/ack-state.ts'
import { UnacknowledgedMessages } from '../../../src/jetstream/consumers/unacknowledged.ts'
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

test('memory is for those that wait, however old the oldest of them is', () => {
  const messages = new UnacknowledgedMessages()
  messages.add(1, 1, 1, 0)
  for (let seq = 2; seq <= 100_000; seq++) {
    messages.add(seq, seq, 1, 0)
    if (seq > 51) messages.remove(messages.find(seq - 50))
  }
  expect([messages.size, messages.columns.seqs.length]).toEqual([51, 128])
  for (let seq = 99_951; seq <= 100_000; seq++) messages.remove(messages.find(seq))
  for (let seq = 100_001; seq <= 100_200; seq++) messages.remove(messages.add(seq, seq, 1, 0))
  expect([messages.size, messages.columns.seqs.length, messages.find(1)]).toEqual([1, 8, 0])
})
