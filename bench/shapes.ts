// The shapes of load that the servers are compared on, who takes part in each, and what Heddle is to reach there.

import { churn } from './churn.ts'
import { type CliLoad, cliLoad, cliService } from './cli-load.ts'
import { connecting, startUp } from './connections.ts'
import type { Load } from './load.ts'
import { memory, stuckSubscriber } from './memory.ts'
import { atLeast, atMost, figureAtLeast, figureAtMost, type Targets } from './metrics.ts'
import { monitoring } from './monitoring.ts'
import { requestReply } from './request-reply.ts'
import { PERMISSIONS, type Setup, TLS, WEBSOCKET } from './setups.ts'
import { streamLoad } from './stream-load.ts'
import { fanOut, fanOutHeaders, manyFilters, queueGroup, randomSubjects } from './streams.ts'
import type { Traffic } from './traffic.ts'
import { trafficLoad } from './traffic-load.ts'
import { deepSubjectsTo, oneSubject, sizesAtRandom, unheard, WILDCARDS } from './workloads.ts'

/** One of those who are compared on a shape. */
export interface Contender {
  readonly label: string
  readonly program: 'peer' | 'heddle' | 'floor'
  /** Undefined: its defaults. */
  readonly setup?: Setup
  /** Heddle's shards; undefined: its own default. */
  readonly workers?: number
  readonly targets: Targets
}

export interface Shape {
  readonly name: string
  readonly load: Load
  /** In the order in which they take turns. Ratios are to the first. */
  readonly contenders: readonly Contender[]
  /** Rounds at most, where a run is long. */
  readonly pairsMax?: number
  /** Minutes long: only run when it is asked for by name. */
  readonly isLong?: boolean
}

const PEER: Contender = { label: 'nats-server', program: 'peer', targets: {} }
const FLOOR: Contender = { label: 'floor', program: 'floor', targets: {} }

const heddle = (targets: Targets, workers?: number): Contender => ({
  label: workers === undefined ? 'Heddle' : `Heddle, ${workers} ${workers === 1 ? 'shard' : 'shards'}`,
  program: 'heddle',
  targets,
  ...(workers === undefined ? {} : { workers }),
})

/** Heddle against nats-server: least ratio of the rates, most of processor time a message, most of RSS growth. */
function duel(name: string, load: Load, rate: number, cpu: number, growth?: number): Shape {
  const targets: Targets = {
    rate: atLeast(rate),
    cpuUs: atMost(cpu),
    ...(growth === undefined ? {} : { growthMiB: atMost(growth) }),
  }
  return { name, load, contenders: [PEER, heddle(targets)] }
}

/** Least ratio of the rates and most of processor time a message: with Heddle's own number of shards, 2 and 8. */
type Bounds = readonly [rate: number, cpu: number]
interface ByShards {
  readonly own: Bounds
  readonly two: Bounds
  readonly eight: Bounds
}

const TRAFFIC: ByShards = { own: [1.2, 0.7], two: [1.1, 1.0], eight: [0.9, 1.3] }
const DIFFERENT: ByShards = { ...TRAFFIC, own: [1.5, 0.5] }
const UNHEARD: ByShards = { ...TRAFFIC, own: [1.5, 0.5] }
/** Eight shards take longer to warm up: their runs are so many times as long. */
const EIGHT_SHARDS_LONGER = 4

/** Heddle with its own number of shards and with two, and in a shape of its own with eight, beside nats-server. */
function byShards(name: string, make: () => Traffic, published: number, bounds = TRAFFIC): Shape[] {
  const targets = ([rate, cpu]: Bounds): Targets => ({ rate: atLeast(rate), cpuUs: atMost(cpu) })
  return [
    {
      name,
      load: trafficLoad(make, published),
      contenders: [PEER, heddle(targets(bounds.own)), heddle(targets(bounds.two), 2)],
    },
    {
      name: `${name}, 8 shards`,
      load: trafficLoad(make, published * EIGHT_SHARDS_LONGER),
      contenders: [PEER, heddle(targets(bounds.eight), 8)],
    },
  ]
}

/** The same servers set up otherwise. */
const setUp = (setup: Setup, shape: Shape): Shape => ({
  ...shape,
  contenders: shape.contenders.map((contender) => ({ ...contender, setup })),
})

/** Heddle with permissions against Heddle without: they may cost so much of the rate, and so much processor time. */
function permissionsOn(name: string, load: Load): Shape {
  const targets: Targets = { rate: atLeast(0.95), cpuUs: atMost(1.05) }
  const withThem = { label: 'Heddle, permissions', program: 'heddle', setup: PERMISSIONS, targets } as const
  return { name: `permissions, ${name}`, load, contenders: [heddle({}), withThem] }
}

/** `streams.ts`' fan-out over WebSocket. */
const overWebSocket = (subscribers: number, messages: number): Shape =>
  setUp(
    WEBSOCKET,
    duel(
      `WebSocket, 1 to ${subscribers.toLocaleString('en')}, 128 B`,
      streamLoad(() => fanOut(subscribers, 128), messages),
      1.0,
      0.7,
    ),
  )

/** `nats bench` over TLS. */
function overTls(subscribers: number, bytes: number, messages: number): Shape {
  const size = bytes < KIB ? `${bytes} B` : `${bytes / KIB} KiB`
  const targets: Targets = { rate: atLeast(1.0) }
  const load = cli(1, subscribers, bytes, messages)
  return setUp(TLS, { name: `TLS, 1 to ${subscribers}, ${size}`, load, contenders: [PEER, heddle(targets)] })
}

const withFloor = (shape: Shape): Shape => ({ ...shape, contenders: [...shape.contenders, FLOOR] })

/** `nats bench` with so many publishers and subscribers. */
const cli = (publishers: number, subscribers: number, bytes: number, messages: number): Load =>
  cliLoad({ publishers, subscribers, bytes, messages } satisfies CliLoad)

const KIB = 1024
const MIB = 1024 * KIB

// The counts make a run take 2 to 4 s with nats-server on two processors (publish only: as many as were agreed): a
// shorter one would measure how long V8 takes to compile.
export const SHAPES: readonly Shape[] = [
  ...byShards('1 to 1, sizes at random', () => oneSubject(1, sizesAtRandom), 3_000_000),
  ...byShards('1 to 8, sizes at random, 8 sids', () => oneSubject(8, sizesAtRandom), 1_200_000),
  ...byShards('1 to 16, sizes at random, 16 sids', () => oneSubject(16, sizesAtRandom), 600_000),
  ...byShards('1 to 8 by wildcard, 1,000 deep subjects at random', () => deepSubjectsTo(8, ['orders.>']), 1_200_000),
  ...byShards('fan-out 16, all different', () => deepSubjectsTo(16, WILDCARDS), 600_000, DIFFERENT),
  ...byShards('fan-out 64, all different', () => deepSubjectsTo(64, WILDCARDS), 160_000, DIFFERENT),
  ...byShards('1 to 64, one size, 64 sids', () => oneSubject(64, () => 128), 140_000),
  ...byShards('publish only, 10,000 random subjects nobody hears', () => unheard(10_000), 6_000_000, UNHEARD),
  withFloor(duel('publish only, 16 B', cli(1, 0, 16, 10_000_000), 1.0, 0.45)),
  withFloor(duel('1 to 1, 16 B', cli(1, 1, 16, 6_000_000), 1.1, 0.55, 1.5)),
  duel('1 to 1, 128 B', cli(1, 1, 128, 4_000_000), 1.1, 0.55, 1.5),
  withFloor(duel('1 to 4, 16 B', cli(1, 4, 16, 2_500_000), 1.15, 0.35, 1.5)),
  withFloor(duel('1 to 16, 16 B', cli(1, 16, 16, 700_000), 1.2, 0.2, 1.0)),
  withFloor(duel('1 to 64, 16 B', cli(1, 64, 16, 140_000), 1.2, 0.15, 1.0)),
  duel(
    '1 to 1,000, 16 B',
    streamLoad(() => fanOut(1_000, 16), 12_000),
    1.2,
    0.15,
    1.0,
  ),
  duel('4 to 4, 128 B', cli(4, 4, 128, 1_500_000), 1.1, 0.5, 1.5),
  duel('16 to 16, 128 B', cli(16, 16, 128, 400_000), 1.1, 0.5, 1.5),
  duel('1 to 1, 4 KiB', cli(1, 1, 4 * KIB, 400_000), 1.0, 0.9, 1.5),
  duel('1 to 8, 4 KiB', cli(1, 8, 4 * KIB, 80_000), 1.0, 0.9, 1.5),
  duel('1 to 1, 64 KiB', cli(1, 1, 64 * KIB, 28_000), 1.0, 0.9, 1.5),
  withFloor(duel('1 to 8, 64 KiB', cli(1, 8, 64 * KIB, 8_000), 1.0, 0.9, 1.5)),
  duel('1 to 1, 1 MiB', cli(1, 1, MIB, 2_200), 1.0, 0.9, 1.5),
  // Not by the tool: nats-server closes its subscribers as slow consumers.
  duel(
    '1 to 8, 1 MiB',
    streamLoad(() => fanOut(8, MIB), 1_000),
    1.0,
    0.9,
    1.5,
  ),
  duel(
    '10,000 subjects at random',
    streamLoad(() => randomSubjects(10_000, 16, 16), 2_000_000),
    1.0,
    0.9,
  ),
  duel(
    '100,000 subscriptions, a third wildcards',
    streamLoad(() => manyFilters(100_000, 16, 16), 800_000),
    1.0,
    0.9,
    1.0,
  ),
  duel(
    'queue group of 8',
    streamLoad(() => queueGroup(8, 128), 4_500_000),
    1.0,
    0.8,
  ),
  duel(
    'headers (HPUB), 1 to 4',
    streamLoad(() => fanOutHeaders(4, 16), 3_000_000),
    1.1,
    0.5,
  ),
  duel('request/reply, 1 client', cliService(1, 27_000, 16), 1.0, 1.0),
  duel('request/reply, 16 clients', cliService(16, 100_000, 16), 1.0, 1.0),
  {
    name: 'request/reply latency',
    load: requestReply(30_000, 16),
    contenders: [PEER, heddle({ p50Us: atMost(1.15), p99Us: atMost(1.3) }), heddle({ p50Us: atMost(0.95) }, 1)],
  },
  {
    name: 'connect, SUB, PING: 10,000 connections',
    load: connecting(10_000),
    contenders: [PEER, heddle({ rate: atLeast(1.0), cpuUs: atMost(1.0), idleKiB: atMost(0.7) })],
  },
  overTls(1, 128, 2_500_000),
  overTls(16, 128, 250_000),
  overTls(1, 4 * KIB, 150_000),
  overTls(16, 4 * KIB, 15_000),
  setUp(TLS, {
    name: 'TLS, connect, SUB, PING: 2,000 connections',
    load: connecting(2_000),
    contenders: [PEER, heddle({ rate: atLeast(1.0) })],
  }),
  permissionsOn('1 to 1, 128 B', cli(1, 1, 128, 4_000_000)),
  permissionsOn(
    '1 to 16, 16 B',
    streamLoad(() => fanOut(16, 16), 7_000_000),
  ),
  permissionsOn(
    '10,000 subjects at random',
    streamLoad(() => randomSubjects(10_000, 16, 16), 2_000_000),
  ),
  overWebSocket(1, 2_500_000),
  overWebSocket(16, 400_000),
  overWebSocket(1_000, 10_000),
  {
    name: 'churn: 1 M SUB and UNSUB beside a pair',
    load: churn(1_000_000, 16),
    contenders: [PEER, heddle({ rate: atLeast(0.8), pairRate: atLeast(0.9) })],
  },
  {
    name: 'shards, 4 to 4, 128 B',
    load: cli(4, 4, 128, 1_500_000),
    contenders: [heddle({}, 1), heddle({}, 2), heddle({}, 4), heddle({ cpuUs: atMost(1.5) }, 8)],
  },
  {
    name: 'start-up',
    load: startUp,
    contenders: [PEER, heddle({}, 0), heddle({}, 1), heddle({ readyMs: figureAtMost(250) }, 2), heddle({}, 4)],
  },
  {
    name: 'monitoring pages, 10,000 connections',
    load: monitoring,
    contenders: [
      PEER,
      heddle({ kept: figureAtLeast(0.97), varzP99Ms: figureAtMost(100), connzP99Ms: figureAtMost(100) }),
    ],
    pairsMax: 2,
  },
  {
    name: 'memory, 8 to 4 for minutes',
    load: memory(10),
    contenders: [heddle({ slopeMiB: figureAtMost(1) })],
    pairsMax: 1,
    isLong: true,
  },
  {
    name: 'memory, a stuck subscriber',
    load: stuckSubscriber,
    contenders: [heddle({ stuckMiB: figureAtMost(64) })],
    pairsMax: 1,
    isLong: true,
  },
]
