// Traffic as systems have it, for Heddle's own number of shards, for two and for eight.

import { idling, shortConnections } from './connections.ts'
import type { Load } from './load.ts'
import { atLeast, atMost, figureAtMost, type Targets } from './metrics.ts'
import { requestLoad } from './requests.ts'
import { ACCOUNT_NAMES, ACCOUNTS, type Setup, WITHOUT_PAGES } from './setups.ts'
import { heddle, PEER, packed, type Shape, setUp } from './shape.ts'
import type { Traffic } from './traffic.ts'
import { burstLoad, type Paced, type Publishing, pacedLoad, trafficLoad } from './traffic-load.ts'
import {
  deepSubjectsTo,
  inAccounts,
  manyPublishers,
  mixedHeaders,
  oneSubject,
  overlapping,
  sizesAtRandom,
  smallAndLarge,
  unheard,
  WILDCARDS,
  zipf,
} from './workloads.ts'

/** Least ratio of the rates, most of processor time a message. */
type Bounds = readonly [rate: number, cpu: number]

const OWN: Bounds = [1.2, 0.7]
const TWO: Bounds = [1.1, 1.0]
const EIGHT: Bounds = [0.9, 1.3]
/** Where nothing is like the message before, or nobody hears it. */
const HARD: Bounds = [1.5, 0.5]

/** Eight shards take longer to warm up: their runs are so many times as long. */
const EIGHT_SHARDS_LONGER = 4

const bounded = ([rate, cpu]: Bounds): Targets => ({ rate: atLeast(rate), cpuUs: atMost(cpu) })

interface Row extends Publishing {
  readonly name: string
  readonly traffic: () => Traffic
  /** For Heddle's own number of shards; else OWN. */
  readonly bounds?: Bounds
  readonly setup?: Setup
}

/** A shape for Heddle's own number of shards and for two, and another one for eight, each beside nats-server. */
function byShards({ name, traffic, bounds = OWN, setup, ...publishing }: Row): Shape[] {
  const longer = { ...publishing, messages: publishing.messages * EIGHT_SHARDS_LONGER }
  const shapes: Shape[] = [
    {
      name,
      load: trafficLoad(traffic, publishing),
      contenders: [PEER, heddle(bounded(bounds)), heddle(bounded(TWO), 2)],
    },
    {
      name: `${name}, 8 shards`,
      load: trafficLoad(traffic, longer),
      contenders: [PEER, heddle(bounded(EIGHT), 8)],
    },
  ]
  return setup === undefined ? shapes : shapes.map((shape) => setUp(setup, shape))
}

/** Messages are as many as nats-server takes in 2 to 4 s on two processors. */
const ROWS: readonly Row[] = [
  { name: '1 to 1, sizes at random', traffic: () => oneSubject(1, sizesAtRandom), messages: 3_300_000 },
  { name: '1 to 8, sizes at random, 8 sids', traffic: () => oneSubject(8, sizesAtRandom), messages: 1_200_000 },
  { name: '1 to 16, sizes at random, 16 sids', traffic: () => oneSubject(16, sizesAtRandom), messages: 600_000 },
  {
    name: '1 to 8 by wildcard, 1,000 deep subjects at random',
    traffic: () => deepSubjectsTo(8, ['orders.>']),
    messages: 1_200_000,
  },
  {
    name: 'fan-out 16, all different',
    traffic: () => deepSubjectsTo(16, WILDCARDS),
    messages: 600_000,
    bounds: HARD,
  },
  {
    name: 'fan-out 64, all different',
    traffic: () => deepSubjectsTo(64, WILDCARDS),
    messages: 160_000,
    bounds: HARD,
  },
  { name: '1 to 64, one size, 64 sids', traffic: () => oneSubject(64, () => 128), messages: 140_000 },
  {
    name: '200 publishers, own subjects, 2 wildcard subscribers',
    traffic: () => manyPublishers(200),
    messages: 1_200_000,
    batch: 10,
  },
  {
    name: '1 to 1, sizes at random, pedantic',
    traffic: () => oneSubject(1, sizesAtRandom),
    messages: 3_300_000,
    connect: { pedantic: true },
  },
  {
    name: 'publish only, 10,000 random subjects nobody hears',
    traffic: () => unheard(10_000),
    messages: 6_000_000,
    bounds: HARD,
  },
  {
    name: '10,000 subjects by Zipf, shared by 16',
    traffic: () => zipf(10_000, 1.1, 16),
    messages: 2_000_000,
  },
  { name: 'headers on every other message, 1 to 8', traffic: () => mixedHeaders(8), messages: 1_000_000 },
  { name: 'small and large, 1 to 8', traffic: () => oneSubject(8, smallAndLarge), messages: 450_000 },
  { name: 'wildcards that overlap, 8 subscribers', traffic: () => overlapping(8), messages: 250_000 },
  {
    name: '16 accounts, 1 to 2 in each',
    traffic: () => inAccounts(ACCOUNT_NAMES, 2),
    messages: 1_600_000,
    setup: ACCOUNTS,
  },
]

const BURSTS: Paced = { messages: 240_000, batch: 2_000, pace: { ms: 20, after: 'arrival' } }
const bursts = (messages: number): Load => burstLoad(() => oneSubject(4, sizesAtRandom), { ...BURSTS, messages })
/** 20,000 messages a second for 8 s. */
const PACED: Paced = { messages: 160_000, batch: 20, pace: { ms: 1, after: 'departure' } }
/** What a message costs by shards, far from what any of them can take. */
const byCost = (name: string, load: Load): Shape => ({
  name,
  load,
  contenders: [PEER, ...[1, 2, 4, 8].map((shards) => heddle({}, shards)), packed({}, 8)],
})

const REQUESTS: Targets = { rate: atLeast(1.1), p99Us: atMost(1.0), cpuUs: atMost(0.9) }
/** Short connections: they come and leave, so many at a time. */
const AT_ONCE = 16
const CONNECTIONS = 20_000
const shortLived = (connections: number): Load => shortConnections(connections, AT_ONCE)

export const TRAFFIC_SHAPES: readonly Shape[] = [
  ...ROWS.flatMap(byShards),
  {
    name: 'bursts of 2,000, sizes at random, 1 to 4',
    load: bursts(BURSTS.messages),
    contenders: [PEER, heddle(bounded(OWN)), heddle(bounded(TWO), 2)],
  },
  {
    name: 'bursts of 2,000, sizes at random, 1 to 4, 8 shards',
    load: bursts(BURSTS.messages * EIGHT_SHARDS_LONGER),
    contenders: [PEER, heddle(bounded(EIGHT), 8)],
  },
  {
    name: 'requests, 32 clients of 4 services',
    load: requestLoad({ clients: 32, services: 4, requests: 120_000 }),
    contenders: [PEER, heddle(REQUESTS), heddle(REQUESTS, 4), packed(REQUESTS, 4)],
  },
  {
    name: 'connect, SUB, one message, close',
    load: shortLived(CONNECTIONS),
    contenders: [PEER, heddle(bounded([1.0, 1.0]))],
  },
  {
    name: 'connect, SUB, one message, close, 8 shards',
    load: shortLived(CONNECTIONS * EIGHT_SHARDS_LONGER),
    contenders: [PEER, heddle(bounded([0.7, 1.5]), 8), packed(bounded([0.7, 1.5]), 8)],
  },
  byCost(
    'paced, 1 to 8, sizes at random',
    pacedLoad(() => oneSubject(8, sizesAtRandom), PACED),
  ),
  byCost('paced, requests', requestLoad({ clients: 32, services: 4, requests: 40_000, pace: 5_000 })),
  setUp(WITHOUT_PAGES, {
    name: 'RSS idle',
    load: idling,
    contenders: [PEER, heddle({ idleMiB: figureAtMost(80) }), heddle({ idleMiB: figureAtMost(160) }, 8)],
  }),
]
