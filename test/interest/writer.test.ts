import { expect, test } from 'vitest'
import { REGION_BYTES } from '../../src/base/constants.ts'
import { Header } from '../../src/interest/layout.ts'
import { type Interest, InterestReader } from '../../src/interest/reader.ts'
import { InterestModel } from '../model/interest-model.ts'
import { chooseSeed, Random } from '../support/random.ts'
import {
  type Filter,
  NOTHING,
  PLAIN,
  randomAccount,
  randomFilter,
  randomSubject,
  readFrom,
  TestIndex,
} from './indexes.ts'

interface Held extends Filter {
  readonly node: number
}

function addAll(index: TestIndex, filters: readonly Filter[]): Held[] {
  return filters.map((filter) => ({ ...filter, node: index.writer.add(filter.account, filter.filter, filter.queue) }))
}

function removeAll(index: TestIndex, held: readonly Held[]): void {
  for (const { node, account, filter, queue } of held) index.writer.remove(node, account, filter, queue)
}

const textOf = ({ plain, queues }: Interest): string => JSON.stringify([plain, queues && [...queues].sort()])

const plain = (filter: string): Filter => ({ account: '$G', filter, queue: '' })

test('random filters, added and removed, read as a list of filters would', () => {
  const random = new Random(chooseSeed('interest'))
  const index = new TestIndex(random.below(2 ** 31))
  const model = new InterestModel()
  const held: Held[] = []
  for (let step = 0; step < 300; step++) {
    // It grows, shrinks, and now and then loses everything.
    const target = random.chance(0.05) ? 0 : random.below(120)
    while (held.length < target) {
      const filter = randomFilter(random)
      const node = index.writer.add(filter.account, filter.filter, filter.queue)
      expect(node).toBeGreaterThan(0)
      model.add(filter.account, filter.filter, filter.queue)
      held.push({ ...filter, node })
    }
    while (held.length > target) {
      const [gone] = held.splice(random.below(held.length), 1)
      index.writer.remove(gone.node, gone.account, gone.filter, gone.queue)
      model.remove(gone.account, gone.filter, gone.queue)
    }
    for (let i = 0; i < 60; i++) {
      const account = randomAccount(random)
      // Sometimes a filter's own text is the subject: wildcards in subjects are ordinary tokens.
      const subject = random.chance(0.3) && held.length > 0 ? random.pick(held).filter : randomSubject(random, false)
      const [got, wanted] = [index.read(account, subject), model.read(account, subject)]
      if (textOf(got) !== textOf(wanted)) {
        expect(got, `seed ${random.seed}, step ${step}: ${account} ${subject}`).toEqual(wanted)
      }
    }
  }
})

test('the same filter of several subscriptions is one node, which stays until the last is gone', () => {
  const index = new TestIndex()
  const nodes = addAll(index, [plain('a.b'), plain('a.b'), { account: '$G', filter: 'a.b', queue: 'q' }])
  expect(new Set(nodes.map(({ node }) => node)).size).toBe(1)
  removeAll(index, nodes.slice(0, 2))
  expect(index.read('$G', 'a.b')).toEqual({ plain: false, queues: new Map([['q', 1]]) })
  removeAll(index, nodes.slice(2))
  expect(index.read('$G', 'a.b')).toEqual(NOTHING)
})

test('removing a filter leaves those that begin or go on like it', () => {
  const index = new TestIndex()
  addAll(index, [plain('a'), plain('a.b.c'), plain('a.*'), plain('a.>')])
  removeAll(index, addAll(index, [plain('a.b')]))
  removeAll(index, addAll(index, [plain('a.b.c.d')]))
  expect(index.read('$G', 'a')).toEqual(PLAIN)
  expect(index.read('$G', 'a.b.c')).toEqual(PLAIN)
  expect(index.read('$G', 'a.b.c.d')).toEqual(PLAIN)
  expect(index.read('$G', 'b')).toEqual(NOTHING)
})

test('a filter that is removed more often than added is a bug that shows', () => {
  const index = new TestIndex()
  const [first] = addAll(index, [plain('a'), { account: '$G', filter: 'a', queue: 'q' }])
  removeAll(index, [first])
  expect(() => removeAll(index, [first])).toThrow('more often')
  expect(() => index.writer.remove(first.node, '$G', 'a', 'other')).toThrow('more often')
  expect(index.read('$G', 'a')).toEqual({ plain: false, queues: new Map([['q', 1]]) })
})

test('every change moves the generation of its first token, and no other', () => {
  const index = new TestIndex()
  const counters = new Int32Array(index.generations.memory)
  const bucket = index.generations.bucketOf(Buffer.from('orders.new'), 0, 10)
  const before = counters.slice()
  const held = addAll(index, [plain('orders.*'), plain('orders.>'), { account: 'A', filter: 'orders', queue: 'q' }])
  before[bucket] += 3
  expect(counters).toEqual(before)
  removeAll(index, held)
  before[bucket] += 3
  expect(counters).toEqual(before)
})

test('filters that begin with a wildcard move the generation that everybody watches', () => {
  const index = new TestIndex()
  const counters = new Int32Array(index.generations.memory)
  addAll(index, [plain('*.new'), plain('>')])
  expect(counters[0]).toBe(2)
  addAll(index, [plain('*x.new'), plain('>>')])
  expect(counters[0]).toBe(2)
})

// ── Memory ──────────────────────────────────────────────────────────────────────────────────────────────

function inbox(number: number): Filter {
  const id = String(number).padStart(10, '0')
  return { account: '$G', filter: `_INBOX.${id}.*`, queue: number % 7 === 0 ? `group-${id}` : '' }
}

function inboxes(count: number, from = 0): Filter[] {
  return Array.from({ length: count }, (_, i) => inbox(from + i))
}

/** The subjects of inboxes are as expected; says so once, for there are many. */
function expectInboxes(reader: InterestReader, filters: readonly Filter[], account = '$G'): void {
  const wrong = filters.filter(({ filter, queue }) => {
    const { plain, queues } = readFrom(reader, account, filter.replace('*', 'x'))
    if (account !== '$G') return plain || queues !== undefined
    return plain !== (queue === '') || (queue === '' ? queues !== undefined : queues?.get(queue) !== 1)
  })
  expect(wrong).toEqual([])
}

test('the same filters, added and removed 100,000 times, use no more memory', () => {
  const index = new TestIndex()
  const filters = inboxes(20)
  removeAll(index, addAll(index, filters))
  for (let i = 0; i < 200; i++) removeAll(index, addAll(index, filters)) // until tables have been renewed once
  const { usedBytes } = index.writer
  for (let i = 0; i < 5_000; i++) removeAll(index, addAll(index, filters))
  expect(index.writer.usedBytes).toBe(usedBytes)
  for (const { filter } of filters) expect(index.read('$G', filter.replace('*', 'x'))).toEqual(NOTHING)
})

test('ever new filters of which few live at a time use no more memory', () => {
  const index = new TestIndex()
  let live = addAll(index, inboxes(500))
  const churn = (rounds: number, from: number): void => {
    for (let round = 0; round < rounds; round++) {
      const next = addAll(index, inboxes(500, from + round * 500))
      removeAll(index, live)
      live = next
    }
  }
  churn(20, 500)
  const { usedBytes } = index.writer
  churn(150, 20_000)
  // 75,000 filters more would be megabytes.
  expect(index.writer.usedBytes).toBeLessThan(usedBytes + 16 * 1024)
  expect(index.read('$G', '_INBOX.0000000001.x')).toEqual(NOTHING)
  expectInboxes(index.reader, live)
})

test('when all filters are gone nothing matches, and not a node is left', () => {
  const random = new Random(chooseSeed('interest emptied'))
  const index = new TestIndex()
  const held = addAll(
    index,
    Array.from({ length: 3_000 }, () => randomFilter(random)),
  )
  while (held.length > 0) removeAll(index, held.splice(random.below(held.length), 1))
  const words = new Int32Array(index.region)
  const edges = words[Header.edges]
  const live = [...words.subarray(edges + 1, edges + 2 + words[edges])].filter((slot) => slot > 0)
  expect(live).toEqual([])
  for (let i = 0; i < 1_000; i++) {
    const account = randomAccount(random)
    expect(index.read(account, randomSubject(random, false))).toEqual(NOTHING)
  }
})

test('the region grows, and readers of before and after see all of it', () => {
  const index = new TestIndex()
  const before = new InterestReader(index.region)
  const filters = inboxes(40_000)
  const held = addAll(index, filters)
  expect(held.every(({ node }) => node > 0)).toBe(true)
  expect(index.region.byteLength).toBeGreaterThan(REGION_BYTES)
  expect(index.writer.usedBytes).toBeLessThanOrEqual(index.region.byteLength)
  const after = new InterestReader(index.region)
  expectInboxes(before, filters)
  expectInboxes(after, filters)
  expectInboxes(before, filters.slice(0, 1000), 'A')
})

test('a reader that is used only now and then follows growth in several steps', () => {
  const index = new TestIndex()
  const idle = new InterestReader(index.region)
  for (let round = 0; round < 5; round++) {
    addAll(index, inboxes(12_000, round * 12_000))
    const last = `_INBOX.${String(round * 12_000 + 11_999).padStart(10, '0')}.x`
    expect(readFrom(idle, '$G', last).plain || readFrom(idle, '$G', last).queues !== undefined).toBe(true)
  }
})

// ── A full region ───────────────────────────────────────────────────────────────────────────────────────

/** Adds inboxes until one is refused; answers those that were taken. */
function fill(index: TestIndex): Held[] {
  const held: Held[] = []
  for (let i = 0; ; i++) {
    const filter = inbox(i)
    const node = index.writer.add(filter.account, filter.filter, filter.queue)
    if (node === 0) return held
    held.push({ ...filter, node })
  }
}

test('a full region answers 0 and nothing has changed', () => {
  const index = new TestIndex(1, REGION_BYTES)
  const held = fill(index)
  expect(held.length).toBeGreaterThan(5_000)
  expect(index.region.byteLength).toBe(REGION_BYTES)
  for (let i = 0; index.writer.add('$G', `f${i}`, '') !== 0; i++); // and what is left by shorter ones
  const image = Buffer.from(new Uint8Array(index.region).slice())
  const generations = new Int32Array(index.generations.memory).slice()
  for (const filter of ['one.more', 'one.*.more.>', 'a.'.repeat(100), '_INBOX.x.*', 'x'.repeat(4000)]) {
    expect(index.writer.add('$G', filter, '')).toBe(0)
    expect(index.writer.add('$G', filter, 'q')).toBe(0)
    expect(index.writer.add('new account', filter, '')).toBe(0)
  }
  expect(Buffer.from(index.region).equals(image)).toBe(true)
  expect(new Int32Array(index.generations.memory)).toEqual(generations)
  expect(index.read('$G', 'one.more')).toEqual(NOTHING)
  expectInboxes(index.reader, held)
})

test('a region that was full takes filters again when some have gone', () => {
  const index = new TestIndex(1, REGION_BYTES)
  const held = fill(index)
  removeAll(index, held.splice(100))
  const again = addAll(index, inboxes(1_000, 500_000))
  expect(again.filter(({ node }) => node === 0)).toHaveLength(0)
  expectInboxes(index.reader, [...held, ...again])
})

test('a region that was full and is empty is as good as new', () => {
  const index = new TestIndex(1, REGION_BYTES)
  const first = fill(index)
  removeAll(index, first)
  const second = fill(index)
  expect(second.length).toBeGreaterThan(first.length * 0.9)
  removeAll(index, second)
})

test('a region that is nearly full serves churn for ever', () => {
  const index = new TestIndex(1, REGION_BYTES)
  const held = fill(index)
  removeAll(index, held.splice(-500))
  for (let round = 0; round < 100; round++) {
    const more = addAll(index, inboxes(200, 500_000 + round * 200))
    expect(
      more.filter(({ node }) => node === 0),
      `round ${round}`,
    ).toHaveLength(0)
    removeAll(index, more)
  }
})
