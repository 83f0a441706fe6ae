// /connz: connections, open and closed (reference 11.2). The shards report theirs; here they are sorted and paged.
//
// Oddities of nats-server that tools may lean on are kept: `total` counts the connections of the asked state before
// any filter but the account; with `cid` the limit is 1; an account that does not exist has no server id and no list.

import type { ConnectionRow } from '../stats.ts'
import { type Answer, type Json, jsonAnswer, refusal, unlessEmpty } from './answer.ts'
import { type ConnectionSort, connectionOrder, parseSort } from './connection-order.ts'
import { age, goRtt, goTime } from './go-format.ts'
import { ACCOUNT, countRequest, nowMs, type PageContext, pageOf } from './page.ts'
import type { Parameters } from './parameters.ts'
import { subscriptionDetail } from './subscription-detail.ts'

const LIMIT_DEFAULT = 1024

type State = 'open' | 'closed' | 'all'
const STATES = new Map<string, State>([
  ['', 'open'],
  ['open', 'open'],
  ['closed', 'closed'],
  ['any', 'all'],
  ['all', 'all'],
])

interface Request {
  readonly sort: ConnectionSort
  readonly auth: boolean
  readonly subscriptions: 'none' | 'list' | 'detail'
  readonly offset: number
  readonly limit: number
  readonly id: number
  readonly state: State
  readonly user: string
  readonly account: string
  readonly mqttClient: string
}

/** Reads the parameters in nats-server's order, so that of several wrong ones the same one is named. */
function parseRequest(parameters: Parameters, count: () => void): Request | undefined {
  const auth = parameters.boolean('auth')
  const detail = parameters.bytes('subs').toLowerCase() === 'detail'
  const list = !detail && parameters.boolean('subs')
  const offset = Math.max(0, parameters.integer('offset'))
  const limit = parameters.integer('limit')
  const id = parameters.unsigned('cid')
  const stateName = parameters.bytes('state')
  const state = STATES.get(stateName.toLowerCase())
  if (state === undefined) parameters.refuseWith(`Error decoding state for ${stateName}`)
  if (parameters.refused !== undefined || state === undefined) return undefined
  count()
  const sort = parseSort(parameters, state === 'closed')
  if (sort === undefined) return undefined
  return {
    sort,
    auth,
    subscriptions: detail ? 'detail' : list ? 'list' : 'none',
    offset,
    limit: id > 0 ? 1 : limit <= 0 ? LIMIT_DEFAULT : limit,
    id,
    state,
    user: parameters.text('user'),
    account: parameters.text('acc'),
    mqttClient: parameters.text('mqtt_client'),
  }
}

export async function connz(parameters: Parameters, context: PageContext): Promise<Answer> {
  const request = parseRequest(parameters, () => countRequest(context, '/connz'))
  if (request === undefined) return refusal(parameters.refused ?? '')
  const { offset, limit, account } = request
  if (account !== '' && account !== ACCOUNT) {
    const now = goTime(nowMs())
    return jsonAnswer({ server_id: '', now, num_connections: 0, total: 0, offset, limit, connections: null })
  }
  const { rows, total } = await gather(request, context)
  const now = nowMs()
  const page = pageOf(rows.sort(connectionOrder(request.sort, now)), offset, limit)
  return jsonAnswer({
    server_id: context.server.identity.serverId,
    now: goTime(now),
    num_connections: page.length,
    total,
    offset,
    limit,
    connections: page.map((row) => describe(row, request, now)),
  })
}

interface Gathered {
  rows: ConnectionRow[]
  readonly total: number
}

async function gather(request: Request, context: PageContext): Promise<Gathered> {
  const { id, state, subscriptions } = request
  const found = await context.reports.connections({ kind: 'connections', state, subscriptions, id })
  const rows = latestClosed(found, context.server.options.maxClosedClients)
  const total = id > 0 ? await countAll(request, context) : rows.length
  // No connection has a user or is an MQTT client yet: nothing passes these filters. They do not matter with a cid.
  const filtered = id === 0 && (request.user !== '' || request.mqttClient !== '')
  return { rows: filtered ? [] : rows, total }
}

/** The closed ones are bounded for the whole server; each shard keeps that many of its own. */
function latestClosed(rows: ConnectionRow[], max: number): ConnectionRow[] {
  const closed = rows.filter((row) => row.closedAt > 0)
  if (closed.length <= max) return rows
  const kept = new Set(closed.sort((a, b) => b.closedAt - a.closedAt).slice(0, max))
  return rows.filter((row) => row.closedAt === 0 || kept.has(row))
}

async function countAll({ state }: Request, context: PageContext): Promise<number> {
  let open = 0
  let closed = 0
  for (const totals of await context.reports.totals()) {
    open += totals.connections
    closed += totals.closedConnections
  }
  closed = Math.min(closed, context.server.options.maxClosedClients)
  return (state === 'closed' ? 0 : open) + (state === 'open' ? 0 : closed)
}

function describe(row: ConnectionRow, { auth, subscriptions }: Request, now: number): Json {
  const isClosed = row.closedAt > 0
  const untilMs = isClosed ? row.closedAt : now
  const listed = row.subscriptions.length > 0 ? subscriptions : 'none'
  return {
    cid: row.id,
    kind: 'Client',
    type: row.type,
    ip: row.ip,
    port: row.port,
    start: goTime(row.startedAt),
    last_activity: goTime(row.lastActivityAt),
    stop: isClosed ? goTime(row.closedAt) : undefined,
    reason: unlessEmpty(row.reason),
    rtt: goRtt(row.rttMs),
    uptime: age(untilMs - row.startedAt),
    idle: age(untilMs - row.lastActivityAt),
    pending_bytes: row.pendingBytes,
    in_msgs: row.inMessages,
    out_msgs: row.outMessages,
    in_bytes: row.inBytes,
    out_bytes: row.outBytes,
    stalls: unlessEmpty(row.stalls),
    subscriptions: row.subscriptionCount,
    name: unlessEmpty(row.name),
    lang: unlessEmpty(row.lang),
    version: unlessEmpty(row.version),
    subscriptions_list: listed === 'list' ? row.subscriptions.map(({ subject }) => subject) : undefined,
    subscriptions_list_detail:
      listed === 'detail'
        ? row.subscriptions.map((one) => subscriptionDetail(one, isClosed ? row.account : undefined))
        : undefined,
    name_tag: auth && !isClosed ? row.account : undefined,
  }
}
