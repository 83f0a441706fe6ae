// Reports of a shard: each shard counts with plain numbers of its own; a report adds them up on request. Counters that
// must outlive the thread are in shared memory (gauges.ts).

import { Faults } from '../base/errors.ts'
import { describeConnections, findConnections } from './connection-list.ts'
import type { LongQuery, Query } from './query.ts'
import type { LongReport } from './report-queue.ts'
import type { AccountReport, Report, ThreadReport, TotalsReport } from './rows.ts'
import type { ReportSource } from './source.ts'
import { countSubscriptions, describeSubscriptions } from './subscription-list.ts'

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
  let connections = 0
  for (const { closing } of shard.clients.values()) if (!closing) connections++
  let planHits = 0
  let planMisses = 0
  for (const account of shard.accounts.values()) {
    planHits += account.counters.planHits
    planMisses += account.counters.planMisses
  }
  return {
    shard: shard.index,
    bornAt: shard.wallClock(shard.records.bornMs),
    connections,
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
    const { closed, endedLeafs, slowConsumers, droppedMessages, planHits, planMisses, inserts, removes } = counters
    reports.set(name, {
      shard: shard.index,
      bornAt: shard.wallClock(shard.records.bornMs),
      name,
      tag: shard.admission.accountTag(name),
      connections: 0,
      leafnodes: 0,
      leafInMessages: endedLeafs.inMessages,
      leafInBytes: endedLeafs.inBytes,
      leafOutMessages: endedLeafs.outMessages,
      leafOutBytes: endedLeafs.outBytes,
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
  for (const { account, inMessages, inBytes, outMessages, outBytes } of shard.links.leafRows(false)) {
    const report = reports.get(account)
    if (report === undefined) continue
    report.leafnodes++
    report.leafInMessages += inMessages
    report.leafInBytes += inBytes
    report.leafOutMessages += outMessages
    report.leafOutBytes += outBytes
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
    case 'streams':
      return shard.jetstream?.report(query.account, query.names, query.consumers) ?? []
    case 'totals':
      return reportTotals(shard)
    case 'leafs':
      return shard.links.leafRows(query.subscriptions)
    case 'routes':
      return shard.links.routeRows(query.subscriptions)
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
    case 'advanceClock':
      shard.advanceClock(query.ms)
      return true
    case 'setDiskFaults':
      shard.jetstream?.setDiskFaults(query)
      return true
    case 'lameDuckOne':
      return shard.clients.get(query.id)?.tellLameDuck() ?? 'unknown'
  }
}
