// The upkeep of a file store's blocks, one thing after the other: what was written and undone is cut off, full
// blocks get summaries, blocks most messages of which are gone are written anew, blocks without messages are removed,
// and messages that are to be erased are overwritten.
//
//     written ──full──▶ unsealed ──▶ sealed ──most are gone──▶ thin ──▶ sealed
//                           └──────────┴──────all are gone──────┴────▶ emptied ──▶ removed

import { attempt, type OnBug } from '../../base/guarded.ts'
import { allocateBlock, type Block, copyBytes } from '../../memory/block.ts'
import type { Encryption } from './block-cipher.ts'
import { Form, HEADER_BYTES } from './block-file.ts'
import type { BlockReader, ReaderHost } from './block-reader.ts'
import type { BlockState } from './block-state.ts'
import { failureOf } from './disk.ts'
import type { MessageIndex } from './message-index.ts'
import { BATCH, HEAD_BYTES, KIND_MASK, Kind, sign, TAG_BYTES } from './record.ts'
import type { BlockInfo } from './recovery.ts'
import type { Segment } from './segment.ts'
import type { SequenceRange, StoreFailure } from './store.ts'
import type { SealTask, StoreWork } from './store-work.ts'

/** What upkeep needs of the log that the blocks are of. */
export interface UpkeepOwner {
  readonly host: ReaderHost & { readonly work: StoreWork; readonly bugMet: OnBug }
  readonly settings: {
    readonly folder: string
    readonly encryption?: Encryption | undefined
    readonly isCompressed: boolean
    /** Of a full block. */
    readonly blockBytes: number
  }
  readonly index: MessageIndex
  readonly reader: BlockReader
  readonly blocks: Map<number, BlockState>
  /** The block that is written to. */
  readonly current: BlockState | undefined
  /** Writes that failed so far. */
  readonly failures: number
  /** Begins another block to write to. */
  beginBlock(): unknown
  /** Resolves when all that there is has been written, or could not be. */
  flush(): Promise<void>
  /** Brings into the log that these were removed. */
  logRemoved(ranges: readonly SequenceRange[]): void
  /** A message was found damaged. */
  lose(seq: number): void
  trouble(failure: StoreFailure): void
  /** All that was to be done could be done. */
  works(): void
}

/** Bytes of a removed message that are to be overwritten. */
export interface Erasure {
  readonly block: number
  readonly offset: number
  /** Of the block when the offset was right. */
  readonly version: number
}

/** After upkeep has failed. */
const UPKEEP_RETRY_MS = 5_000
/** A block that is smaller than such a share of a full one is not worth being written anew. */
const SMALL_BLOCK = 64

export class Upkeep {
  private readonly owner: UpkeepOwner
  private erasures: Erasure[] = []
  /** Blocks with something behind their end that was not written as a whole; all of it, where they have no file. */
  private ragged: BlockState[] = []
  /** Blocks without messages, to be removed. */
  private emptied: BlockState[] = []
  /** Blocks that nothing is written to any more, and that have no summary yet. */
  private unsealed: BlockState[] = []
  /** Blocks of which most messages are gone, or that may have some that do not count. */
  private thin: BlockState[] = []
  private work: Promise<void> | undefined
  /** It failed: it is not tried again before this, on the clock of the loop. */
  private notBeforeMs = 0
  private isClosing = false

  constructor(owner: UpkeepOwner) {
    this.owner = owner
  }

  /** Blocks without a summary that nothing is written to any more. */
  get unsealedBlocks(): number {
    return this.unsealed.length
  }

  /** Nothing is written to a block any more. */
  ended(block: BlockState): void {
    this.unsealed.push(block)
  }

  /** A block may have something behind its end. */
  torn(block: BlockState): void {
    this.ragged.push(block)
  }

  /** A block is there no more before it came to have a file. Perhaps one was made, with a part of what was written. */
  undone(block: BlockState): void {
    this.unsealed = this.unsealed.filter((one) => one !== block)
    this.ragged.push(block)
  }

  /** A message that is removed is to be overwritten. */
  eraseLater(erasure: Erasure): void {
    this.erasures.push(erasure)
  }

  /** What has messages that do not count is written anew. */
  voided(): void {
    for (const block of this.owner.blocks.values()) if (block.hasVoid && block.isSealed) this.rewrite(block)
  }

  /** A message of a block was removed: perhaps it is worth being written anew. */
  thinned({ block: number, live, liveBytes }: Segment): void {
    const block = this.owner.blocks.get(number)
    if (block === undefined || !block.isSealed || block.hasLosses || block.busy !== undefined) return
    const isLarge = block.end >= this.owner.settings.blockBytes / SMALL_BLOCK
    if (!isLarge || (liveBytes + live * TAG_BYTES) * 2 > block.end) return
    this.rewrite(block)
    this.maintain()
  }

  /** A block has no messages any more: it is to be removed, if it is not that they cannot be read. */
  empty(block: BlockState): void {
    if (block.hasLosses || this.emptied.includes(block)) return
    this.owner.reader.forgetBlock(block.number)
    for (const list of [this.unsealed, this.thin]) {
      if (list.includes(block)) list.splice(list.indexOf(block), 1)
    }
    if (!block.isOnDisk && block.end === HEADER_BYTES) {
      // It never came to have a file. What its header cuts off, the block in its place cuts off too: a block without
      // records gives way only to one that begins at the same sequence or before it.
      this.owner.blocks.delete(block.number)
      return
    }
    // A block that may have messages that do not count goes before the one that says so.
    this.emptied.push(block)
    this.emptied.sort((a, b) => a.number - b.number)
    this.maintain()
  }

  /** Does what is to be done, if it is not under way. */
  maintain(): void {
    if (this.work !== undefined || this.isClosing || performance.now() < this.notBeforeMs) return
    const { emptied, unsealed, thin, erasures, ragged } = this
    if (emptied.length + unsealed.length + thin.length + erasures.length + ragged.length === 0) return
    this.work = this.keepUp()
      .then(() => this.owner.works())
      .catch((error: unknown) => {
        this.notBeforeMs = performance.now() + UPKEEP_RETRY_MS
        attempt(this.owner.host.bugMet, () => this.owner.trouble(failureOf(error)))
      })
      .finally(() => {
        this.work = undefined
      })
  }

  private async keepUp(): Promise<void> {
    while (!this.isClosing) {
      // What is to be erased is in the log, and so is its removal.
      const erasures = this.erasures.splice(0)
      await this.owner.flush()
      await this.erase(erasures)
      // Its header may cut off messages of earlier blocks: it is on the disk before these lose their removals.
      if (this.owner.current?.isOnDisk === false) continue
      const { ragged } = this
      const unsealed = this.unsealed.filter(isWritten)
      const emptied = this.emptied.filter(isWritten)
      const due = (list: readonly BlockState[]) => list.find(hasVoid) ?? (emptied.length > 0 ? undefined : list[0])
      const toSeal = due(unsealed)
      const toCompact = due(this.thin)
      if (ragged.length > 0) await this.cutOff(ragged[0])
      else if (toSeal !== undefined) await this.seal(toSeal)
      else if (toCompact !== undefined) await this.compact(toCompact)
      else if (emptied.length > 0) await this.removeEmptied(emptied[0])
      else if (this.erasures.length === 0) return
    }
  }

  private rewrite(block: BlockState): void {
    if (!this.thin.includes(block) && !this.emptied.includes(block)) this.thin.push(block)
  }

  /** Cuts off what is behind the end of a block. */
  private async cutOff(block: BlockState): Promise<void> {
    const { disk, files } = this.owner.host
    if (block.isOnDisk) {
      await files.use(block.path, 'writing', async (fd) => {
        await disk.truncate(fd, block.end)
        await disk.sync(fd)
      })
    } else {
      await disk.unlink(block.path).catch(unlessMissing)
      await disk.syncFolder(this.owner.settings.folder)
    }
    this.ragged = this.ragged.filter((one) => one !== block)
  }

  private task({ number, header }: BlockState): SealTask {
    const { folder, encryption, isCompressed } = this.owner.settings
    const nextSeq = this.nextSeqBehind(number)
    const isRecords = header.form === Form.records
    return { folder, number, encryption, nextSeq, isCompressed: isCompressed || !isRecords }
  }

  /** The sequence at which the block behind this one begins. */
  private nextSeqBehind(number: number): number {
    const behind = [...this.owner.blocks.values()].filter((block) => block.number > number)
    return behind.reduce((lowest, { header }) => Math.min(lowest, header.nextSeq), this.owner.index.last + 1)
  }

  /** Sequences of which earlier blocks may have messages, rising. */
  private earlierThan(number: number): SequenceRange[] {
    const ranges: SequenceRange[] = []
    let nextSeq = this.owner.index.last + 1
    for (const block of [...this.owner.blocks.values()].sort((a, b) => b.number - a.number)) {
      const { nextSeq: first } = block.header
      if (block.number < number) ranges.push({ first, last: nextSeq - 1 })
      nextSeq = Math.min(nextSeq, first)
    }
    return ranges.sort((a, b) => a.first - b.first)
  }

  /** Writes the summary of a block. */
  private async seal(block: BlockState): Promise<void> {
    await this.busyWith(block, this.owner.host.work.seal(this.task(block)), (info) => {
      this.unsealed = this.unsealed.filter((one) => one !== block)
      if (Buffer.compare(info.header.salt, block.header.salt) === 0) block.isSealed = true
      else this.replaced(block, info)
    })
    if (block.hasVoid) this.rewrite(block)
    const segment = this.owner.index.segments.find((one) => one.block === block.number)
    if (segment !== undefined) this.thinned(segment)
  }

  /** Waits for work on a block, and takes what came of it before anyone sees the block again. */
  private async busyWith<T>(block: BlockState, work: Promise<T>, take: (result: T) => void): Promise<void> {
    const done = work.then(take).finally(() => {
      block.busy = undefined
    })
    block.busy = done.catch(() => {})
    await done
  }

  /** A block's file is another one now. */
  private replaced(block: BlockState, info: BlockInfo): void {
    block.become(info, this.owner.settings.encryption)
    this.owner.host.files.forget(block.path)
    this.owner.reader.forgetBlock(block.number)
  }

  /** Writes a block anew, without the messages that were removed. */
  private async compact(block: BlockState): Promise<void> {
    const { index } = this.owner
    const kept = Float64Array.from(index.segments.find((one) => one.block === block.number)?.sequences() ?? [])
    const task = { ...this.task(block), kept, earlier: this.earlierThan(block.number) }
    await this.busyWith(block, this.owner.host.work.compact(task), ({ info, offsets }) => {
      this.replaced(block, info)
      this.thin = this.thin.filter((one) => one !== block)
      block.hasVoid = false
      const lost: number[] = []
      for (const [i, seq] of kept.entries()) {
        if (!index.find(seq)) continue
        index.segment.move(index.slot, offsets[i])
        if (offsets[i] === 0) lost.push(seq)
      }
      // Slots of messages that are gone have offsets of the file before; those of a segment rise.
      const segment = index.segments.find((one) => one.block === block.number)
      segment?.squeeze()
      if (segment?.isComplete) segment.complete(true)
      for (const seq of lost) this.owner.lose(seq)
    })
  }

  /** Removes the file of a block without messages. What it says of earlier blocks is said again before. */
  private async removeEmptied(block: BlockState): Promise<void> {
    const { host } = this.owner
    const earlier = this.earlierThan(block.number)
    const ranges = earlier.length === 0 ? [] : await host.work.removedIn({ ...this.task(block), earlier })
    this.owner.logRemoved(ranges)
    // Which sequence comes next has to be known from a block behind it.
    const hasSuccessor = (): boolean =>
      [...this.owner.blocks.values()].some((one) => one.number > block.number && one.isOnDisk)
    if (ranges.length > 0 || !hasSuccessor()) {
      if (this.owner.current === undefined) this.owner.beginBlock()
      const { failures } = this.owner
      await this.owner.flush()
      if (failures !== this.owner.failures) {
        throw new Error(`block ${block.number} cannot be removed while nothing can be written`)
      }
      // Another block was begun meanwhile: once more.
      if (!hasSuccessor()) return
    }
    host.files.forget(block.path)
    await host.disk.unlink(block.path)
    this.emptied = this.emptied.filter((one) => one !== block)
    this.owner.blocks.delete(block.number)
  }

  /** Overwrites messages that were removed. Their removal is in the log. */
  private async erase(erasures: readonly Erasure[]): Promise<void> {
    for (const [i, erasure] of erasures.entries()) {
      try {
        await this.eraseOne(erasure)
      } catch (error) {
        this.erasures.push(...erasures.slice(i))
        throw error
      }
    }
  }

  private async eraseOne({ block: number, offset, version }: Erasure): Promise<void> {
    const { disk, files } = this.owner.host
    const block = this.owner.blocks.get(number)
    if (block === undefined || this.emptied.includes(block) || offset >= block.safeEnd) return
    if (block.pages.length > 0 || block.version !== version) {
      // It is in a compressed page, or somewhere else by now: all of the block is written anew.
      if (block.isSealed) this.rewrite(block)
      return
    }
    this.owner.reader.erase(block, offset)
    await files.use(block.path, 'writing', async (fd) => {
      const head = allocateBlock(HEAD_BYTES)
      if ((await disk.read(fd, head.bytes.subarray(0, HEAD_BYTES), offset)) < HEAD_BYTES) return
      const record = erasedRecord(head, block.salt, block.end - offset)
      if (record === undefined) return
      await disk.write(fd, [record], offset)
      await disk.sync(fd)
    })
  }

  /** Ends with what is under way. Resolves when it is over. */
  async close(): Promise<void> {
    this.isClosing = true
    await this.work
  }

  /** Cuts off what was undone: it would be there again when the store is opened. Answers whether the disk let it. */
  async cutOffAll(): Promise<boolean> {
    for (const block of [...this.ragged]) await this.cutOff(block).catch(() => {})
    return this.ragged.length === 0
  }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

/** Whether all of a block is on the disk. Work on others waits for the write that is to come. */
function isWritten({ isOnDisk, end, safeEnd }: BlockState): boolean {
  return isOnDisk && end === safeEnd
}

function hasVoid(block: BlockState): boolean {
  return block.hasVoid
}

/**
 * The record of an erased message in the place of the one that begins with this head, which may have been overwritten
 * in part; undefined: none does.
 */
function erasedRecord(head: Block, salt: number, bytesMax: number): Buffer | undefined {
  const { view } = head
  const length = view.getUint32(0, true)
  const what = view.getUint8(8)
  const kind = what & KIND_MASK
  if (length < HEAD_BYTES || length > bytesMax || (kind !== Kind.message && kind !== Kind.erased)) return undefined
  const record = allocateBlock(length)
  record.bytes.fill(0)
  record.view.setUint32(0, length, true)
  record.view.setUint8(8, (what & BATCH) | Kind.erased)
  copyBytes(record, 16, head, 16, HEAD_BYTES - 16)
  sign(record, 0, salt)
  return record.bytes.subarray(0, length)
}
