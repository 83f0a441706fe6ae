// Plans that siblings share, beside a naive match, while subscriptions come and go.

import { expect, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import { TURN_WORK } from '../../src/base/constants.ts'
import { Generations } from '../../src/interest/generations.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import type { Handler } from '../../src/routing/handler.ts'
import type { Plan } from '../../src/routing/plan.ts'
import { Planner } from '../../src/routing/planner.ts'
import { Sublist } from '../../src/routing/sublist.ts'
import { type DeliveryRights, Subscription } from '../../src/routing/subscription.ts'
import { naiveMatch } from '../model/interest-model.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { runOf, TestOutputs, TestPeer, TestReceiver } from './parts.ts'

const SEED = 7
const STEPS = 30_000
const ONLY_ODD: DeliveryRights = {
  mayDeliver: (subject) => /[13579]$/.test(subject),
  mayAnswer: false,
  delivered: () => undefined,
}

class Stage {
  readonly account = new Account('$G')
  readonly turns = { left: TURN_WORK }
  readonly generations = new Generations()
  readonly seed = SEED
  readonly abroad = { routes: false, hubs: false, leafs: false }
  readonly sublist: Sublist
  readonly peers: TestPeer[] = []
  readonly planner: Planner
  private readonly outputs = new TestOutputs(new ChunkPool())

  constructor() {
    const region = createRegion()
    this.sublist = new Sublist(region, new InterestWriter(region, this.generations, SEED))
    this.planner = new Planner(this)
    this.peers.push(new TestPeer(1, this.generations))
  }

  /** What the server itself takes. */
  own: Handler | undefined

  extendPlan(plan: Plan): void {
    plan.own = this.own
  }

  subscribe(filter: string, isFiltered = false): Subscription {
    const receiver = new TestReceiver(this.outputs)
    const subscription = new Subscription(receiver, this.account, filter, '', '1')
    if (isFiltered) {
      subscription.filtered = true
      Object.assign(receiver, { rights: ONLY_ODD })
    }
    expect(this.sublist.insert(subscription)).toBe(true)
    return subscription
  }

  planOf(subject: string): Plan {
    return this.planner.planOf(runOf({ subject, payloads: ['x'] }), this.account)
  }

  planOnce(subject: string): Plan {
    return this.planner.planOnce(runOf({ subject, payloads: ['x'] }), this.account)
  }
}

test('the siblings of a reply subject share a plan, until somebody asks for one of them', () => {
  const stage = new Stage()
  const inbox = '_INBOX.abcdefgh'
  const all = stage.subscribe(`${inbox}.*`)
  const plan = stage.planOf(`${inbox}.1`)
  expect(plan.only).toBe(all)
  expect(stage.planOf(`${inbox}.2`)).toBe(plan)
  for (const time of ['first', 'second']) expect(stage.planOnce(`${inbox}.3`), time).toBe(plan)
  expect(stage.planOf(`${inbox}.3.4`).isEmpty).toBe(true)
  expect(stage.planOf(`${inbox}..`).isEmpty).toBe(true)
  expect(stage.planOf('_INBOX.abcdefgi.1').isEmpty).toBe(true)
  const one = stage.subscribe(`${inbox}.5`)
  expect(stage.planOf(`${inbox}.4`)).not.toBe(plan)
  expect(stage.planOf(`${inbox}.5`).groups.flatMap(({ subscriptions }) => subscriptions)).toEqual([all, one])
  stage.sublist.remove(one)
  stage.sublist.remove(all)
  expect(stage.planOf(`${inbox}.6`).isEmpty).toBe(true)
})

test('a plan is for one subject alone where a user may publish it, or a receiver may not have all of them', () => {
  const stage = new Stage()
  stage.subscribe('orders.created.*')
  const plan = stage.planOf('orders.created.1')
  plan.allow({})
  expect(stage.planOf('orders.created.2')).not.toBe(plan)
  stage.subscribe('orders.deleted.*', true)
  expect(stage.planOf('orders.deleted.1').isEmpty).toBe(false)
  expect(stage.planOf('orders.deleted.2').isEmpty).toBe(true)
  expect(stage.planOf('orders.deleted.3').isEmpty).toBe(false)
})

test('what streams are asked for and are given has shared plans, where the server itself has no part in it', () => {
  const stage = new Stage()
  for (const prefix of ['$JS.API.DIRECT.GET.S.', '$KV.bucket.keys.', '$JS.ACK.S.C.', '$JS.API.STREAM.INFO.']) {
    stage.subscribe(`${prefix}>`)
    const isShared = stage.planOf(`${prefix}one`) === stage.planOf(`${prefix}two`)
    expect(isShared, prefix).toBe(prefix !== '$JS.API.STREAM.INFO.')
    stage.own = { take: () => 1 }
    const [three, four] = ['three', 'four'].map((name) => stage.planOf(`${prefix}${name}.${name}`))
    expect([three === four, three.own, four.own]).toEqual([false, stage.own, stage.own])
    stage.own = undefined
  }
})

test('all plans are those of a naive match', () => {
  const random = new Random(chooseSeed('sibling-plans'))
  const stage = new Stage()
  const [peer] = stage.peers
  const tokens = (wild: boolean): string[] =>
    Array.from({ length: 1 + random.below(4) }, () => {
      if (wild) return random.below(2) === 0 ? '*' : `token${random.below(3)}`
      // Most are new: of one that was seen before the plan is its own.
      return `token${random.below(random.below(2) === 0 ? 3 : 1_000_000)}`
    })
  const filterOf = (): string => {
    const filter = ['s', ...tokens(true)].join('.')
    return random.below(4) === 0 ? `${filter}.>` : filter
  }
  const here: Subscription[] = []
  const plans = new WeakSet<Plan>()
  const seen = new Set<string>()
  let hits = 0
  const there = new Map<string, number>()
  for (let step = 0; step < STEPS; step++) {
    const what = random.below(300)
    if (what === 0 && here.length < 6) here.push(stage.subscribe(filterOf(), random.below(5) === 0))
    else if (what === 1 && here.length > 0) {
      const [gone] = here.splice(random.below(here.length), 1)
      stage.sublist.remove(gone)
    } else if (what === 2 && there.size < 3) {
      const filter = filterOf()
      if (!there.has(filter)) there.set(filter, peer.wants.add('$G', filter, ''))
    } else if (what === 3 && there.size > 0) {
      const [[filter, node]] = there
      there.delete(filter)
      peer.wants.remove(node, '$G', filter, '')
      peer.wants.settle()
    }
    const subject = ['s', ...tokens(false)].join('.')
    const plan = random.chance(0.5) ? stage.planOf(subject) : stage.planOnce(subject)
    if (plans.has(plan) && !seen.has(subject)) hits++
    plans.add(plan)
    seen.add(subject)
    const receivers = plan.groups.flatMap(({ subscriptions }) => subscriptions)
    const wanted = here.filter(
      ({ subject: filter, filtered, receiver }) =>
        naiveMatch(filter, subject) && (!filtered || receiver.rights?.mayDeliver(subject, '') === true),
    )
    expect(new Set(receivers), subject).toEqual(new Set(wanted))
    expect(plan.peers !== undefined, subject).toBe([...there.keys()].some((filter) => naiveMatch(filter, subject)))
  }
  expect(hits).toBeGreaterThan(0)
})
