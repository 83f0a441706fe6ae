// The interface that the router needs of its shard.

import type { ServiceImport } from '../accounts/account.ts'
import type { OnBug } from '../base/guarded.ts'
import type { TurnWork } from '../base/turns.ts'
import type { Generations } from '../interest/generations.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import type { Origin, Run } from '../protocol/run.ts'
import type { Peer } from './peer.ts'
import type { Plan } from './plan.ts'
import type { Publisher } from './publisher.ts'
import type { Sublist } from './sublist.ts'

export interface RouterOwner {
  readonly pool: ChunkPool
  readonly turns: TurnWork
  readonly peers: readonly Peer[]
  readonly sublist: Sublist
  readonly generations: Generations
  /** Of hash tables that peers fill. */
  readonly seed: number
  readonly nowMs: number
  readonly options: {
    /** Messages are shown in the log. */
    readonly trace: boolean
    /** Publishers are not held back for slow receivers. */
    readonly noFastProducerStall: boolean
  }
  /** Requests into other accounts. */
  readonly serviceCalls: { call(service: ServiceImport, run: Run, publisher: Publisher): number }
  /** Which other servers want something of this one: messages go on to them by their origin. */
  readonly abroad: { readonly routes: boolean; readonly hubs: boolean; readonly leafs: boolean }
  /** Adds to the plan of a subject (byte string) that begins with `$` what the server itself does. */
  extendPlan(plan: Plan, subject: string, origin: Origin): void
  /** Members of a queue group (byte string) at other servers do not get messages: too many groups want them. */
  groupLeftOut(queue: string, messages: number): void
  /** Something else than a read makes the shard work. */
  wake(): void
  readonly bugMet: OnBug
  /** Asks for the end of the turn. */
  schedule(): void
  /** Many bytes have been encoded: they go out now. */
  flush(): void
}
