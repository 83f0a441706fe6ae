// The end of a store's log: records are laid one behind the other into pages of the block that is written to, and wait
// there for the disk. The pages are the cache, too, for those that read the newest messages.
//
//     put ─▶ record in the tail page ─▶ dirty pages ─▶ take: what one write brings, by block

import assert from 'node:assert/strict'
import { allocateBlock, copyBytes } from '../../memory/block.ts'
import type { Encryption } from './block-cipher.ts'
import { Form, HEADER_BYTES, headerBytes, newHeader, PAGE_BYTES, pageOf } from './block-file.ts'
import { type BlockReader, PAGES_MAX, pageKey } from './block-reader.ts'
import { BlockState } from './block-state.ts'
import type { MessageIndex } from './message-index.ts'
import { Page, type PageCache } from './page-cache.ts'
import { BATCH, HEAD_BYTES, KIND_MASK, Kind, sign, TAG_BYTES, writeHead } from './record.ts'
import type { PlainMessages } from './store.ts'

/** The log, as far as its end needs it. */
export interface TailOwner {
  readonly host: { readonly cache: PageCache }
  readonly settings: {
    readonly folder: string
    readonly encryption?: Encryption | undefined
    /** From this size on a block gets no more records. A batch stays in one block, whatever its size. */
    readonly blockBytes: number
  }
  readonly index: MessageIndex
  readonly reader: BlockReader
  readonly blocks: Map<number, BlockState>
  readonly inBatch: boolean
  /** Another block is written to from now on; nothing is, any more, to the one before. */
  begun(block: BlockState, before: BlockState | undefined): void
}

/** What one write brings to one block. */
export interface Part {
  readonly block: BlockState
  readonly offset: number
  readonly end: number
  readonly buffers: readonly Buffer[]
  readonly pages: readonly Page[]
}

/** A place in the log, to which it can be cut back as long as nothing behind it was taken. */
export interface TailMark {
  readonly end: number
  readonly page: Page | undefined
  readonly dirty: number
}

const TAIL_BYTES_MIN = 4 * 1024
/** Offsets have 32 bits. */
const OFFSET_MAX = 2 ** 32 - 1

export class LogTail {
  private readonly owner: TailOwner
  private nextNumber: number
  /** The block that is written to, and its last page. */
  current: BlockState | undefined
  private page: Page | undefined
  /** Pages with bytes that are not handed to the disk yet, in the order of the log. */
  private dirty: Page[] = []

  /** `nextNumber`: of the block that is begun next. */
  constructor(owner: TailOwner, nextNumber: number) {
    this.owner = owner
    this.nextNumber = nextNumber
  }

  /** Whether there are records that the disk does not have. */
  get hasRecords(): boolean {
    return this.dirty.length > 0
  }

  /** Whether there are such records, or a block that has no file yet. */
  get hasNews(): boolean {
    return this.hasRecords || this.current?.isOnDisk === false
  }

  // ── Records ───────────────────────────────────────────────────────────────────────────────────────────

  /** Adds a record. Answers its offset in the current block. */
  put(
    kind: number,
    seq: number,
    timeUs: number,
    subject: Uint8Array,
    headers: Uint8Array,
    payload: Uint8Array,
  ): number {
    const page = this.begin(kind, seq, timeUs, subject.length, headers.length, payload.length)
    const { bytes } = page.block
    let at = page.end - page.start + HEAD_BYTES
    for (const part of [subject, headers, payload]) {
      if (part.length > 0) bytes.set(part, at)
      at += part.length
    }
    return this.end(page)
  }

  /** The same for one of several messages without headers. */
  putPlain(seq: number, timeUs: number, messages: PlainMessages, number: number): number {
    const { first, line, size, stride, subjectEnd, subjectStart } = messages
    const subjectBytes = subjectEnd - subjectStart
    const page = this.begin(Kind.message, seq, timeUs, subjectBytes, 0, size)
    const at = page.end - page.start + HEAD_BYTES
    copyBytes(page.block, at, line, subjectStart, subjectBytes)
    copyBytes(page.block, at + subjectBytes, messages.block, first + number * stride, size)
    return this.end(page)
  }

  /** Writes the head of a record behind the end of the page. */
  private begin(
    kind: number,
    seq: number,
    timeUs: number,
    subjectBytes: number,
    headerBytes: number,
    payloadBytes: number,
  ): Page {
    const { inBatch, settings } = this.owner
    const isSealed = kind === Kind.message && settings.encryption !== undefined
    const length = HEAD_BYTES + subjectBytes + headerBytes + payloadBytes + (isSealed ? TAG_BYTES : 0)
    const block = this.blockFor(seq, length)
    const page = this.pageFor(block, length)
    const what = inBatch && kind === Kind.message ? kind | BATCH : kind
    writeHead(page.block, block.end - page.start, length, what, subjectBytes, headerBytes, seq, timeUs)
    return page
  }

  /** The body of the record that was begun is there. Answers its offset. */
  private end(page: Page): number {
    const block = this.current as BlockState
    const { block: memory } = page
    const { bytes, view } = memory
    const offset = block.end
    const at = offset - page.start
    const length = view.getUint32(at, true)
    if (this.owner.settings.encryption !== undefined && (view.getUint8(at + 8) & KIND_MASK) === Kind.message) {
      const body = bytes.subarray(at + HEAD_BYTES, at + length - TAG_BYTES)
      block.cipher?.seal(body, offset, bytes.subarray(at + 8, at + HEAD_BYTES)).copy(bytes, at + HEAD_BYTES)
    }
    sign(memory, at, block.salt)
    block.end = offset + length
    page.end = block.end
    if (this.dirty.at(-1) !== page) {
      this.dirty.push(page)
      page.pins++
    }
    return offset
  }

  /** The block for a record of this sequence: the current one, or a new one. `length`: 0 of what is not known yet. */
  blockFor(seq: number, length: number): BlockState {
    const { current } = this
    const { inBatch, index, settings } = this.owner
    if (current !== undefined && current.end + length <= OFFSET_MAX) {
      const segment = index.segments.at(-1)
      const isFull = current.end >= settings.blockBytes && !inBatch
      if (!isFull && segment?.block === current.number && segment.hasRoomFor(seq)) return current
    }
    assert(!inBatch, 'a batch is larger than a block can be')
    return this.beginBlock()
  }

  beginBlock(): BlockState {
    const { current, owner } = this
    const { blocks, index, settings } = owner
    const number = this.nextNumber++
    const header = newHeader(index.last + 1, index.lastTimeUs, settings.encryption?.cipher, Form.records)
    const info = { number, header, end: HEADER_BYTES, pages: [], isSealed: false }
    const block = new BlockState(settings.folder, info, settings.encryption, false)
    blocks.set(number, block)
    this.current = block
    this.page = undefined
    owner.begun(block, current)
    return block
  }

  /** The page in which the next record of the block begins, with room for it. */
  private pageFor(block: BlockState, length: number): Page {
    const { host, reader } = this.owner
    const key = pageKey(block.number, pageOf(block.end))
    let { page } = this
    if (page === undefined || page.key !== key || page.place < 0) {
      const memory = allocateBlock(Math.max(length, TAIL_BYTES_MIN))
      page = new Page(reader, key, block.end, block.end, memory, false, block.cipher)
      this.page = page
      reader.add(page)
      return page
    }
    const used = page.end - page.start
    if (used + length > page.block.capacity) {
      const larger = allocateBlock(Math.max(used + length, Math.min(page.block.capacity * 2, PAGE_BYTES)))
      copyBytes(larger, 0, page.block, 0, used)
      host.cache.replace(page, larger)
    }
    return page
  }

  // ── Undoing ───────────────────────────────────────────────────────────────────────────────────────────

  /** Where the log ends, in the block for the record of this sequence. */
  mark(seq: number): TailMark {
    const { end } = this.blockFor(seq, 0)
    return { end, page: this.page, dirty: this.dirty.length }
  }

  /** What was put since is gone. Answers the block in which it was. */
  cut({ dirty, end, page: last }: TailMark): BlockState {
    const { current } = this
    assert(current !== undefined, 'a batch lost its block')
    current.end = end
    for (const page of this.dirty.splice(dirty)) {
      page.pins--
      if (page !== last) this.owner.host.cache.remove(page)
    }
    this.page = last
    if (last !== undefined) last.end = end
    return current
  }

  /** What waits for the disk is dropped, and the next record begins a block. Answers the one that was written to. */
  drop(): BlockState | undefined {
    const { current } = this
    for (const page of this.dirty) page.pins--
    this.dirty = []
    this.current = undefined
    this.page = undefined
    return current
  }

  // ── To the disk ───────────────────────────────────────────────────────────────────────────────────────

  /** All that is to be written, by block. */
  take(): readonly Part[] {
    const { current, dirty, owner } = this
    const parts: Part[] = []
    let part: (Part & { end: number; readonly buffers: Buffer[]; readonly pages: Page[] }) | undefined
    const partFor = (block: BlockState, offset: number) => {
      if (part?.block === block) return part
      const buffers = block.isOnDisk ? [] : [headerBytes(block.header)]
      part = { block, offset: block.isOnDisk ? offset : 0, end: offset, buffers, pages: [] }
      parts.push(part)
      return part
    }
    for (const page of dirty) {
      const block = owner.blocks.get(blockOfKey(page.key)) as BlockState
      const into = partFor(block, page.written)
      into.buffers.push(page.block.bytes.subarray(page.written - page.start, page.end - page.start))
      into.pages.push(page)
      into.end = page.end
      page.written = page.end
    }
    this.dirty = []
    if (current?.isOnDisk === false) partFor(current, current.end)
    return parts
  }
}

function blockOfKey(key: number): number {
  return Math.floor(key / PAGES_MAX)
}
