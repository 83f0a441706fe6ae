// /varz: the server as a whole (docs/reference/monitoring.md, "varz"). Members, order and units are nats-server's; of
// those that it leaves out when they are empty, the ones of missing features are left out. The last one, `heddle`, is
// Heddle's own.

import { availableParallelism } from 'node:os'
import { authSettings } from '../../auth/settings.ts'
import { isOperatorMode } from '../../auth/setup.ts'
import { systemAccountOf } from '../../auth/system-account.ts'
import { nowMs } from '../../base/clock.ts'
import { HEDDLE_VERSION, NATS_VERSION, PROTOCOL_VERSION } from '../../base/constants.ts'
import { age, goTime, nanoseconds } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { unlessEmpty, unlessNone } from '../../base/json.ts'
import type { LeafRemoteOptions } from '../../options/leafnodes.ts'
import type { Options } from '../../options/options.ts'
import type { ServerIdentity } from '../../protocol/handshake.ts'
import type { TotalsReport } from '../../reports/rows.ts'
import { type Answer, jsonAnswer } from '../answer.ts'
import { countRequest, missingShards, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'
import { sum } from '../sources/server-totals.ts'
import { streamMembers } from './jetstream.ts'
import {
  clusterTlsMembers,
  lastMembers,
  notAfter,
  ocspCacheMembers,
  operatorMembers,
  timeouts,
  tlsMembers,
  webSocketMembers,
} from './varz-security.ts'

/** Supported kinds of connections and, always 0, the others. */
function perKind(clients: number): Json {
  return { clients, routes: 0, gateways: 0, leafs: 0 }
}

export async function varz(_parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/varz')
  return jsonAnswer(describe(await context.totals.read(), context))
}

function clusterMembers({ server }: PageContext): Json {
  const { options, identity } = server
  const { cluster } = identity
  if (cluster === undefined || options.cluster === undefined) return {}
  const { host, authTimeout, routes, poolSize } = options.cluster
  return {
    name: cluster.name,
    addr: host,
    cluster_port: cluster.port,
    auth_timeout: authTimeout / 1000,
    urls: routes.length === 0 ? undefined : routes.map((url) => url.slice(url.lastIndexOf('/') + 1)),
    ...clusterTlsMembers(options),
    pool_size: poolSize,
    tls_cert_not_after: notAfter(server.certificates.cluster),
  }
}

function leafMembers({ leaf }: ServerIdentity, { leafnodes }: Options): Json {
  if (leafnodes === undefined) return {}
  const { host, authTimeout, remotes } = leafnodes
  return {
    ...(leaf === undefined ? {} : { host, port: leaf.port, auth_timeout: authTimeout / 1000 }),
    remotes: remotes.length === 0 ? undefined : remotes.map(remoteMembers),
  }
}

function remoteMembers({ account, urls, denyImports, denyExports }: LeafRemoteOptions): Json {
  const deny = {
    exports: denyExports.length === 0 ? undefined : [...denyExports],
    imports: denyImports.length === 0 ? undefined : [...denyImports],
  }
  return {
    local_account: account,
    urls: urls.map((url) => url.slice(Math.max(url.lastIndexOf('/'), url.lastIndexOf('@')) + 1)),
    deny: denyImports.length + denyExports.length === 0 ? undefined : deny,
  }
}

function describe(totals: readonly TotalsReport[], context: PageContext): Json {
  const { server } = context
  const { identity, options } = server
  const now = nowMs()
  const slowConsumers = sum(totals, 'slowConsumers')
  const staleConnections = sum(totals, 'staleConnections')
  const traffic = {
    inMessages: sum(totals, 'inMessages'),
    inBytes: sum(totals, 'inBytes'),
    outMessages: sum(totals, 'outMessages'),
    outBytes: sum(totals, 'outBytes'),
  }
  const seconds = timeouts(options)
  return {
    server_id: identity.serverId,
    server_name: identity.serverName,
    version: NATS_VERSION,
    proto: PROTOCOL_VERSION,
    go: `node ${process.version}`,
    host: identity.host,
    port: identity.port,
    auth_required: isAuthRequired(options) || undefined,
    ...tlsMembers(options),
    connect_urls: unlessNone(identity.connectUrls ?? []),
    max_connections: options.maxConnections,
    max_subscriptions: unlessEmpty(options.maxSubscriptions),
    ping_interval: nanoseconds(options.pingInterval),
    ping_max: options.pingMax,
    http_host: options.monitorHost,
    http_port: context.monitorPorts.http,
    http_base_path: options.monitorBasePath,
    https_port: context.monitorPorts.https,
    auth_timeout: seconds.auth,
    max_control_line: options.maxControlLine,
    max_payload: options.maxPayload,
    max_pending: options.maxPending,
    cluster: clusterMembers(context),
    gateway: {},
    leaf: leafMembers(server.identity, options),
    mqtt: {},
    websocket: webSocketMembers(context),
    jetstream: streamMembers(server),
    tls_timeout: seconds.tls,
    write_deadline: nanoseconds(options.writeDeadline),
    start: goTime(server.startedAt),
    now: goTime(now),
    uptime: age(now - server.startedAt),
    mem: process.memoryUsage.rss(),
    cores: availableParallelism(),
    gomaxprocs: Math.max(1, options.workers),
    cpu: context.cpuPercent,
    connections: sum(totals, 'connections'),
    total_connections: server.totalConnections,
    routes: server.routeCounts.routes,
    remotes: server.routeCounts.remotes,
    leafnodes: server.leafCount,
    in_msgs: traffic.inMessages,
    in_bytes: traffic.inBytes,
    in_client_msgs: traffic.inMessages,
    in_client_bytes: traffic.inBytes,
    out_msgs: traffic.outMessages,
    out_bytes: traffic.outBytes,
    out_client_msgs: traffic.outMessages,
    out_client_bytes: traffic.outBytes,
    slow_consumers: slowConsumers,
    stale_connections: staleConnections,
    stalled_clients: sum(totals, 'stalls'),
    subscriptions: sum(totals, 'subscriptions'),
    http_req_stats: Object.fromEntries([...context.requests].sort(([a], [b]) => (a < b ? -1 : 1))),
    config_load_time: goTime(server.configLoadedAt),
    config_digest: options.configDigest,
    tags: unlessNone(options.serverTags),
    metadata: Object.keys(options.serverMetadata).length === 0 ? undefined : { ...options.serverMetadata },
    ...operatorMembers(options),
    system_account: systemAccountOf(options),
    ocsp_peer_cache: ocspCacheMembers(context),
    slow_consumer_stats: perKind(slowConsumers),
    stale_connection_stats: perKind(staleConnections),
    disk_io_wait_stats: { waiters: 0, waits: 0, wait_time: 0, max_wait_time: 0 },
    ...lastMembers(context),
    heddle: {
      version: HEDDLE_VERSION,
      placement: options.placement,
      unix_socket: unlessEmpty(options.unixSocket),
      http_gateway: httpGatewayOf(server),
      shards: totals.map(describeShard),
      restarts: server.restarts,
      ...missingShards(context),
    },
  }
}

/** Whether INFO requires credentials. */
function isAuthRequired(options: Options): boolean {
  return isOperatorMode(options) || authSettings({ ...options, operator: undefined }).isRequired
}

/** Where HTTP clients are served; undefined: nowhere. */
function httpGatewayOf({ options, httpGatewayPort: port }: PageContext['server']): Json | undefined {
  const { httpGateway, host } = options
  if (httpGateway === undefined || port === undefined) return undefined
  return { host: httpGateway.host || host, port, tls_required: httpGateway.tls !== undefined }
}

function describeShard(totals: TotalsReport): Json {
  return {
    index: totals.shard,
    connections: totals.connections,
    subscriptions: totals.subscriptions,
    in_msgs: totals.inMessages,
    out_msgs: totals.outMessages,
    routes_cached: totals.plansCached,
    route_hits: totals.planHits,
    route_misses: totals.planMisses,
    interest_bytes: totals.interestBytes,
  }
}
