import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { REGION_BYTES } from '../../src/base/constants.ts'
import { Header } from '../../src/interest/layout.ts'
import { accountKey, type Interest, InterestReader } from '../../src/interest/reader.ts'
import { createRegion } from '../../src/interest/writer.ts'
import { hashBytes } from '../../src/memory/block.ts'
import { chooseSeed } from '../support/random.ts'
import {
  CHURNED_QUEUE,
  type ChurnSetup,
  type FromChurner,
  isKept,
  KEPT_MEMBERS,
  KEPT_QUEUE,
  NUMBERS,
} from './churner.ts'
import { NOTHING, PLAIN, readFrom, TestIndex } from './indexes.ts'

function indexOf(...filters: string[]): TestIndex {
  const index = new TestIndex()
  for (const filter of filters) index.writer.add('$G', filter, '')
  return index
}

test.each([
  ['foo', 'foo'],
  ['foo.bar', 'foo.bar'],
  ['*', 'foo'],
  ['>', 'foo'],
  ['>', 'foo.bar.baz'],
  ['foo.*', 'foo.bar'],
  ['*.bar', 'foo.bar'],
  ['*.*', 'foo.bar'],
  ['foo.>', 'foo.bar'],
  ['foo.>', 'foo.bar.baz'],
  ['foo.*.>', 'foo.bar.baz'],
  ['*.>', 'foo.bar'],
  ['foo.*', 'foo.*'],
  ['foo.>', 'foo.>'],
  ['foo*', 'foo*'],
  ['fo>', 'fo>'],
  ['\xff\xfe.*', '\xff\xfe.\x80'],
  ['\x01', '\x01'],
])('%j matches %j', (filter, subject) => {
  expect(indexOf(filter).read('$G', subject)).toEqual(PLAIN)
})

test.each([
  ['foo', 'bar'],
  ['foo', 'fo'],
  ['foo', 'fooo'],
  ['foo', 'Foo'],
  ['foo', 'foo.bar'],
  ['foo.bar', 'foo'],
  ['*', 'foo.bar'],
  ['foo.*', 'foo'],
  ['foo.*', 'foo.bar.baz'],
  ['*.bar', 'bar'],
  ['foo.>', 'foo'],
  ['foo.*.>', 'foo.bar'],
  ['*.*', 'foo'],
  ['foo*', 'foobar'],
  ['fo>', 'foo'],
  ['foo.bar', 'foo.*'],
  ['foo.bar', 'foo.>'],
  ['foo.bar', '>'],
  ['\xff', '\xfe'],
])('%j does not match %j', (filter, subject) => {
  expect(indexOf(filter).read('$G', subject)).toEqual(NOTHING)
})

test.each(['', '.', '..', '.foo', 'foo.', 'foo..bar', '.foo.bar', 'foo.bar.'])(
  'nothing matches a subject with an empty token: %j',
  (subject) => {
    expect(indexOf('>', '*', '*.*', '*.>', 'foo', 'foo.*', 'foo.>', '*.*.*').read('$G', subject)).toEqual(NOTHING)
  },
)

test('subjects of a token for every second byte of the longest control line are matched', () => {
  const tokens = 2_040
  const deep = Array(tokens).fill('a').join('.')
  const stars = Array(tokens).fill('*').join('.')
  for (const filter of [deep, stars, `${stars.slice(0, -2)}.>`]) {
    const index = indexOf(filter)
    expect(index.read('$G', deep)).toEqual(PLAIN)
    expect(index.read('$G', `${deep}.a`)).toEqual(filter.endsWith('>') ? PLAIN : NOTHING)
    expect(index.read('$G', deep.slice(2))).toEqual(NOTHING)
  }
})

test('a long token is compared to its last byte', () => {
  const long = 'x'.repeat(3_000)
  const index = indexOf(`${long}a`, `b.${long}`)
  expect(index.read('$G', `${long}a`)).toEqual(PLAIN)
  expect(index.read('$G', `b.${long}`)).toEqual(PLAIN)
  for (const other of [`${long}b`, long, `${long}aa`, `b.${long}x`]) expect(index.read('$G', other)).toEqual(NOTHING)
})

test('tokens with the same hash and length are told apart', () => {
  const seed = 1
  const byHash = new Map<number, string>()
  const pairs: [string, string][] = []
  for (let i = 0; pairs.length < 3; i++) {
    const token = `t${i.toString(36).padStart(5, '0')}`
    const hash = hashBytes(Buffer.from(token), 0, token.length, seed)
    const other = byHash.get(hash)
    if (other !== undefined) pairs.push([token, other])
    byHash.set(hash, token)
  }
  for (const [one, other] of pairs) {
    const index = new TestIndex(seed)
    const node = index.writer.add('$G', one, '')
    expect(index.read('$G', one)).toEqual(PLAIN)
    expect(index.read('$G', other)).toEqual(NOTHING)
    const otherNode = index.writer.add('$G', other, 'q')
    expect(otherNode).not.toBe(node)
    index.writer.remove(node, '$G', one, '')
    expect(index.read('$G', one)).toEqual(NOTHING)
    expect(index.read('$G', other)).toEqual({ plain: false, queues: new Map([['q', 1]]) })
  }
})

test('accounts hear nothing of each other, whatever their names', () => {
  const index = new TestIndex()
  index.writer.add('A', 'foo', '')
  index.writer.add('A.foo', 'bar', '')
  index.writer.add('*', 'star', '')
  index.writer.add('>', 'rest', '')
  expect(index.read('A', 'foo')).toEqual(PLAIN)
  expect(index.read('A.foo', 'bar')).toEqual(PLAIN)
  expect(index.read('*', 'star')).toEqual(PLAIN)
  expect(index.read('B', 'foo')).toEqual(NOTHING)
  expect(index.read('A', 'foo.bar')).toEqual(NOTHING)
  expect(index.read('A', 'bar')).toEqual(NOTHING)
  expect(index.read('A', 'star')).toEqual(NOTHING)
  expect(index.read('A', 'rest')).toEqual(NOTHING)
  expect(index.read('', 'foo')).toEqual(NOTHING)
})

test('members of a queue group are added up over all filters that match', () => {
  const index = new TestIndex()
  for (const [filter, queue] of [
    ['foo.bar', 'q'],
    ['foo.bar', 'q'],
    ['foo.*', 'q'],
    ['>', 'q'],
    ['foo.*', 'r'],
    ['foo', 'q'],
    ['*.bar', '\xff'],
  ]) {
    index.writer.add('$G', filter, queue)
  }
  const queues = new Map([
    ['q', 4],
    ['r', 1],
    ['\xff', 1],
  ])
  expect(index.read('$G', 'foo.bar')).toEqual({ plain: false, queues })
  index.writer.add('$G', '*.bar', '')
  expect(index.read('$G', 'foo.bar')).toEqual({ plain: true, queues })
})

test('only the bytes between start and end are the subject', () => {
  const index = indexOf('b', 'a.b', 'b.c')
  const bytes = Buffer.from('a.b.c')
  const account = accountKey('$G')
  expect(index.reader.read(account, bytes, 2, 3)).toEqual(PLAIN)
  expect(index.reader.read(account, bytes, 0, 3)).toEqual(PLAIN)
  expect(index.reader.read(account, bytes, 2, 5)).toEqual(PLAIN)
  expect(index.reader.read(account, bytes, 0, 1)).toEqual(NOTHING)
  expect(index.reader.read(account, bytes, 4, 5)).toEqual(NOTHING)
})

test('an answer keeps its value when the reader goes on', () => {
  const index = new TestIndex()
  index.writer.add('$G', 'a', 'q')
  const first = index.read('$G', 'a')
  index.writer.add('$G', 'a', 'q')
  index.read('$G', 'a')
  index.read('$G', 'nothing')
  expect(first).toEqual({ plain: false, queues: new Map([['q', 1]]) })
})

// ── A region that moves ─────────────────────────────────────────────────────────────────────────────────

test('a region that will not hold still is taken to be interested', () => {
  const index = indexOf('foo')
  const words = new Int32Array(index.region)
  // A thread that changes the region between any two looks at its count, staged on this one.
  const load = Atomics.load
  Atomics.load = ((array: Int32Array, at: number) => {
    if (array.buffer === index.region && at === Header.sequence) words[Header.sequence]++
    return load(array, at)
  }) as typeof load
  try {
    expect(index.read('$G', 'bar')).toEqual({ ...PLAIN, guessed: true })
  } finally {
    Atomics.load = load
  }
  expect(index.read('$G', 'bar')).toEqual(NOTHING)
})

test('a reader that meets memory it cannot see yet looks again', () => {
  // Staged: just after this reader has looked at CAPACITY, the writer grows the region and moves the edge table into
  // the new part, and has not counted that change yet. The filter was there all the time.
  const index = indexOf('foo.bar')
  const words = new Int32Array(index.region)
  const capacity = words[Header.capacity]
  const { name, bytes } = accountKey('$G')
  let grown = false
  const account = {
    name,
    get bytes() {
      if (!grown) {
        grown = true
        const sequence = words[Header.sequence]
        for (let i = 0; words[Header.edges] < capacity; i++) index.writer.add('$G', `grow.${i}`, '')
        words[Header.sequence] = sequence
      }
      return bytes
    },
  }
  expect(index.reader.read(account, Buffer.from('foo.bar'), 0, 7)).toEqual(PLAIN)
  expect(grown).toBe(true)
})

test('while another thread writes, what stays is never missed and what never was is never reported', {
  timeout: 60_000,
}, async () => {
  const READS = 30_000 // of each of four kinds, three times
  const firstSeed = chooseSeed('churn')
  for (const round of [1, 2, 3]) {
    const seed = firstSeed + round
    const region = createRegion()
    const control = new SharedArrayBuffer(4)
    const setup: ChurnSetup = { region, seed, control }
    const worker = new Worker(new URL('./churner.ts', import.meta.url), { workerData: setup, execArgv: [] })
    const [ready] = (await once(worker, 'message')) as [FromChurner]
    expect(ready.kind).toBe('ready')
    // One reader of before the region grew, and one that comes anew now and then.
    const old = new InterestReader(region)
    expect(readFrom(old, '$G', 'a.b.c.d')).toEqual(PLAIN)
    let fresh = new InterestReader(region)
    const wrong: string[] = []
    const check = (ok: boolean, what: string, i: number, { plain, queues }: Interest): void => {
      if (ok || wrong.length > 10) return
      wrong.push(`${what}: read ${i} of round ${round}: plain ${plain}, queues ${JSON.stringify([...(queues ?? [])])}`)
    }
    for (let i = 0; i < READS; i++) {
      if (i % 5_000 === 0) fresh = new InterestReader(region)
      const reader = i % 2 === 0 ? old : fresh
      const number = i % NUMBERS
      const item = readFrom(reader, '$G', `item.${number}.x`)
      check(!isKept(number) || item.plain, 'an item missed', i, item)
      const strangers = [...(item.queues ?? [])].filter(([name, members]) => name !== CHURNED_QUEUE || members !== 1)
      check(strangers.length === 0, 'a group of an item', i, item)
      const group = readFrom(reader, '$G', 'group.x')
      const members = group.queues?.get(KEPT_QUEUE) ?? 0
      check(members === KEPT_MEMBERS || members === KEPT_MEMBERS + 1, 'members of a group', i, group)
      const deep = readFrom(reader, '$G', 'a.b.c.d')
      check(deep.plain, 'a deep filter missed', i, deep)
      const never = readFrom(reader, i % 3 === 0 ? 'A' : '$G', i % 3 === 1 ? 'a.b.c' : `item.${number}`)
      check(!never.plain && never.queues === undefined, 'never there', i, never)
    }
    // Both are waited for from now on: the last message and the end may come together.
    const ended = Promise.all([once(worker, 'message'), once(worker, 'exit')])
    Atomics.store(new Int32Array(control), 0, 1)
    const [[done]] = (await ended) as unknown as [[FromChurner], unknown]
    expect(wrong, `seed ${firstSeed}`).toEqual([])
    expect(done.kind === 'done' && done.changes).toBeGreaterThan(20_000)
    expect(region.byteLength).toBeGreaterThan(REGION_BYTES)
  }
})

test('an account is there as long as anything stands in it', () => {
  const index = new TestIndex()
  const reader = new InterestReader(index.region)
  const account = accountKey('A')
  expect(reader.hasAccount(account)).toBe(false)
  const node = index.writer.add('A', 'x.*', 'q')
  expect([reader.hasAccount(account), reader.hasAccount(accountKey('B'))]).toEqual([true, false])
  index.writer.remove(node, 'A', 'x.*', 'q')
  index.writer.settle()
  expect(reader.hasAccount(account)).toBe(false)
})

test('what came by a service import is not for those whom a stream import has put there', () => {
  const index = indexOf()
  const read = (): unknown => index.reader.read(accountKey('$G'), Buffer.from('a.b'), 0, 3, true)
  const imported = [index.writer.add('$G', 'a.b', '', true), index.writer.add('$G', 'a.*', 'q', true)]
  expect(index.read('$G', 'a.b')).toEqual({ plain: true, queues: new Map([['q', 1]]) })
  expect(read()).toEqual(NOTHING)
  index.writer.add('$G', 'a.b', '')
  index.writer.add('$G', 'a.*', 'q')
  expect(index.read('$G', 'a.b')).toEqual({ plain: true, queues: new Map([['q', 2]]) })
  expect(read()).toEqual({ plain: true, queues: new Map([['q', 1]]) })
  index.writer.remove(imported[0], '$G', 'a.b', '', true)
  index.writer.remove(imported[1], '$G', 'a.*', 'q', true)
  expect(read()).toEqual(index.read('$G', 'a.b'))
})
