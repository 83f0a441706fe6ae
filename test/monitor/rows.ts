// Reports as shards make them, for tests of what the pages make of them.

import type { ConnectionRow, TotalsReport } from '../../src/stats.ts'

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
    stalls: 0,
    subscriptionCount: 0,
    name: '',
    lang: '',
    version: '',
    account: '$G',
    authorizedUser: '',
    subscriptions: [],
    ...members,
  }
}

export function totalsReport(members: Partial<TotalsReport>): TotalsReport {
  return {
    shard: 0,
    connections: 0,
    closedConnections: 0,
    subscriptions: 0,
    inMessages: 0,
    inBytes: 0,
    outMessages: 0,
    outBytes: 0,
    slowConsumers: 0,
    staleConnections: 0,
    stalls: 0,
    routesCached: 0,
    routeHits: 0,
    routeMisses: 0,
    inserts: 0,
    removes: 0,
    interestBytes: 0,
    ...members,
  }
}
