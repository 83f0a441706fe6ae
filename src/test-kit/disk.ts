// The disk of the streams of a test: a folder of its own, unless the test names one, and what can go wrong with it.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EmbeddedOptions } from '../embedding/given-options.ts'
import type { DiskState } from './tested-server.ts'

/** A fault of the disk in force. `await using` ends it at the end of the block. */
export interface DiskFault {
  end(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Tells the server what is wrong with its disk. */
type Apply = (state: DiskState) => Promise<void>

/** The options with a folder for streams, if there are to be streams and none is named. */
export function withFolder(options: EmbeddedOptions): {
  readonly options: EmbeddedOptions
  readonly made: string | undefined
} {
  const { jetstream } = options
  const block = typeof jetstream === 'object' ? jetstream : { enabled: jetstream === true }
  if (block.enabled === false || block.storeDir !== undefined || options.storeDir !== undefined) {
    return { options, made: undefined }
  }
  const made = mkdtempSync(join(tmpdir(), 'heddle-test-'))
  return { options: { ...options, storeDir: made }, made }
}

export class TestDisk {
  /** Where the streams lie; undefined: the server has none, or the test has named the folder. */
  private readonly made: string | undefined
  private readonly folder: string | undefined
  private readonly apply: Apply
  private readonly states = new Set<DiskState>()

  constructor(options: EmbeddedOptions, made: string | undefined, apply: Apply) {
    const { jetstream, storeDir } = options
    this.folder = (typeof jetstream === 'object' ? jetstream.storeDir : undefined) ?? storeDir
    this.made = made
    this.apply = apply
  }

  /** From now on nothing can be written: what is published to a file stream is refused. */
  full(): Promise<DiskFault> {
    return this.begin({ isFull: true, delayMs: 0 })
  }

  /** From now on each write and each sync takes so many milliseconds more. */
  slow(ms: number): Promise<DiskFault> {
    if (!(ms >= 0)) throw new RangeError(`a delay is a number of milliseconds, not ${ms}`)
    return this.begin({ isFull: false, delayMs: ms })
  }

  /**
   * Flips a bit of each stored message in which this text is, in the files; the server notices when it reads them, at
   * the latest after restart(). Streams with encryption or compression have no such text. Answers how many there were.
   */
  damage(text: string): number {
    const wanted = Buffer.from(text)
    if (wanted.length === 0) throw new RangeError('a text is needed to find messages by')
    const { folder } = this
    if (folder === undefined || !existsSync(folder)) return 0
    let count = 0
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      // The list of the streams is no message.
      if (!entry.isFile() || entry.name.includes('.db')) continue
      const path = join(entry.parentPath, entry.name)
      const bytes = readFileSync(path)
      const before = count
      for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
        bytes[at] ^= 1
        count++
      }
      if (count > before) writeFileSync(path, bytes)
    }
    return count
  }

  /** Ends all faults. */
  async mend(): Promise<void> {
    if (this.states.size === 0) return
    this.states.clear()
    await this.tell()
  }

  /** The end: removes the folder, if it was made here. */
  remove(): void {
    if (this.made !== undefined) rmSync(this.made, { recursive: true, force: true })
  }

  /** What is wrong now. */
  get state(): DiskState {
    const all = [...this.states]
    return { isFull: all.some(({ isFull }) => isFull), delayMs: all.reduce((sum, { delayMs }) => sum + delayMs, 0) }
  }

  private async begin(state: DiskState): Promise<DiskFault> {
    const own = { ...state }
    this.states.add(own)
    await this.tell()
    const end = async (): Promise<void> => {
      if (this.states.delete(own)) await this.tell()
    }
    return { end, [Symbol.asyncDispose]: end }
  }

  private tell(): Promise<void> {
    return this.apply(this.state)
  }
}
