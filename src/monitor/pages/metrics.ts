// /metrics: for Prometheus. Only in Heddle; the names are stable. Rates are left to the reader: here are counters.
// Accounts and connections are bounded, as each is a stored time series: the most active ones come first.

import { HEDDLE_VERSION, NATS_VERSION } from '../../base/constants.ts'
import { LATENCY_BOUNDS_S } from '../../reports/latency.ts'
import type { LoadReport } from '../../reports/load-meter.ts'
import type { ConnectionRow, FoundConnections, ThreadReport, TotalsReport } from '../../reports/rows.ts'
import { type Answer, bytesAnswer, refusal } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'
import type { AccountTotals } from '../sources/server-accounts.ts'
import { mergeFound } from './found-connections.ts'
import {
  expose,
  type Family,
  type Labels,
  OPEN_METRICS_TYPE,
  PLAIN_TYPE,
  type Point,
  prefersOpenMetrics,
} from './open-metrics.ts'

const ACCOUNTS_MAX = 500
const CONNECTIONS_DEFAULT = 50
const CONNECTIONS_MAX = 1_000

export async function metrics(parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/metrics')
  const asked = parameters.bytes('connections') === '' ? CONNECTIONS_DEFAULT : parameters.integer('connections')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  const open = prefersOpenMetrics(context.header('accept'))
  const shown = Math.min(CONNECTIONS_MAX, Math.max(0, asked))
  return context.queue.share(`metrics ${open} ${shown}`, async () => {
    const text = expose(await gather(context, shown), open)
    return bytesAnswer(Buffer.from(text), { 'Content-Type': open ? OPEN_METRICS_TYPE : PLAIN_TYPE, Vary: 'Accept' })
  })
}

async function gather(context: PageContext, connections: number): Promise<Family[]> {
  const [totals, threads, accounts, shown] = await Promise.all([
    context.totals.read(),
    context.reports.ask({ kind: 'load' }),
    context.accounts.read(),
    busiestConnections(context, connections),
  ])
  return [
    ...serverFamilies(context),
    ...shardFamilies(totals, context),
    ...ringFamilies(threads),
    ...threadFamilies(threads, context.load.report()),
    ...accountFamilies([...accounts.values()]),
    ...connectionFamilies(shown),
  ]
}

const gauge = (name: string, help: string, points: Point[]): Family => ({ kind: 'gauge', name, help, points })
const counter = (name: string, help: string, points: Point[]): Family => ({ kind: 'counter', name, help, points })
const only = (value: number): Point[] => [{ labels: {}, value }]

/** A point for each row. */
function each<Row>(rows: readonly Row[], labels: (row: Row) => Labels, value: (row: Row) => number): Point[] {
  return rows.map((row) => ({ labels: labels(row), value: value(row) }))
}

function serverFamilies({ server, requests }: PageContext): Family[] {
  const { user, system } = process.cpuUsage()
  const { serverId: server_id, serverName: server_name } = server.identity
  return [
    {
      kind: 'info',
      name: 'heddle',
      help: 'Identity and versions of the server.',
      labels: { server_id, server_name, version: HEDDLE_VERSION, nats_version: NATS_VERSION, node: process.version },
    },
    gauge(
      'process_start_time_seconds',
      'Start time of the server, in seconds since 1970.',
      only(server.startedAt / 1000),
    ),
    counter('process_cpu_seconds', 'Processor time of all threads, in seconds.', only((user + system) / 1e6)),
    gauge('process_resident_memory_bytes', 'Resident memory in bytes.', only(process.memoryUsage.rss())),
    gauge('heddle_serving', 'Whether the server accepts clients (1) or not (0).', only(server.serving ? 1 : 0)),
    gauge('heddle_connections_limit', 'Maximum number of connections.', only(server.options.maxConnections)),
    counter('heddle_connections_accepted', 'Connections accepted since the start.', only(server.totalConnections)),
    counter('heddle_thread_replacements', 'Shards whose thread died and was replaced.', only(server.restarts)),
    counter(
      'heddle_monitor_requests',
      'Requests for monitoring pages.',
      each(
        [...requests],
        ([path]) => ({ path }),
        ([, count]) => count,
      ),
    ),
  ]
}

function shardFamilies(totals: readonly TotalsReport[], { server }: PageContext): Family[] {
  const points = (value: (row: TotalsReport) => number): Point[] => each(totals, ({ shard }) => ({ shard }), value)
  const states = server.shardStates.map(({ state }, shard) => ({
    labels: { shard },
    value: state === 'serving' ? 1 : 0,
  }))
  return [
    gauge('heddle_shard_up', 'Whether the shard serves and its event loop responds.', states),
    gauge(
      'heddle_connections',
      'Open connections.',
      points((row) => row.connections),
    ),
    gauge(
      'heddle_subscriptions',
      'Subscriptions.',
      points((row) => row.subscriptions),
    ),
    counter(
      'heddle_received_messages',
      'Messages from clients.',
      points((row) => row.inMessages),
    ),
    counter(
      'heddle_received_bytes',
      'Bytes of payloads and headers from clients.',
      points((row) => row.inBytes),
    ),
    counter(
      'heddle_sent_messages',
      'Messages to clients.',
      points((row) => row.outMessages),
    ),
    counter(
      'heddle_sent_bytes',
      'Bytes of payloads and headers to clients.',
      points((row) => row.outBytes),
    ),
    gauge(
      'heddle_pending_bytes',
      'Bytes waiting for receivers, up to one second ago.',
      points((row) => row.pendingBytes),
    ),
    counter(
      'heddle_slow_consumers',
      'Connections closed as slow consumers.',
      points((row) => row.slowConsumers),
    ),
    counter(
      'heddle_dropped_messages',
      'Messages dropped because their receivers were slow.',
      points((row) => row.droppedMessages),
    ),
    counter(
      'heddle_stale_connections',
      'Connections closed as stale.',
      points((row) => row.staleConnections),
    ),
    counter(
      'heddle_publisher_stalls',
      'Number of times that a publisher was held back for its receivers.',
      points((row) => row.stalls),
    ),
    gauge(
      'heddle_route_cache_routes',
      'Cached routes.',
      points((row) => row.plansCached),
    ),
    counter(
      'heddle_route_cache_hits',
      'Hits in the route cache.',
      points((row) => row.planHits),
    ),
    counter(
      'heddle_route_cache_misses',
      'Misses in the route cache.',
      points((row) => row.planMisses),
    ),
    gauge(
      'heddle_interest_bytes',
      'Memory of the shared subscription index.',
      points((row) => row.interestBytes),
    ),
  ]
}

function ringFamilies(threads: readonly ThreadReport[]): Family[] {
  const rings = threads.flatMap(({ shard, rings }) => rings.map((ring) => ({ from: shard, ...ring })))
  const points = (value: (ring: (typeof rings)[number]) => number): Point[] =>
    each(rings, ({ from, to }) => ({ from, to }), value)
  return [
    gauge(
      'heddle_ring_size_bytes',
      'Size of the ring between two shards.',
      points((ring) => ring.sizeBytes),
    ),
    gauge(
      'heddle_ring_used_bytes',
      'Bytes in the ring between two shards.',
      points((ring) => ring.usedBytes),
    ),
    gauge(
      'heddle_ring_waiting_bytes',
      'Bytes waiting for room in the ring between two shards.',
      points((ring) => ring.waitingBytes),
    ),
    counter(
      'heddle_ring_sent_bytes',
      'Bytes sent from shard to shard.',
      points((ring) => ring.sentBytes),
    ),
    counter(
      'heddle_ring_sent_messages',
      'Messages sent from shard to shard.',
      points((ring) => ring.sentMessages),
    ),
  ]
}

function threadFamilies(threads: readonly ThreadReport[], primary: LoadReport): Family[] {
  const loads = [
    { thread: 'primary', load: primary },
    ...threads.flatMap(({ shard, load }) => (load === undefined ? [] : [{ thread: `shard ${shard}`, load }])),
  ]
  const points = (value: (load: LoadReport) => number): Point[] =>
    each(
      loads,
      ({ thread }) => ({ thread }),
      ({ load }) => value(load),
    )
  const pauses = (value: (pause: LoadReport['gc'][number]) => number): Point[] =>
    loads.flatMap(({ thread, load }) => each(load.gc, ({ kind }) => ({ thread, kind }), value))
  const lags = loads.flatMap(({ thread, load: { lagP50Ms, lagP99Ms, lagMaxMs } }) => [
    { labels: { thread, stat: 'p50' }, value: lagP50Ms / 1000 },
    { labels: { thread, stat: 'p99' }, value: lagP99Ms / 1000 },
    { labels: { thread, stat: 'max' }, value: lagMaxMs / 1000 },
  ])
  return [
    gauge(
      'heddle_event_loop_utilization_ratio',
      'Share of the last second in which the event loop was active.',
      points((load) => load.utilisation),
    ),
    counter(
      'heddle_event_loop_active_seconds',
      'Time in which the event loop was active.',
      points((load) => load.activeS),
    ),
    counter(
      'heddle_event_loop_idle_seconds',
      'Time in which the event loop was idle.',
      points((load) => load.idleS),
    ),
    gauge('heddle_event_loop_lag_seconds', 'Delay of timers in the last second.', lags),
    gauge(
      'heddle_heap_used_bytes',
      'JavaScript heap in use.',
      points((load) => load.heapUsedBytes),
    ),
    gauge(
      'heddle_heap_size_bytes',
      'Size of the JavaScript heap.',
      points((load) => load.heapTotalBytes),
    ),
    counter(
      'heddle_gc_pauses',
      'Garbage collections.',
      pauses((pause) => pause.pauses),
    ),
    counter(
      'heddle_gc_pause_seconds',
      'Time in garbage collections.',
      pauses((pause) => pause.seconds),
    ),
    {
      kind: 'histogram',
      name: 'heddle_message_latency_seconds',
      help: 'Time from reading a message to writing its deliveries; at most one sample per 10 ms.',
      bounds: LATENCY_BOUNDS_S,
      points: threads.map(({ shard, latency }) => ({ labels: { shard }, buckets: latency.buckets, sum: latency.sumS })),
    },
  ]
}

function accountFamilies(accounts: readonly AccountTotals[]): Family[] {
  const shown = accounts.toSorted((a, b) => b.connections - a.connections).slice(0, ACCOUNTS_MAX)
  const points = (value: (account: AccountTotals) => number): Point[] =>
    each(shown, ({ name }) => ({ account: name }), value)
  return [
    gauge('heddle_accounts', 'Accounts.', only(accounts.length)),
    gauge(
      'heddle_account_connections',
      'Open connections.',
      points((row) => row.connections),
    ),
    gauge(
      'heddle_account_subscriptions',
      'Subscriptions.',
      points((row) => row.subscriptions),
    ),
    counter(
      'heddle_account_received_messages',
      'Messages from clients.',
      points((row) => row.inMessages),
    ),
    counter(
      'heddle_account_received_bytes',
      'Payloads and headers.',
      points((row) => row.inBytes),
    ),
    counter(
      'heddle_account_sent_messages',
      'Messages to clients.',
      points((row) => row.outMessages),
    ),
    counter(
      'heddle_account_sent_bytes',
      'Payloads and headers.',
      points((row) => row.outBytes),
    ),
    counter(
      'heddle_account_slow_consumers',
      'Connections closed as slow consumers.',
      points((row) => row.slowConsumers),
    ),
    counter(
      'heddle_account_dropped_messages',
      'Messages dropped because their receivers were slow.',
      points((row) => row.droppedMessages),
    ),
  ]
}

/** The connections with most pending bytes, then those with most bytes sent. */
async function busiestConnections({ reports }: PageContext, max: number): Promise<ConnectionRow[]> {
  const find = (sort: 'pending' | 'bytes_to'): Promise<readonly FoundConnections[]> =>
    reports.ask({ kind: 'findConnections', filter: OPEN, sort, max, withRows: true })
  const [behind, busy] = await Promise.all([find('pending'), find('bytes_to')])
  const ids = new Set([...mergeFound(behind, max, (key) => key < 0), ...mergeFound(busy, max)])
  const rows = new Map([...behind, ...busy].flatMap(({ rows }) => rows.map((row) => [row.id, row])))
  return [...ids].slice(0, max).flatMap((id) => rows.get(id) ?? [])
}

const OPEN = {
  state: 'open',
  closedAfter: 0,
  account: '',
  user: '',
  mqttClient: '',
  subject: '',
  search: '',
} as const

function connectionFamilies(shown: readonly ConnectionRow[]): Family[] {
  const points = (value: (row: ConnectionRow) => number): Point[] =>
    each(shown, ({ id, name, account }) => ({ cid: id, name, account }), value)
  return [
    gauge(
      'heddle_connection_pending_bytes',
      'Bytes waiting for the connection.',
      points((row) => row.pendingBytes),
    ),
    gauge(
      'heddle_connection_subscriptions',
      'Subscriptions of the connection.',
      points((row) => row.subscriptionCount),
    ),
    counter(
      'heddle_connection_received_messages',
      'Messages from the connection.',
      points((row) => row.inMessages),
    ),
    counter(
      'heddle_connection_received_bytes',
      'Bytes of payloads and headers from the connection.',
      points((row) => row.inBytes),
    ),
    counter(
      'heddle_connection_sent_messages',
      'Messages to the connection.',
      points((row) => row.outMessages),
    ),
    counter(
      'heddle_connection_sent_bytes',
      'Bytes of payloads and headers to the connection.',
      points((row) => row.outBytes),
    ),
    counter(
      'heddle_connection_dropped_messages',
      'Messages dropped because the connection was slow.',
      points((row) => row.droppedMessages),
    ),
  ]
}
