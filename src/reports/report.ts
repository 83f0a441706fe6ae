// What a shard tells of itself: each shard counts for itself with plain numbers; a report adds them up when somebody
// asks. What must outlive the thread stands in shared memory (gauges.ts).

import { CLOSED_SUBSCRIPTIONS_MAX } from '../base/constants.ts'
import { Faults } from '../base/errors.ts'
import type { Client } from '../connection/client.ts'
import type { Subscription } from '../routing/subscription.ts'
import { properText } from '../subjects/byte-string.ts'
import { describeConnections, type FoundConnections, findConnections } from './connection-list.ts'
import { type CredentialsRow, credentialsOf, type TlsRow, tlsOf } from './credentials.ts'
import type { Incident } from './incidents.ts'
import type { LatencyReport } from './latency.ts'
import type { LoadReport } from './load-meter.ts'
import type { LongQuery, Query } from './query.ts'
import type { LongReport } from './report-queue.ts'
import type { SlowRow } from './slow-watch.ts'
import type { ReportSource } from './source.ts'
import { countSubscriptions, describeSubscriptions } from './subscription-list.ts'

/** Sums of a shard. Texts are proper strings. */
export interface TotalsReport {
  /** Which shard speaks: the answers of dead ones are missing. */
  shard: number
  /** When its thread began, in milliseconds since 1970. */
  bornAt: number
  connections: number
  /** Closed connections that are remembered. */
  closedConnections: number
  subscriptions: number
  /** Traffic and troubles since the server started, whichever threads were in this place. */
  inMessages: number
  inBytes: number
  outMessages: number
  outBytes: number
  slowConsumers: number
  /** Of outMessages, those that were dropped as their receivers had fallen behind; here and below. */
  droppedMessages: number
  staleConnections: number
  stalls: number
  /** Bytes that wait for all connections together, as of the latest sweep. */
  pendingBytes: number
  plansCached: number
  /** Receivers of the cached routes: of the one with most, and of all. */
  fanoutMax: number
  fanoutSum: number
  planHits: number
  planMisses: number
  inserts: number
  removes: number
  interestBytes: number
}

/** A shard's part of an account. Traffic is that of its clients, those that left included. */
export interface AccountReport {
  shard: number
  bornAt: number
  name: string
  /** What people call it; its name where it has no other. */
  tag: string
  connections: number
  subscriptions: number
  inMessages: number
  inBytes: number
  outMessages: number
  outBytes: number
  slowConsumers: number
  droppedMessages: number
  plansCached: number
  fanoutMax: number
  fanoutSum: number
  planHits: number
  planMisses: number
  inserts: number
  removes: number
}

/** A ring to another shard. */
export interface RingReport {
  to: number
  sizeBytes: number
  /** In the ring, not dealt with by the other shard yet. */
  usedBytes: number
  /** Frames for which it had no room. */
  waitingBytes: number
  /** Since the ring was made. */
  sentBytes: number
  sentMessages: number
}

export interface ThreadReport {
  shard: number
  load: LoadReport | undefined
  latency: LatencyReport
  rings: RingReport[]
}

export interface SubscriptionRow {
  account: string
  accountTag: string
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
  droppedMessages: number
  stalls: number
  subscriptionCount: number
  name: string
  lang: string
  version: string
  account: string
  accountTag: string
  /** Who it is, as people may see it. */
  authorizedUser: string
  tls: TlsRow | undefined
  /** Where they are asked for. */
  credentials: CredentialsRow | undefined
  subscriptions: SubscriptionRow[]
}

/** What a shard answers, by the kind of question. */
export interface Reports {
  totals: TotalsReport
  accounts: AccountReport[]
  accountToken: string
  load: ThreadReport
  slow: SlowRow[]
  incidents: Incident[]
  closings: number[]
  findConnections: FoundConnections
  connections: ConnectionRow[]
  kick: boolean
  lameDuckOne: 'told' | 'deaf' | 'unknown'
  countSubscriptions: number[]
  subscriptions: SubscriptionRow[]
}

export type Report = Reports[keyof Reports] | Report[]

function reportTotals(shard: ReportSource): TotalsReport {
  const { sublist, records } = shard
  const { counters } = records
  records.addUpTraffic()
  let fanoutMax = 0
  let fanoutSum = 0
  const plansCached = shard.router.planner.cache.sweep(({ fanout }) => {
    fanoutMax = Math.max(fanoutMax, fanout)
    fanoutSum += fanout
  })
  let planHits = 0
  let planMisses = 0
  for (const account of shard.accounts.values()) {
    planHits += account.counters.planHits
    planMisses += account.counters.planMisses
  }
  return {
    shard: shard.index,
    bornAt: shard.wallClock(shard.records.bornMs),
    connections: shard.openConnections,
    closedConnections: shard.records.closed.size,
    subscriptions: sublist.count,
    inMessages: counters.inMessages,
    inBytes: counters.inBytes,
    outMessages: counters.outMessages,
    outBytes: counters.outBytes,
    slowConsumers: counters.slowConsumers,
    droppedMessages: counters.droppedMessages,
    staleConnections: counters.staleConnections,
    stalls: counters.stalls,
    pendingBytes: shard.records.slowWatch.pendingBytes,
    plansCached,
    fanoutMax,
    fanoutSum,
    planHits,
    planMisses,
    inserts: sublist.inserts,
    removes: sublist.removes,
    interestBytes: shard.writer.usedBytes,
  }
}

function reportAccounts(shard: ReportSource): AccountReport[] {
  const reports = new Map<string, AccountReport>()
  for (const { name, counters } of shard.accounts.values()) {
    const { closed, slowConsumers, droppedMessages, planHits, planMisses, inserts, removes } = counters
    reports.set(name, {
      shard: shard.index,
      bornAt: shard.wallClock(shard.records.bornMs),
      name,
      tag: shard.admission.accountTag(name),
      connections: 0,
      subscriptions: inserts - removes,
      inMessages: closed.inMessages,
      inBytes: closed.inBytes,
      outMessages: closed.outMessages,
      outBytes: closed.outBytes,
      slowConsumers,
      droppedMessages,
      plansCached: 0,
      fanoutMax: 0,
      fanoutSum: 0,
      planHits,
      planMisses,
      inserts,
      removes,
    })
  }
  for (const client of shard.clients.values()) {
    const report = reports.get(client.account.name)
    if (report === undefined) continue
    if (!client.closing) report.connections++
    report.inMessages += client.inMessages
    report.inBytes += client.inBytes
    report.outMessages += client.outMessages
    report.outBytes += client.outBytes
  }
  shard.router.planner.cache.sweep(({ account, fanout }) => {
    const report = reports.get(account.name)
    if (report === undefined) return
    report.plansCached++
    report.fanoutMax = Math.max(report.fanoutMax, fanout)
    report.fanoutSum += fanout
  })
  return [...reports.values()]
}

function reportThread(shard: ReportSource): ThreadReport {
  return {
    shard: shard.index,
    load: shard.records.load?.report(),
    latency: shard.records.latency.report(),
    rings: shard.peers.map(({ index, link }) => ({ to: index, ...link.report() })),
  }
}

export function subscriptionRow(shard: ReportSource, subscription: Subscription): SubscriptionRow {
  const { name } = subscription.account
  return {
    account: name,
    accountTag: shard.admission.accountTag(name),
    subject: properText(subscription.subject),
    queue: properText(subscription.queue),
    sid: properText(subscription.sid),
    delivered: subscription.delivered,
    max: subscription.max,
    connection: subscription.receiver.id,
  }
}

/** Who a connection is, or has said it is, as people may see it; empty while nobody knows. */
export function authorizedUserOf({ login }: Client): string {
  return login.identity?.user ?? login.claimedUser
}

/** Without its subscriptions. */
export function connectionRow(
  shard: ReportSource,
  client: Client,
  detail: { readonly credentials: boolean },
): ConnectionRow {
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
    droppedMessages: client.droppedMessages,
    stalls: client.readGate?.stalls ?? 0,
    subscriptionCount: client.subscriptions.size,
    name: client.options.name,
    lang: client.options.lang,
    version: client.options.version,
    account: client.account.name,
    accountTag: shard.admission.accountTag(client.account.name),
    authorizedUser: authorizedUserOf(client),
    tls: tlsOf(client),
    credentials: detail.credentials ? credentialsOf(client) : undefined,
    subscriptions: [],
  }
}

/** What is remembered of a connection that has gone: it may have had very many subscriptions. */
export function closedRow(shard: ReportSource, client: Client): ConnectionRow {
  const row = connectionRow(shard, client, { credentials: true })
  for (const subscription of client.subscriptions.values()) {
    if (row.subscriptions.length === CLOSED_SUBSCRIPTIONS_MAX) break
    row.subscriptions.push(subscriptionRow(shard, subscription))
  }
  return row
}

/** Begins to answer a long query of the primary. */
export function longReport(shard: ReportSource, query: LongQuery): LongReport<Report> {
  switch (query.kind) {
    case 'findConnections':
      return findConnections(shard, query)
    case 'connections':
      return describeConnections(shard, query)
    case 'countSubscriptions':
      return countSubscriptions(shard, query)
    case 'subscriptions':
      return describeSubscriptions(shard, query)
  }
}

/** Answers a short query of the primary. */
export function report(shard: ReportSource, query: Exclude<Query, LongQuery>): Report {
  switch (query.kind) {
    case 'batch':
      return query.queries.map((one) => report(shard, one))
    case 'totals':
      return reportTotals(shard)
    case 'accounts':
      return reportAccounts(shard)
    case 'accountToken':
      return shard.admission.accountToken(query.account)
    case 'load':
      return reportThread(shard)
    case 'slow':
      return shard.records.slowWatch.report()
    case 'incidents':
      return shard.records.incidents.since(query.since)
    case 'closings':
      return shard.records.closed.times()
    case 'kick':
      shard.clients.get(query.id)?.close(Faults.kicked)
      return shard.clients.has(query.id)
    case 'lameDuckOne':
      return shard.clients.get(query.id)?.tellLameDuck() ?? 'unknown'
  }
}
