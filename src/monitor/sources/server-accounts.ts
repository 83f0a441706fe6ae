// The accounts of the whole server: the counters of all shards, added up. The last known counters of a thread are kept
// after its death, so that an account's traffic never decreases; the sampler queries every second.

import type { AccountReport } from '../../reports/rows.ts'
import type { ShardReports } from './shard-reports.ts'

export type AccountTotals = Omit<AccountReport, 'shard' | 'bornAt'>

export class ServerAccounts {
  private readonly reports: ShardReports
  private readonly configured: () => readonly string[]
  /** By shard: what its thread said last, and since when it has been there. */
  private readonly latest = new Map<number, readonly AccountReport[]>()
  private readonly departed = new Map<string, AccountTotals>()

  /** `configured` names the accounts that exist before their first client. */
  constructor(reports: ShardReports, configured: () => readonly string[]) {
    this.reports = reports
    this.configured = configured
  }

  /** By name. */
  async read(): Promise<ReadonlyMap<string, AccountTotals>> {
    const answers = await this.reports.ask({ kind: 'accounts' })
    const accounts = new Map<string, AccountTotals>(this.configured().map((name) => [name, emptyAccount(name)]))
    for (const rows of answers) if (rows.length > 0) this.learn(rows[0].shard, rows)
    for (const rows of this.latest.values()) for (const row of rows) add(accounts, row)
    for (const row of this.departed.values()) add(accounts, row)
    return new Map([...accounts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  private learn(shard: number, rows: readonly AccountReport[]): void {
    const before = this.latest.get(shard) ?? []
    if (before.length > 0 && before[0].bornAt !== rows[0].bornAt) {
      for (const row of before) add(this.departed, lasting(row))
    }
    this.latest.set(shard, rows)
  }
}

/** What stays counted when the thread is gone. */
function lasting(row: AccountTotals): AccountTotals {
  const { name, inMessages, inBytes, outMessages, outBytes, slowConsumers, droppedMessages } = row
  const { leafInMessages, leafInBytes, leafOutMessages, leafOutBytes } = row
  const ofClients = { inMessages, inBytes, outMessages, outBytes, slowConsumers, droppedMessages }
  return { ...emptyAccount(name), ...ofClients, leafInMessages, leafInBytes, leafOutMessages, leafOutBytes }
}

/** Whether a client or a link is connected to it. */
export function isInUse({ connections, leafnodes }: AccountTotals): boolean {
  return connections + leafnodes > 0
}

function add(accounts: Map<string, AccountTotals>, row: AccountTotals): void {
  const total = accounts.get(row.name) ?? emptyAccount(row.name)
  accounts.set(row.name, {
    name: row.name,
    // Shards that have not met the account know its name only.
    tag: row.tag === row.name ? total.tag : row.tag,
    connections: total.connections + row.connections,
    leafnodes: total.leafnodes + row.leafnodes,
    leafInMessages: total.leafInMessages + row.leafInMessages,
    leafInBytes: total.leafInBytes + row.leafInBytes,
    leafOutMessages: total.leafOutMessages + row.leafOutMessages,
    leafOutBytes: total.leafOutBytes + row.leafOutBytes,
    subscriptions: total.subscriptions + row.subscriptions,
    inMessages: total.inMessages + row.inMessages,
    inBytes: total.inBytes + row.inBytes,
    outMessages: total.outMessages + row.outMessages,
    outBytes: total.outBytes + row.outBytes,
    slowConsumers: total.slowConsumers + row.slowConsumers,
    droppedMessages: total.droppedMessages + row.droppedMessages,
    plansCached: total.plansCached + row.plansCached,
    fanoutMax: Math.max(total.fanoutMax, row.fanoutMax),
    fanoutSum: total.fanoutSum + row.fanoutSum,
    planHits: total.planHits + row.planHits,
    planMisses: total.planMisses + row.planMisses,
    inserts: total.inserts + row.inserts,
    removes: total.removes + row.removes,
  })
}

function emptyAccount(name: string): AccountTotals {
  return {
    name,
    tag: name,
    connections: 0,
    leafnodes: 0,
    leafInMessages: 0,
    leafInBytes: 0,
    leafOutMessages: 0,
    leafOutBytes: 0,
    subscriptions: 0,
    inMessages: 0,
    inBytes: 0,
    outMessages: 0,
    outBytes: 0,
    slowConsumers: 0,
    droppedMessages: 0,
    plansCached: 0,
    fanoutMax: 0,
    fanoutSum: 0,
    planHits: 0,
    planMisses: 0,
    inserts: 0,
    removes: 0,
  }
}
