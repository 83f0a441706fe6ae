// The interface of a shard for its reports.

import type { Account } from '../accounts/account.ts'
import type { LeafRow } from '../leaf/contract.ts'
import type { ReadonlyNumberMap } from '../memory/number-map.ts'
import type { RouteRow } from '../routes/contract.ts'
import type { PlanCache } from '../routing/plan-cache.ts'
import type { Sublist } from '../routing/sublist.ts'
import type { ReportedClient } from './client.ts'
import type { RowSource } from './connection-row.ts'
import type { Records } from './records.ts'
import type { RingReport, StreamRow } from './rows.ts'

export interface ReportSource extends RowSource {
  readonly index: number
  /** On the shard's clock, as of this turn. */
  readonly nowMs: number
  readonly clients: ReadonlyNumberMap<ReportedClient>
  readonly accounts: { values(): Iterable<Account> }
  /** Undefined: this server has no streams. */
  readonly jetstream:
    | {
        report(account: string, names: readonly string[], consumers: boolean): StreamRow[]
        /** From now on the disk fails so. */
        setDiskFaults(faults: { readonly isFull: boolean; readonly delayMs: number }): void
      }
    | undefined
  /** To other servers. */
  readonly links: {
    leafRows(withSubjects: boolean): LeafRow[]
    routeRows(withSubjects: boolean): RouteRow[]
  }
  readonly sublist: Pick<Sublist, 'count' | 'inserts' | 'removes'>
  /** Its region of the index. */
  readonly writer: { readonly usedBytes: number }
  readonly router: { readonly planner: { readonly cache: Pick<PlanCache, 'sweep'> } }
  readonly peers: readonly { readonly index: number; readonly link: { report(): Omit<RingReport, 'to'> } }[]
  readonly records: Records
  /** Puts its clock forward, and does what has become due. */
  advanceClock(ms: number): void
  readonly admission: RowSource['admission'] & {
    /** An account's token as it is in force; empty: it has none, or is not known here. */
    accountToken(name: string): string
  }
}
