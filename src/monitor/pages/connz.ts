// /connz: connections, open and closed (docs/reference/monitoring.md, "connz"). Each shard sorts its own connections
// and names the candidates for the page; here these are merged, and only the rows that are shown are requested.
//
// Only in Heddle: `search` finds a text in the number, name, address, user, account or library; `filter_subject`, which
// nats-server accepts over NATS only, finds the connections with a subscription that overlaps it.
//
// Oddities of nats-server on which tools may rely are kept: with `cid` the limit is 1; an account that does not exist
// has no server id and no list; closed connections of the global account are not found by its name.

import { nowMs } from '../../base/clock.ts'
import { PAGE_TURN_WORK } from '../../base/constants.ts'
import { age, goRtt, goTime } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { unlessEmpty, unlessNone } from '../../base/json.ts'
import { GLOBAL_ACCOUNT } from '../../options/shapes.ts'
import type { ConnectionSort } from '../../reports/connection-order.ts'
import type { ConnectionFilter, ConnectionState } from '../../reports/query.ts'
import { nextTurn } from '../../reports/report-parts.ts'
import type { CertificateRow, ConnectionRow } from '../../reports/rows.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { parseSort } from '../connection-sort.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'
import { sum } from '../sources/server-totals.ts'
import { mergeFound } from './found-connections.ts'
import { subscriptionDetail } from './subscription-detail.ts'

/** What is looked for is cut here: looking takes time by the length of both texts. */
const SEARCH_MAX = 128
const LIMIT_DEFAULT = 1024
/** Rows that every shard sends, though the page shows but some of them. */
const ROWS_AT_ONCE_MAX = 1024

const STATES = new Map<string, ConnectionState>([
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
  readonly filter: ConnectionFilter
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
    filter: {
      state,
      closedAfter: 0,
      account: parameters.text('acc'),
      user: parameters.text('user'),
      mqttClient: parameters.text('mqtt_client'),
      subject: parameters.text('filter_subject'),
      search: parameters.text('search').trim().toLowerCase().slice(0, SEARCH_MAX),
    },
  }
}

export async function connz(parameters: Parameters, context: PageContext): Promise<Answer> {
  const request = parseRequest(parameters, () => countRequest(context, '/connz'))
  if (request === undefined) return refusal(parameters.refused ?? '')
  return context.queue.share(`connz ${JSON.stringify(request)}`, () => answer(request, context))
}

async function answer(request: Request, context: PageContext): Promise<Answer> {
  const { offset, limit, filter } = request
  if (filter.account !== '' && !(await context.accounts.read()).has(filter.account)) {
    const now = goTime(nowMs())
    return jsonAnswer({ server_id: '', now, num_connections: 0, total: 0, offset, limit, connections: null })
  }
  const { rows, total, matched } = await gather(request, context)
  const now = nowMs()
  return jsonAnswer({
    server_id: context.server.identity.serverId,
    now: goTime(now),
    num_connections: rows.length,
    total,
    offset,
    limit,
    matched: filter.search === '' ? undefined : matched,
    connections: await describeAll(rows, request, now),
  })
}

interface Gathered {
  readonly rows: readonly ConnectionRow[]
  /** Connections that the filters mean. */
  readonly total: number
  /** Those of them that `search` finds. */
  readonly matched: number
}

/** The rows of the page that is asked for. */
async function gather(request: Request, context: PageContext): Promise<Gathered> {
  const { id, sort, offset, limit, subscriptions, auth: credentials } = request
  const state = stateOf(request.filter)
  if (state === undefined) return { rows: [], total: 0, matched: 0 }
  const filter = { ...request.filter, state, closedAfter: await oldestShown(state, context) }
  const end = Math.min(offset + limit, Number.MAX_SAFE_INTEGER)
  if (id > 0) {
    const rows = await context.reports.askAll({ kind: 'connections', state, subscriptions, credentials, id })
    const meant = rows.flat().filter((row) => isMeant(row, filter))
    return { rows: meant.slice(offset, end), total: meant.length, matched: meant.length }
  }
  // Few rows come at once with what was found: a shard under load answers once per turn of its loop.
  const withRows = end <= ROWS_AT_ONCE_MAX && subscriptions === 'none'
  const query = { kind: 'findConnections', filter, sort, max: end, withRows, credentials } as const
  const found = await context.reports.askAll(query)
  const total = sum(found, 'total')
  const matched = sum(found, 'matched')
  const ids = mergeFound(found, end).slice(offset)
  if (ids.length === 0) return { rows: [], total, matched }
  const asked = withRows
    ? found.map(({ rows }) => rows)
    : await context.reports.askAll({ kind: 'connections', state, subscriptions, credentials, id: 0, ids })
  const byId = new Map(asked.flat().map((row) => [row.id, row]))
  // One that has changed its state since it was found is on the page no more.
  return { rows: ids.map((one) => byId.get(one)).filter((row) => row !== undefined), total, matched }
}

/** Which connections to examine; undefined: none. nats-server finds no closed ones in the global account. */
function stateOf({ account, state }: ConnectionFilter): ConnectionState | undefined {
  if (account !== GLOBAL_ACCOUNT || state === 'open') return state
  return state === 'all' ? 'open' : undefined
}

/** Beside a number, only these filters count. */
function isMeant(row: ConnectionRow, { closedAfter, account, user, mqttClient }: ConnectionFilter): boolean {
  return (
    (row.closedAt === 0 || row.closedAt > closedAfter) &&
    (account === '' || row.account === account) &&
    (user === '' || row.authorizedUser === user) &&
    mqttClient === ''
  )
}

/**
 * The closed ones are bounded for the whole server, and each shard keeps that many of its own: those that were closed
 * at this time, in milliseconds since 1970, or before it are not shown.
 */
async function oldestShown(state: ConnectionState, context: PageContext): Promise<number> {
  if (state === 'open') return 0
  const { maxClosedClients } = context.server.options
  const closings = (await context.reports.askAll({ kind: 'closings' })).flat()
  return closings.length <= maxClosedClients ? 0 : closings.sort((a, b) => b - a)[maxClosedClients]
}

/** Over several turns of the loop, where there is much to describe. */
async function describeAll(rows: readonly ConnectionRow[], request: Request, now: number): Promise<Json[]> {
  const described: Json[] = []
  let work = 0
  for (const row of rows) {
    described.push(describe(row, request, now))
    work += 1 + row.subscriptions.length
    if (work < PAGE_TURN_WORK) continue
    work = 0
    await nextTurn()
  }
  return described
}

function describe(row: ConnectionRow, { auth, subscriptions }: Request, now: number): Json {
  const isClosed = row.closedAt > 0
  const untilMs = isClosed ? row.closedAt : now
  const isGlobal = row.account === GLOBAL_ACCOUNT
  // Closed ones are remembered with all of it.
  const shown = auth ? row.credentials : undefined
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
    dropped_msgs: unlessEmpty(row.droppedMessages),
    subscriptions: row.subscriptionCount,
    name: unlessEmpty(row.name),
    lang: unlessEmpty(row.lang),
    version: unlessEmpty(row.version),
    tls_version: row.tls?.version,
    tls_cipher_suite: row.tls?.cipher,
    tls_peer_certs: shown && unlessNone(shown.certificates.map(describeCertificate)),
    tls_first: row.tls?.first === true ? true : undefined,
    authorized_user: auth ? unlessEmpty(row.authorizedUser) : undefined,
    account: auth && !isGlobal ? row.account : undefined,
    subscriptions_list: listed === 'list' ? row.subscriptions.map(({ subject }) => subject) : undefined,
    subscriptions_list_detail:
      listed === 'detail' ? row.subscriptions.map((one) => subscriptionDetail(one, isClosed)) : undefined,
    jwt: shown && unlessEmpty(shown.jwt),
    issuer_key: shown && unlessEmpty(shown.issuer),
    name_tag: auth && !(isClosed && isGlobal) ? row.accountTag : undefined,
    tags: shown && unlessNone(shown.tags),
    proxy: shown === undefined || shown.proxyKey === '' ? undefined : { key: shown.proxyKey },
  }
}

function describeCertificate({ subject, publicKeyHash, hash }: CertificateRow): Json {
  return { subject: unlessEmpty(subject), spki_sha256: unlessEmpty(publicKeyHash), cert_sha256: hash }
}
