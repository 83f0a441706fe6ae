// The store of a file stream: an append-only log in block files, with everything that happened to its messages. The
// index is made of the log when the store is opened.
//
//     append, remove ─▶ records in the tail page ─▶ one write and one sync for all that came meanwhile ─▶ durable
//                       (pages are the cache, too)   while it is under way, the next records gather
//
// Writes run on Node's threads for file operations, one at a time for a store. What takes long is StoreWork: the scan
// at the start, and the upkeep of blocks (upkeep.ts).
//
// A write or a sync that failed is never repeated at the same place. What was appended since the latest success is
// undone, the block is left as it is, and the next append begins a new one, whose header says at which sequence: what
// the old one has from there on does not count.

import assert from 'node:assert/strict'
import { attempt, type OnBug } from '../../base/guarded.ts'
import { allocateBlock, copyBytes } from '../../memory/block.ts'
import type { Encryption } from './block-cipher.ts'
import { Form, HEADER_BYTES, headerBytes, newHeader, PAGE_BYTES, pageOf } from './block-file.ts'
import { BlockReader, PAGES_MAX, pageKey, type ReaderHost } from './block-reader.ts'
import { BlockState } from './block-state.ts'
import { fileSizeOf } from './block-summary.ts'
import { failureOf } from './disk.ts'
import { IndexedStore } from './indexed-store.ts'
import { MessageIndex } from './message-index.ts'
import { Page } from './page-cache.ts'
import { BATCH, HEAD_BYTES, Kind, RANGE_BYTES, sign, TAG_BYTES, writeHead, writeSeq } from './record.ts'
import type { Recovered } from './recovery.ts'
import type { Segment } from './segment.ts'
import type { Loss, Soon, StoredMessage, StoreFailure, StoreOwner } from './store.ts'
import type { StoreWork } from './store-work.ts'
import { ALL } from './subject-filter.ts'
import { Upkeep } from './upkeep.ts'

export interface FileStoreSettings {
  /** Of this store alone; it is made if it is not there. */
  readonly folder: string
  readonly encryption?: Encryption | undefined
  /** Full blocks are compressed. */
  readonly isCompressed: boolean
  /**
   * When messages count as durable: when they are safe from loss of power, when they are safe from the end of the
   * process, or at once.
   */
  readonly safety: 'synced' | 'written' | 'queued'
  /** Unless every write is synced: how often. */
  readonly syncIntervalMs: number
  /** From this size on a block gets no more records. A batch stays in one block, whatever its size. */
  readonly blockBytes: number
}

export interface FileStoreHost extends ReaderHost {
  readonly work: StoreWork
  readonly bugMet: OnBug
}

export interface FileStoreOwner extends StoreOwner {
  /** Something other than an append failed; what is stored is as it was. */
  trouble(failure: StoreFailure): void
  /** After a failure, what is written is written again. */
  recovered(): void
}

/** What one write brings to one block. */
interface Part {
  readonly block: BlockState
  readonly offset: number
  readonly end: number
  readonly buffers: Buffer[]
  readonly pages: Page[]
}

const TAIL_BYTES_MIN = 4 * 1024
/** Offsets have 32 bits. */
const OFFSET_MAX = 2 ** 32 - 1
/** After removals could not be written. */
const RETRY_MS = 1_000
/** Ranges in one record of removed messages. */
const RANGES_MAX = 2048
const EMPTY = new Uint8Array(0)

/** Opens the store in a folder: a new one, if the folder is empty or not there. Rejects if it cannot be read at all. */
export async function openFileStore(
  host: FileStoreHost,
  settings: FileStoreSettings,
  owner: FileStoreOwner,
): Promise<{ readonly store: FileStore; readonly notes: readonly string[] }> {
  const recovered = await host.work.recover(settings.folder, settings.encryption)
  return { store: new FileStore(host, settings, owner, recovered), notes: recovered.notes }
}

export class FileStore extends IndexedStore {
  private readonly host: FileStoreHost
  private readonly settings: FileStoreSettings
  private readonly owner: FileStoreOwner
  private readonly blocks = new Map<number, BlockState>()
  private readonly reader: BlockReader
  private nextNumber: number
  /** The block that is written to, and its last page. */
  private current: BlockState | undefined
  private tail: Page | undefined
  /** Pages with bytes that are not handed to the disk yet, in the order of the log. */
  private dirty: Page[] = []
  /** Messages that were removed and are not in the log yet: first and last, in turn. */
  private removed: number[] = []
  /** Removals that a write has under way. */
  private removedInWrite: number[] = []
  private readonly upkeep: Upkeep
  /** All up to here is as safe as the settings say. */
  private safe: number
  /** Writes that failed. */
  private failures = 0
  private isScheduled = false
  /** What failed when it was done last. */
  private readonly ailing = new Set<'writing' | 'upkeep'>()
  private retryTimer: NodeJS.Timeout | undefined
  private writing: Promise<void> | undefined
  private syncTimer: NodeJS.Timeout | undefined
  /** Nothing is written any more. */
  private isClosed = false
  /** How it was when a batch began. */
  private atBatch = { end: 0, tail: undefined as Page | undefined, dirty: 0 }

  constructor(host: FileStoreHost, settings: FileStoreSettings, owner: FileStoreOwner, recovered: Recovered) {
    super(MessageIndex.from(recovered.index))
    this.host = host
    this.settings = settings
    this.owner = owner
    this.reader = new BlockReader(host, this.index, this.blocks)
    const store = this
    this.upkeep = new Upkeep({
      host,
      settings,
      index: this.index,
      reader: this.reader,
      blocks: this.blocks,
      get current() {
        return store.current
      },
      get failures() {
        return store.failures
      },
      beginBlock: () => this.beginBlock(),
      flush: () => this.flush(),
      logRemoved: (ranges) => {
        for (const { first, last } of ranges) this.removed.push(first, last)
      },
      lose: (seq) => this.lose(seq),
      trouble: (failure) => this.trouble('upkeep', failure),
      works: () => this.works('upkeep'),
    })
    this.nextNumber = recovered.lastNumber + 1
    this.safe = this.index.last
    this.losses.push(...recovered.losses)
    for (const info of recovered.blocks) {
      const block = new BlockState(settings.folder, info, settings.encryption, true)
      this.blocks.set(block.number, block)
      block.hasVoid = info.hasVoid
      block.hasLosses = info.hasLosses
      if (block.number === recovered.current) this.current = block
      else if (!block.isSealed) this.upkeep.ended(block)
      if (info.isTorn) this.upkeep.torn(block)
    }
    this.upkeep.voided()
    this.index.segments = this.index.segments.filter(({ live, block }) => live > 0 || block === this.current?.number)
    this.retire()
    this.upkeep.maintain()
  }

  get durable(): number {
    return this.settings.safety === 'queued' ? this.index.last : this.safe
  }

  /** Blocks without a summary that nothing is written to any more. */
  get unsealedBlocks(): number {
    return this.upkeep.unsealedBlocks
  }

  // ── Appending ─────────────────────────────────────────────────────────────────────────────────────────

  append(timeUs: number, subject: Uint8Array, headers: Uint8Array, payload: Uint8Array): number {
    const seq = this.index.last + 1
    const offset = this.put(Kind.message, seq, timeUs, subject, headers, payload)
    const size = fileSizeOf(subject.length, headers.length, payload.length)
    this.index.add(seq, timeUs, subject, size, offset, headers.length > 0)
    return seq
  }

  sizeOf(subjectBytes: number, headerBytes: number, payloadBytes: number): number {
    return fileSizeOf(subjectBytes, headerBytes, payloadBytes)
  }

  skipTo(next: number, timeUs: number): void {
    this.index.skipTo(next, timeUs)
    this.put(Kind.skip, next, timeUs, EMPTY, EMPTY, EMPTY)
  }

  /** Adds a record to the log. Answers its offset in the current block. */
  private put(
    kind: number,
    seq: number,
    timeUs: number,
    subject: Uint8Array,
    headers: Uint8Array,
    payload: Uint8Array,
  ): number {
    assert(!this.isClosed, 'a closed store was written to')
    const isSealed = kind === Kind.message && this.settings.encryption !== undefined
    const bodyBytes = subject.length + headers.length + payload.length
    const length = HEAD_BYTES + bodyBytes + (isSealed ? TAG_BYTES : 0)
    const block = this.blockFor(seq, length)
    const page = this.pageFor(block, length)
    const offset = block.end
    const at = offset - page.start
    const { block: memory } = page
    const what = this.inBatch && kind === Kind.message ? kind | BATCH : kind
    writeHead(memory, at, length, what, subject.length, headers.length, seq, timeUs)
    let to = at + HEAD_BYTES
    for (const part of [subject, headers, payload]) {
      if (part.length > 0) memory.bytes.set(part, to)
      to += part.length
    }
    if (isSealed) {
      const { bytes } = memory
      const body = bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + bodyBytes)
      block.cipher?.seal(body, offset, bytes.subarray(at + 8, at + HEAD_BYTES)).copy(bytes, at + HEAD_BYTES)
    }
    sign(memory, at, block.salt)
    block.end = offset + length
    page.end = block.end
    if (this.dirty.at(-1) !== page) {
      this.dirty.push(page)
      page.pins++
    }
    this.schedule()
    return offset
  }

  private blockFor(seq: number, length: number): BlockState {
    const { current } = this
    if (current !== undefined && current.end + length <= OFFSET_MAX) {
      const segment = this.index.segments.at(-1)
      const isFull = current.end >= this.settings.blockBytes && !this.inBatch
      if (!isFull && segment?.block === current.number && segment.hasRoomFor(seq)) return current
    }
    assert(!this.inBatch, 'a batch is larger than a block can be')
    return this.beginBlock()
  }

  private beginBlock(): BlockState {
    const { current, index, settings } = this
    const number = this.nextNumber++
    const header = newHeader(index.last + 1, index.lastTimeUs, settings.encryption?.cipher, Form.records)
    const info = { number, header, end: HEADER_BYTES, pages: [], isSealed: false }
    const block = new BlockState(settings.folder, info, settings.encryption, false)
    this.blocks.set(number, block)
    index.open(number)
    this.current = block
    this.tail = undefined
    if (current !== undefined) this.upkeep.ended(current)
    index.dropEmpty((segment) => this.dropped(segment))
    return block
  }

  /** The page in which the next record of the block begins, with room for it. */
  private pageFor(block: BlockState, length: number): Page {
    const number = pageOf(block.end)
    const key = pageKey(block.number, number)
    let page = this.tail
    if (page === undefined || page.key !== key || page.place < 0) {
      const memory = allocateBlock(Math.max(length, TAIL_BYTES_MIN))
      page = new Page(this.reader, key, block.end, block.end, memory, false, block.cipher)
      this.tail = page
      this.reader.add(page)
      return page
    }
    const used = page.end - page.start
    if (used + length > page.block.capacity) {
      const larger = allocateBlock(Math.max(used + length, Math.min(page.block.capacity * 2, PAGE_BYTES)))
      copyBytes(larger, 0, page.block, 0, used)
      this.host.cache.replace(page, larger)
    }
    return page
  }

  // ── Batches ───────────────────────────────────────────────────────────────────────────────────────────

  override begin(): void {
    const { end } = this.blockFor(this.index.last + 1, 0)
    super.begin()
    this.atBatch = { end, tail: this.tail, dirty: this.dirty.length }
  }

  override commit(): void {
    const next = this.index.last + 1
    // What is not of the batch ends it. It is in the same block.
    if (next > this.batchFirst) this.put(Kind.skip, next, 0, EMPTY, EMPTY, EMPTY)
    super.commit()
  }

  rollback(): void {
    const { current, atBatch } = this
    const last = this.batchFirst - 1
    super.commit()
    this.cutIndex(last)
    this.index.lastTimeUs = this.batchBeganUs
    assert(current !== undefined, 'a batch lost its block')
    current.end = atBatch.end
    for (const page of this.dirty.splice(atBatch.dirty)) {
      page.pins--
      if (page !== atBatch.tail) this.host.cache.remove(page)
    }
    this.tail = atBatch.tail
    if (this.tail !== undefined) this.tail.end = atBatch.end
    // With its last message the index may have lost the segment.
    if (this.index.segments.at(-1)?.block !== current.number) this.index.open(current.number)
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────────────

  load(seq: number): Soon<StoredMessage | undefined> {
    if (!this.index.find(seq)) return undefined
    return this.reader.inMemory(seq) ?? this.loadFromDisk(seq)
  }

  private async loadFromDisk(seq: number): Promise<StoredMessage | undefined> {
    let found: StoredMessage | 'damaged' | undefined
    try {
      found = await this.reader.read(seq)
    } catch (error) {
      if (!this.index.find(seq)) return undefined
      // It may be there again later: a disk that does not answer is no damage.
      attempt(this.host.bugMet, () => this.owner.trouble(failureOf(error)))
      return undefined
    }
    if (found === 'damaged') this.lose(seq)
    return found === 'damaged' ? undefined : found
  }

  /** A message was found damaged. It leaves the index; its bytes stay where they are. */
  private lose(seq: number): void {
    const { index } = this
    if (!index.find(seq)) return
    const { segment, slot } = index
    const text = `message ${seq} in block ${segment.block} is damaged at offset ${segment.offsetAt(slot)}`
    const loss: Loss = { first: seq, last: seq, bytes: segment.sizeAt(slot), text }
    const block = this.blocks.get(segment.block)
    if (block !== undefined) block.hasLosses = true
    index.remove()
    this.losses.push(loss)
    attempt(this.host.bugMet, () => this.owner.lost(loss))
  }

  // ── Removing ──────────────────────────────────────────────────────────────────────────────────────────

  protected leaving(seq: number, erase: boolean): void {
    assert(!this.inBatch, 'a message was removed within a batch')
    const { index, removed } = this
    if (erase) {
      const { segment, slot } = index
      const version = this.blocks.get(segment.block)?.version ?? 0
      this.upkeep.eraseLater({ block: segment.block, offset: segment.offsetAt(slot), version })
    }
    // Between the latest range and this message there may be none: then it is the same range.
    const last = removed.length - 1
    if (last > 0 && removed[last] < seq && index.next(ALL, removed[last] + 1) === seq) removed[last] = seq
    else removed.push(seq, seq)
    this.schedule()
  }

  protected dropped(segment: Segment): void {
    const block = this.blocks.get(segment.block)
    if (block !== undefined && block !== this.current) this.upkeep.empty(block)
  }

  /** Blocks that have no segment any more are to be removed. */
  private retire(): void {
    const numbers = new Set(this.index.segments.map(({ block }) => block))
    for (const block of this.blocks.values()) {
      if (!numbers.has(block.number) && block !== this.current) this.upkeep.empty(block)
    }
  }

  protected thinned(segment: Segment): void {
    this.upkeep.thinned(segment)
  }

  // ── Writing ───────────────────────────────────────────────────────────────────────────────────────────

  private schedule(): void {
    if (this.isScheduled || this.writing !== undefined) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      this.write()
    })
  }

  /** Whether there is something that the disk does not have. */
  private get hasNews(): boolean {
    return this.dirty.length > 0 || this.removed.length > 0 || this.current?.isOnDisk === false
  }

  private write(): void {
    if (this.writing !== undefined || !this.hasNews) return
    this.writing = this.writeAll().finally(() => {
      this.writing = undefined
    })
  }

  /** Writes until there is nothing more, or it fails, or nobody wants it any more. Never rejects. */
  private async writeAll(): Promise<void> {
    for (let hasFailed = false; this.hasNews && !this.isClosed && !(hasFailed && this.dirty.length === 0); ) {
      const parts = this.takeParts()
      const last = this.index.last
      try {
        for (const part of parts) await this.writePart(part)
        hasFailed = false
      } catch (error) {
        hasFailed = true
        this.writeFailed(failureOf(error), parts)
        continue
      }
      for (const { block, end, pages } of parts) {
        for (const page of pages) page.pins--
        block.safeEnd = end
      }
      this.removedInWrite = []
      // A header alone fits where no message does.
      if (parts.some(({ pages }) => pages.length > 0)) this.works('writing')
      if (last > this.safe) {
        this.safe = last
        attempt(this.host.bugMet, () => this.owner.becameDurable())
      }
      this.upkeep.maintain()
    }
  }

  /** All that is to be written, by block. */
  private takeParts(): readonly Part[] {
    assert(!this.inBatch, 'a batch was left open')
    this.logRemovals()
    const parts: Part[] = []
    let part: (Part & { end: number }) | undefined
    const partFor = (block: BlockState, offset: number): Part & { end: number } => {
      if (part?.block === block) return part
      const buffers = block.isOnDisk ? [] : [headerBytes(block.header)]
      part = { block, offset: block.isOnDisk ? offset : 0, end: offset, buffers, pages: [] }
      parts.push(part)
      return part
    }
    for (const page of this.dirty) {
      const block = this.blocks.get(blockOfKey(page.key)) as BlockState
      const into = partFor(block, page.written)
      into.buffers.push(page.block.bytes.subarray(page.written - page.start, page.end - page.start))
      into.pages.push(page)
      into.end = page.end
      page.written = page.end
    }
    this.dirty = []
    if (this.current?.isOnDisk === false) partFor(this.current, this.current.end)
    return parts
  }

  /** Brings the removals of late into the log. */
  private logRemovals(): void {
    const { removed } = this
    for (let from = 0; from < removed.length; from += 2 * RANGES_MAX) {
      const some = removed.slice(from, from + 2 * RANGES_MAX)
      const body = Buffer.alloc((some.length / 2) * RANGE_BYTES)
      const view = new DataView(body.buffer, body.byteOffset, body.length)
      for (const [i, seq] of some.entries()) writeSeq(view, i * 8, seq)
      this.put(Kind.removed, this.index.last + 1, 0, EMPTY, EMPTY, body)
    }
    this.removedInWrite = removed
    this.removed = []
  }

  private async writePart({ block, offset, buffers }: Part): Promise<void> {
    const { disk, files } = this.host
    const isSynced = this.settings.safety === 'synced'
    const purpose = block.isOnDisk ? 'writing' : 'create'
    await files.use(block.path, isSynced ? `${purpose} synced` : purpose, async (fd) => {
      await disk.write(fd, buffers, offset)
      if (isSynced && !disk.syncsWrites) await disk.sync(fd)
    })
    if (!block.isOnDisk && isSynced) await disk.syncFolder(this.settings.folder)
    block.isOnDisk = true
    if (!isSynced) this.syncLater(block)
  }

  private trouble(what: 'writing' | 'upkeep', failure: StoreFailure): void {
    this.ailing.add(what)
    this.owner.trouble(failure)
  }

  private works(what: 'writing' | 'upkeep'): void {
    if (!this.ailing.delete(what) || this.ailing.size > 0) return
    attempt(this.host.bugMet, () => this.owner.recovered())
  }

  private writeFailed(failure: StoreFailure, parts: readonly Part[]): void {
    const { index, safe, owner, host } = this
    this.failures++
    for (const { pages } of parts) for (const page of pages) page.pins--
    for (const page of this.dirty) page.pins--
    this.dirty = []
    const { last } = index
    if (last > safe) this.cutIndex(safe)
    this.removed = clamped([...this.removedInWrite, ...this.removed], safe)
    this.removedInWrite = []
    for (const block of this.blocks.values()) if (block.end > block.safeEnd || !block.isOnDisk) this.undo(block)
    if (this.current !== undefined) this.upkeep.ended(this.current)
    this.current = undefined
    this.tail = undefined
    this.retire()
    this.upkeep.maintain()
    this.ailing.add('writing')
    // Appends are gone, removals stand.
    if (this.removed.length > 0) this.retryTimer ??= setTimeout(() => this.retry(), RETRY_MS).unref()
    attempt(host.bugMet, () => (last > safe ? owner.failed(safe + 1, last, failure) : owner.trouble(failure)))
  }

  private retry(): void {
    this.retryTimer = undefined
    if (!this.isClosed && !this.inBatch) this.write()
  }

  /** What was not written to a block is forgotten, and so is a block without a file. */
  private undo(block: BlockState): void {
    this.reader.forgetBlock(block.number, block.safeEnd)
    block.end = block.safeEnd
    if (block.isOnDisk) {
      this.upkeep.torn(block)
      return
    }
    this.blocks.delete(block.number)
    this.host.files.forget(block.path)
    this.upkeep.undone(block)
    if (this.current === block) this.current = undefined
    this.index.segments = this.index.segments.filter((segment) => segment.block !== block.number)
  }

  private syncLater(block: BlockState): void {
    block.isUnsynced = true
    this.syncTimer ??= setTimeout(() => {
      this.syncTimer = undefined
      attempt(this.host.bugMet, () => this.sync())
    }, this.settings.syncIntervalMs).unref()
  }

  /** Makes safe from loss of power what has been written. Never rejects. */
  private async sync(): Promise<void> {
    const { disk, files } = this.host
    try {
      for (const block of this.blocks.values()) {
        if (!block.isUnsynced) continue
        block.isUnsynced = false
        await files.use(block.path, 'writing', (fd) => disk.sync(fd))
      }
      await disk.syncFolder(this.settings.folder)
    } catch (error) {
      // It counted as durable. What comes now goes to another block: this one is not trusted any more.
      if (this.current?.isOnDisk === true && !this.inBatch) this.beginBlock()
      this.trouble('writing', failureOf(error))
    }
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  async flush(): Promise<void> {
    await this.writing
    this.write()
    await this.writing
    if (this.settings.safety !== 'synced') await this.sync()
  }

  async close(): Promise<void> {
    // What upkeep has begun may write to the log.
    await this.upkeep.close()
    await this.flush()
    if (!(await this.upkeep.cutOffAll())) {
      // The header of another block says that it does not count.
      this.beginBlock()
      await this.flush()
    }
    await this.abandon()
  }

  async abandon(): Promise<void> {
    await this.upkeep.close()
    this.isClosed = true
    clearTimeout(this.syncTimer)
    clearTimeout(this.retryTimer)
    await this.writing
    this.reader.forgetAll()
    for (const { path } of this.blocks.values()) this.host.files.forget(path)
  }
}

function blockOfKey(key: number): number {
  return Math.floor(key / PAGES_MAX)
}

/** Ranges, first and last in turn, without what is above `last`. */
function clamped(ranges: readonly number[], last: number): number[] {
  const kept: number[] = []
  for (let i = 0; i < ranges.length; i += 2) {
    if (ranges[i] <= last) kept.push(ranges[i], Math.min(ranges[i + 1], last))
  }
  return kept
}
