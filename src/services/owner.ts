// The interface that requests into other accounts, and those of the server itself, need of their shard.

import type { OnBug } from '../base/guarded.ts'
import type { Turns } from '../base/turns.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import type { Router } from '../routing/router.ts'
import type { Sublist } from '../routing/sublist.ts'

export interface ServicesOwner {
  readonly pool: ChunkPool
  readonly sublist: Pick<Sublist, 'insert'>
  readonly router: Pick<Router, 'dispatch' | 'map' | 'trace' | 'tracing'>
  readonly turns: Pick<Turns, 'left' | 'inPieces'>
  /** A bug was met. */
  readonly bugMet: OnBug
  /** Milliseconds, monotonic, as of this turn. */
  readonly nowMs: number
  /** The turn is to be ended, as something was sent. */
  schedule(): void
}
