// Reports as shards make them, for tests of what the pages make of them.

import { emptyTotals } from '../../src/monitor/sources/server-totals.ts'
import { Gauges } from '../../src/reports/gauges.ts'
import type { ConnectionRow, TotalsReport } from '../../src/reports/rows.ts'
import type { ShardState } from '../../src/reports/shard-state.ts'

export function connectionRow(members: Partial<ConnectionRow>): ConnectionRow {
  return {
    id: 0,
    type: 'nats',
    ip: '127.0.0.1',
    port: 1,
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
    droppedMessages: 0,
    stalls: 0,
    subscriptionCount: 0,
    name: '',
    lang: '',
    version: '',
    account: '$G',
    accountTag: '$G',
    authorizedUser: '',
    tls: undefined,
    credentials: undefined,
    subscriptions: [],
    ...members,
  }
}

export function totalsReport(members: Partial<TotalsReport>): TotalsReport {
  return { ...emptyTotals(0), ...members }
}

/** A shard that serves and has counted nothing. */
export function shardState(shard: number): ShardState {
  return { state: 'serving', counters: new Gauges(shard + 1).counters(shard), region: new SharedArrayBuffer(1024) }
}
