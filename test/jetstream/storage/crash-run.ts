// Kills a process that writes to a store, again and again, and looks at what is left: everything that was said to be
// durable has to be there, unchanged and in order, and nothing that was removed for good.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { blockWork } from '../../../src/jetstream/storage/block-work.ts'
import { systemDisk } from '../../../src/jetstream/storage/disk.ts'
import { type FileStore, type FileStoreSettings, openFileStore } from '../../../src/jetstream/storage/file-store.ts'
import { OpenFiles } from '../../../src/jetstream/storage/open-files.ts'
import { PageCache } from '../../../src/jetstream/storage/page-cache.ts'
import type { Random } from '../../support/random.ts'

const WRITER = fileURLToPath(new URL('crash-writer.ts', import.meta.url))

/** How the writer works; `thread`: with a store thread, which is killed as well. */
export const CRASH_FLAVOURS = ['plain', 'compressed', 'aes', 'written', 'thread'] as const

export function crashSettings(folder: string, flavour: string): FileStoreSettings {
  return {
    folder,
    encryption: flavour === 'aes' ? { cipher: 'aes', key: Buffer.alloc(32, 7) } : undefined,
    isCompressed: flavour === 'compressed',
    safety: flavour === 'written' ? 'written' : 'synced',
    syncIntervalMs: 20,
    blockBytes: 64 * 1024,
  }
}

/** The message of a sequence: always the same. */
export function crashMessage(seq: number): { timeUs: number; subject: string; headers: string; payload: string } {
  return {
    timeUs: 1_700_000_000_000_000 + seq * 1000,
    subject: `s.${seq % 97}`,
    headers: seq % 3 === 0 ? `NATS/1.0\r\nSeq: ${seq}\r\n\r\n` : '',
    payload: `${seq}:`.repeat(1 + ((seq * 7919) % 60)),
  }
}

interface Range {
  readonly first: number
  readonly last: number
}

export class CrashRun {
  private readonly folder = mkdtempSync(join(tmpdir(), 'heddle-crash-'))
  private readonly flavour: string
  private readonly random: Random
  private durable = 0
  /** Sequences that were, or may have been, removed. */
  private readonly removed = new Set<number>()
  private readonly maybeRemoved = new Set<number>()
  /** Batches of the latest round. */
  private batches: Range[] = []
  /** Messages that were found at the ends of all rounds. */
  checked = 0

  constructor(flavour: string, random: Random) {
    this.flavour = flavour
    this.random = random
    mkdirSync(join(this.folder, 'blocks'))
  }

  async play(rounds: number): Promise<void> {
    try {
      for (let round = 0; round < rounds; round++) {
        await this.writeAndKill()
        await this.check()
      }
    } finally {
      rmSync(this.folder, { recursive: true, force: true })
    }
  }

  private async writeAndKill(): Promise<void> {
    const { flavour, folder, random } = this
    const args = [folder, flavour, String(random.below(2 ** 31)), ...(flavour === 'thread' ? ['thread'] : [])]
    const child = spawn(process.execPath, [WRITER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    const lines = createInterface({ input: child.stdout })
    const read = once(lines, 'close')
    const begun = new Promise<void>((resolve) => lines.once('line', () => resolve()))
    const wrong: string[] = []
    this.batches = []
    lines.on('line', (line) => {
      const [what, first, last] = line.split(' ')
      const range = { first: Number(first), last: Number(last) }
      if (what === 'd') this.durable = Math.max(this.durable, range.first)
      else if (what === 'b') this.batches.push(range)
      else if (what === 'r') for (let seq = range.first; seq <= range.last; seq++) this.maybeRemoved.add(seq)
      else if (what === 'c') for (let seq = range.first; seq <= range.last; seq++) this.removed.add(seq)
      else wrong.push(line)
    })
    await Promise.race([begun, exited])
    // When it is killed is a matter of chance, and nothing that anybody waits for.
    await Promise.race([delay(random.below(400)), exited])
    child.kill('SIGKILL')
    await Promise.all([exited, read])
    assert.deepEqual(wrong, [])
  }

  private async check(): Promise<void> {
    const { durable, removed, maybeRemoved } = this
    const store = await this.open()
    assert.deepEqual(store.losses, [])
    assert(store.last >= durable, `last is ${store.last}, and ${durable} was durable`)
    for (let seq = 1; seq <= store.last; seq++) {
      const isThere = store.has(seq)
      if (removed.has(seq)) assert(!isThere, `message ${seq} had been removed and is there`)
      else if (!maybeRemoved.has(seq)) assert(isThere, `message ${seq} of ${store.last}, durable ${durable}, is gone`)
      else if (!isThere) removed.add(seq)
      if (isThere) await this.checkMessage(store, seq)
    }
    for (const { first, last } of this.batches) {
      const isCut = first <= store.last && last > store.last
      assert(!isCut, `of the batch from ${first} to ${last} only a part is there: last is ${store.last}`)
    }
    // What was to be removed and is there may stay.
    maybeRemoved.clear()
    for (const seq of removed) maybeRemoved.add(seq)
    this.durable = store.last
    await store.close()
  }

  private async checkMessage(store: FileStore, seq: number): Promise<void> {
    const message = await store.load(seq)
    const seen = message && {
      timeUs: message.timeUs,
      subject: String(message.subject),
      headers: String(message.headers),
      payload: String(message.payload),
    }
    assert.deepEqual(seen, crashMessage(seq), `message ${seq} was changed`)
    this.checked++
  }

  private async open(): Promise<FileStore> {
    const fail = (what: unknown): void => assert.fail(JSON.stringify(what))
    const host = {
      disk: systemDisk,
      files: new OpenFiles(systemDisk, 8),
      cache: new PageCache(1024 * 1024),
      work: blockWork,
      bugMet: fail,
    }
    const owner = {
      becameDurable() {},
      failed: (_first: number, _last: number, failure: unknown) => fail(failure),
      lost: fail,
      trouble: fail,
      recovered() {},
    }
    const settings = crashSettings(join(this.folder, 'blocks'), this.flavour)
    const { store } = await openFileStore(host, settings, owner)
    return store
  }
}
