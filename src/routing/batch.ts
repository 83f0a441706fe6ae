// Runs that go to other shards together. They lie in one block, packed (protocol/packed-run.ts); a link picks those
// that are for its shard.

import type { Block } from '../memory/block.ts'
import type { Origin } from '../protocol/run.ts'

export interface PackedRuns {
  /** The packed runs, one behind the other. */
  readonly packed: Block
  /** Of each, the place and length of its raw messages in `source`. */
  readonly starts: Int32Array
  readonly lengths: Int32Array
  readonly source: Block
  /** Sends what links have picked. */
  empty(): void
}

/** What they have in common. */
export interface Batch {
  readonly runs: PackedRuns
  /** Name of the account that they are published in (byte string). */
  readonly account: string
  /** The publisher's connection. */
  readonly publisher: number
  readonly isImported: boolean
  readonly origin: Origin
  readonly cluster: string
}
