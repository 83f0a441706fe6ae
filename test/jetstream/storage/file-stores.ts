// File stores in temporary folders, for tests.

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Encryption } from '../../../src/jetstream/storage/block-cipher.ts'
import { fileSizeOf } from '../../../src/jetstream/storage/block-summary.ts'
import { blockWork } from '../../../src/jetstream/storage/block-work.ts'
import { type Disk, systemDisk } from '../../../src/jetstream/storage/disk.ts'
import {
  type FileStore,
  type FileStoreHost,
  type FileStoreSettings,
  openFileStore,
} from '../../../src/jetstream/storage/file-store.ts'
import { OpenFiles } from '../../../src/jetstream/storage/open-files.ts'
import { PageCache } from '../../../src/jetstream/storage/page-cache.ts'
import type { Loss, StoreFailure } from '../../../src/jetstream/storage/store.ts'

/** A kind of file store. */
export interface Flavour {
  readonly cipher?: Encryption['cipher']
  readonly isCompressed?: boolean
  readonly safety?: FileStoreSettings['safety']
  readonly blockBytes?: number
  readonly cacheBytes?: number
  readonly disk?: Disk
}

export const FLAVOURS: Readonly<Record<string, Flavour>> = {
  plain: {},
  written: { safety: 'written' },
  compressed: { isCompressed: true },
  chacha: { cipher: 'chacha' },
  'aes and compressed': { cipher: 'aes', isCompressed: true },
}

/** A folder with a store, which is opened again and again. */
export class StoreFolder {
  readonly folder: string
  readonly settings: FileStoreSettings
  readonly host: FileStoreHost
  /** What its stores have told. */
  readonly failures: { first: number; last: number; failure: StoreFailure }[] = []
  readonly losses: Loss[] = []
  readonly troubles: StoreFailure[] = []
  readonly bugs: unknown[] = []
  recoveries = 0
  notes: readonly string[] = []
  onDurable: () => void = () => {}

  constructor(flavour: Flavour = {}, folder = mkdtempSync(join(tmpdir(), 'heddle-store-'))) {
    this.folder = folder
    const disk = flavour.disk ?? systemDisk
    const { cipher } = flavour
    this.host = {
      disk,
      files: new OpenFiles(disk, 8),
      cache: new PageCache(flavour.cacheBytes ?? 256 * 1024),
      work: blockWork,
      bugMet: (error) => this.bugs.push(error),
    }
    this.settings = {
      folder,
      encryption: cipher && { cipher, key: randomBytes(32) },
      isCompressed: flavour.isCompressed ?? false,
      safety: flavour.safety ?? 'synced',
      syncIntervalMs: 100,
      blockBytes: flavour.blockBytes ?? 32 * 1024,
    }
  }

  async open(): Promise<FileStore> {
    const { store, notes } = await openFileStore(this.host, this.settings, {
      becameDurable: () => this.onDurable(),
      failed: (first, last, failure) => this.failures.push({ first, last, failure }),
      lost: (loss) => this.losses.push(loss),
      trouble: (failure) => this.troubles.push(failure),
      recovered: () => this.recoveries++,
    })
    this.notes = notes
    return store
  }

  sizeOf = fileSizeOf

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
