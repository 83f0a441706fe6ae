// The interfaces that message tracing needs of its shard and of other parts.

import type { ServiceImport } from '../accounts/account.ts'
import type { OnBug } from '../base/guarded.ts'
import type { TurnWork } from '../base/turns.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import type { Run } from '../protocol/run.ts'
import type { Peer } from '../routing/peer.ts'
import type { Publisher, RemotePublisher } from '../routing/publisher.ts'
import type { Router } from '../routing/router.ts'
import type { Sublist } from '../routing/sublist.ts'
import type { Described, MessageSequence } from '../system/server-info.ts'
import type { TraceEvent } from './event.ts'

export interface TracingOwner extends Described {
  readonly pool: ChunkPool
  readonly turns: TurnWork
  readonly sublist: Sublist
  readonly router: Pick<Router, 'dispatch' | 'deal' | 'receive' | 'tracing' | 'planner' | 'delivery'>
  readonly serviceCalls: { call(service: ServiceImport, run: Run, publisher: Publisher): number }
  readonly sequence: MessageSequence
  readonly bugMet: OnBug
  /** Something else than a read makes the shard work. */
  wake(): void
  /** Asks for the end of the turn. */
  schedule(): void
  /** Milliseconds since 1970 of an instant on the shard's clock. */
  wallClock(ms: number): number
}

/** Another shard, from which traced messages come. */
export interface TracePeer extends Peer {
  /** The publisher of the current frame. */
  readonly publisher: RemotePublisher
  /** Tells what happened here to a message of the peer's, by the number of its trace. */
  tellTrace(trace: number, events: readonly TraceEvent[]): void
}
