// What store threads do with blocks: the calls here wait for the disk, and take the processor for long. A file is
// replaced by a new one with another name, which gets the name when it is safe.

import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { allocateBlock, type Block } from '../../memory/block.ts'
import { type BlockCipher, cipherOf } from './block-cipher.ts'
import {
  type BlockHeader,
  blockName,
  checksumSalt,
  Form,
  HEADER_BYTES,
  headerBytes,
  newHeader,
  pageOf,
  readHeader,
  UNFINISHED,
} from './block-file.ts'
import {
  type BlockSummary,
  bodyOf,
  decodeSummary,
  encodeSummary,
  NO_PAGE,
  type PagePlace,
  scanBlock,
  summaryPlace,
  TRAILER_BYTES,
} from './block-summary.ts'
import { beat } from './heartbeat.ts'
import { encodePage } from './page.ts'
import { ReadFile } from './read-file.ts'
import { BATCH, HEAD_BYTES, KIND_MASK, Kind, RANGE_BYTES, sign, TAG_BYTES, writeHead, writeSeq } from './record.ts'
import { type BlockInfo, recoverBlocks, scanFile, type WholeBlock } from './recovery.ts'
import type { SequenceRange } from './store.ts'
import type { CompactedBlock, CompactTask, SealTask, StoreWork } from './store-work.ts'

/** The work, done in the thread that asks for it. */
export const blockWork: StoreWork = {
  recover: async (folder, encryption) => {
    makeFolder(folder)
    return recoverBlocks(folder, encryption)
  },
  seal: async (task) => seal(task),
  compact: async (task) => compact(task),
  removedIn: async (task) => within(readBlock(task).scanned.removed, task.earlier),
}

function makeFolder(folder: string): void {
  if (mkdirSync(folder, { recursive: true, mode: 0o750 }) !== undefined) syncFolder(dirname(folder))
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  fsyncSync(fd)
  closeSync(fd)
}

interface ReadBlock extends WholeBlock {
  readonly header: BlockHeader
  readonly fileBytes: number
  /** The one in the file, if there is a good one. */
  readonly summary: BlockSummary | undefined
}

function readBlock({ folder, number, encryption }: Pick<SealTask, 'folder' | 'number' | 'encryption'>): ReadBlock {
  const file = new ReadFile(join(folder, blockName(number)))
  try {
    const memory = file.read(0, file.bytes)
    const header = readHeader(memory, file.bytes)
    if (header === undefined) throw new Error(`block ${number} in ${folder} has no header`)
    const cipher = cipherOf(header, encryption)
    const trailer = memory.bytes.subarray(Math.max(file.bytes - TRAILER_BYTES, 0), file.bytes)
    const place = summaryPlace(trailer, file.bytes)
    const body = place && memory.bytes.subarray(place.offset, place.offset + place.length)
    const summary = body && decodeSummary(number, body, trailer, cipher)
    return { ...scanFile(number, header, memory, file.bytes, cipher), header, fileBytes: file.bytes, summary }
  } finally {
    file.close()
  }
}

// ── Sealing ─────────────────────────────────────────────────────────────────────────────────────────────────

function seal(task: SealTask): BlockInfo {
  const { folder, number, encryption, nextSeq, isCompressed } = task
  const { scanned, raw, cipher, header, fileBytes, summary: known } = readBlock(task)
  if (known !== undefined) return { number, header, end: known.end, pages: known.pages, isSealed: true }
  const losses = [...scanned.losses]
  if (scanned.nextSeq < nextSeq && scanned.tailBytes > 0) {
    losses.push({ first: scanned.nextSeq, last: nextSeq - 1, text: `the end of block ${number} is damaged` })
  }
  const summary: BlockSummary = { ...pick(scanned), losses, nextSeq: Math.max(scanned.nextSeq, nextSeq) }
  // Pages have records that are right alone. What is damaged stays in the file.
  if (header.form === Form.pages || !isCompressed || losses.length > 0) {
    const fd = openSync(join(folder, blockName(number)), 'r+')
    try {
      // What is behind the records could be taken for damaged ones, if the summary is written in part: they end here.
      const isWhole = header.form === Form.records && scanned.tailBytes === 0
      const mark = isWhole ? endMark(nextSeq, checksumSalt(header)) : Buffer.alloc(0)
      writeAll(fd, [mark], fileBytes)
      fsyncSync(fd)
      const offset = fileBytes + mark.length
      writeAll(fd, [encodeSummary(summary, offset, cipherOf(header, encryption))], offset)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    return { number, header, end: summary.end, pages: summary.pages, isSealed: true }
  }
  const paged = newHeader(header.nextSeq, header.lastTimeUs, header.cipher, Form.pages)
  for (const offset of scanned.records) {
    beat()
    resign(raw, offset, header.cipher !== undefined, cipher, checksumSalt(paged))
  }
  return writeFile(task, paged, raw, scanned.records, summary)
}

/** A record that says which sequence comes behind those of its block. */
function endMark(nextSeq: number, salt: number): Buffer {
  const mark = allocateBlock(HEAD_BYTES)
  writeHead(mark, 0, HEAD_BYTES, Kind.skip, 0, 0, nextSeq, 0)
  sign(mark, 0, salt)
  return mark.bytes.subarray(0, HEAD_BYTES)
}

/** The members of a summary alone. */
function pick({ segment, subjects, removed, losses, pages, nextSeq, lastTimeUs, end }: BlockSummary): BlockSummary {
  return { segment, subjects, removed, losses, pages, nextSeq, lastTimeUs, end }
}

/** Makes a record one of a page of another file: not encrypted for itself, and with the checksum of that file. */
function resign(raw: Block, at: number, isTagged: boolean, cipher: BlockCipher | undefined, salt: number): void {
  const { bytes, view } = raw
  const end = at + view.getUint32(at, true)
  if (cipher !== undefined && (view.getUint8(at + 8) & KIND_MASK) === Kind.message) {
    const body = bodyOf(raw, at, end, isTagged, cipher)
    body?.copy(bytes, at + HEAD_BYTES)
    bytes.fill(0, end - TAG_BYTES, end)
  }
  sign(raw, at, salt)
}

// ── Compaction ──────────────────────────────────────────────────────────────────────────────────────────────

function compact(task: CompactTask): CompactedBlock {
  const { number, kept, encryption, isCompressed, earlier } = task
  const { scanned, raw, cipher, header } = readBlock(task)
  const { segment } = scanned
  const form = isCompressed ? Form.pages : Form.records
  const fresh = newHeader(header.nextSeq, header.lastTimeUs, header.cipher, form)
  const salt = checksumSalt(fresh)
  const recordCipher = form === Form.records ? cipherOf(fresh, encryption) : undefined
  const removed = within(scanned.removed, earlier)
  const records: number[] = []
  const offsets = new Uint32Array(kept.length)
  const target = allocateBlock(scanned.end + HEAD_BYTES + removed.length * RANGE_BYTES)
  let end = HEADER_BYTES
  for (const [i, seq] of kept.entries()) {
    beat()
    const slot = segment.slotOf(seq)
    if (slot < 0) continue
    const from = segment.offsetAt(slot)
    const length = raw.view.getUint32(from, true)
    const body = bodyOf(raw, from, from + length, header.cipher !== undefined, cipher)
    if (body === undefined) continue
    raw.bytes.copy(target.bytes, end, from, from + HEAD_BYTES)
    const { bytes, view } = target
    view.setUint8(end + 8, view.getUint8(end + 8) & ~BATCH)
    const plain = recordCipher?.seal(body, end, bytes.subarray(end + 8, end + HEAD_BYTES)) ?? body
    plain.copy(bytes, end + HEAD_BYTES)
    bytes.fill(0, end + HEAD_BYTES + plain.length, end + length)
    sign(target, end, salt)
    offsets[i] = end
    records.push(end)
    end += length
  }
  if (removed.length > 0) {
    const length = HEAD_BYTES + removed.length * RANGE_BYTES
    writeHead(target, end, length, Kind.removed, 0, 0, task.nextSeq, 0)
    for (const [i, { first, last }] of removed.entries()) {
      writeSeq(target.view, end + HEAD_BYTES + i * RANGE_BYTES, first)
      writeSeq(target.view, end + HEAD_BYTES + i * RANGE_BYTES + 8, last)
    }
    sign(target, end, salt)
    records.push(end)
    end += length
  }
  const rewritten = scanBlock(number, target, end, fresh, recordCipher)
  const summary = { ...pick(rewritten), losses: scanned.losses, nextSeq: task.nextSeq, lastTimeUs: scanned.lastTimeUs }
  return { info: writeFile(task, fresh, target, records, summary), offsets }
}

/** The parts of ranges that lie in others, which rise. */
function within(ranges: readonly SequenceRange[], others: readonly SequenceRange[]): SequenceRange[] {
  const common: SequenceRange[] = []
  for (const { first, last } of ranges) {
    for (const other of others) {
      if (other.first > last) break
      if (other.last < first) continue
      common.push({ first: Math.max(first, other.first), last: Math.min(last, other.last) })
    }
  }
  return common
}

// ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Writes a block's file anew, with the records of `raw` at these offsets. */
function writeFile(
  { folder, number, encryption }: SealTask,
  header: BlockHeader,
  raw: Block,
  records: readonly number[],
  summary: BlockSummary,
): BlockInfo {
  const cipher = cipherOf(header, encryption)
  const parts: Buffer[] = [headerBytes(header)]
  let end = HEADER_BYTES
  const pages: PagePlace[] = []
  if (header.form === Form.records) {
    parts.push(raw.bytes.subarray(HEADER_BYTES, summary.end))
    end = summary.end
  } else {
    for (const { first, last } of pagesOf(records, summary.end)) {
      beat()
      const page = { rawOffset: first, bytes: raw.bytes.subarray(first, last) }
      const encoded = encodePage(page, end, checksumSalt(header), cipher)
      pages[pageOf(first)] = { offset: end, length: encoded.length }
      parts.push(encoded)
      end += encoded.length
    }
  }
  const places = Array.from(pages, (place) => place ?? NO_PAGE)
  parts.push(encodeSummary({ ...summary, pages: places }, end, cipher))
  const path = join(folder, blockName(number))
  const fresh = join(folder, number + UNFINISHED)
  const fd = openSync(fresh, 'w', 0o640)
  try {
    writeAll(fd, parts, 0)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(fresh, path)
  syncFolder(folder)
  return { number, header, end: summary.end, pages: places, isSealed: true }
}

/** From the first record of each page to the first one of the next. */
function pagesOf(records: readonly number[], end: number): SequenceRange[] {
  const firsts = records.filter((offset, i) => i === 0 || pageOf(offset) !== pageOf(records[i - 1]))
  return firsts.map((first, i) => ({ first, last: firsts[i + 1] ?? end }))
}

function writeAll(fd: number, parts: readonly Buffer[], position: number): void {
  for (const part of parts) {
    beat()
    for (let done = 0; done < part.length; ) done += writeSync(fd, part, done, part.length - done, position + done)
    position += part.length
  }
}
