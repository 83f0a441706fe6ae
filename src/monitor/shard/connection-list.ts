// This shard's part of /connz. A page is made in two steps, so that ten thousand connections cost a shard one walk
// over them and not ten thousand rows: first their sort keys, only as many as the page may need (findConnections),
// then the rows of those that the page really shows (describeConnections).

import { hostPort } from '../../addresses.ts'
import type { Client } from '../../client.ts'
import type { ConnectionFilter, Query } from '../../messages.ts'
import type { Shard } from '../../shard.ts'
import { authorizedUserOf, type ConnectionRow, connectionRow, properText } from '../../stats.ts'
import { intersection } from '../../subjects/overlap.ts'
import { isByNumber, type Measurable, sortKey } from '../connection-order.ts'
import { Smallest } from './smallest.ts'

export interface FoundConnections {
  shard: number
  /** Connections of the state and account that are asked for, before other filters. */
  total: number
  /** Those that pass all filters. */
  matched: number
  /** Sort key and number in turn, smallest first. */
  keys: number[]
  /** What they are, in no order; none unless asked for. */
  rows: ConnectionRow[]
}

export function findConnections(shard: Shard, query: Extract<Query, { kind: 'findConnections' }>): FoundConnections {
  const { filter } = query
  const key = sortKey(query.sort)
  const smallest = new Smallest(query.max)
  const now = shard.wallClock(shard.nowMs)
  const measured = emptyMeasures()
  const found: FoundConnections = { shard: shard.index, total: 0, matched: 0, keys: [], rows: [] }
  const accept = (row: Measurable): void => {
    found.matched++
    smallest.add(key(row, now), row.id)
  }
  for (const client of shard.clients.values()) {
    if (!isOfState(client, filter) || (filter.account !== '' && client.account.name !== filter.account)) continue
    found.total++
    if (!matchesClient(client, filter)) continue
    // Of ten thousand, a page shows a few: in the usual order, only those are looked at closely.
    if (isByNumber(query.sort)) measured.id = client.id
    else measure(measured, client, shard)
    accept(measured)
  }
  if (filter.state !== 'open') {
    for (const row of shard.records.closedConnections) {
      if (row.closedAt <= filter.closedAfter || (filter.account !== '' && row.account !== filter.account)) continue
      found.total++
      if (matchesRow(row, filter)) accept(row)
    }
  }
  found.keys = smallest.sorted()
  if (query.withRows) {
    const ids = found.keys.filter((_, i) => i % 2 === 1)
    found.rows = describeConnections(shard, {
      kind: 'connections',
      state: filter.state,
      subscriptions: 'none',
      credentials: query.credentials === true,
      id: 0,
      ids,
    })
  }
  return found
}

export function describeConnections(
  shard: Shard,
  { state, ids, id, subscriptions, credentials = false }: Extract<Query, { kind: 'connections' }>,
): ConnectionRow[] {
  const wanted = ids === undefined ? undefined : new Set(ids)
  const isWanted = (one: number): boolean => (id === 0 || id === one) && (wanted === undefined || wanted.has(one))
  const rows: ConnectionRow[] = []
  const add = (client: Client | undefined): void => {
    if (client === undefined || !isWanted(client.id) || !isOfState(client, { state })) return
    rows.push(connectionRow(shard, client, { subscriptions: subscriptions !== 'none', credentials }))
  }
  if (ids !== undefined) for (const one of ids) add(shard.clients.get(one))
  else for (const client of shard.clients.values()) add(client)
  if (state !== 'open') for (const row of shard.records.closedConnections) if (isWanted(row.id)) rows.push(row)
  return rows
}

/** One that is taking its leave counts as closed. */
function isOfState(client: Client, { state }: Pick<ConnectionFilter, 'state'>): boolean {
  return state === 'all' || (state === 'closed') === client.closing
}

function matchesClient(client: Client, { user, mqttClient, subject, search }: ConnectionFilter): boolean {
  if (user === '' && mqttClient === '' && subject === '' && search === '') return true
  const authorizedUser = authorizedUserOf(client)
  // No connection is an MQTT client yet: nothing passes that filter.
  if ((user !== '' && user !== authorizedUser) || mqttClient !== '') return false
  if (search !== '') {
    const { name, lang, version } = client.options
    const texts = [String(client.id), name, client.peer, authorizedUser, client.account.name, `${lang} ${version}`]
    if (!contains(texts, search)) return false
  }
  if (subject === '') return true
  for (const subscription of client.subscriptions.values()) {
    if (intersection(properText(subscription.subject), subject) !== undefined) return true
  }
  return false
}

function matchesRow(row: ConnectionRow, { user, mqttClient, subject, search }: ConnectionFilter): boolean {
  const { authorizedUser } = row
  if ((user !== '' && user !== authorizedUser) || mqttClient !== '') return false
  if (search !== '') {
    const { id, name, ip, port, lang, version, account, reason } = row
    const texts = [String(id), name, hostPort(ip, port), authorizedUser, account, `${lang} ${version}`, reason]
    if (!contains(texts, search)) return false
  }
  return subject === '' || row.subscriptions.some((one) => intersection(one.subject, subject) !== undefined)
}

/** `search` is in lower case. */
function contains(texts: readonly string[], search: string): boolean {
  return texts.some((text) => text.toLowerCase().includes(search))
}

function emptyMeasures(): Measurable {
  return {
    id: 0,
    startedAt: 0,
    lastActivityAt: 0,
    closedAt: 0,
    reason: '',
    rttMs: 0,
    pendingBytes: 0,
    inMessages: 0,
    outMessages: 0,
    inBytes: 0,
    outBytes: 0,
    subscriptionCount: 0,
  }
}

/** One object is filled again for each client: thousands of rows for the sake of their keys would be garbage. */
function measure(to: Measurable, client: Client, shard: Shard): void {
  to.id = client.id
  to.startedAt = shard.wallClock(client.startMs)
  to.lastActivityAt = shard.wallClock(client.lastActivityMs)
  to.closedAt = client.closing ? shard.wallClock(client.closedAtMs) : 0
  to.reason = client.closeReason ?? ''
  to.rttMs = client.rttMs
  to.pendingBytes = client.outbound.pendingBytes
  to.inMessages = client.inMessages
  to.outMessages = client.outMessages
  to.inBytes = client.inBytes
  to.outBytes = client.outBytes
  to.subscriptionCount = client.subscriptions.size
}
