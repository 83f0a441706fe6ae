import { Socket } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import { REGION_BYTES } from '../../src/base/constants.ts'
import { Client } from '../../src/connection/client.ts'
import { Generations } from '../../src/interest/generations.ts'
import { accountKey } from '../../src/interest/reader.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import { Sublist } from '../../src/routing/sublist.ts'
import { Subscription } from '../../src/routing/subscription.ts'
import { randomAccount, randomFilter, randomSubject } from '../interest/indexes.ts'
import { naiveMatch } from '../model/interest-model.ts'
import { loneShard } from '../support/lone-shard.ts'
import { chooseSeed, Random } from '../support/random.ts'

const shard = loneShard()
afterAll(() => new Promise<void>((resolve) => shard.stop(0, resolve)))

const client = new Client(shard, 1, new Socket())
const GLOBAL = new Account('$G')

class TestSublist {
  readonly region: SharedArrayBuffer
  readonly list: Sublist

  constructor(maxBytes?: number) {
    this.region = maxBytes === undefined ? createRegion() : createRegion(maxBytes)
    this.list = new Sublist(this.region, new InterestWriter(this.region, new Generations(), 7))
  }

  insert(account: string, subject: string, queue = '', sid = '1'): Subscription {
    const subscription = new Subscription(client, new Account(account), subject, queue, sid)
    expect(this.list.insert(subscription)).toBe(true)
    return subscription
  }

  match(account: string, subject: string): { plain: Subscription[]; queues: Map<string, Subscription[]> } {
    const plain: Subscription[] = []
    const queues = new Map<string, Subscription[]>()
    const bytes = Buffer.from(` ${subject} `, 'latin1')
    this.list.match(
      accountKey(account),
      bytes,
      1,
      1 + subject.length,
      (entry) => plain.push(entry as Subscription),
      (name, members) => queues.set(name, [...(queues.get(name) ?? []), ...(members as Subscription[])]),
    )
    return { plain, queues }
  }
}

test('every subscription on a matching filter is found, each once', () => {
  const sublist = new TestSublist()
  const exact = sublist.insert('$G', 'foo.bar')
  const again = sublist.insert('$G', 'foo.bar', '', '2')
  const star = sublist.insert('$G', 'foo.*')
  const rest = sublist.insert('$G', '>')
  sublist.insert('$G', 'foo')
  sublist.insert('$G', 'bar.*')
  sublist.insert('A', 'foo.bar')
  const { plain, queues } = sublist.match('$G', 'foo.bar')
  expect(new Set(plain)).toEqual(new Set([exact, again, star, rest]))
  expect(plain).toHaveLength(4)
  expect(queues.size).toBe(0)
})

test('members of a queue group come together with its name, filter by filter', () => {
  const sublist = new TestSublist()
  const one = sublist.insert('$G', 'foo', 'q')
  const two = sublist.insert('$G', 'foo', 'q', '2')
  const wide = sublist.insert('$G', '*', 'q')
  const other = sublist.insert('$G', 'foo', 'r')
  const { plain, queues } = sublist.match('$G', 'foo')
  expect(plain).toEqual([])
  expect(new Set(queues.get('q'))).toEqual(new Set([one, two, wide]))
  expect(queues.get('r')).toEqual([other])
})

test('what is removed is not found any more, and removing it again does nothing', () => {
  const sublist = new TestSublist()
  const [first, second, third] = ['1', '2', '3'].map((sid) => sublist.insert('$G', 'foo', '', sid))
  sublist.list.remove(second)
  sublist.list.remove(second)
  expect(new Set(sublist.match('$G', 'foo').plain)).toEqual(new Set([first, third]))
  sublist.list.remove(first)
  sublist.list.remove(third)
  sublist.list.remove(third)
  expect(sublist.match('$G', 'foo').plain).toEqual([])
  expect([sublist.list.count, sublist.list.inserts, sublist.list.removes]).toEqual([0, 3, 3])
})

test('of many on one filter, plain or of one group, each can be removed in any order', () => {
  const random = new Random(chooseSeed('one filter'))
  for (const queue of ['', 'q']) {
    const sublist = new TestSublist()
    const held = Array.from({ length: 100 }, (_, i) => sublist.insert('$G', 'foo', queue, String(i)))
    while (held.length > 0) {
      const [gone] = held.splice(random.below(held.length), 1)
      sublist.list.remove(gone)
      const { plain, queues } = sublist.match('$G', 'foo')
      const found = queue === '' ? plain : (queues.get(queue) ?? [])
      expect(found.length, `seed ${random.seed}`).toBe(held.length)
      expect(new Set(found), `seed ${random.seed}`).toEqual(new Set(held))
    }
    expect(sublist.match('$G', 'foo')).toEqual({ plain: [], queues: new Map() })
  }
})

test('a subscription that was never inserted cannot be removed', () => {
  const sublist = new TestSublist()
  const kept = sublist.insert('$G', 'foo')
  sublist.list.remove(new Subscription(client, GLOBAL, 'foo', '', '9'))
  expect(sublist.match('$G', 'foo').plain).toEqual([kept])
})

test('a full index refuses, and the list is as before', () => {
  const sublist = new TestSublist(REGION_BYTES)
  let taken = 0
  while (sublist.list.insert(new Subscription(client, GLOBAL, `filter.${taken}`, '', '1'))) taken++
  const refused = new Subscription(client, GLOBAL, 'one.more.filter', 'q', '1')
  expect(sublist.list.insert(refused)).toBe(false)
  expect(refused.node).toBe(0)
  expect(sublist.list.count).toBe(taken)
  expect(sublist.match('$G', 'one.more.filter')).toEqual({ plain: [], queues: new Map() })
  sublist.list.remove(refused)
  expect(sublist.list.count).toBe(taken)
  expect(sublist.match('$G', 'filter.77').plain).toHaveLength(1)
})

test('random subscriptions that come and go are found as in a plain list of them', () => {
  const random = new Random(chooseSeed('sublist'))
  const sublist = new TestSublist()
  const held: { readonly account: string; readonly subscription: Subscription }[] = []
  for (let step = 0; step < 150; step++) {
    const target = random.chance(0.05) ? 0 : random.below(100)
    while (held.length < target) {
      const { account, filter, queue } = randomFilter(random)
      held.push({ account, subscription: sublist.insert(account, filter, queue, String(random.below(5))) })
    }
    while (held.length > target) {
      const [{ subscription }] = held.splice(random.below(held.length), 1)
      sublist.list.remove(subscription)
    }
    expect(sublist.list.count).toBe(held.length)
    for (let i = 0; i < 30; i++) {
      const account = randomAccount(random)
      const subject = randomSubject(random, false)
      const found = sublist.match(account, subject)
      const all = [...found.plain, ...[...found.queues.values()].flat()]
      const wanted = held.filter(
        (entry) => entry.account === account && naiveMatch(entry.subscription.subject, subject),
      )
      const story = `seed ${random.seed}, step ${step}: ${account} ${subject}`
      expect(all.length, story).toBe(wanted.length)
      expect(new Set(all), story).toEqual(new Set(wanted.map(({ subscription }) => subscription)))
      expect(found.plain.every(({ queue }) => queue === '')).toBe(true)
      for (const [name, members] of found.queues) expect(members.every(({ queue }) => queue === name)).toBe(true)
    }
  }
  const { inserts, removes, count } = sublist.list
  expect(inserts - removes).toBe(count)
})
