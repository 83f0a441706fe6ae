// Members that leave, with a real list of subscriptions, and shards whose fences arrive when the test says so.

import { describe, expect, test } from 'vitest'
import { Account, StreamImport } from '../../src/accounts/account.ts'
import { Generations } from '../../src/interest/generations.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { Departures } from '../../src/routing/departures.ts'
import { Sublist } from '../../src/routing/sublist.ts'
import { LEAVING, Subscription } from '../../src/routing/subscription.ts'
import { compileTransform, type Transform } from '../../src/subjects/transform.ts'
import { GLOBAL, runOf, TestOutputs, TestPeer, TestReceiver } from './parts.ts'

class Stage {
  readonly sublist: Sublist
  readonly peers: TestPeer[]
  readonly departures: Departures
  readonly bugs: unknown[] = []
  readonly bugMet = (error: unknown): void => {
    this.bugs.push(error)
  }
  private readonly outputs = new TestOutputs(new ChunkPool())

  constructor(shards: number) {
    const generations = new Generations()
    const region = createRegion()
    this.sublist = new Sublist(region, new InterestWriter(region, generations, 7))
    this.peers = Array.from({ length: shards }, (_, i) => new TestPeer(i + 1, generations))
    this.departures = new Departures(this)
  }

  member(subject: string, queue = 'q', account = GLOBAL): Subscription {
    const subscription = new Subscription(new TestReceiver(this.outputs, { account }), account, subject, queue, '1')
    expect(this.sublist.insert(subscription)).toBe(true)
    return subscription
  }

  find(subject: string, queue = 'q', account = GLOBAL): Subscription | undefined {
    return this.departures.find(account, queue, runOf({ subject, payloads: ['x'] }))
  }

  /** All that a shard had sent until it was asked is here. */
  arrive(shard: number): void {
    for (const arrived of this.peers[shard].fences.splice(0)) arrived()
  }
}

const never = (): void => expect.fail('it had not to be waited for')

describe('a member that leaves', () => {
  test('takes what is meant for its group until every shard has said that all is here', () => {
    const stage = new Stage(2)
    const member = stage.member('orders.*')
    let done = 0
    expect(stage.departures.begin(member, () => done++)).toBe(true)
    expect([member.node, stage.sublist.count]).toEqual([LEAVING, 0])
    expect(stage.find('orders.new')).toBe(member)
    stage.arrive(0)
    expect([stage.find('orders.new'), done]).toEqual([member, 0])
    stage.arrive(1)
    expect([stage.find('orders.new'), done, member.node]).toEqual([undefined, 1, 0])
  })

  test('has its turn though a bug is met in the one before it', () => {
    const stage = new Stage(1)
    let done = 0
    stage.departures.begin(stage.member('first'), () => {
      throw new Error('a bug')
    })
    stage.departures.begin(stage.member('second'), () => done++)
    stage.arrive(0)
    stage.arrive(0)
    expect([done, stage.bugs]).toEqual([1, [new Error('a bug')]])
  })

  test('takes nothing that is meant for others', () => {
    const stage = new Stage(1)
    stage.departures.begin(stage.member('orders.*'), () => undefined)
    expect(stage.find('orders')).toBeUndefined()
    expect(stage.find('orders.new', 'other')).toBeUndefined()
    expect(stage.find('orders.new', 'q', new Account('$G'))).toBeUndefined()
  })

  test('takes nothing when its connection closes meanwhile: another that leaves does', () => {
    const stage = new Stage(1)
    const [first, second] = [stage.member('a'), stage.member('*')]
    for (const member of [first, second]) stage.departures.begin(member, () => undefined)
    expect(stage.find('a')).toBe(first)
    first.receiver.outbound.close()
    ;(first.receiver as TestReceiver).closing = true
    expect(stage.find('a')).toBe(second)
  })

  test('has to be waited for in the accounts that it imports from as well', () => {
    const stage = new Stage(1)
    const [exporter, importer] = [new Account('exporter'), new Account('importer')]
    importer.streamImports = [new StreamImport(exporter, compileTransform('a', 'here.a') as Transform, false)]
    const member = stage.member('here.a', 'q', importer)
    let done = 0
    stage.departures.begin(member, () => done++)
    expect(stage.find('here.a', 'q', importer)).toBe(member)
    expect(stage.find('a', 'q', exporter)).toMatchObject({ receiver: member.receiver, account: exporter })
    stage.arrive(0)
    expect([stage.find('a', 'q', exporter), done]).toEqual([undefined, 1])
  })
})

describe('nothing is waited for', () => {
  test('where another of its group stands beside it', () => {
    const stage = new Stage(1)
    const [first, second] = [stage.member('a'), stage.member('a')]
    expect(stage.departures.begin(first, never)).toBe(false)
    expect([first.node, stage.sublist.count, stage.find('a')]).toEqual([0, 1, undefined])
    expect(stage.departures.begin(second, () => undefined)).toBe(true)
  })

  test('where there is no other shard, or the member is not listed', () => {
    const stage = new Stage(0)
    const member = stage.member('a')
    expect(stage.departures.begin(member, never)).toBe(false)
    expect([member.node, stage.sublist.count]).toEqual([0, 0])
    const other = new Stage(1)
    expect(other.departures.begin(member, never)).toBe(false)
    expect(other.peers[0].fences).toEqual([])
  })
})

describe('rounds of fences', () => {
  test('those that leave while a round is under way share the next one', () => {
    const stage = new Stage(2)
    const done: string[] = []
    const leave = (subject: string) => stage.departures.begin(stage.member(subject), () => done.push(subject))
    for (const subject of ['a', 'b', 'c']) leave(subject)
    const asked = (): number[] => stage.peers.map(({ fences }) => fences.length)
    expect(asked()).toEqual([1, 1])
    stage.arrive(0)
    stage.arrive(1)
    expect([done, asked()]).toEqual([['a'], [1, 1]])
    expect(['a', 'b', 'c'].map((subject) => stage.find(subject) !== undefined)).toEqual([false, true, true])
    stage.arrive(1)
    stage.arrive(0)
    expect([done, asked()]).toEqual([
      ['a', 'b', 'c'],
      [0, 0],
    ])
    leave('d')
    expect(asked()).toEqual([1, 1])
  })

  test('whoever is called may let the next member leave', () => {
    const stage = new Stage(1)
    const second = stage.member('b')
    let done = 0
    stage.departures.begin(stage.member('a'), () => {
      expect(stage.departures.begin(second, () => done++)).toBe(true)
    })
    stage.arrive(0)
    expect([stage.find('a'), stage.find('b'), done]).toEqual([undefined, second, 0])
    stage.arrive(0)
    expect([stage.find('b'), done]).toEqual([undefined, 1])
  })

  test('the next one asks the shards that are there by then, be it none', () => {
    const stage = new Stage(1)
    const done: string[] = []
    for (const subject of ['a', 'b']) stage.departures.begin(stage.member(subject), () => done.push(subject))
    // It has gone: its fences count as arrived.
    const [gone] = stage.peers.splice(0)
    for (const arrived of gone.fences) arrived()
    expect(done.sort()).toEqual(['a', 'b'])
    expect([stage.find('a'), stage.find('b')]).toEqual([undefined, undefined])
  })
})
