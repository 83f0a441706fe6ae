// Work of file stores that takes long, or waits for the disk: for a store thread, or for the thread itself where there
// are no others.

import type { Encryption } from './block-cipher.ts'
import type { BlockInfo, Recovered } from './recovery.ts'
import type { SequenceRange } from './store.ts'

/** To write a block's summary, as nothing is written to the block any more. */
export interface SealTask {
  readonly folder: string
  readonly number: number
  readonly encryption: Encryption | undefined
  /** The sequence that comes behind what was written to it. */
  readonly nextSeq: number
  readonly isCompressed: boolean
}

/** To write a block anew with these messages only. */
export interface CompactTask extends SealTask {
  /** Sequences of its messages. */
  readonly kept: Float64Array
  /** Sequences of messages that earlier blocks may have: removals of others need not be remembered. */
  readonly earlier: readonly SequenceRange[]
}

export interface CompactedBlock {
  readonly info: BlockInfo
  /** Where the messages that were to be kept are now; 0: it could not be read. */
  readonly offsets: Uint32Array
}

export interface StoreWork {
  recover(folder: string, encryption: Encryption | undefined): Promise<Recovered>
  seal(task: SealTask): Promise<BlockInfo>
  compact(task: CompactTask): Promise<CompactedBlock>
  /** What the block says was removed, as far as it may still be there. */
  removedIn(task: Omit<CompactTask, 'kept'>): Promise<readonly SequenceRange[]>
}
