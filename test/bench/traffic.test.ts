// What the bench owes to subscribers, and what it finds wrong in what they get.

import { expect, test } from 'vitest'
import { Inspector } from '../../bench/generators/inspector.ts'
import { deliveryText, KEY_BYTES, type Message, owedBy, publishText, type Traffic } from '../../bench/traffic.ts'
import { deepSubjectsTo, oneSubject, sizesAtRandom, unheard, WILDCARDS } from '../../bench/workloads.ts'

const message = (subject: string, payload: string, headers = ''): Message => ({ subject, headers, payload })
const MESSAGES = [message('a.b', '0_one-----------'), message('a.c', '1_two-----------', 'NATS/1.0\r\nA: b\r\n\r\n')]
const TRAFFIC: Traffic = {
  publishers: [
    { account: '', messages: MESSAGES },
    { account: 'other', messages: [message('a.b', '2_three---------')] },
  ],
  subscribers: [
    { account: '', subscriptions: [{ filter: 'a.*', sid: '7' }] },
    {
      account: '',
      subscriptions: [
        { filter: '>', sid: '10' },
        { filter: 'a.b', sid: '200' },
      ],
    },
    { account: 'third', subscriptions: [{ filter: '>', sid: '1' }] },
  ],
}
const [first, second] = MESSAGES

function inspected(subscriber: number, text: string): () => void {
  return () => new Inspector(TRAFFIC).inspect(subscriber, Buffer.from(text, 'latin1'))
}

test('messages are written with and without headers', () => {
  expect(publishText(first)).toBe('PUB a.b 16\r\n0_one-----------\r\n')
  expect(publishText(second)).toBe('HPUB a.c 18 34\r\nNATS/1.0\r\nA: b\r\n\r\n1_two-----------\r\n')
  expect(deliveryText(second, '7')).toBe('HMSG a.c 7 18 34\r\nNATS/1.0\r\nA: b\r\n\r\n1_two-----------\r\n')
})

test('subscribers are owed what matches, of their own account, once for each subscription', () => {
  const lengths = [deliveryText(first, '7'), deliveryText(second, '7')].map(({ length }) => length)
  const all = [deliveryText(first, '10'), deliveryText(second, '10'), deliveryText(first, '200')]
  expect(owedBy(TRAFFIC)).toEqual([
    { messages: 2, bytes: lengths[0] + lengths[1] },
    { messages: 3, bytes: all.join('').length },
    { messages: 0, bytes: 0 },
  ])
})

test('what subscribers are owed passes, from the middle of a message on, again and again, with PINGs in between', () => {
  const round = `${deliveryText(first, '7')}PING\r\n${deliveryText(second, '7')}`
  expect(inspected(0, `${round}${round}`.slice(5))).not.toThrow()
  expect(inspected(1, MESSAGES.map((each) => deliveryText(each, '10')).join(''))).not.toThrow()
  expect(inspected(1, deliveryText(first, '200') + deliveryText(first, '10'))).not.toThrow()
})

test.each([
  ['another sid', deliveryText(first, '8')],
  ['a sid whose filter does not match', deliveryText(second, '200')],
  ['another subject', deliveryText({ ...first, subject: 'a.d' }, '7')],
  ['another payload', deliveryText({ ...first, payload: '0_one----------+' }, '7')],
  ['other headers', deliveryText({ ...second, headers: 'NATS/1.0\r\nA: c\r\n\r\n' }, '7')],
  ['a message of another account', deliveryText(TRAFFIC.publishers[1].messages[0], '7')],
])('%s is found', (_, text) => {
  expect(inspected(0, text)).toThrow('unexpectedly')
  expect(inspected(1, text)).toThrow('unexpectedly')
})

test('a message that is missing is found, and one that comes too late', () => {
  const { publishers, subscribers } = oneSubject(1, sizesAtRandom)
  const inspector = new Inspector({ publishers, subscribers })
  const text = (...indices: number[]): Buffer =>
    Buffer.from(indices.map((i) => deliveryText(publishers[0].messages[i], '17')).join(''))
  const last = publishers[0].messages.length - 1
  expect(() => inspector.inspect(0, text(last - 1, last, 0, 1, 2))).not.toThrow()
  expect(() => inspector.inspect(0, text(1, 3))).toThrow('out of order')
  expect(() => inspector.inspect(0, text(2, 1))).toThrow('out of order')
})

test.each([
  ['one subject', () => oneSubject(8, sizesAtRandom)],
  ['deep subjects', () => deepSubjectsTo(16, WILDCARDS)],
  ['subjects that nobody hears', () => unheard(10_000)],
])('the payloads of %s are told apart by their beginning, and look like no PING', (_, make) => {
  const payloads = make().publishers.flatMap(({ messages }) => messages.map(({ payload }) => payload))
  expect(new Set(payloads.map((payload) => payload.slice(0, KEY_BYTES))).size).toBe(payloads.length)
  expect(payloads.filter((payload) => /[^a-z0-9_]/.test(payload))).toEqual([])
})
