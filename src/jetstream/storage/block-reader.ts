// The way of messages from the disk: a record alone, or pages ahead of whoever reads one message after the other.
//
//     load(seq) ─▶ in a page in memory?  ──yes──▶ the message, at once
//                     │ no
//                     ├─ its page was asked for lately: someone reads on ─▶ the page, and those behind it
//                     └─ otherwise ─▶ the record alone
//
// A page that is read leads on to the next ones when half of them have been used, so that a reader seldom waits.

import { allocateBlock, type Block } from '../../memory/block.ts'
import { HEADER_BYTES, PAGE_BYTES, pageOf } from './block-file.ts'
import type { BlockState } from './block-state.ts'
import type { Disk } from './disk.ts'
import type { MessageIndex } from './message-index.ts'
import type { OpenFiles } from './open-files.ts'
import { decodePage } from './page.ts'
import { Page, type PageCache, type PageOwner } from './page-cache.ts'
import { HEAD_BYTES, Kind, RecordHead, TAG_BYTES } from './record.ts'
import type { Segment } from './segment.ts'
import { StoredMessage } from './store.ts'

/** What stores of a shard have in common. */
export interface ReaderHost {
  readonly disk: Disk
  readonly files: OpenFiles
  readonly cache: PageCache
}

/** Pages that are read ahead of a reader. */
const AHEAD = 4
/** Pages that are remembered because a message of them was asked for, and they were not in memory. */
const MISSES_MAX = 16
/** Pages of one block at most: offsets have 32 bits. */
export const PAGES_MAX = 2 ** 32 / PAGE_BYTES
/** A record is at most so much longer than what its message counts for. */
const SURPLUS = HEAD_BYTES + TAG_BYTES

export function pageKey(block: number, page: number): number {
  return block * PAGES_MAX + page
}

export class BlockReader implements PageOwner {
  /** Pages in memory, by key. */
  readonly pages = new Map<number, Page>()
  private readonly host: ReaderHost
  private readonly index: MessageIndex
  private readonly blocks: ReadonlyMap<number, BlockState>
  /** Pages that are being read. */
  private readonly reading = new Map<number, Promise<Page | undefined>>()
  private readonly misses: number[] = []
  private readonly record = new RecordHead()

  constructor(host: ReaderHost, index: MessageIndex, blocks: ReadonlyMap<number, BlockState>) {
    this.host = host
    this.index = index
    this.blocks = blocks
  }

  add(page: Page): void {
    this.pages.set(page.key, page)
    this.host.cache.add(page)
  }

  forget(page: Page): void {
    if (this.pages.get(page.key) === page) this.pages.delete(page.key)
  }

  /** Lets go of the pages of a block, or of those from an offset on. */
  forgetBlock(block: number, from = 0): void {
    for (const page of [...this.pages.values()]) {
      if (Math.floor(page.key / PAGES_MAX) === block && page.end > from) this.host.cache.remove(page)
    }
  }

  /** Overwrites the body of a message in memory; whoever has the message keeps it. */
  erase(block: BlockState, offset: number): void {
    const page = this.pages.get(pageKey(block.number, pageOf(offset)))
    if (page === undefined || offset < page.start || offset >= page.end) return
    const memory = allocateBlock(page.block.capacity)
    page.block.bytes.copy(memory.bytes, 0, 0, page.end - page.start)
    const at = offset - page.start
    memory.bytes.fill(0, at + HEAD_BYTES, at + memory.view.getUint32(at, true))
    this.host.cache.replace(page, memory)
  }

  /** Lets go of all pages. */
  forgetAll(): void {
    for (const page of [...this.pages.values()]) this.host.cache.remove(page)
  }

  /** The message that the index has found, if it is in memory. */
  inMemory(seq: number): StoredMessage | undefined {
    const { segment, slot } = this.index
    const offset = segment.offsetAt(slot)
    const page = this.pages.get(pageKey(segment.block, pageOf(offset)))
    if (page === undefined || offset < page.start) return undefined
    page.isTouched = true
    if (page.leadsOn) this.leadOn(page)
    return this.messageIn(page, offset, seq, segment)
  }

  /** A message from the disk; undefined: it is not in the index any more; `damaged`: it cannot be read. */
  async read(seq: number): Promise<StoredMessage | 'damaged' | undefined> {
    for (let tries = 0; ; ) {
      if (!this.index.find(seq)) return undefined
      const { segment, slot } = this.index
      const offset = segment.offsetAt(slot)
      const block = this.blocks.get(segment.block)
      if (block === undefined) return undefined
      const { version } = block
      const key = pageKey(block.number, pageOf(offset))
      const inPages = block.pages.length > 0
      const page =
        inPages || this.isReadOn(key)
          ? await this.readPage(block, pageOf(offset))
          : await this.readRecord(block, offset, segment.sizeAt(slot) + SURPLUS)
      if (block.version !== version) continue
      if (!this.index.find(seq)) return undefined
      const message = page && this.messageIn(page, offset, seq, this.index.segment)
      if (message !== undefined) return message
      // Once more from the disk, and not from what was read before.
      if (page !== undefined && page.place >= 0) this.host.cache.remove(page)
      if (block.busy !== undefined) await block.busy
      else if (tries++ > 0) return 'damaged'
    }
  }

  /** Whether one reads on: a message of this page, or of the one before, was asked for lately. */
  private isReadOn(key: number): boolean {
    const { misses } = this
    if (misses.includes(key) || misses.includes(key - 1)) return true
    misses.push(key)
    if (misses.length > MISSES_MAX) misses.shift()
    return false
  }

  private messageIn(page: Page, offset: number, seq: number, segment: Segment): StoredMessage | undefined {
    const { block: memory, isRead, cipher } = page
    const block = this.blocks.get(segment.block)
    if (block === undefined || offset >= page.end) return undefined
    const at = offset - page.start
    const { view } = memory
    if (isRead) {
      const { record } = this
      if (!record.read(memory, at, page.end - page.start, block.salt)) return undefined
      if (record.seq !== seq || record.kind !== Kind.message) return undefined
    }
    const length = view.getUint32(at, true)
    const subjectBytes = view.getUint32(at + 8, true) >>> 8
    const headerBytes = view.getUint32(at + 12, true)
    const timeUs = segment.timeAt(segment.slotOf(seq))
    const isTagged = block.header.cipher !== undefined
    if (cipher === undefined) {
      const start = at + HEAD_BYTES
      const end = at + length - (isTagged ? TAG_BYTES : 0)
      return messageAt(seq, timeUs, memory, start, subjectBytes, headerBytes, end)
    }
    // The nonce is the offset in the block.
    const sealed = memory.bytes.subarray(at + HEAD_BYTES, at + length)
    const body = cipher.open(sealed, offset, memory.bytes.subarray(at + 8, at + HEAD_BYTES))
    if (body === undefined) return undefined
    const plain = allocateBlock(body.length)
    body.copy(plain.bytes)
    return messageAt(seq, timeUs, plain, 0, subjectBytes, headerBytes, body.length)
  }

  // ── From the disk ─────────────────────────────────────────────────────────────────────────────────────

  private async readRecord(block: BlockState, offset: number, bytes: number): Promise<Page | undefined> {
    const memory = allocateBlock(Math.min(bytes, block.end - offset))
    const read = await this.readAt(block, memory, offset, memory.capacity)
    return new Page(this, -1, offset, offset + read, memory, true, block.cipher)
  }

  private readPage(block: BlockState, number: number): Promise<Page | undefined> {
    const key = pageKey(block.number, number)
    const known = this.reading.get(key)
    if (known !== undefined) return known
    const reading = this.loadPage(block, number, key).finally(() => this.reading.delete(key))
    this.reading.set(key, reading)
    return reading
  }

  private async loadPage(block: BlockState, number: number, key: number): Promise<Page | undefined> {
    const { version, cipher } = block
    const page =
      block.pages.length > 0 ? await this.inflate(block, number, key) : await this.readRaw(block, number, key, cipher)
    // The tail of the block may have begun in the midst of this page meanwhile; what was read serves this once.
    if (page !== undefined && block.version === version && !this.pages.has(key)) {
      this.add(page)
      page.leadsOn = true
    }
    return page
  }

  private async readRaw(block: BlockState, number: number, key: number, cipher: BlockState['cipher']) {
    const start = Math.max(number * PAGE_BYTES, HEADER_BYTES)
    const end = Math.min(this.endOfPage(block, number), block.end)
    if (end <= start) return undefined
    const memory = allocateBlock(end - start)
    const read = await this.readAt(block, memory, start, end - start)
    return new Page(this, key, start, start + read, memory, true, cipher)
  }

  private async inflate(block: BlockState, number: number, key: number): Promise<Page | undefined> {
    const { cipher, salt } = block
    const place = block.pages[number]
    if (place === undefined || place.length === 0) return undefined
    const memory = allocateBlock(place.length)
    const read = await this.readAt(block, memory, place.offset, place.length)
    const page = decodePage(memory.bytes.subarray(0, read), 0, place.offset, salt, cipher)
    if (page === undefined) return undefined
    const raw = allocateBlock(page.bytes.length)
    page.bytes.copy(raw.bytes)
    return new Page(this, key, page.rawOffset, page.rawOffset + page.bytes.length, raw, true)
  }

  private readAt(block: BlockState, memory: Block, offset: number, length: number): Promise<number> {
    const { disk, files } = this.host
    return files.use(block.path, 'reading', (fd) => disk.read(fd, memory.bytes.subarray(0, length), offset))
  }

  /** Where the last record ends that begins in a page, or a little behind. */
  private endOfPage(block: BlockState, number: number): number {
    const segment = this.index.segments.find(({ block: one }) => one === block.number)
    if (segment === undefined) return 0
    const limit = (number + 1) * PAGE_BYTES
    const slot = segment.slotBefore(limit)
    return slot < 0 ? limit : Math.max(limit, segment.offsetAt(slot) + segment.sizeAt(slot) + SURPLUS)
  }

  private leadOn(page: Page): void {
    page.leadsOn = false
    let block = this.blocks.get(Math.floor(page.key / PAGES_MAX))
    let number = page.key % PAGES_MAX
    for (let i = 0; i < AHEAD && block !== undefined; i++) {
      number++
      if (number * PAGE_BYTES >= block.end) {
        block = this.blockBehind(block.number)
        number = 0
        if (block === undefined) return
      }
      const key = pageKey(block.number, number)
      // What cannot be read is found out by whoever wants a message of it.
      if (!this.pages.has(key)) this.readPage(block, number).catch(() => {})
    }
  }

  private blockBehind(number: number): BlockState | undefined {
    const at = this.index.segments.findIndex(({ block }) => block === number)
    const next = at < 0 ? undefined : this.index.segments[at + 1]
    return next && this.blocks.get(next.block)
  }
}

function messageAt(
  seq: number,
  timeUs: number,
  block: Block,
  start: number,
  subjectBytes: number,
  headerBytes: number,
  end: number,
): StoredMessage {
  const headersStart = start + subjectBytes
  return new StoredMessage(seq, timeUs, block, start, headersStart, headersStart + headerBytes, end)
}
