// From subjects to plans, with a real list, real regions of other shards and real accounts.

import { beforeEach, describe, expect, test } from 'vitest'
import { Account, ServiceImport, StreamImport } from '../../src/accounts/account.ts'
import { TURN_WORK } from '../../src/base/constants.ts'
import { Work } from '../../src/base/turns.ts'
import { Generations } from '../../src/interest/generations.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import type { ExportOptions } from '../../src/options/shapes.ts'
import type { Handler } from '../../src/routing/handler.ts'
import type { Plan } from '../../src/routing/plan.ts'
import { Planner } from '../../src/routing/planner.ts'
import { Sublist } from '../../src/routing/sublist.ts'
import { type DeliveryRights, InternalSubscription, Subscription } from '../../src/routing/subscription.ts'
import { compileTransform, type Transform } from '../../src/subjects/transform.ts'
import { randomSubject } from '../interest/indexes.ts'
import { naiveMatch } from '../model/interest-model.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { runOf, TestOutputs, TestPeer, TestReceiver } from './parts.ts'

const OWN: Handler = { take: () => 1 }

class Stage {
  readonly account = new Account('$G')
  readonly turns = { left: TURN_WORK }
  readonly generations = new Generations()
  readonly seed = 7
  readonly sublist: Sublist
  readonly peers: TestPeer[] = []
  readonly planner: Planner
  private readonly outputs = new TestOutputs(new ChunkPool())

  constructor() {
    const region = createRegion()
    this.sublist = new Sublist(region, new InterestWriter(region, this.generations, 7))
    this.planner = new Planner(this)
  }

  readonly abroad = { routes: false, hubs: false, leafs: false }
  extendPlan(plan: Plan, subject: string): void {
    if (subject.endsWith('.own')) plan.own = OWN
  }

  receiver(...members: ConstructorParameters<typeof TestReceiver> extends [unknown, ...infer R] ? R : never) {
    return new TestReceiver(this.outputs, ...members)
  }

  subscribe(subject: string, { receiver = this.receiver(), queue = '', sid = '1', max = 0, filtered = false } = {}) {
    const subscription = new Subscription(receiver, receiver.account, subject, queue, sid)
    subscription.max = max
    subscription.filtered = filtered
    expect(this.sublist.insert(subscription)).toBe(true)
    return subscription
  }

  addPeer(): TestPeer {
    const peer = new TestPeer(this.peers.length + 1, this.generations)
    this.peers.push(peer)
    return peer
  }

  planOf(subject: string, { isImported = false, account = this.account } = {}): Plan {
    const run = runOf({ subject, payloads: ['x'] })
    run.isImported = isImported
    return this.planner.planOf(run, account)
  }

  /** Looked up as often as it takes to be kept. */
  keptPlanOf(subject: string, isImported = false): Plan {
    this.planOf(subject, { isImported })
    return this.planOf(subject, { isImported })
  }
}

const onlyOdd: DeliveryRights = {
  mayDeliver: (subject) => /[13579]$/.test(subject),
  mayAnswer: false,
  delivered: () => undefined,
}

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})

describe('receivers of this shard', () => {
  test('nobody: nothing is in the plan', () => {
    stage.subscribe('b')
    expect(stage.planOf('a')).toMatchObject({ groups: [], fanout: 0, only: undefined, queues: undefined })
  })

  test('one that takes every message is named, also as the only destination if there is nothing else', () => {
    const one = stage.subscribe('a.*')
    expect(stage.planOf('a.b').only).toBe(one)
    stage.subscribe('a.>', { queue: 'q' })
    expect(stage.planOf('a.b').only).toBeUndefined()
    expect(stage.planOf('a.b').groups).toMatchObject([{ subscriptions: [one] }])
    expect(stage.planOf('a.b').here).toBe(one)
    stage.subscribe('a.b', { max: 7 })
    expect(stage.planOf('a.b').here).toBeUndefined()
  })

  test('those whose messages look the same share a group', () => {
    const same = [stage.subscribe('a'), stage.subscribe('*')]
    const others = [
      stage.subscribe('a', { sid: '2' }),
      stage.subscribe('a', { receiver: stage.receiver({ headers: false }) }),
    ]
    const { groups } = stage.planOf('a')
    const found = groups.map(({ subscriptions }) => new Set(subscriptions))
    expect(found).toHaveLength(3)
    expect(found).toEqual(expect.arrayContaining([new Set(same), ...others.map((one) => new Set([one]))]))
  })

  test('one that ends after some messages is a group of its own, and never the only one', () => {
    const limited = stage.subscribe('a', { max: 3 })
    const plan = stage.planOf('a')
    expect([plan.only, plan.groups]).toEqual([undefined, []])
    expect(plan.limited).toMatchObject([{ subscriptions: [limited] }])
  })

  test('one that may not have the subject is left out, plain or in a group; who is not filtered is not asked', () => {
    const receiver = stage.receiver({ rights: onlyOdd })
    stage.subscribe('a.*', { receiver, filtered: true })
    stage.subscribe('a.*', { receiver, filtered: true, queue: 'q' })
    expect(stage.planOf('a.2')).toMatchObject({ groups: [], queues: undefined })
    expect(stage.planOf('a.1').queues).toMatchObject([{ name: 'q', local: [{}] }])
    expect(stage.planOf('a.1').groups).toHaveLength(1)
    const unasked = stage.subscribe('a.2', { receiver })
    expect(stage.planOf('a.2').only).toBe(unasked)
  })

  test('one that imports the subject sees it as it is there, and its rights are asked about that', () => {
    const importer = new Account('importer')
    importer.streamImports = [new StreamImport(stage.account, compileTransform('a.*', 'here.$1.1') as Transform, false)]
    const receiver = stage.receiver({ account: importer, rights: onlyOdd })
    const origin = stage.subscribe('here.>', { receiver, filtered: true })
    const { groups } = stage.planOf('a.2')
    expect(groups).toMatchObject([{ subject: 'here.2.1', subscriptions: [{ origin }] }])
    // What came by a service import goes no further; its plan is another one.
    expect(stage.keptPlanOf('a.2', true).groups).toEqual([])
    expect(stage.keptPlanOf('a.2').groups).toHaveLength(1)
    expect(stage.keptPlanOf('a.2', true)).toBe(stage.planOf('a.2', { isImported: true }))
  })

  test('the server’s own are named apart', () => {
    const own = new InternalSubscription(stage.account, 'a', () => undefined)
    stage.sublist.insert(own)
    expect(stage.planOf('a')).toMatchObject({ internal: [own], groups: [], only: undefined })
  })

  test('the sid of a receiver’s plain subscription is found by a subject', () => {
    const receiver = stage.receiver()
    stage.subscribe('_INBOX.*', { receiver, sid: '7' })
    stage.subscribe('work', { receiver, queue: 'q', sid: '8' })
    const sidOf = (subject: string, account = stage.account) => stage.planner.plainSidOf(receiver, account, subject)
    expect([sidOf('_INBOX.1'), sidOf('work'), sidOf('_INBOX.1', new Account('A'))]).toEqual(['7', undefined, undefined])
    expect(stage.planner.plainSidOf(stage.receiver(), stage.account, '_INBOX.1')).toBeUndefined()
  })
})

describe('other ways', () => {
  test('other shards with plain interest, and members of queue groups over all shards', () => {
    const [one, other] = [stage.addPeer(), stage.addPeer()]
    one.wants.add('$G', 'a', '')
    one.wants.add('$G', '*', 'q')
    for (let i = 0; i < 2; i++) other.wants.add('$G', 'a', 'q')
    other.wants.add('A', 'a', '')
    stage.subscribe('a', { queue: 'q' })
    stage.subscribe('>', { queue: 'r' })
    const plan = stage.planOf('a')
    expect(plan.peers).toEqual([one])
    const [q, r] = ['q', 'r'].map((name) => plan.findQueue(name))
    expect([q?.local.length, q?.remoteMembers]).toEqual([1, 3])
    expect(q?.remote.map(({ peer, members }) => [peer.index, members])).toEqual([
      [1, 1],
      [2, 2],
    ])
    expect([r?.local.length, r?.remote, r?.remoteMembers]).toEqual([1, [], 0])
  })

  test('a guess about a shard holds for one run, and is not kept', () => {
    const peer = stage.addPeer()
    let guesses = 0
    const interest = {
      stepsTaken: 5,
      read: () => {
        guesses++
        return { plain: true, queues: undefined, guessed: true as const }
      },
    }
    stage.peers[0] = Object.assign(Object.create(peer), { interest })
    const run = runOf({ subject: 'a', payloads: ['x'] })
    for (let i = 1; i <= 4; i++) {
      expect(stage.planner.planOf(run, stage.account)).toMatchObject({ guessed: true, peers: [{}] })
      expect(guesses).toBe(i)
    }
  })

  test('services that are imported, and what the server does itself with subjects that begin with $', () => {
    const terms = { kind: 'service', subject: 'svc' } as ExportOptions
    const service = new ServiceImport(
      stage.account,
      new Account('exporter'),
      terms,
      compileTransform('req.*', 'svc.$1') as Transform,
      false,
    )
    stage.account.serviceImports = [service]
    expect(stage.planOf('req.1').services).toEqual([service])
    expect(stage.planOf('req').services).toBeUndefined()
    expect(['$SYS.own', '$SYS.other', 'SYS.own'].map((subject) => stage.planOf(subject).own)).toEqual([
      OWN,
      undefined,
      undefined,
    ])
  })
})

describe('what is known', () => {
  test('a run keeps its plan, and loses it when somebody comes who wants the subject', () => {
    const run = runOf({ subject: 'a.b', payloads: ['x'] })
    const plan = stage.planner.planOf(run, stage.account)
    const { left } = stage.turns
    expect([stage.planner.planOf(run, stage.account), stage.turns.left]).toEqual([plan, left])
    const one = stage.subscribe('a.>')
    expect(stage.planner.planOf(run, stage.account).only).toBe(one)
    stage.sublist.remove(one)
    expect(stage.planner.planOf(run, stage.account).only).toBeUndefined()
  })

  test('another run finds the plan in the cache, in its account', () => {
    const plan = stage.keptPlanOf('a.b')
    expect(stage.planOf('a.b')).toBe(plan)
    expect(stage.planOf('a.b', { account: new Account('A') })).not.toBe(plan)
    stage.addPeer().wants.add('$G', '*.b', '')
    expect(stage.planOf('a.b')).toMatchObject({ peers: [{}] })
  })

  test('a look costs the turn what it takes, a plan that is known costs nothing', () => {
    for (let i = 0; i < 50; i++) stage.subscribe('a.b')
    stage.addPeer()
    stage.planOf('a.b')
    const spent = TURN_WORK - stage.turns.left
    expect(spent).toBeGreaterThan(2 * Work.lookUp + 50 * Work.match)
    stage.planOf('a.b')
    stage.planOf('a.b')
    expect(TURN_WORK - stage.turns.left).toBe(2 * spent)
  })
})

test('any subscriptions that come and go, here and on other shards, are in the plans as a naive model has them', () => {
  const random = new Random(chooseSeed('planner'))
  const peers = [stage.addPeer(), stage.addPeer()]
  const here: Subscription[] = []
  const there: { peer: TestPeer; node: number; filter: string; queue: string }[] = []
  const subjects = Array.from({ length: 12 }, () => randomSubject(random, false))
  const runs = subjects.map((subject) => runOf({ subject, payloads: ['x'] }))
  const filterNear = (): string => {
    const tokens = random.pick(subjects).split('.')
    return tokens.map((token) => (random.chance(0.4) ? '*' : token)).join('.')
  }
  for (let step = 0; step < 600; step++) {
    const queue = random.pick(['', '', 'q', 'r'])
    if (random.chance(0.5)) {
      if (here.length > 15 || (here.length > 0 && random.chance(0.4))) {
        stage.sublist.remove(here.splice(random.below(here.length), 1)[0])
      } else
        here.push(stage.subscribe(filterNear(), { queue, max: random.chance(0.2) ? 5 : 0, sid: `${random.below(3)}` }))
    } else if (there.length > 15 || (there.length > 0 && random.chance(0.4))) {
      const [{ peer, node, ...gone }] = there.splice(random.below(there.length), 1)
      peer.wants.remove(node, '$G', gone.filter, gone.queue)
      peer.wants.settle()
    } else {
      const [peer, filter] = [random.pick(peers), filterNear()]
      there.push({ peer, node: peer.wants.add('$G', filter, queue), filter, queue })
    }
    const at = random.below(subjects.length)
    const [subject, story] = [subjects[at], `seed ${random.seed}, step ${step}`]
    // By the run, or as one that has come just now.
    const run = random.chance(0.5) ? runs[at] : runOf({ subject, payloads: ['x'] })
    const plan = stage.planner.planOf(run, stage.account)
    const mine = here.filter((one) => naiveMatch(one.subject, subject))
    const theirs = there.filter((one) => naiveMatch(one.filter, subject))
    const plain = [...plan.groups, ...(plan.limited ?? [])].flatMap(({ subscriptions }) => subscriptions)
    expect(plain.length, story).toBe(new Set(plain).size)
    expect(new Set(plain), story).toEqual(new Set(mine.filter((one) => one.queue === '')))
    for (const { subscriptions } of plan.limited ?? []) expect(subscriptions[0].max, story).toBe(5)
    expect(new Set(plan.peers), story).toEqual(
      new Set(theirs.filter((one) => one.queue === '').map(({ peer }) => peer)),
    )
    for (const name of ['q', 'r']) {
      const group = plan.findQueue(name)
      const members = (group?.local ?? []).map(({ subscriptions }) => subscriptions[0])
      expect(new Set(members), story).toEqual(new Set(mine.filter((one) => one.queue === name)))
      const remote = theirs.filter((one) => one.queue === name)
      expect(group?.remoteMembers ?? 0, story).toBe(remote.length)
      for (const { peer, members: count } of group?.remote ?? []) {
        expect(count, story).toBe(remote.filter((one) => one.peer === peer).length)
      }
    }
  }
})
