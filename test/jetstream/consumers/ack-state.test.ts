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

test('what the stream has lost is delivered again under the same sequences, and is due when its wait is over', () => {
  const state = new AckState(RULES, 1, 0)
  for (const seq of [1, 2, 3]) state.deliver(seq, 0)
  state.due(100)
  expect(state.queued).toBe(3)
  state.cutTo(1)
  expect([state.pending, state.delivered]).toEqual([1, { consumer: 3, stream: 1 }])
  state.deliver(2, 100)
  expect([state.pending, state.find(2)?.consumerSeq, state.find(3)]).toEqual([2, 4, undefined])
  state.due(200)
  expect(state.queued).toBe(2)
})

test('large columns are let go when nothing waits', () => {
  const messages = new UnacknowledgedMessages()
  for (let seq = 1; seq <= 20_000; seq++) messages.add(seq, seq, 1, 0)
  expect(messages.columns.slots).toBe(32_768)
  for (let seq = 1; seq <= 20_000; seq++) messages.remove(messages.find(seq))
  expect([messages.size, messages.columns.slots]).toEqual([0, 8])
  expect(messages.find(messages.columns.seqs[messages.add(20_001, 20_001, 1, 0)])).toBe(0)
})
