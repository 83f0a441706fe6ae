// The totals of all shards, whatever state they are in. Traffic is read from shared memory, so that it never decreases
// when a thread dies and is right while one is stuck. For the rest, a shard that turns its loop too late to answer is
// shown as it was when it last did; one that is down has nothing.

import type { Counters } from '../../reports/gauges.ts'
import type { TotalsReport } from '../../reports/rows.ts'
import type { ShardState } from '../../reports/shard-state.ts'
import type { ShardReports } from './shard-reports.ts'

export class ServerTotals {
  private readonly reports: ShardReports
  private readonly states: () => readonly ShardState[]
  private readonly known = new Map<number, TotalsReport>()

  constructor(reports: ShardReports, states: () => readonly ShardState[]) {
    this.reports = reports
    this.states = states
  }

  /** One for each shard, in order. */
  async read(): Promise<readonly TotalsReport[]> {
    for (const report of await this.reports.ask({ kind: 'totals' })) this.known.set(report.shard, report)
    return this.states().map(({ state, counters }, shard) => {
      const report = state === 'down' ? undefined : this.known.get(shard)
      return { ...(report ?? emptyTotals(shard)), ...trafficOf(counters) }
    })
  }
}

/** Sums one member over the shards. */
export function sum<Member extends string>(rows: readonly Record<Member, number>[], member: Member): number {
  return rows.reduce((total, row) => total + row[member], 0)
}

function trafficOf(counters: Counters): Partial<TotalsReport> {
  const { inMessages, inBytes, outMessages, outBytes } = counters
  const { slowConsumers, droppedMessages, staleConnections, stalls } = counters
  return { inMessages, inBytes, outMessages, outBytes, slowConsumers, droppedMessages, staleConnections, stalls }
}

export function emptyTotals(shard: number): TotalsReport {
  return {
    shard,
    bornAt: 0,
    connections: 0,
    closedConnections: 0,
    subscriptions: 0,
    inMessages: 0,
    inBytes: 0,
    outMessages: 0,
    outBytes: 0,
    slowConsumers: 0,
    droppedMessages: 0,
    staleConnections: 0,
    stalls: 0,
    pendingBytes: 0,
    plansCached: 0,
    fanoutMax: 0,
    fanoutSum: 0,
    planHits: 0,
    planMisses: 0,
    inserts: 0,
    removes: 0,
    interestBytes: 0,
  }
}
