// The interface that streams need of their shard.

import type { Account } from '../accounts/account.ts'
import type { OnBug } from '../base/guarded.ts'
import type { Turns } from '../base/turns.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import type { JetStreamOptions } from '../options/shapes.ts'
import type { Router } from '../routing/router.ts'
import type { CreditPublishers } from '../routing/server-publisher.ts'
import type { Sublist } from '../routing/sublist.ts'
import type { StreamAnswer, StreamQuestion } from './contract.ts'

export interface JetStreamOwner {
  readonly index: number
  readonly pool: ChunkPool
  readonly options: {
    readonly jetstream: JetStreamOptions | undefined
    readonly workers: number
    readonly maxPayload: number
    readonly maxPending: number
  }
  readonly identity: { readonly serverName: string; readonly serverId: string }
  readonly accounts: { named(name: string): Account }
  /** Undefined: there is none. */
  readonly systemAccount: Account | undefined
  /** What the token of an account says holds here too, once this has resolved. */
  readonly admission: { learn(account: string): Promise<void> | void }
  readonly router: Pick<Router, 'dispatch' | 'planner' | 'sendKept'>
  readonly sublist: Pick<Sublist, 'insert' | 'removeAll'>
  readonly creditPublishers: CreditPublishers
  readonly turns: Pick<Turns, 'wait' | 'isOver' | 'inPieces'>
  readonly serviceCalls: { apart(work: () => void): void }
  /** The list of streams on the primary. */
  readonly questions: {
    ask(kind: 'streams', question: { readonly question: StreamQuestion }): Promise<StreamAnswer>
  }
  readonly log: { warn(text: string): void; error(text: string): void }
  readonly bugMet: OnBug
  /** Something else than a read makes the shard work. */
  wake(): void
  /** Asks for the end of the turn. */
  schedule(): void
}
