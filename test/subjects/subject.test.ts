import { expect, test } from 'vitest'
import {
  countTokens,
  isReservedReply,
  isReservedSubject,
  isValidFilter,
  isValidLiteral,
  matches,
  mayBeReservedReply,
  mayBeReservedSubject,
} from '../../src/subjects/subject.ts'
import { naiveMatch } from '../model/interest-model.ts'
import { chooseSeed, Random } from '../support/random.ts'

const LITERAL = [
  'a',
  'foo.bar',
  'a.b.c.d',
  'foo*',
  '*foo',
  'fo*o.b>r',
  '>>',
  '**',
  '\xff',
  '\x01',
  '$SYS.x',
  '_INBOX.1',
]
const WILDCARD = ['*', '>', 'foo.*', 'foo.>', '*.*.>', 'foo.*.bar', '*.foo']
const MALFORMED = ['', '.', '..', '.foo', 'foo.', 'foo..bar', 'foo.>.bar', '>.foo', '>.>', '*.>.*', '.>', '*..*']

test.each([...LITERAL, ...WILDCARD])('%j is a filter', (subject) => {
  expect(isValidFilter(subject)).toBe(true)
})

test.each(MALFORMED)('%j is no filter', (subject) => {
  expect(isValidFilter(subject)).toBe(false)
})

test.each(LITERAL)('%j is a subject to publish to', (subject) => {
  expect(isValidLiteral(subject)).toBe(true)
})

test.each([...WILDCARD, ...MALFORMED])('%j is no subject to publish to', (subject) => {
  expect(isValidLiteral(subject)).toBe(false)
})

test('tokens are what stands between dots', () => {
  expect([countTokens('a'), countTokens('a.b'), countTokens('a.*.>'), countTokens('a.'.repeat(99))]).toEqual([
    1, 2, 3, 100,
  ])
})

test.each([
  ['a', 'a'],
  ['a.*', 'a.b'],
  ['*.b', 'a.b'],
  ['a.>', 'a.b'],
  ['a.>', 'a.b.c'],
  ['>', 'a'],
  ['>', 'a.b.c'],
  ['*.*.>', 'a.b.c'],
  ['a.*', 'a.*'],
  ['a*', 'a*'],
])('%j matches %j', (filter, subject) => {
  expect(matches(filter, subject)).toBe(true)
})

test.each([
  ['a', 'b'],
  ['a', 'a.b'],
  ['a.b', 'a'],
  ['*', 'a.b'],
  ['a.*', 'a'],
  ['a.*', 'a.b.c'],
  ['a.>', 'a'],
  ['a.>', 'b.c'],
  ['*.*.>', 'a.b'],
  ['a*', 'ab'],
  ['A', 'a'],
])('%j does not match %j', (filter, subject) => {
  expect(matches(filter, subject)).toBe(false)
})

test('random filters match random subjects as the plainest matcher says', () => {
  const random = new Random(chooseSeed('matches'))
  const tokens = ['a', 'b', 'aa', '*', '>', 'a*']
  const make = (names: readonly string[]): string =>
    Array.from({ length: 1 + random.below(4) }, () => random.pick(names)).join('.')
  let hits = 0
  for (let i = 0; i < 50_000; i++) {
    const filter = make(tokens)
    const subject = make(['a', 'b', 'aa', 'a*'])
    if (!isValidFilter(filter)) continue
    if (matches(filter, subject)) hits++
    if (matches(filter, subject) !== naiveMatch(filter, subject)) {
      expect.fail(`seed ${random.seed}: ${filter} against ${subject}`)
    }
  }
  expect(hits).toBeGreaterThan(1_000)
})

test.each(['_GR_.x', '$GR.x', '$NRG.x.y', '$NRG.'])('publishing to %j is not for clients', (subject) => {
  expect(isReservedSubject(subject)).toBe(true)
  expect(mayBeReservedSubject(subject.charCodeAt(0), subject.charCodeAt(1))).toBe(true)
})

test.each([
  '_GR_',
  '_GR_.',
  '$GR.',
  '$gr.x',
  '$NRG',
  '$NRGx.y',
  '_gr_.x',
  'a._GR_.x',
  '$JS.API.INFO',
  '_INBOX.x',
  '$SYS.REQ',
  '_R_.x',
])('publishing to %j is for clients', (subject) => {
  expect(isReservedSubject(subject)).toBe(false)
})

test.each(['_R_.x', '_R_.', '$JS.ACK.s.c.1', '$JS.ACK', '$JS.a', '_GR_.c.x', '$GR.x'])(
  '%j is no reply subject for clients',
  (reply) => {
    expect(isReservedReply(reply)).toBe(true)
    expect(mayBeReservedReply(reply.charCodeAt(0), reply.charCodeAt(1))).toBe(true)
  },
)

test.each(['_R_', '$JS.', '$JS', '_GR_.', '$GR.', '$js.a', '$NRG.a', '_INBOX.1', 'a._R_.x', '_r_.x'])(
  '%j is a reply subject for clients',
  (reply) => {
    expect(isReservedReply(reply)).toBe(false)
  },
)

test('what begins otherwise cannot be reserved', () => {
  const pairs = { subjects: '', replies: '' }
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const pair = ` ${String.fromCharCode(first, second)}`
      if (mayBeReservedSubject(first, second)) pairs.subjects += pair
      if (mayBeReservedReply(first, second)) pairs.replies += pair
    }
  }
  expect(pairs).toEqual({ subjects: ' $G $N _G', replies: ' $G $J _G _R' })
})
