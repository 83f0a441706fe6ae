// The interface that the system account needs of its shard.

import type { Account } from '../../accounts/account.ts'
import type { OnBug } from '../../base/guarded.ts'
import type { ClientFacts } from '../../connection/facts.ts'
import type { ChunkPool } from '../../memory/chunk-pool.ts'
import type { ReadonlyNumberMap } from '../../memory/number-map.ts'
import type { Router } from '../../routing/router.ts'
import type { SystemAnswer, SystemRequest } from '../contract.ts'
import type { MessageSequence, Speaker } from '../server-info.ts'

export interface SystemOwner extends Speaker {
  readonly pool: ChunkPool
  readonly accounts: { named(name: string): Account }
  readonly clients: ReadonlyNumberMap<ClientFacts>
  readonly router: Pick<Router, 'dispatch' | 'planner'>
  readonly serviceCalls: { apart(work: () => void): void }
  /** Numbers the messages about the server. */
  readonly sequence: MessageSequence
  /** The responder on the primary. Undefined: there is no answer. */
  readonly questions: {
    ask(kind: 'system', question: { readonly request: SystemRequest }): Promise<SystemAnswer | undefined>
  }
  readonly clock: { readonly dateMs: number }
  readonly admission: { accountTag(name: string): string }
  /** On the shard's clock, as of this turn. */
  readonly nowMs: number
  readonly bugMet: OnBug
  /** Milliseconds since 1970 of an instant on the shard's clock. */
  wallClock(ms: number): number
  /** Something else than a read makes the shard work. */
  wake(): void
  /** Asks for the end of the turn, and ends it. */
  schedule(): void
  flush(): void
}
