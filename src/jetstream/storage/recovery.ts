// The start of a file store: the index from the blocks in its folder. Sealed blocks give their summaries, others are
// scanned. Calls of the file system wait, so this is work for a store thread.
//
// Each header says which sequence came next when its block was begun: what earlier blocks have from there on does not
// count. Nothing with content is deleted or cut here.

import { readdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { allocateBlock, type Block } from '../../memory/block.ts'
import { type BlockCipher, cipherOf, type Encryption } from './block-cipher.ts'
import {
  type BlockHeader,
  blockName,
  blockNumbers,
  checksumSalt,
  Form,
  HEADER_BYTES,
  pageOf,
  readHeader,
  UNFINISHED,
} from './block-file.ts'
import {
  type BlockSummary,
  decodeSummary,
  NO_PAGE,
  type PagePlace,
  type ScannedBlock,
  scanBlock,
  summaryPlace,
  TRAILER_BYTES,
} from './block-summary.ts'
import { beat } from './heartbeat.ts'
import { MessageIndex } from './message-index.ts'
import { decodePage, type RawPage } from './page.ts'
import { ReadFile } from './read-file.ts'
import type { Loss, SequenceRange } from './store.ts'
import { ALL } from './subject-filter.ts'

/** What a file store knows of one of its blocks. */
export interface BlockInfo {
  readonly number: number
  readonly header: BlockHeader
  /** Where its records end; `pages`: where they are in the file, if it is a block of pages. */
  readonly end: number
  readonly pages: readonly PagePlace[]
  readonly isSealed: boolean
}

export interface RecoveredBlock extends BlockInfo {
  /** Behind its end is what was left of a write that was not completed. */
  readonly isTorn: boolean
  /** It has messages that do not count any more, as the block behind it begins at an earlier sequence. */
  readonly hasVoid: boolean
  /** Something of it is damaged, and nobody has removed that. */
  readonly hasLosses: boolean
}

/** While blocks behind it are still to come. */
interface TakenBlock extends RecoveredBlock {
  isTorn: boolean
  hasVoid: boolean
  hasLosses: boolean
  readonly losses: readonly Loss[]
  readonly nextSeq: number
}

export interface Recovered {
  /** As plain data, where another thread made it: see MessageIndex.from(). */
  readonly index: MessageIndex
  readonly blocks: readonly RecoveredBlock[]
  /** The last block, if messages may be appended to it. */
  readonly current: number | undefined
  /** No block had a higher number. */
  readonly lastNumber: number
  readonly losses: readonly Loss[]
  /** What operators should know: torn ends, damaged summaries. */
  readonly notes: readonly string[]
}

export function recoverBlocks(folder: string, encryption: Encryption | undefined): Recovered {
  return new Recovery(folder, encryption).run()
}

class Recovery {
  private readonly folder: string
  private readonly encryption: Encryption | undefined
  private readonly index = new MessageIndex()
  private readonly blocks: TakenBlock[] = []
  private readonly losses: Loss[] = []
  private readonly notes: string[] = []
  private readonly removed: SequenceRange[] = []
  /** The block before was scanned, and had something behind its records. */
  private tornBlock = 0
  /** All blocks that there are. */
  private blockCount = 0

  constructor(folder: string, encryption: Encryption | undefined) {
    this.folder = folder
    this.encryption = encryption
  }

  run(): Recovered {
    const names = readdirSync(this.folder)
    // A block was being written anew when all ended: the old file is there.
    for (const name of names) if (name.endsWith(UNFINISHED)) unlinkSync(join(this.folder, name))
    const numbers = blockNumbers(names)
    const lastNumber = numbers.at(-1) ?? 0
    this.blockCount = numbers.length
    let current: number | undefined
    for (const number of numbers) {
      beat()
      if (this.take(number, number === lastNumber)) current = number
    }
    this.index.subjects.trim()
    const { index, blocks, notes } = this
    const leftOf = (losses: readonly Loss[]) => losses.flatMap((loss) => without(loss, this.removed))
    for (const block of blocks) block.hasLosses ||= leftOf(block.losses).length > 0
    const losses = leftOf(this.losses)
    return { index, blocks, current, lastNumber, losses, notes }
  }

  /** Takes the next block. Answers whether it may be appended to. */
  private take(number: number, isLast: boolean): boolean {
    const path = join(this.folder, blockName(number))
    const file = new ReadFile(path)
    try {
      const header = readHeader(file.read(0, HEADER_BYTES), Math.min(HEADER_BYTES, file.bytes))
      if (header === undefined && isLast && file.bytes < HEADER_BYTES) {
        // The header and the first records are one write.
        this.notes.push(`block ${number} was begun, and nothing was written to it; it is removed`)
        unlinkSync(path)
        return false
      }
      if (header === undefined) {
        this.notes.push(`block ${number} has no header that can be read; it has ${file.bytes} bytes`)
        this.tornBlock = number
        return false
      }
      this.begin(header)
      const cipher = cipherOf(header, this.encryption)
      const summary = this.summaryOf(number, header, file, cipher)
      if (summary !== undefined) {
        this.adopt(number, header, summary, true)
        return false
      }
      const { scanned } = scanFile(number, header, file.read(0, file.bytes), file.bytes, cipher)
      this.adopt(number, header, scanned, false)
      const mayGoOn =
        isLast && header.cipher === undefined && this.encryption === undefined && header.form === Form.records
      if (scanned.tailBytes === 0) return mayGoOn
      this.tornBlock = number
      if (!isLast) return false
      const text = `the last ${scanned.tailBytes} bytes of block ${number} are torn, and cut off`
      this.notes.push(`${text}: the latest message is ${this.index.last}`)
      this.blocks[this.blocks.length - 1].isTorn = true
      return false
    } finally {
      file.close()
    }
  }

  /** A block begins at the sequence that its header names. */
  private begin({ nextSeq, lastTimeUs }: BlockHeader): void {
    const { index, tornBlock } = this
    for (const block of this.blocks) if (block.nextSeq > nextSeq) block.hasVoid = true
    if (nextSeq <= index.last) {
      for (let seq = index.previous(ALL, index.last); seq >= nextSeq; seq = index.previous(ALL, seq - 1)) {
        beat()
        this.drop(seq)
      }
      index.cut(nextSeq - 1)
    } else {
      const torn = this.blocks.findLast(({ number }) => number === tornBlock)
      if (tornBlock > 0 && nextSeq > index.last + 1) {
        this.losses.push({ first: index.last + 1, last: nextSeq - 1, text: `the end of block ${tornBlock} is damaged` })
        if (torn !== undefined) torn.hasLosses = true
      } else if (torn !== undefined) torn.isTorn = true
      index.skipTo(nextSeq, 0)
    }
    index.lastTimeUs = lastTimeUs
    this.tornBlock = 0
  }

  private adopt(number: number, header: BlockHeader, summary: BlockSummary, isSealed: boolean): void {
    const { subjects } = this.index
    if (this.blocks.length > 0)
      subjects.expect(summary.subjects.numbered, (1.05 * this.blockCount) / this.blocks.length)
    this.index.adopt(summary)
    this.losses.push(...summary.losses)
    const { end, losses, pages, nextSeq } = summary
    const flags = { isSealed, isTorn: false, hasVoid: false, hasLosses: false }
    this.blocks.push({ number, header, end, pages, losses, nextSeq, ...flags })
    for (const range of summary.removed) this.removeRange(range)
    this.removed.push(...summary.removed)
  }

  private removeRange({ first, last }: SequenceRange): void {
    const { index } = this
    for (let seq = index.next(ALL, first); seq > 0 && seq <= last; seq = index.next(ALL, seq + 1)) {
      beat()
      this.drop(seq)
    }
  }

  private drop(seq: number): void {
    if (this.index.find(seq)) this.index.remove()
  }

  private summaryOf(
    number: number,
    header: BlockHeader,
    file: ReadFile,
    cipher: BlockCipher | undefined,
  ): BlockSummary | undefined {
    if (file.bytes < HEADER_BYTES + TRAILER_BYTES) return undefined
    const trailer = file.read(file.bytes - TRAILER_BYTES, TRAILER_BYTES).bytes.subarray(0, TRAILER_BYTES)
    const place = summaryPlace(trailer, file.bytes)
    if (place === undefined) {
      if (header.form === Form.pages) this.notes.push(`block ${number} has no summary that can be read`)
      return undefined
    }
    const body = file.read(place.offset, place.length).bytes.subarray(0, place.length)
    const summary = decodeSummary(number, body, trailer, cipher)
    if (summary === undefined) this.notes.push(`the summary of block ${number} is damaged; its records are scanned`)
    return summary
  }
}

/** What is left of a loss where messages had been removed: a message may be damaged while it is overwritten. */
function without(loss: Loss, removed: readonly SequenceRange[]): Loss[] {
  let left: Loss[] = [loss]
  for (const { first, last } of removed) {
    if (last < loss.first || first > loss.last) continue
    left = left.flatMap((part) => [
      ...(part.first < first ? [{ ...part, last: Math.min(part.last, first - 1) }] : []),
      ...(part.last > last ? [{ ...part, first: Math.max(part.first, last + 1) }] : []),
    ])
  }
  return left
}

/** All of a block. */
export interface WholeBlock {
  readonly scanned: ScannedBlock
  /** Its records, at the offsets that the index has. */
  readonly raw: Block
  /** With which each of them is encrypted. */
  readonly cipher: BlockCipher | undefined
}

/** Scans a block of either form, the file of which is in memory. */
export function scanFile(
  number: number,
  header: BlockHeader,
  file: Block,
  bytes: number,
  cipher: BlockCipher | undefined,
): WholeBlock {
  if (header.form === Form.records) {
    const trailer = file.bytes.subarray(Math.max(bytes - TRAILER_BYTES, 0), bytes)
    const end = summaryPlace(trailer, bytes)?.offset ?? bytes
    return { scanned: scanBlock(number, file, end, header, cipher), raw: file, cipher }
  }
  const salt = checksumSalt(header)
  const pages: PagePlace[] = []
  const found: RawPage[] = []
  for (let at = HEADER_BYTES; at < bytes; ) {
    beat()
    const page = decodePage(file.bytes.subarray(0, bytes), at, at, salt, cipher)
    if (page !== undefined) {
      found.push(page)
      pages[pageOf(page.rawOffset)] = { offset: at, length: page.length }
    }
    at += page?.length ?? 1
  }
  const end = found.reduce((most, page) => Math.max(most, page.rawOffset + page.bytes.length), HEADER_BYTES)
  const raw = allocateBlock(end)
  raw.bytes.fill(0)
  for (const page of found) page.bytes.copy(raw.bytes, page.rawOffset)
  const scanned = scanBlock(number, raw, end, header, undefined)
  return {
    scanned: Object.assign(scanned, { pages: Array.from(pages, (page) => page ?? NO_PAGE) }),
    raw,
    cipher: undefined,
  }
}
