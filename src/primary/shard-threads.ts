// Worker threads that become shards. Each boots, and loads the code of a shard, before it knows what it will serve, so
// that it can begin while the primary loads its own code. It becomes a shard when it receives its setup.

import { Worker } from 'node:worker_threads'
import { YOUNG_GENERATION_MIB } from '../base/constants.ts'
import { attempt } from '../base/guarded.ts'
import { threadEntry } from '../base/program-files.ts'
import type { ToShard } from '../threads/messages.ts'
import { ThreadLoad } from './placement.ts'

const ENTRY = threadEntry('shard-main')

/** One thread, from birth to end. */
export class ShardThread {
  readonly worker: Worker
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<void>
  readonly load: ThreadLoad
  /** What went wrong, if it reported an error before it ended. */
  error: Error | undefined

  /** Begins the thread; `entry` is the file that it runs. */
  constructor(entry: URL, name: string) {
    this.worker = new Worker(entry, {
      execArgv: [],
      name,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    })
    this.load = new ThreadLoad(this.worker)
    this.worker.on('error', (error: unknown) => {
      this.error = error instanceof Error ? error : new Error(String(error))
    })
    this.exited = new Promise((resolve) => this.worker.once('exit', () => resolve()))
  }

  /** Ends it, whatever it does; `exited` says when it has ended. */
  end(): void {
    attempt(
      (error) => {
        this.error ??= error as Error
      },
      () => this.worker.terminate(),
    )
  }
}

/** Where a server has its threads from. */
export class ShardThreads {
  private readonly entry: URL
  /** Those that were begun before they were wanted, by the index of the shard that they will be. */
  private readonly begun = new Map<number, ShardThread>()
  /** For the next place whose thread dies. */
  spare: ShardThread | undefined

  constructor(entry: URL = ENTRY) {
    this.entry = entry
  }

  /** Begins the thread of a shard. */
  begin(index: number): void {
    this.begun.set(index, this.create(index))
  }

  /** A thread for a shard: one that was begun before, or a new one. */
  take(index: number): ShardThread {
    const thread = this.begun.get(index) ?? this.spare
    if (this.begun.has(index)) this.begun.delete(index)
    else this.spare = undefined
    return thread ?? this.create(index)
  }

  /** Begins a thread that has loaded what a shard with streams needs when a place wants it, unless there is one. */
  keepSpare(): void {
    if (this.spare !== undefined) return
    const spare = new ShardThread(this.entry, 'heddle shard')
    this.spare = spare
    spare.worker.postMessage({ kind: 'spare' } satisfies ToShard)
    spare.worker.once('exit', () => {
      if (this.spare === spare) this.spare = undefined
    })
  }

  /** Ends the spare thread, if there is one; resolves when it has ended. */
  async endSpare(): Promise<void> {
    const { spare } = this
    this.spare = undefined
    spare?.end()
    await spare?.exited
  }

  private create(index: number): ShardThread {
    return new ShardThread(this.entry, `heddle shard ${index}`)
  }
}
