// The router with real lists, plans and deliveries; other shards are regions that it reads, and keep what it sends.

import { beforeEach, describe, expect, test } from 'vitest'
import { Account, ServiceImport } from '../../src/accounts/account.ts'
import { compileMapping, type Mapping, Mappings } from '../../src/accounts/mapping.ts'
import { QUEUE_NAME_MAX, REROUTE_MAX, TURN_WORK } from '../../src/base/constants.ts'
import { Generations } from '../../src/interest/generations.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import type { ExportOptions, MappingOptions } from '../../src/options/shapes.ts'
import { HeadComposer } from '../../src/protocol/encoder.ts'
import { Origin, type Run, subjectOf } from '../../src/protocol/run.ts'
import type { Handler } from '../../src/routing/handler.ts'
import type { LinkDialect } from '../../src/routing/link-plan.ts'
import type { RouterOwner } from '../../src/routing/owner.ts'
import type { Plan } from '../../src/routing/plan.ts'
import type { Publisher, RemotePublisher } from '../../src/routing/publisher.ts'
import { Router } from '../../src/routing/router.ts'
import { ASKED_MAX, type Routing } from '../../src/routing/routing.ts'
import { Sublist } from '../../src/routing/sublist.ts'
import { InternalSubscription, Subscription } from '../../src/routing/subscription.ts'
import type { Trace } from '../../src/routing/trace.ts'
import { compileTransform, type Transform } from '../../src/subjects/transform.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { PLAIN, payloadsOf, runOf, TestOutputs, TestPeer, TestPublisher, TestReceiver } from './parts.ts'

/** A publisher of another shard's. */
class FarPublisher extends TestPublisher implements RemotePublisher {
  readonly unheard: (readonly [subject: string, asked: number])[] = []

  nobodyHeard(run: Run, asked: number): void {
    this.unheard.push([subjectOf(run), asked])
  }
}

class Stage implements RouterOwner {
  readonly account = new Account('$G')
  readonly pool = new CountingPool()
  readonly turns = { left: TURN_WORK }
  readonly peers: TestPeer[] = []
  readonly generations = new Generations()
  readonly seed = 7
  readonly nowMs = 1
  readonly options = { trace: false, noFastProducerStall: false }
  readonly sublist: Sublist
  readonly router: Router
  readonly publisher = new TestPublisher()
  readonly far = new FarPublisher()
  /** What has called: services, the server’s own, ends of turns and wakes. */
  readonly calls: string[] = []
  readonly serviceCalls = {
    call: (service: ServiceImport, run: Run): number => {
      this.calls.push(`${service.subjectThere(subjectOf(run))} ${run.count}`)
      return 1
    },
  }
  readonly bugMet = (error: unknown): never => {
    throw error
  }
  private readonly outputs = new TestOutputs(this.pool)
  private readonly own: Handler = {
    take: (run) => {
      this.calls.push(`own ${subjectOf(run)}`)
      return run.count
    },
  }

  constructor() {
    const region = createRegion()
    this.sublist = new Sublist(region, new InterestWriter(region, this.generations, 7))
    this.router = new Router(this)
  }

  readonly abroad = { routes: false, hubs: false, leafs: false }

  extendPlan(plan: Plan): void {
    plan.own = this.own
  }

  readonly leftOut: string[] = []

  groupLeftOut(queue: string): void {
    this.leftOut.push(queue)
  }

  wake(): void {
    this.calls.push('wake')
  }

  schedule(): void {}

  flush(): void {
    this.router.delivery.endTurn()
    this.outputs.flush()
  }

  subscribe(subject: string, { queue = '', max = 0, receiver = new TestReceiver(this.outputs) } = {}): Subscription {
    const subscription = new Subscription(receiver, this.account, subject, queue, '1')
    subscription.max = max
    expect(this.sublist.insert(subscription)).toBe(true)
    return subscription
  }

  /** A link to another server that wants these subjects, and members of these groups. */
  link(...wanted: readonly { subject: string; queue?: string; weight?: number }[]): Subscription {
    return this.linkIn(this.account.routes, undefined, ...wanted)
  }

  /** The same of a leaf node or a hub, of this cluster. */
  linkIn(
    space: Account,
    cluster: string | undefined,
    ...wanted: readonly { subject: string; queue?: string; weight?: number }[]
  ): Subscription {
    const receiver = new TestReceiver(this.outputs)
    Object.assign(receiver, { dialect: LINKS })
    const all = wanted.map(({ subject, queue = '', weight }) => {
      const subscription = new Subscription(receiver, space, subject, queue, '$G', weight)
      subscription.leafCluster = cluster
      expect(this.sublist.insert(subscription)).toBe(true)
      return subscription
    })
    return all[0]
  }

  /** What links have been sent: the payloads, each with the queue groups in its head. */
  sentTo({ receiver }: Subscription): string[] {
    this.flush()
    const text = (receiver as TestReceiver).read()
    return [...text.matchAll(/MSG \S+ \S+(?: \| (.*?))? \d+\r\n(\d{4})\r\n/g)].map(([, queues = '', payload]) =>
      `${payload} ${queues}`.trim(),
    )
  }

  addPeer(): TestPeer {
    const peer = new TestPeer(this.peers.length + 1, this.generations)
    this.peers.push(peer)
    return peer
  }

  publish(subject: string, count = 1, reply = ''): number {
    return this.router.dispatch(runOf({ subject, reply, payloads: numbered(count) }), this.account, this.publisher)
  }

  /** Messages that another shard has sent here. */
  receive(subject: string, routing: Partial<Routing>, count = 1): void {
    this.router.receive(
      runOf({ subject, payloads: numbered(count) }),
      this.account,
      { ...PLAIN, plain: false, publisher: this.far.id, ...routing },
      this.far,
    )
  }

  /** The payloads that a receiver has got since this was asked last. */
  got({ receiver }: Subscription): string[] {
    this.flush()
    const text = (receiver as TestReceiver).read()
    return [...text.matchAll(/\r\n(\d{4})\r\n/g)].map(([, payload]) => payload)
  }
}

/** Heads of messages on links, as far as the router knows of them. */
class LinkHeads extends HeadComposer implements LinkDialect {
  queues: readonly string[] = []

  override begin(run: Run, subject: string, sid: string, withHeader: boolean): void {
    if (this.queues.length === 0) {
      super.begin(run, subject, sid, withHeader)
      return
    }
    const [name, reply] = [subjectOf(run), `| ${this.queues.join(' ')}`]
    super.begin(runOf({ subject: name, reply, payloads: payloadsOf(run) }), name, sid, withHeader)
  }
}
const LINKS = new LinkHeads()

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i).padStart(4, '0'))

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})

describe('a message that is published here', () => {
  test('goes every way that there is, and all of them are counted', () => {
    const receivers = [stage.subscribe('a'), stage.subscribe('>'), stage.subscribe('*', { max: 1 })]
    stage.addPeer().wants.add('$G', 'a', '')
    const runs: string[][] = []
    stage.sublist.insert(new InternalSubscription(stage.account, 'a', (run) => runs.push(payloadsOf(run))))
    stage.account.serviceImports = [
      new ServiceImport(
        stage.account,
        new Account('exporter'),
        { kind: 'service' } as ExportOptions,
        compileTransform('a', 'there.a') as Transform,
        false,
      ),
    ]
    // To two that want both and one that wants one, to a shard, to the server itself; the service answers for its own.
    expect(stage.publish('a', 2)).toBe(2 + 2 + 1 + 2 + 2 + 1)
    expect(receivers.map((one) => stage.got(one))).toEqual([numbered(2), numbered(2), numbered(1)])
    expect(stage.peers[0].sent).toMatchObject([
      { payloads: numbered(2), routing: { plain: true, queue: '', asked: 0 } },
    ])
    expect([runs, stage.calls]).toEqual([[numbered(2)], ['there.a 2']])
  })

  test('that nobody wants goes nowhere', () => {
    stage.addPeer().wants.add('$G', 'b', '')
    expect([stage.publish('a'), stage.peers[0].sent, stage.pool.acquired]).toEqual([0, [], 0])
  })

  test('for the server itself is taken by it where it is published, and not where it comes to', () => {
    expect(stage.publish('$SYS.x', 3)).toBe(3)
    stage.receive('$SYS.x', { plain: true })
    expect(stage.calls).toEqual(['own $SYS.x'])
  })

  test('costs its turn what it costs', () => {
    for (let i = 0; i < 100; i++) stage.subscribe('a')
    // The plan is known when its subject has been seen twice.
    for (let i = 0; i < 2; i++) stage.publish('a')
    const { left } = stage.turns
    stage.publish('a', 50)
    stage.publish('a', 50)
    expect(left - stage.turns.left).toBe(2 * stage.router.planner.planOf(aRun(), stage.account).workOf(50, 4))
  })

  test('holds its publisher for each shard that has no room for it', () => {
    const [full, free] = [stage.addPeer(), stage.addPeer()]
    for (const { wants } of stage.peers) wants.add('$G', 'a', '')
    full.congested = true
    stage.publish('a')
    expect(stage.publisher.heldFor).toEqual([full])
    expect(free.sent).toHaveLength(1)
  })

  test('that may go on from a shard makes the next PONG wait for it: a queue message, or an answer', () => {
    const [one, other] = [stage.addPeer(), stage.addPeer()]
    one.wants.add('$G', 'a', '')
    one.wants.add('$G', '_R_.x.*', '')
    other.wants.add('$G', 'b', 'q')
    stage.publish('a')
    expect(stage.publisher.passing).toBeUndefined()
    stage.publish('_R_.x.1')
    expect(stage.publisher.passing).toEqual(new Set([1]))
    stage.publish('b')
    expect(stage.publisher.passing).toEqual(new Set([1, 2]))
  })

  function aRun(): Run {
    return runOf({ subject: 'a', payloads: ['0000'] })
  }
})

describe('requests of which shards are asked whether somebody had them', () => {
  const askedOf = (subject: string, reply = '_INBOX.1'): number[] => {
    stage.publish(subject, 1, reply)
    return stage.peers.flatMap(({ sent }) => sent.splice(0).map(({ routing }) => routing.asked))
  }

  test('as many frames as go out, if nobody here takes it', () => {
    stage.addPeer().wants.add('$G', 'a', '')
    stage.addPeer().wants.add('$G', '*', '')
    stage.peers[1].wants.add('$G', 'a', 'q')
    expect(askedOf('a')).toEqual([0, 0, 0])
    stage.publisher.awaitsResponders = true
    expect(askedOf('a')).toEqual([3, 3, 3])
    expect(askedOf('a', '')).toEqual([0, 0, 0])
    const member = stage.subscribe('a', { queue: 'r' })
    expect(askedOf('a')).toEqual([0, 0, 0])
    stage.sublist.remove(member)
    stage.subscribe('a')
    expect(askedOf('a')).toEqual([0, 0, 0])
  })

  test('of more frames than can be counted in one nobody is asked', () => {
    const peer = stage.addPeer()
    const queues = new Map(Array.from({ length: ASKED_MAX }, (_, i) => [`q${i}`, 1]))
    const interest = { stepsTaken: 1, read: () => ({ plain: false, queues }) }
    stage.peers[0] = Object.assign(Object.create(peer), { interest })
    stage.publisher.awaitsResponders = true
    expect(new Set(askedOf('a'))).toEqual(new Set([ASKED_MAX]))
    queues.set('one more', 1)
    stage.generations.advanceAll()
    expect(new Set(askedOf('a'))).toEqual(new Set([0]))
  })

  test('a shard says so only if it was asked and nobody had it', () => {
    const told = (): unknown[] => stage.far.unheard.splice(0)
    stage.receive('a', { plain: true, asked: 2 })
    stage.receive('a', { queue: 'q', asked: 3 })
    stage.receive('a', { plain: true })
    expect(told()).toEqual([
      ['a', 2],
      ['a', 3],
    ])
    stage.subscribe('a')
    stage.subscribe('b', { queue: 'q' })
    stage.receive('a', { plain: true, asked: 2 })
    stage.receive('b', { queue: 'q', asked: 2 })
    expect(told()).toEqual([])
  })
})

describe('queue groups', () => {
  test('each message goes to one member, wherever it is; every member gets some of them', () => {
    const random = new Random(chooseSeed('router'))
    for (let round = 0; round < 20; round++) {
      stage = new Stage()
      const members = Array.from({ length: 1 + random.below(4) }, () => stage.subscribe('a', { queue: 'q' }))
      for (let shards = random.below(3); shards > 0; shards--) {
        const { wants } = stage.addPeer()
        for (let i = random.below(3); i >= 0; i--) wants.add('$G', random.pick(['a', '*']), 'q')
      }
      const counts = new Map<unknown, number>()
      for (let i = 0; i < 300; i++) {
        const count = 1 + random.below(random.pick([3, 60]))
        expect(stage.publish('a', count)).toBe(count)
        const all: string[] = []
        for (const member of members) {
          const got = stage.got(member)
          counts.set(member, (counts.get(member) ?? 0) + got.length)
          all.push(...got)
        }
        for (const peer of stage.peers) {
          const sent = peer.sent.splice(0)
          for (const { routing } of sent) expect(routing).toMatchObject({ plain: false, queue: 'q', hops: 0 })
          const payloads = sent.flatMap(({ payloads }) => payloads)
          counts.set(peer, (counts.get(peer) ?? 0) + payloads.length)
          all.push(...payloads)
        }
        expect(all.sort(), `seed ${random.seed}`).toEqual(numbered(count))
      }
      for (const one of [...members, ...stage.peers]) expect(counts.get(one), `seed ${random.seed}`).toBeGreaterThan(0)
    }
  })

  test('a long run is dealt out in equal blocks', () => {
    const members = [1, 2, 3].map(() => stage.subscribe('a', { queue: 'q' }))
    stage.publish('a', 300)
    for (const member of members) expect(stage.got(member)).toHaveLength(100)
  })

  test('what a member does not take goes to others: it is closing, has had its last, or published it', () => {
    const random = new Random(chooseSeed('members that do not take'))
    const members = Array.from({ length: 5 }, () => stage.subscribe('a', { queue: 'q' }))
    ;(members[0].receiver as TestReceiver).closing = true
    members[1].max = 7
    stage.generations.advanceAll()
    const silent = new TestReceiver(new TestOutputs(stage.pool), { echo: false })
    stage.subscribe('a', { queue: 'q', receiver: silent })
    const publisher = new TestPublisher(silent.id)
    let published = 0
    for (let i = 0; i < 50; i++) {
      const count = 1 + random.below(30)
      published += count
      const run = runOf({ subject: 'a', payloads: numbered(count) })
      expect(stage.router.dispatch(run, stage.account, publisher)).toBe(count)
      expect(members.flatMap((one) => stage.got(one)).sort(), `seed ${random.seed}`).toEqual(numbered(count))
    }
    expect(members.map(({ delivered }) => delivered).reduce((a, b) => a + b)).toBe(published)
    expect([members[0].delivered, members[1].delivered, silent.outMessages]).toEqual([0, 7, 0])
  })

  test('what several take of one block is all of it, each message once', () => {
    for (let round = 0; round < 20; round++) {
      stage = new Stage()
      const members = [0, 1, 0].map((max) => stage.subscribe('a', { queue: 'q', max }))
      ;(members[0].receiver as TestReceiver).closing = true
      expect(stage.publish('a', 6)).toBe(6)
      expect(members.flatMap((one) => stage.got(one)).sort()).toEqual(numbered(6))
    }
  })

  test('where no member here takes it, one on another shard does; with none there, nobody', () => {
    const member = stage.subscribe('a', { queue: 'q' })
    ;(member.receiver as TestReceiver).closing = true
    expect(stage.publish('a', 3)).toBe(0)
    const peer = stage.addPeer()
    peer.wants.add('$G', 'a', 'q')
    expect(stage.publish('a', 4)).toBe(4)
    expect(peer.sent.flatMap(({ payloads }) => payloads).sort()).toEqual(numbered(4))
  })

  test('what comes from another shard for a group stays here, if a member here takes it', () => {
    const members = [1, 2].map(() => stage.subscribe('a', { queue: 'q' }))
    const other = stage.subscribe('a')
    stage.addPeer().wants.add('$G', 'a', 'q')
    stage.receive('a', { queue: 'q' }, 20)
    expect(members.map((one) => stage.got(one).length)).toEqual([10, 10])
    expect([stage.got(other), stage.peers[0].sent]).toEqual([[], []])
  })

  test('otherwise it goes on to a third shard, but not for ever', () => {
    const peer = stage.addPeer()
    peer.wants.add('$G', 'a', 'q')
    peer.congested = true
    stage.receive('a', { queue: 'q', hops: 3 }, 2)
    expect(peer.sent).toMatchObject([
      { payloads: numbered(2), routing: { queue: 'q', hops: 4, publisher: stage.far.id } },
    ])
    expect(stage.far.heldFor).toEqual([peer])
    stage.receive('a', { queue: 'q', hops: REROUTE_MAX - 1, asked: 1 })
    expect(peer.sent).toHaveLength(1)
    expect(stage.far.unheard).toEqual([['a', 1]])
  })

  test('a member that leaves takes what was routed to it before, and no more than it wants', () => {
    const peer = stage.addPeer()
    peer.wants.add('$G', 'a', 'q')
    const member = stage.subscribe('a', { queue: 'q', max: 3 })
    stage.router.departures.begin(member, () => undefined)
    stage.receive('a', { queue: 'q' }, 5)
    expect(stage.got(member)).toEqual(numbered(3))
    expect(peer.sent.flatMap(({ payloads }) => payloads)).toEqual(['0003', '0004'])
    // When its fences are here it has nothing more.
    for (const arrived of peer.fences.splice(0)) arrived()
    stage.receive('a', { queue: 'q' }, 1)
    expect([stage.got(member).length, peer.sent.length]).toEqual([0, 2])
  })
})

describe('mappings', () => {
  function map(
    options: Omit<MappingOptions['destinations'][number], 'cluster'>[],
    count: number,
  ): [string, string[]][] {
    const destinations = options.map((one) => ({ ...one, cluster: '' }))
    stage.account.mappings = new Mappings([compileMapping({ source: 'a.*', destinations }) as Mapping])
    const mapped: [string, string[]][] = []
    const run = runOf({ subject: 'a.b', reply: 'r', payloads: numbered(count) })
    stage.router.map(run, stage.account, (one) => mapped.push([subjectOf(one), payloadsOf(one)]))
    return mapped
  }

  test('none: it is the run itself', () => {
    const run = runOf({ subject: 'b', payloads: ['x'] })
    for (const mappings of [new Mappings([]), stage.account.mappings]) {
      stage.account.mappings = mappings
      stage.router.map(run, stage.account, (mapped) => expect(mapped).toBe(run))
    }
    expect(stage.turns.left).toBe(TURN_WORK)
    expect.assertions(3)
  })

  test('one way for all keeps a run together; ways by chance part it, and what is lost is left out', () => {
    expect(map([{ subject: 'c.$1', weight: 100 }], 5)).toEqual([['c.b', numbered(5)]])
    const parted = map(
      [
        { subject: 'a.*', weight: 40 },
        { subject: 'd', weight: 40 },
      ],
      400,
    )
    expect(parted.every(([, payloads]) => payloads.length === 1)).toBe(true)
    expect(new Set(parted.map(([subject]) => subject))).toEqual(new Set(['a.b', 'd']))
    const came = parted.flatMap(([, payloads]) => payloads)
    expect(came).toEqual([...new Set(came)].sort())
    expect(came.length).toBeGreaterThan(200)
    expect(came.length).toBeLessThan(400)
    expect(stage.turns.left).toBeLessThan(0)
    expect(stage.pool.outstanding).toBe(0)
  })
})

describe('what waits, and what is traced', () => {
  test('those who wait for shards go on when all that they named have said so', () => {
    const [one, , third] = [stage.addPeer(), stage.addPeer(), stage.addPeer()]
    stage.router.whenPassed(new Set([1, 3, 9]), () => stage.calls.push('then'))
    expect(stage.peers.map(({ passes }) => passes.length)).toEqual([1, 0, 1])
    one.passes[0]()
    expect(stage.calls).toEqual([])
    third.passes[0]()
    expect(stage.calls).toEqual(['wake', 'then'])
    stage.router.whenPassed(new Set([9]), () => stage.calls.push('at once'))
    expect(stage.calls).toEqual(['wake', 'then', 'wake', 'at once'])
  })

  test('a traced message goes the ways of its trace; what is published meanwhile goes the usual ones', () => {
    const one = stage.subscribe('a')
    const seen: string[] = []
    const trace: Trace = {
      dispatch: (run, account, publisher: Publisher) => {
        seen.push(subjectOf(run))
        stage.router.tracing(undefined, () => stage.router.dispatch(run, account, publisher))
        return 7
      },
      mapped: () => undefined,
      refused: () => undefined,
      dispatchImported: () => 0,
    }
    stage.router.tracing(trace, () => expect(stage.publish('a')).toBe(7))
    expect([seen, stage.got(one), stage.router.trace]).toEqual([['a'], ['0000'], undefined])
    expect(stage.publish('a')).toBe(1)
  })

  test('a bug in the middle of a traced message leaves no trace behind', () => {
    const trace = {} as Trace
    const bug = (): void => {
      throw new Error('a bug')
    }
    stage.router.tracing(trace, () => {
      expect(() => stage.router.tracing(undefined, bug)).toThrow('a bug')
      expect(stage.router.trace).toBe(trace)
    })
    expect(() => stage.router.tracing(trace, bug)).toThrow('a bug')
    expect(stage.router.trace).toBeUndefined()
  })
})

describe('links to other servers', () => {
  beforeEach(() => {
    stage.abroad.routes = true
  })

  const fromRoute = (subject: string, dealt: readonly string[] = []): number => {
    const run = runOf({ subject, payloads: numbered(1) })
    run.origin = Origin.route
    return stage.router.dispatch(run, stage.account, stage.publisher, undefined, dealt)
  }

  test('a link gets a message once, whatever matches it there', () => {
    const link = stage.link({ subject: 'a' }, { subject: '*' }, { subject: '>' })
    expect(stage.publish('a', 2)).toBe(2)
    expect(stage.sentTo(link)).toEqual(['0000', '0001'])
  })

  test('what came by a route goes to no link, and to the queue groups that it was dealt to alone', () => {
    const link = stage.link({ subject: 'a' }, { subject: 'a', queue: 'q' })
    const [plain, q, p] = [
      stage.subscribe('a'),
      stage.subscribe('a', { queue: 'q' }),
      stage.subscribe('a', { queue: 'p' }),
    ]
    expect(fromRoute('a')).toBe(1)
    expect(fromRoute('a', ['p'])).toBe(2)
    expect(stage.got(plain)).toHaveLength(2)
    expect(stage.got(q)).toHaveLength(0)
    expect(stage.got(p)).toHaveLength(1)
    expect(stage.sentTo(link)).toEqual([])
  })

  test('plain interest and the groups that are dealt to a link are one message', () => {
    const link = stage.link({ subject: 'a' }, { subject: 'a', queue: 'q' }, { subject: '*', queue: 'p' })
    const other = stage.link({ subject: 'a' })
    stage.publish('a', 1)
    expect(stage.sentTo(link).map((text) => text.split(' ').sort())).toEqual([['0000', 'p', 'q']])
    expect(stage.sentTo(other)).toEqual(['0000'])
  })

  test('members of other servers count by their weight', () => {
    const here = stage.subscribe('a', { queue: 'q' })
    const light = stage.link({ subject: 'a', queue: 'q', weight: 1 })
    const heavy = stage.link({ subject: 'a', queue: 'q', weight: 6 })
    for (let i = 0; i < 800; i++) stage.publish('a', 1)
    const counts = [stage.got(here).length, stage.sentTo(light).length, stage.sentTo(heavy).length]
    expect(counts.reduce((a, b) => a + b)).toBe(800)
    expect(counts[2]).toBeGreaterThan(450)
    for (const count of counts) expect(count).toBeGreaterThan(40)
  })

  test('a shard with links is told which groups were dealt to them, in the one frame that it gets', () => {
    const peer = stage.addPeer()
    peer.wants.add(stage.account.routes.name, 'a', '')
    peer.wants.add(stage.account.routes.name, 'a', 'q', false, 5)
    stage.publish('a', 1)
    expect(peer.sent).toHaveLength(1)
    expect(peer.sent[0]).toMatchObject({ routing: { plain: true, queue: 'q', toLinks: true } })
  })

  test('links get what another shard dealt to them', () => {
    const link = stage.link({ subject: 'a', queue: 'q' }, { subject: 'a' })
    stage.receive('a', { plain: true, queue: 'q', toLinks: true })
    stage.receive('a', { plain: true })
    stage.receive('a', { plain: false, queue: 'q', toLinks: true })
    expect(stage.sentTo(link)).toEqual(['0000 q', '0000', '0000 q'])
  })

  test('a publisher that does not want its own leaves the group to members elsewhere', () => {
    const own = stage.subscribe('a', { queue: 'q' })
    Object.assign(own.receiver, { id: stage.publisher.id, options: { ...own.receiver.options, echo: false } })
    const link = stage.link({ subject: 'a', queue: 'q' })
    for (let i = 0; i < 20; i++) stage.publish('a', 1)
    expect(stage.sentTo(link)).toHaveLength(20)
  })

  const from = (origin: Origin, cluster: string, subject = 'a'): void => {
    const run = runOf({ subject, payloads: numbered(1) })
    run.origin = origin
    run.cluster = cluster
    stage.router.dispatch(run, stage.account, stage.publisher, undefined, [])
  }

  test('leaf nodes get what comes from everywhere, hubs what does not come by a route', () => {
    Object.assign(stage.abroad, { hubs: true, leafs: true })
    const leaf = stage.linkIn(stage.account.leafs, 'L', { subject: 'a' })
    const hub = stage.linkIn(stage.account.hubs, 'H', { subject: 'a' })
    const route = stage.link({ subject: 'a' })
    from(Origin.local, '')
    from(Origin.route, '')
    from(Origin.hub, 'H2')
    expect([leaf, hub, route].map((link) => stage.sentTo(link).length)).toEqual([3, 2, 1])
  })

  test('nothing goes back to the cluster that it came from, by whatever link', () => {
    Object.assign(stage.abroad, { hubs: true, leafs: true })
    const [one, two] = [0, 1].map(() => stage.linkIn(stage.account.leafs, 'L', { subject: 'a' }, { subject: '>' }))
    const other = stage.linkIn(stage.account.leafs, 'M', { subject: 'a' })
    const hub = stage.linkIn(stage.account.hubs, 'H', { subject: 'a' })
    from(Origin.local, 'L')
    from(Origin.route, 'L')
    from(Origin.hub, 'H')
    expect([one, two, other, hub].map((link) => stage.sentTo(link).length)).toEqual([1, 1, 3, 1])
    from(Origin.local, 'L', 'b')
    expect(stage.sentTo(one)).toEqual([])
  })

  test('a group that was dealt to links of the cluster that the message is from is dealt again, but not for ever', () => {
    Object.assign(stage.abroad, { leafs: true })
    const own = stage.linkIn(stage.account.leafs, 'L', { subject: 'a', queue: 'q' })
    const plain = stage.linkIn(stage.account.leafs, 'M', { subject: 'a' })
    const peer = stage.addPeer()
    peer.wants.add(stage.account.leafs.name, 'a', 'q')
    const receive = (routing: Partial<Routing>): void => {
      const run = runOf({ subject: 'a', payloads: numbered(1) })
      run.cluster = 'L'
      const whole = { ...PLAIN, plain: false, publisher: stage.far.id, queue: 'q', toLinks: true, ...routing }
      stage.router.receive(run, stage.account, whole, stage.far)
    }
    receive({ plain: true })
    expect(peer.sent).toHaveLength(1)
    expect(peer.sent[0]).toMatchObject({ routing: { plain: false, queue: 'q', toLinks: true, hops: 1 } })
    expect([own, plain].map((link) => stage.sentTo(link))).toEqual([[], ['0000']])
    // By then all that want every message have had it.
    const member = stage.linkIn(stage.account.leafs, 'N', { subject: 'a', queue: 'q' })
    receive({ hops: 1 })
    expect([own, plain, member].map((link) => stage.sentTo(link))).toEqual([[], [], ['0000 q']])
    stage.sublist.remove(member)
    receive({ hops: REROUTE_MAX - 1 })
    expect(peer.sent).toHaveLength(1)
  })

  test('more groups than a line between servers has room for are left out, and that is told', () => {
    const names = Array.from({ length: 20 }, (_, i) => `${i}`.padStart(1000, 'q'))
    const peer = stage.addPeer()
    const link = stage.link(...names.map((queue) => ({ subject: 'a', queue })))
    for (const queue of names) peer.wants.add(stage.account.routes.name, 'b', queue)
    stage.publish('a')
    stage.publish('b')
    const [here] = stage.sentTo(link)
    const there = peer.sent[0].routing.queue
    for (const groups of [here.slice('0000 '.length), there]) {
      expect(groups.length).toBeLessThanOrEqual(QUEUE_NAME_MAX)
      expect(groups.split(' ')).toHaveLength(8)
    }
    expect(stage.leftOut).toHaveLength(24)
  })

  test('members of a queue group behind leaf nodes are picked where there are no others', () => {
    Object.assign(stage.abroad, { leafs: true })
    const leaf = stage.linkIn(stage.account.leafs, 'L', { subject: 'a', queue: 'q', weight: 100 })
    const here = stage.subscribe('a', { queue: 'q' })
    for (let i = 0; i < 10; i++) stage.publish('a')
    expect(stage.got(here)).toHaveLength(10)
    stage.sublist.remove(here)
    for (let i = 0; i < 10; i++) stage.publish('a')
    expect(stage.sentTo(leaf)).toHaveLength(10)
  })
})
