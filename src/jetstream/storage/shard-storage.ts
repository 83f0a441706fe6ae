// The file stores of a shard: what they share, and how one is opened.

import type { OnBug } from '../../base/guarded.ts'
import type { CipherName } from './block-cipher.ts'
import { BLOCK_BYTES } from './block-file.ts'
import { type Disk, systemDisk } from './disk.ts'
import { type FileStore, type FileStoreHost, type FileStoreOwner, openFileStore } from './file-store.ts'
import { OpenFiles } from './open-files.ts'
import { PageCache } from './page-cache.ts'
import type { StoreService } from './store-service.ts'

/** Memory for messages of file streams, a shard. */
const CACHE_BYTES = 64 * 1024 * 1024
/** Files that a shard keeps open. */
const FILES_MAX = 64

export interface StorageSettings {
  /** Time between syncs to disk; `always`: before a message counts as durable. */
  readonly syncIntervalMs: number | 'always'
  readonly cipher: CipherName
}

/** What a stream's configuration says of its store. */
export interface StreamStorage {
  /** The id in the catalogue. */
  readonly id: number
  /** Full blocks are compressed (`compression: s2`). */
  readonly isCompressed: boolean
  /** Messages count as durable at once (`persist_mode: async`). */
  readonly isAsync: boolean
}

export class ShardStorage {
  readonly service: StoreService
  private readonly settings: StorageSettings
  private readonly host: FileStoreHost

  constructor(service: StoreService, settings: StorageSettings, bugMet: OnBug, disk: Disk = systemDisk) {
    this.service = service
    this.settings = settings
    const files = new OpenFiles(disk, FILES_MAX)
    this.host = { disk, files, cache: new PageCache(CACHE_BYTES), work: service, bugMet }
  }

  /** Opens the store of a stream in the catalogue. `notes`: what operators should know of how it was found. */
  async open(
    { id, isCompressed, isAsync }: StreamStorage,
    owner: FileStoreOwner,
  ): Promise<{ readonly store: FileStore; readonly notes: readonly string[] }> {
    const { folder, key } = await this.service.placeOf(id)
    const { cipher, syncIntervalMs } = this.settings
    const isSynced = syncIntervalMs === 'always'
    const settings = {
      folder,
      encryption: key && { cipher, key },
      isCompressed,
      safety: isAsync ? 'queued' : isSynced ? 'synced' : 'written',
      syncIntervalMs: isSynced ? 0 : syncIntervalMs,
      blockBytes: BLOCK_BYTES,
    } as const
    return openFileStore(this.host, settings, owner)
  }
}
