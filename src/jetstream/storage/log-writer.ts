// Brings the log of a store to the disk: one write at a time, with all that came while the one before was under way. It
// runs on Node's threads for file operations.
//
// A write or a sync that failed is never repeated at the same place: the owner undoes what was to be written, and what
// comes next goes to another block.

import { attempt, type OnBug } from '../../base/guarded.ts'
import type { BlockState } from './block-state.ts'
import { type Disk, failureOf } from './disk.ts'
import type { Part } from './log-tail.ts'
import type { OpenFiles } from './open-files.ts'
import type { StoreFailure } from './store.ts'

/** What one write brings to the disk. */
export interface Load {
  /** In the order of the log. */
  readonly parts: readonly Part[]
  /** The latest sequence that was given when it was taken. */
  readonly last: number
  /** Ranges of messages whose removal is in it: first and last, in turn. */
  readonly removed: readonly number[]
}

/** The log. */
export interface WriterOwner {
  readonly host: { readonly disk: Disk; readonly files: OpenFiles; readonly bugMet: OnBug }
  readonly settings: {
    readonly folder: string
    /** `synced`: a write ends when it is safe from loss of power. */
    readonly safety: 'synced' | 'written' | 'queued'
    /** Unless every write is synced: how often. */
    readonly syncIntervalMs: number
  }
  readonly blocks: ReadonlyMap<number, BlockState>
  /** Whether there is something that the disk does not have; and whether there are records among it. */
  readonly hasNews: boolean
  readonly hasRecords: boolean
  readonly inBatch: boolean
  take(): Load
  written(load: Load): void
  /** Nothing of it counts, wherever it lies. */
  failed(load: Load, failure: StoreFailure): void
  /** What was written before may not outlast a loss of power. */
  syncFailed(failure: StoreFailure): void
}

/** After removals could not be written. */
const RETRY_MS = 1_000

export class LogWriter {
  private readonly owner: WriterOwner
  private isScheduled = false
  private retryTimer: NodeJS.Timeout | undefined
  private syncTimer: NodeJS.Timeout | undefined
  private writing: Promise<void> | undefined
  /** Nothing is written any more. */
  isClosed = false

  constructor(owner: WriterOwner) {
    this.owner = owner
  }

  /** There is something to write: at the end of this turn of the loop. */
  schedule(): void {
    if (this.isScheduled || this.writing !== undefined) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      this.write()
    })
  }

  /** What failed is written again a while later, if nothing is before. */
  scheduleAgain(): void {
    this.retryTimer ??= setTimeout(() => {
      this.retryTimer = undefined
      if (!this.isClosed && !this.owner.inBatch) this.write()
    }, RETRY_MS).unref()
  }

  private write(): void {
    if (this.writing !== undefined || !this.owner.hasNews) return
    this.writing = this.writeAll().finally(() => {
      this.writing = undefined
    })
  }

  /** Writes until there is nothing more, or it fails, or nobody wants it any more. Never rejects. */
  private async writeAll(): Promise<void> {
    const { owner } = this
    for (let hasFailed = false; owner.hasNews && !this.isClosed && !(hasFailed && !owner.hasRecords); ) {
      const load = owner.take()
      try {
        for (const part of load.parts) await this.writePart(part)
        hasFailed = false
      } catch (error) {
        hasFailed = true
        owner.failed(load, failureOf(error))
        continue
      }
      owner.written(load)
    }
  }

  private async writePart({ block, offset, buffers }: Part): Promise<void> {
    const { host, settings } = this.owner
    const { disk, files } = host
    const isSynced = settings.safety === 'synced'
    const purpose = block.isOnDisk ? 'writing' : 'create'
    await files.use(block.path, isSynced ? `${purpose} synced` : purpose, async (fd) => {
      await disk.write(fd, buffers, offset)
      if (isSynced && !disk.syncsWrites) await disk.sync(fd)
    })
    if (!block.isOnDisk && isSynced) await disk.syncFolder(settings.folder)
    block.isOnDisk = true
    if (!isSynced) this.syncLater(block)
  }

  private syncLater(block: BlockState): void {
    block.isUnsynced = true
    this.syncTimer ??= setTimeout(() => {
      this.syncTimer = undefined
      attempt(this.owner.host.bugMet, () => this.sync())
    }, this.owner.settings.syncIntervalMs).unref()
  }

  /** Makes safe from loss of power what has been written. Never rejects. */
  private async sync(): Promise<void> {
    const { blocks, host, settings } = this.owner
    const { disk, files } = host
    try {
      for (const block of blocks.values()) {
        if (!block.isUnsynced) continue
        block.isUnsynced = false
        await files.use(block.path, 'writing', (fd) => disk.sync(fd))
      }
      await disk.syncFolder(settings.folder)
    } catch (error) {
      this.owner.syncFailed(failureOf(error))
    }
  }

  /** Resolves when all that there is has been written and synced, or could not be. */
  async flush(): Promise<void> {
    await this.writing
    this.write()
    await this.writing
    if (this.owner.settings.safety !== 'synced') await this.sync()
  }

  /** Resolves when nothing is written any more. */
  async close(): Promise<void> {
    this.isClosed = true
    clearTimeout(this.syncTimer)
    clearTimeout(this.retryTimer)
    await this.writing
  }
}
