// Shapes in which publishers repeat one message, most of them made by `nats bench`, and shapes that are not about
// messages: TLS, permissions, WebSocket, connections, start, monitoring, memory.

import { churn } from './churn.ts'
import { type CliLoad, cliLoad, cliService } from './cli-load.ts'
import { connecting, startUp } from './connections.ts'
import type { Load } from './load.ts'
import { memory, stuckSubscriber } from './memory.ts'
import { atLeast, atMost, figureAtLeast, figureAtMost, type Targets } from './metrics.ts'
import { monitoring } from './monitoring.ts'
import { requestReply } from './request-reply.ts'
import { PERMISSIONS, TLS, WEBSOCKET } from './setups.ts'
import { duel, FLOOR, heddle, PEER, type Shape, setUp } from './shape.ts'
import { streamLoad } from './stream-load.ts'
import { fanOut, fanOutHeaders, manyFilters, queueGroup, randomSubjects } from './streams.ts'

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
export const PLAIN_SHAPES: readonly Shape[] = [
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
