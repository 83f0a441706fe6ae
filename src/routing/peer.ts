// Another shard, as the router sees it: it has interest, and takes runs, which it matches again by itself.

import type { AccountKey, Interest } from '../interest/reader.ts'
import type { Run } from '../protocol/run.ts'
import type { Batch, PackedRuns } from './batch.ts'
import type { Routing } from './routing.ts'

/** The way out to it. */
export interface PeerLink {
  /** Sends messages [from, from + count) of `run`. */
  send(run: Run, routing: Routing, from: number, count: number): void
  /** Notes that the run at this place is for this shard, which gets it when `runs` is emptied. */
  pick(runs: PackedRuns, place: number): void
  /** Sends the picked runs, which are those of `batch`. Returns false if there are none. */
  sendPicked(batch: Batch): boolean
  dropPicked(): void
  /** Frames wait for it: their publishers should not be read for now. */
  readonly congested: boolean
  /** Calls back when none wait any more. */
  whenRelieved(callback: () => void): void
}

/** What it wants. */
export interface PeerInterest {
  read(account: AccountKey, subject: Uint8Array, start: number, end: number, isImported: boolean): Interest
  hasExact(account: AccountKey, subject: Uint8Array): boolean
  /** What the latest read() cost, in units of Work.step. */
  readonly stepsTaken: number
  /** Where its subject begins to be free, as in InterestReader. */
  readonly freeFrom: number
}

export interface Peer {
  /** Of the shard. */
  readonly index: number
  readonly interest: PeerInterest
  readonly link: PeerLink
  /** Calls back when all that it has sent so far has been dealt with here; or it has gone. */
  askFence(then: () => void): void
  /** Calls back when it has dealt with all that was sent to it, and what of that goes on is visible; or it has gone. */
  whenPassed(then: () => void): void
}
