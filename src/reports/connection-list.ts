// This shard's part of /connz. A page is made in two steps, so that ten thousand connections cost a shard one walk over
// them and not ten thousand rows: first their sort keys, only as many as the page may need (findConnections), then the
// rows of those that the page really shows (describeConnections). Both go on for as many turns of the loop as they need
// (report-queue.ts): connections that open or close meanwhile may be missing, but none appears twice.

import { hostPort } from '../base/addresses.ts'
import { properText } from '../subjects/byte-string.ts'
import { intersection } from '../subjects/filter.ts'
import type { ReportedClient } from './client.ts'
import { isByNumber, sortKey } from './connection-order.ts'
import { authorizedUserOf, connectionRow, emptyMeasures, measure, subscriptionRow } from './connection-row.ts'
import type { ConnectionFilter, Query } from './query.ts'
import { type LongReport, TurnWork } from './report-queue.ts'
import type { ConnectionRow, FoundConnections } from './rows.ts'
import { Smallest } from './smallest.ts'
import type { ReportSource } from './source.ts'

/** What looking at a connection costs, a row of it, and a subscription in it. */
const LOOK_WORK = 1
const SEARCH_WORK = 3
const ROW_WORK = 8
const SUBSCRIPTION_WORK = 1

/** One part: what was found. */
export function* findConnections(
  shard: ReportSource,
  query: Extract<Query, { kind: 'findConnections' }>,
): LongReport<FoundConnections> {
  const { filter } = query
  const key = sortKey(query.sort)
  const smallest = new Smallest(query.max)
  const now = shard.wallClock(shard.nowMs)
  const measured = emptyMeasures()
  const found: FoundConnections = { shard: shard.index, total: 0, matched: 0, keys: [], rows: [] }
  const work = new TurnWork()
  const lookWork = filter.search === '' ? LOOK_WORK : SEARCH_WORK
  for (const client of shard.clients.values()) {
    const { size } = client.subscriptions
    if (work.isUpAfter(filter.subject === '' ? lookWork : lookWork + size * SUBSCRIPTION_WORK)) yield undefined
    if (!isOfState(client, filter) || !isClientWanted(client, filter)) continue
    found.total++
    if (!isClientFound(client, filter)) continue
    found.matched++
    // Of ten thousand, a page shows a few: in the usual order, only those are examined closely.
    if (isByNumber(query.sort)) measured.id = client.id
    else measure(measured, client, shard)
    smallest.add(key(measured, now), measured.id)
  }
  if (filter.state !== 'open') {
    // One that was closed since the walk began was met as an open one.
    for (const row of shard.records.closed.rows(filter.closedAfter, now, filter.subject !== '')) {
      if (work.isUpAfter(SEARCH_WORK)) yield undefined
      if (!isRowWanted(row, filter)) continue
      found.total++
      if (!isRowFound(row, filter)) continue
      found.matched++
      smallest.add(key(row, now), row.id)
    }
  }
  found.keys = smallest.sorted()
  if (query.withRows) {
    const ids = found.keys.filter((_, i) => i % 2 === 1)
    for (const rows of describeConnections(shard, {
      kind: 'connections',
      state: filter.state,
      subscriptions: 'none',
      credentials: query.credentials === true,
      id: 0,
      ids,
    })) {
      if (rows !== undefined) found.rows.push(...rows)
      yield undefined
    }
  }
  yield found
}

/**
 * Rows, in parts. A row with many subscriptions comes in several consecutive pieces, each with the next subscriptions.
 */
export function* describeConnections(
  shard: ReportSource,
  { state, ids, id, subscriptions, credentials = false }: Extract<Query, { kind: 'connections' }>,
): LongReport<ConnectionRow[]> {
  const work = new TurnWork()
  const withSubscriptions = subscriptions !== 'none'
  const now = shard.wallClock(shard.nowMs)
  const wanted = ids ?? (id === 0 ? undefined : [id])
  let rows: ConnectionRow[] = []
  function* take(): LongReport<ConnectionRow[]> {
    const taken = rows
    rows = []
    yield taken
  }
  const told = new Set<number>()
  for (const client of wanted === undefined ? shard.clients.values() : clientsOf(shard, wanted)) {
    if (!isOfState(client, { state })) continue
    told.add(client.id)
    let row = connectionRow(shard, client, { credentials })
    rows.push(row)
    if (work.isUpAfter(ROW_WORK)) yield* take()
    if (!withSubscriptions) continue
    for (const subscription of client.subscriptions.values()) {
      if (rows.length === 0) {
        row = { ...row, subscriptions: [] }
        rows.push(row)
      }
      row.subscriptions.push(subscriptionRow(shard, subscription))
      if (work.isUpAfter(SUBSCRIPTION_WORK)) yield* take()
    }
  }
  if (state !== 'open') {
    const { closed } = shard.records
    const kept = wanted?.map((one) => closed.get(one)) ?? closed.rows(0, now, true)
    for (const row of kept) {
      if (row === undefined || told.has(row.id)) continue
      rows.push(row)
      if (work.isUpAfter(ROW_WORK + row.subscriptions.length * SUBSCRIPTION_WORK)) yield* take()
    }
  }
  yield rows
}

function* clientsOf(shard: ReportSource, ids: readonly number[]): Generator<ReportedClient> {
  for (const id of ids) {
    const client = shard.clients.get(id)
    if (client !== undefined) yield client
  }
}

/** One that is taking its leave counts as closed. */
function isOfState(client: ReportedClient, { state }: Pick<ConnectionFilter, 'state'>): boolean {
  return state === 'all' || (state === 'closed') === client.closing
}

function isClientWanted(client: ReportedClient, { account, user, mqttClient, subject }: ConnectionFilter): boolean {
  if (account !== '' && account !== client.account.name) return false
  // No connection is an MQTT client yet: nothing passes that filter.
  if ((user !== '' && user !== authorizedUserOf(client)) || mqttClient !== '') return false
  if (subject === '') return true
  for (const subscription of client.subscriptions.values()) {
    if (intersection(properText(subscription.subject), subject) !== undefined) return true
  }
  return false
}

function isClientFound(client: ReportedClient, { search }: ConnectionFilter): boolean {
  if (search === '') return true
  const { name, lang, version } = client.options
  const { peer, account } = client
  return contains([String(client.id), name, peer, authorizedUserOf(client), account.name, `${lang} ${version}`], search)
}

function isRowWanted(row: ConnectionRow, { account, user, mqttClient, subject }: ConnectionFilter): boolean {
  if (account !== '' && account !== row.account) return false
  if ((user !== '' && user !== row.authorizedUser) || mqttClient !== '') return false
  return subject === '' || row.subscriptions.some((one) => intersection(one.subject, subject) !== undefined)
}

function isRowFound(row: ConnectionRow, { search }: ConnectionFilter): boolean {
  if (search === '') return true
  const { id, name, ip, port, lang, version, account, reason, authorizedUser } = row
  const texts = [String(id), name, hostPort(ip, port), authorizedUser, account, `${lang} ${version}`, reason]
  return contains(texts, search)
}

/** `search` is in lower case. */
function contains(texts: readonly string[], search: string): boolean {
  return texts.some((text) => text.toLowerCase().includes(search))
}
