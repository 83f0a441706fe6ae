// Which plans share an audience.

import { expect, test } from 'vitest'
import { AUDIENCES_WEIGHT_MAX } from '../../src/base/constants.ts'
import { Audiences } from '../../src/routing/audiences.ts'
import type { ReceiverGroup } from '../../src/routing/queue-plan.ts'
import type { DeliveryRights, Receiver, Subscription } from '../../src/routing/subscription.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { TestOutputs, TestReceiver } from './parts.ts'

const outputs = new TestOutputs(new CountingPool())

/** Groups of a plan that is looked up now, each of one subscription. */
function groupsOf(subscriptions: readonly Subscription[], subject = ''): ReceiverGroup[] {
  return subscriptions.map((subscription) => {
    const { sid, receiver } = subscription
    const { options, dialect } = receiver
    return { subject, sid, headers: options.headers, dialect, subscriptions: [subscription] }
  })
}

const subscribers = (count: number): Subscription[] =>
  Array.from({ length: count }, (_, i) => new TestReceiver(outputs).subscription('>', { sid: `${i}` }))

test('the same subscriptions in the same order have one audience, others another', () => {
  const audiences = new Audiences()
  const [a, b, c] = subscribers(3)
  const first = audiences.of(groupsOf([a, b]))
  expect(audiences.of(groupsOf([a, b]))).toBe(first)
  for (const other of [[b, a], [a, c], [a], [a, b, c]]) {
    expect(audiences.of(groupsOf(other))).not.toBe(first)
    expect(audiences.of(groupsOf(other)).size).toBe(other.length)
  }
  expect(audiences.of(groupsOf([a, b], 'imported'))).not.toBe(first)
})

test.each<[string, (receiver: TestReceiver) => Partial<Receiver>]>([
  ['headers', ({ options }) => ({ options: { ...options, headers: false } })],
  ['no echo', ({ options }) => ({ options: { ...options, echo: false } })],
  ['to answer', () => ({ rights: { mayAnswer: true } as DeliveryRights })],
])('a receiver that wants %s from now on has another audience than before', (_, change) => {
  const audiences = new Audiences()
  const subscriptions = subscribers(2)
  const before = audiences.of(groupsOf(subscriptions))
  const receiver = subscriptions[1].receiver as TestReceiver
  Object.assign(receiver, change(receiver))
  const after = audiences.of(groupsOf(subscriptions))
  expect(after).not.toBe(before)
  expect(audiences.of(groupsOf(subscriptions))).toBe(after)
})

test('those that no plan has any more are forgotten, and all of them when they are too many', () => {
  const audiences = new Audiences()
  const [kept, dropped] = [subscribers(2), subscribers(2)].map((one) => groupsOf(one))
  const audience = audiences.of(kept)
  const gone = audiences.of(dropped)
  audiences.keepOnly([audience])
  expect([audiences.of(kept) === audience, audiences.of(dropped) === gone]).toEqual([true, false])
  const many = new Array<Subscription>(AUDIENCES_WEIGHT_MAX / 2).fill(subscribers(1)[0])
  const large = [{ ...kept[0], subscriptions: many }]
  const latest = audiences.of(large)
  expect(audiences.of(large)).toBe(latest)
  audiences.of([{ ...large[0], subscriptions: [...many, kept[0].subscriptions[0]] }])
  expect(audiences.of(large)).not.toBe(latest)
  expect(audiences.of(kept)).not.toBe(audience)
})
