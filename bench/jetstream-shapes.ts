// Streams: publishers, consumers and buckets beside nats-server's.

import {
  type Consuming,
  consuming,
  gettingValues,
  manyKeys,
  manyMessages,
  publishing,
  publishingBatches,
  puttingValues,
  requestsBeside,
  watchingValues,
} from './jetstream-load.ts'
import type { Load } from './load.ts'
import { atLeast, atMost, figureAtMost, type Targets } from './metrics.ts'
import { jetStream, type SyncInterval } from './setups.ts'
import { heddle, PEER, type Shape, setUp } from './shape.ts'

const KIB = 1024
const SIZES: readonly (readonly [bytes: number, label: string])[] = [
  [128, '128 B'],
  [4 * KIB, '4 KiB'],
]
const WINDOW = 500
const targets = (rate: number, cpu?: number): Targets => ({
  rate: atLeast(rate),
  ...(cpu === undefined ? {} : { cpuUs: atMost(cpu) }),
})

interface Row {
  readonly name: string
  /** `messages` of so many bytes in the middle. */
  readonly load: (bytes: number, messages: number) => Load
  /** Of the small size. */
  readonly messages: number
  readonly bounds: Targets
  readonly sync?: SyncInterval
  /** Two shards as well. */
  readonly byTwo?: true
}

const publisher =
  (clients: number, window: number, storage: 'file' | 'memory' = 'file') =>
  (bytes: number, messages: number): Load =>
    publishing({ clients, window, messages, bytes, storage })

const consumer =
  (how: Consuming, storage: 'file' | 'memory' = 'file') =>
  (bytes: number, messages: number): Load =>
    consuming(how, messages, bytes, storage)

const AS_FAST = targets(1.0, 0.8)
const UNSYNCED = targets(1.5, 0.5)
const CONSUMED = targets(1.5, 0.7)

const ROWS: readonly Row[] = [
  { name: 'async, 1 client', load: publisher(1, WINDOW), messages: 200_000, bounds: AS_FAST, byTwo: true },
  { name: 'async, 8 clients', load: publisher(8, WINDOW), messages: 300_000, bounds: AS_FAST, byTwo: true },
  { name: 'async, 1 client, unsynced', load: publisher(1, WINDOW), messages: 200_000, bounds: UNSYNCED, sync: '2m' },
  { name: 'async, 8 clients, unsynced', load: publisher(8, WINDOW), messages: 300_000, bounds: UNSYNCED, sync: '2m' },
  {
    name: 'async, 1 client, always',
    load: publisher(1, WINDOW),
    messages: 20_000,
    bounds: targets(20),
    sync: 'always',
  },
  {
    name: 'async, 8 clients, always',
    load: publisher(8, WINDOW),
    messages: 20_000,
    bounds: targets(20),
    sync: 'always',
  },
  { name: 'sync, 1 client, always', load: publisher(1, 1), messages: 4_000, bounds: targets(2), sync: 'always' },
  { name: 'sync, 32 clients, always', load: publisher(32, 1), messages: 16_000, bounds: targets(10), sync: 'always' },
  { name: 'sync, 32 clients', load: publisher(32, 1), messages: 60_000, bounds: targets(1.0) },
  {
    name: 'atomic batches of 500',
    load: (bytes, messages) => publishingBatches(messages / WINDOW, WINDOW, bytes),
    messages: 100_000,
    bounds: targets(1.2),
  },
  { name: 'ordered consumer', load: consumer('ordered'), messages: 200_000, bounds: CONSUMED, byTwo: true },
  { name: 'durable, explicit acks', load: consumer('durable'), messages: 200_000, bounds: CONSUMED, byTwo: true },
  { name: 'fetch of 500', load: consumer('fetch'), messages: 200_000, bounds: CONSUMED },
  { name: 'memory, async, 1 client', load: publisher(1, WINDOW, 'memory'), messages: 300_000, bounds: targets(1.5) },
  { name: 'memory, ordered consumer', load: consumer('ordered', 'memory'), messages: 200_000, bounds: targets(1.5) },
]

function shapesOf({ name, load, messages, bounds, sync, byTwo }: Row): Shape[] {
  const contenders = [PEER, heddle(bounds), ...(byTwo === true ? [heddle({}, 2)] : [])]
  return SIZES.map(([bytes, label]) =>
    setUp(jetStream(sync), {
      name: `JetStream, ${name}, ${label}`,
      load: load(bytes, bytes > KIB ? messages / 5 : messages),
      contenders,
    }),
  )
}

const withDefaults = (name: string, load: Load, bounds: Targets, more: Partial<Shape> = {}): Shape =>
  setUp(jetStream(), { name: `JetStream, ${name}`, load, contenders: [PEER, heddle(bounds)], ...more })

export const JETSTREAM_SHAPES: readonly Shape[] = [
  ...ROWS.flatMap(shapesOf),
  withDefaults('KV put, 100,000 keys', puttingValues(200_000, 128), targets(1.5)),
  withDefaults('KV get, 100,000 keys', gettingValues(60_000, 128), targets(1.5)),
  withDefaults('KV watch, 100,000 keys', watchingValues(128), targets(1.5)),
  withDefaults('a million keys', manyKeys(1_000_000, 128, 60_000), {
    filledMiB: atMost(1.0),
    rate: atLeast(1.0),
    restartMs: atMost(0.5),
    killedMs: atMost(1.0),
  }),
  withDefaults('requests beside a publisher', requestsBeside(40_000, 2_000, 128), {
    besideRatio: figureAtMost(1.1),
  }),
  withDefaults(
    'ten million messages',
    manyMessages(10_000_000, 128),
    { restartMs: atMost(0.3), killedMs: atMost(1.0) },
    { pairsMax: 1, isLong: true },
  ),
]
