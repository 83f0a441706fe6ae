// The store of a file stream: an append-only log in block files, with everything that happened to its messages. The
// index is made of the log when the store is opened.
//
//     append, remove ─▶ LogTail: records in pages ─▶ LogWriter: one write and one sync for all that came meanwhile
//                                                                  └─▶ durable, or failed
//
// What takes long is StoreWork: the scan at the start, and the upkeep of blocks (upkeep.ts).
//
// When a write has failed, what was appended since the latest success is undone, the block is left as it is, and the
// next append begins a new one, whose header says at which sequence: what the old one has from there on does not count.

import assert from 'node:assert/strict'
import { attempt, type OnBug } from '../../base/guarded.ts'
import type { Encryption } from './block-cipher.ts'
import { BlockReader, type ReaderHost } from './block-reader.ts'
import { BlockState } from './block-state.ts'
import { fileSizeOf } from './block-summary.ts'
import { failureOf } from './disk.ts'
import { IndexedStore } from './indexed-store.ts'
import { LogTail, type TailMark } from './log-tail.ts'
import { type Load, LogWriter } from './log-writer.ts'
import { MessageIndex } from './message-index.ts'
import { Kind, RANGE_BYTES, writeSeq } from './record.ts'
import type { Recovered } from './recovery.ts'
import type { Segment } from './segment.ts'
import type { Loss, PlainMessages, Soon, StoredMessage, StoreFailure, StoreOwner } from './store.ts'
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

/** Ranges in one record of removed messages. */
const RANGES_MAX = 2048
const EMPTY = new Uint8Array(0)
const CLOSED = 'a closed store was written to'

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
  private readonly tail: LogTail
  private readonly writer: LogWriter
  private readonly upkeep: Upkeep
  /** Messages that were removed and are not in the log yet: first and last, in turn. */
  private removed: number[] = []
  /** All up to here is as safe as the settings say. */
  private safe: number
  /** Writes that failed. */
  private failures = 0
  /** What failed when it was done last. */
  private readonly ailing = new Set<'writing' | 'upkeep'>()
  /** Where the log ended when a batch began. */
  private atBatch: TailMark | undefined

  constructor(host: FileStoreHost, settings: FileStoreSettings, owner: FileStoreOwner, recovered: Recovered) {
    super(MessageIndex.from(recovered.index))
    this.host = host
    this.settings = settings
    this.owner = owner
    this.reader = new BlockReader(host, this.index, this.blocks)
    const { blocks, index, reader } = this
    const store = this
    this.tail = new LogTail(
      {
        host,
        settings,
        index,
        reader,
        blocks,
        get inBatch() {
          return store.inBatch
        },
        begun: (block, before) => this.begun(block, before),
      },
      recovered.lastNumber + 1,
    )
    this.writer = new LogWriter({
      host,
      settings,
      blocks,
      get hasNews() {
        return store.tail.hasNews || store.removed.length > 0
      },
      get hasRecords() {
        return store.tail.hasRecords
      },
      get inBatch() {
        return store.inBatch
      },
      take: () => this.take(),
      written: (load) => this.written(load),
      failed: (load, failure) => this.writeFailed(load, failure),
      syncFailed: (failure) => this.syncFailed(failure),
    })
    this.upkeep = new Upkeep({
      host,
      settings,
      index,
      reader,
      blocks,
      get current() {
        return store.tail.current
      },
      get failures() {
        return store.failures
      },
      beginBlock: () => this.tail.beginBlock(),
      flush: () => this.flush(),
      logRemoved: (ranges) => {
        for (const { first, last } of ranges) this.removed.push(first, last)
      },
      lose: (seq) => this.lose(seq),
      trouble: (failure) => this.trouble('upkeep', failure),
      works: () => this.works('upkeep'),
    })
    this.safe = this.index.last
    this.losses.push(...recovered.losses)
    for (const info of recovered.blocks) {
      const block = new BlockState(settings.folder, info, settings.encryption, true)
      this.blocks.set(block.number, block)
      block.hasVoid = info.hasVoid
      block.hasLosses = info.hasLosses
      if (block.number === recovered.current) this.tail.current = block
      else if (!block.isSealed) this.upkeep.ended(block)
      if (info.isTorn) this.upkeep.torn(block)
    }
    this.upkeep.voided()
    this.index.segments = this.index.segments.filter(
      ({ live, block }) => live > 0 || block === this.tail.current?.number,
    )
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
    this.index.add(seq, timeUs, size, offset, headers.length > 0, subject)
    return seq
  }

  appendPlain(timeUs: number, messages: PlainMessages, number: number): number {
    const { line, size, subjectEnd, subjectStart } = messages
    assert(!this.writer.isClosed, CLOSED)
    const seq = this.index.last + 1
    const offset = this.tail.putPlain(seq, timeUs, messages, number)
    this.writer.schedule()
    const bytes = fileSizeOf(subjectEnd - subjectStart, 0, size)
    this.index.add(seq, timeUs, bytes, offset, false, line.bytes, subjectStart, subjectEnd)
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
    assert(!this.writer.isClosed, CLOSED)
    const offset = this.tail.put(kind, seq, timeUs, subject, headers, payload)
    this.writer.schedule()
    return offset
  }

  /** Messages come to this block from now on. */
  private begun(block: BlockState, before: BlockState | undefined): void {
    this.index.open(block.number)
    if (before !== undefined) this.upkeep.ended(before)
    this.index.dropEmpty((segment) => this.dropped(segment))
  }

  // ── Batches ───────────────────────────────────────────────────────────────────────────────────────────

  override begin(): void {
    this.atBatch = this.tail.mark(this.index.last + 1)
    super.begin()
  }

  override commit(): void {
    const next = this.index.last + 1
    // What is not of the batch ends it. It is in the same block.
    if (next > this.batchFirst) this.put(Kind.skip, next, 0, EMPTY, EMPTY, EMPTY)
    super.commit()
  }

  rollback(): void {
    const { atBatch, index } = this
    assert(atBatch !== undefined, 'there is no batch')
    const last = this.batchFirst - 1
    super.commit()
    this.cutIndex(last)
    index.lastTimeUs = this.batchBeganUs
    const { number } = this.tail.cut(atBatch)
    // With its last message the index may have lost the segment.
    if (index.segments.at(-1)?.block !== number) index.open(number)
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
    this.writer.schedule()
  }

  protected dropped(segment: Segment): void {
    const block = this.blocks.get(segment.block)
    if (block !== undefined && block !== this.tail.current) this.upkeep.empty(block)
  }

  /** Blocks that have no segment any more are to be removed. */
  private retire(): void {
    const numbers = new Set(this.index.segments.map(({ block }) => block))
    for (const block of this.blocks.values()) {
      if (!numbers.has(block.number) && block !== this.tail.current) this.upkeep.empty(block)
    }
  }

  protected thinned(segment: Segment): void {
    this.upkeep.thinned(segment)
  }

  // ── Writing ───────────────────────────────────────────────────────────────────────────────────────────

  /** All that the disk does not have. */
  private take(): Load {
    assert(!this.inBatch, 'a batch was left open')
    const removed = this.logRemovals()
    return { parts: this.tail.take(), last: this.index.last, removed }
  }

  private written({ last, parts }: Load): void {
    for (const { block, end, pages } of parts) {
      for (const page of pages) page.pins--
      block.safeEnd = end
    }
    // A header alone fits where no message does.
    if (parts.some(({ pages }) => pages.length > 0)) this.works('writing')
    if (last > this.safe) {
      this.safe = last
      attempt(this.host.bugMet, () => this.owner.becameDurable())
    }
    this.upkeep.maintain()
  }

  /** Brings the removals of late into the log. Answers which. */
  private logRemovals(): readonly number[] {
    const { removed } = this
    for (let from = 0; from < removed.length; from += 2 * RANGES_MAX) {
      const some = removed.slice(from, from + 2 * RANGES_MAX)
      const body = Buffer.alloc((some.length / 2) * RANGE_BYTES)
      const view = new DataView(body.buffer, body.byteOffset, body.length)
      for (const [i, seq] of some.entries()) writeSeq(view, i * 8, seq)
      this.put(Kind.removed, this.index.last + 1, 0, EMPTY, EMPTY, body)
    }
    this.removed = []
    return removed
  }

  private trouble(what: 'writing' | 'upkeep', failure: StoreFailure): void {
    this.ailing.add(what)
    this.owner.trouble(failure)
  }

  private works(what: 'writing' | 'upkeep'): void {
    if (!this.ailing.delete(what) || this.ailing.size > 0) return
    attempt(this.host.bugMet, () => this.owner.recovered())
  }

  private writeFailed(load: Load, failure: StoreFailure): void {
    const { index, safe, owner, host } = this
    this.failures++
    for (const { pages } of load.parts) for (const page of pages) page.pins--
    const { last } = index
    if (last > safe) this.cutIndex(safe)
    this.removed = clamped([...load.removed, ...this.removed], safe)
    const current = this.tail.drop()
    for (const block of this.blocks.values()) if (block.end > block.safeEnd || !block.isOnDisk) this.undo(block)
    if (current !== undefined && this.blocks.has(current.number)) this.upkeep.ended(current)
    this.retire()
    this.upkeep.maintain()
    this.ailing.add('writing')
    // Appends are gone, removals stand.
    if (this.removed.length > 0) this.writer.scheduleAgain()
    attempt(host.bugMet, () => (last > safe ? owner.failed(safe + 1, last, failure) : owner.trouble(failure)))
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
    this.index.segments = this.index.segments.filter((segment) => segment.block !== block.number)
  }

  /** It counted as durable. What comes now goes to another block: this one is not trusted any more. */
  private syncFailed(failure: StoreFailure): void {
    if (this.tail.current?.isOnDisk === true && !this.inBatch) this.tail.beginBlock()
    this.trouble('writing', failure)
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  flush(): Promise<void> {
    return this.writer.flush()
  }

  async close(): Promise<void> {
    // What upkeep has begun may write to the log.
    await this.upkeep.close()
    await this.flush()
    if (!(await this.upkeep.cutOffAll())) {
      // The header of another block says that it does not count.
      this.tail.beginBlock()
      await this.flush()
    }
    await this.abandon()
  }

  async abandon(): Promise<void> {
    await this.upkeep.close()
    await this.writer.close()
    this.reader.forgetAll()
    for (const { path } of this.blocks.values()) this.host.files.forget(path)
  }
}

/** Ranges, first and last in turn, without what is above `last`. */
function clamped(ranges: readonly number[], last: number): number[] {
  const kept: number[] = []
  for (let i = 0; i < ranges.length; i += 2) {
    if (ranges[i] <= last) kept.push(ranges[i], Math.min(ranges[i + 1], last))
  }
  return kept
}
