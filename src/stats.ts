// Counters: each shard counts for itself with plain numbers; a report adds them up when somebody asks.

import type { Client } from './client.ts'
import type { Query } from './messages.ts'
import type { Shard } from './shard.ts'
import { matches } from './subjects/subject.ts'
import type { Subscription } from './subjects/sublist.ts'

/** Sums of a shard since its start. Times of day are milliseconds since 1970; texts are proper strings. */
export interface TotalsReport {
  /** Which shard speaks: the answers of dead ones are missing. */
  shard: number
  connections: number
  /** Closed connections that are remembered. */
  closedConnections: number
  subscriptions: number
  inMessages: number
  inBytes: number
  outMessages: number
  outBytes: number
  slowConsumers: number
  staleConnections: number
  stalls: number
  routesCached: number
  routeHits: number
  routeMisses: number
  inserts: number
  removes: number
  interestBytes: number
}

export interface SubscriptionRow {
  subject: string
  queue: string
  sid: string
  delivered: number
  max: number
  connection: number
}

export interface ConnectionRow {
  id: number
  /** How it came. */
  type: 'nats' | 'websocket'
  ip: string
  port: number
  startedAt: number
  lastActivityAt: number
  /** 0 while open. */
  closedAt: number
  reason: string
  rttMs: number
  pendingBytes: number
  inMessages: number
  outMessages: number
  inBytes: number
  outBytes: number
  stalls: number
  subscriptionCount: number
  name: string
  lang: string
  version: string
  account: string
  /** Who it is, as people may see it. */
  authorizedUser: string
  subscriptions: SubscriptionRow[]
}

export interface SubscriptionsReport {
  total: number
  rows: SubscriptionRow[]
}

export type Report = TotalsReport | ConnectionRow[] | SubscriptionsReport

/** What the connections of a shard have done together, closed ones included. */
export class TrafficTotals {
  inMessages = 0
  inBytes = 0
  outMessages = 0
  outBytes = 0

  add(client: Client): void {
    this.inMessages += client.inMessages
    this.inBytes += client.inBytes
    this.outMessages += client.outMessages
    this.outBytes += client.outBytes
  }
}

export function reportTotals(shard: Shard): TotalsReport {
  const traffic = new TrafficTotals()
  Object.assign(traffic, shard.closedTraffic)
  for (const client of shard.clients.values()) traffic.add(client)
  return {
    shard: shard.index,
    connections: shard.openConnections,
    closedConnections: shard.closedConnections.length,
    subscriptions: shard.sublist.count,
    inMessages: traffic.inMessages,
    inBytes: traffic.inBytes,
    outMessages: traffic.outMessages,
    outBytes: traffic.outBytes,
    slowConsumers: shard.slowConsumers,
    staleConnections: shard.staleConnections,
    stalls: shard.stalls,
    routesCached: shard.router.planner.cache.sweep(),
    routeHits: shard.router.planner.cache.hits,
    routeMisses: shard.router.planner.cache.misses,
    inserts: shard.sublist.inserts,
    removes: shard.sublist.removes,
    interestBytes: shard.interestBytes,
  }
}

const text = (byteString: string): string => Buffer.from(byteString, 'latin1').toString('utf8')

export function subscriptionRow(subscription: Subscription): SubscriptionRow {
  return {
    subject: text(subscription.subject),
    queue: text(subscription.queue),
    sid: text(subscription.sid),
    delivered: subscription.delivered,
    max: subscription.max,
    connection: subscription.client.id,
  }
}

export function connectionRow(shard: Shard, client: Client, withSubscriptions: boolean): ConnectionRow {
  return {
    id: client.id,
    type: client.webSocket === undefined ? 'nats' : 'websocket',
    ip: client.ip,
    port: client.port,
    startedAt: shard.wallClock(client.startMs),
    lastActivityAt: shard.wallClock(client.lastActivityMs),
    closedAt: client.closing ? shard.wallClock(client.closedAtMs) : 0,
    reason: client.closeReason ?? '',
    rttMs: client.rttMs,
    pendingBytes: client.outbound.pendingBytes,
    inMessages: client.inMessages,
    outMessages: client.outMessages,
    inBytes: client.inBytes,
    outBytes: client.outBytes,
    stalls: client.stalls,
    subscriptionCount: client.subscriptions.size,
    name: client.options.name,
    lang: client.options.lang,
    version: client.options.version,
    account: client.account.name,
    authorizedUser: client.login.identity?.user ?? '',
    subscriptions: withSubscriptions ? [...client.subscriptions.values()].map(subscriptionRow) : [],
  }
}

/** Answers a query of the primary. */
export function report(shard: Shard, query: Query): Report {
  switch (query.kind) {
    case 'totals':
      return reportTotals(shard)
    case 'connections': {
      const rows: ConnectionRow[] = []
      for (const client of shard.clients.values()) {
        // One that is taking its leave counts as closed.
        const wanted = query.state === 'all' || (query.state === 'closed') === client.closing
        if (wanted && (query.id === 0 || query.id === client.id)) {
          rows.push(connectionRow(shard, client, query.subscriptions !== 'none'))
        }
      }
      if (query.state !== 'open') {
        for (const row of shard.closedConnections) if (query.id === 0 || query.id === row.id) rows.push(row)
      }
      return rows
    }
    case 'subscriptions': {
      const rows: SubscriptionRow[] = []
      let total = 0
      for (const client of shard.clients.values()) {
        if (client.closing || (query.account !== '' && query.account !== client.account.name)) continue
        for (const subscription of client.subscriptions.values()) {
          if (query.test !== '' && !matches(text(subscription.subject), query.test)) continue
          total++
          if (query.list) rows.push(subscriptionRow(subscription))
        }
      }
      return { total, rows }
    }
  }
}
