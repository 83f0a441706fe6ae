// Feeds of several shards, each with a real list; what one sends is received by the others at once.

import { expect, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import { Accounts } from '../../src/accounts/accounts.ts'
import { Generations } from '../../src/interest/generations.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import type { Run } from '../../src/protocol/run.ts'
import { subjectOf } from '../../src/protocol/run.ts'
import { InterestFeed, type LocalInterest } from '../../src/remote/interest-feed.ts'
import type { Peer } from '../../src/routing/peer.ts'
import { SERVER } from '../../src/routing/server-publisher.ts'
import { Sublist } from '../../src/routing/sublist.ts'
import { InternalSubscription, Subscription } from '../../src/routing/subscription.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { TestOutputs, TestReceiver } from '../routing/parts.ts'

class Shard {
  readonly index: number
  readonly pool = new CountingPool()
  readonly accounts = new Accounts()
  readonly peers: Peer[] = []
  readonly sublist: Sublist
  readonly feed: InterestFeed
  /** What a link would be told, as `account subject queue origin before>now`. */
  readonly told: string[] = []
  readonly abroad = { leafs: false }
  private readonly receiver = new TestReceiver(new TestOutputs(this.pool))

  constructor(index: number) {
    this.index = index
    const region = createRegion()
    this.sublist = new Sublist(region, new InterestWriter(region, new Generations(), 7))
    this.feed = new InterestFeed(this)
    this.sublist.watcher = this.feed
    this.feed.add({
      interestChanged: ({ account, subject, queue, origin, count }: LocalInterest, before) =>
        this.told.push([account, subject, queue, origin, `${before}>${count}`].filter(Boolean).join(' ')),
      interestAbroadChanged: ({ account, subject, origin, abroad, count }: LocalInterest, before) =>
        this.told.push(`${abroad}: ${account} ${subject} ${origin} ${before}>${count}`),
    })
  }

  schedule(): void {}

  meet(other: Shard): void {
    const send = (run: Run): void => other.receive(run)
    const peer = { index: other.index, link: { send } } as unknown as Peer
    this.peers.push(peer)
    this.feed.introduce(peer)
  }

  private receive(run: Run): void {
    const account = this.accounts.named('between shards\n')
    const subject = Buffer.from(subjectOf(run))
    this.sublist.match(
      account,
      subject,
      0,
      subject.length,
      (entry) => (entry as InternalSubscription).handle(run, SERVER),
      () => undefined,
    )
  }

  subscribe(subject: string, queue = '', account = this.accounts.named('$G')): Subscription {
    const subscription = new Subscription(this.receiver, account, subject, queue, '1')
    this.sublist.insert(subscription)
    return subscription
  }

  wants(account = '$G'): string[] {
    return [...this.feed.of(account)].map(({ subject, queue, count }) => `${subject} ${queue} ${count}`).sort()
  }
}

test('interest of all shards is counted together, and what each gains and loses is told', () => {
  const [a, b] = [new Shard(0), new Shard(1)]
  const early = a.subscribe('early')
  a.meet(b)
  b.meet(a)
  const first = a.subscribe('x')
  b.subscribe('x')
  const member = b.subscribe('x', 'q')
  for (const shard of [a, b]) expect(shard.wants()).toEqual(['early  1', 'x  2', 'x q 1'])
  a.sublist.removeAll([first, early])
  b.sublist.remove(member)
  for (const shard of [a, b]) expect(shard.wants()).toEqual(['x  1'])
  expect(b.told).toContain('$G x q 0>1')
  expect(b.told).toContain('$G early 1>0')
})

test('what a shard wanted goes with it', () => {
  const [a, b] = [new Shard(0), new Shard(1)]
  a.meet(b)
  b.meet(a)
  b.subscribe('x')
  b.subscribe('y', 'q')
  a.subscribe('x')
  a.feed.forget(1)
  expect(a.wants()).toEqual(['x  1'])
  expect(a.told.slice(-2)).toEqual(['$G x 2>1', '$G y q 1>0'])
})

test('what other servers want is not told, nor what shards tell each other', () => {
  const shard = new Shard(0)
  shard.subscribe('x', '', shard.accounts.named('$G').routes)
  shard.subscribe('x', '', new Account('A').hubs)
  expect(shard.feed.accounts).toEqual([])
  shard.sublist.insert(new InternalSubscription(shard.accounts.named('$SYS'), 's', () => undefined))
  expect(shard.wants('$SYS')).toEqual(['s  1'])
})

test('interest of leaf nodes is told apart by their clusters', () => {
  const shard = new Shard(0)
  shard.subscribe('x')
  const leaf = new Subscription(new TestReceiver(new TestOutputs(shard.pool)), shard.accounts.named('$G'), 'x', '', '1')
  leaf.leafCluster = 'L'
  shard.sublist.insert(leaf)
  expect(shard.told).toEqual(['$G x 0>1', '$G x L 0>1'])
})

test('any number of subscriptions is carried over to a shard that comes', () => {
  const [a, b] = [new Shard(0), new Shard(1)]
  for (let i = 0; i < 1000; i++) a.subscribe(`s.${i}`)
  a.meet(b)
  expect(b.wants()).toHaveLength(1000)
})

test('where there may be leaf nodes, what other servers want is counted too, apart from the rest', () => {
  const shard = new Shard(0)
  shard.abroad.leafs = true
  const account = shard.accounts.named('$G')
  const ofRoute = shard.subscribe('x', '', account.routes)
  const ofHub = new Subscription(new TestReceiver(new TestOutputs(shard.pool)), account.hubs, 'y', '', '1')
  ofHub.leafCluster = 'HUB'
  shard.sublist.insert(ofHub)
  const ofLeaf = new Subscription(new TestReceiver(new TestOutputs(shard.pool)), account.leafs, 'z', '', '1')
  ofLeaf.leafCluster = 'L'
  shard.sublist.insert(ofLeaf)
  shard.sublist.remove(ofRoute)
  expect(shard.told).toEqual(['routes: $G x  0>1', 'hubs: $G y HUB 0>1', '$G z L 0>1', 'routes: $G x  1>0'])
  expect(shard.wants()).toEqual(['z  1'])
  expect([...shard.feed.everythingOf('$G')].map(({ subject }) => subject)).toEqual(['y', 'z'])
})

test('another number of members in the place of the one before is told once', () => {
  const shard = new Shard(0)
  const receiver = new TestReceiver(new TestOutputs(shard.pool))
  const account = shard.accounts.named('$G')
  const one = new Subscription(receiver, account, 'x', 'q', '1', 1)
  shard.sublist.insert(one)
  expect(shard.sublist.replace(one, new Subscription(receiver, account, 'x', 'q', '1', 3))).toBe(true)
  expect(shard.told).toEqual(['$G x q 0>1', '$G x q 1>3'])
})
