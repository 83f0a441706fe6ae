// Where the messages of a shard's streams lie: in memory, or in files under the folder of the streams.

import { availableParallelism } from 'node:os'
import { ConsumerKeeper } from './consumers/keeper.ts'
import type { ListedStream } from './contract.ts'
import type { JetStreamOwner } from './owner.ts'
import { systemDisk } from './storage/disk.ts'
import { FaultyDisk } from './storage/faulty-disk.ts'
import { type FileStoreHost, type FileStoreOwner, openFileStore } from './storage/file-store.ts'
import { MemoryStore } from './storage/memory-store.ts'
import { OpenFiles } from './storage/open-files.ts'
import { PageCache } from './storage/page-cache.ts'
import type { StreamStore } from './storage/store.ts'
import type { StoreService } from './storage/store-service.ts'

/** Memory for messages of file streams, for the server; a shard has its part. */
const CACHE_BYTES = 128 * 1024 * 1024
const CACHE_BYTES_MIN = 8 * 1024 * 1024
/** Files of a shard that are open at once. */
const FILES_MAX = 256
const BLOCK_BYTES = 8 * 1024 * 1024
const SYNC_INTERVAL_MS = 120_000

export class Stores {
  readonly service: StoreService
  /** Of all consumers of the shard. */
  readonly keeper: ConsumerKeeper
  /** Tests make it fail. */
  readonly disk = new FaultyDisk(systemDisk)
  private readonly owner: JetStreamOwner
  private host: FileStoreHost | undefined

  constructor(owner: JetStreamOwner, service: StoreService) {
    this.owner = owner
    this.service = service
    this.keeper = new ConsumerKeeper(owner, service)
  }

  /** Opens the store of a stream. Rejects if what is on the disk cannot be read at all. */
  async open(listed: ListedStream, events: FileStoreOwner): Promise<StreamStore> {
    const { config, id } = listed
    const { jetstream } = this.owner.options
    if (config.storage === 'memory' || jetstream === undefined) return new MemoryStore()
    const { syncInterval } = jetstream
    const isSynced = syncInterval === undefined || syncInterval === 0
    const { folder, key } = await this.service.placeOf(id)
    const { store, notes } = await openFileStore(
      this.fileHost(),
      {
        folder,
        encryption: key && { cipher: jetstream.cipher, key },
        isCompressed: config.compression === 's2',
        safety: config.persist_mode === 'async' ? 'queued' : isSynced ? 'synced' : 'written',
        syncIntervalMs: isSynced ? SYNC_INTERVAL_MS : syncInterval,
        blockBytes: BLOCK_BYTES,
      },
      events,
    )
    const name = `${listed.account} > ${config.name}`
    for (const note of notes) this.owner.log.warn(`Stream '${name}': ${note}`)
    for (const { first, last, text } of store.losses) {
      this.owner.log.error(`Stream '${name}' has lost messages ${first} to ${last}: ${text}`)
    }
    return store
  }

  private fileHost(): FileStoreHost {
    const { bugMet, options } = this.owner
    const share = CACHE_BYTES / Math.max(1, options.workers || availableParallelism())
    this.host ??= {
      disk: this.disk,
      files: new OpenFiles(this.disk, FILES_MAX),
      cache: new PageCache(Math.max(CACHE_BYTES_MIN, Math.floor(share))),
      work: this.service,
      bugMet,
    }
    return this.host
  }
}
