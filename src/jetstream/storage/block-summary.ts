// What a block contains, as far as the index needs it: found by a scan over its records, or read from the summary that
// is at the end of a block to which nothing is written any more. The summary only saves the scan: if it is damaged, the
// records are scanned.
//
//     │ facts │ removed │ losses │ pages │ descriptions │ columns ‥ │ names │ trailer │
//
//     columns   │ times │ offsets │ sizes │ subjects │ deltas │        of each slot
//               │ starts │ counts │ firsts │ lasts │                  of each subject
//
//     trailer   │ offset │ length │ checksum │ magic │   32 bytes

import type { Block } from '../../memory/block.ts'
import type { BlockCipher } from './block-cipher.ts'
import { type BlockHeader, checksumSalt, HEADER_BYTES } from './block-file.ts'
import { checksum } from './checksum.ts'
import { COLUMN_NUMBERS, type Column, columnFrom, describe, restBytes } from './column.ts'
import { beat } from './heartbeat.ts'
import { HEAD_BYTES, Kind, RANGE_BYTES, RecordHead, readSeq, TAG_BYTES } from './record.ts'
import { Segment } from './segment.ts'
import type { Loss, SequenceRange } from './store.ts'
import { SubjectTable } from './subject-table.ts'

export const TRAILER_BYTES = 32
const MAGIC = Buffer.from('HEDLSUM3')
const NO_BYTES = Buffer.alloc(0)
/** Numbers with which a summary begins. */
const FACTS = 14
/** Columns of slots, besides that of their sequences, if there is one; and of subjects. */
const SLOT_COLUMNS = 4
const SUBJECT_COLUMNS = 4
/** Records, or bytes of damage, that are looked at between two signs of life. */
const STEPS_A_BEAT = 128

/** How nats-server counts a message in a file. */
export function fileSizeOf(subjectBytes: number, headerBytes: number, payloadBytes: number): number {
  return subjectBytes + payloadBytes + 30 + (headerBytes > 0 ? headerBytes + 4 : 0)
}

/** Where a compressed page lies in its file. */
export interface PagePlace {
  readonly offset: number
  readonly length: number
}

export interface BlockSummary {
  /** Its messages; the numbers of their subjects are those of `subjects`. */
  readonly segment: Segment
  readonly subjects: SubjectTable
  /** Messages, of this block and of earlier ones, that were removed while it was written. */
  readonly removed: readonly SequenceRange[]
  readonly losses: readonly Loss[]
  /** Of a block of pages; a page that is not there has length 0. */
  readonly pages: readonly PagePlace[]
  /** The sequence that comes behind what is in it, and the latest time in it. */
  readonly nextSeq: number
  readonly lastTimeUs: number
  /** Where its records end. */
  readonly end: number
}

export const NO_PAGE: PagePlace = { offset: 0, length: 0 }

/** A summary that was made by a scan. */
export interface ScannedBlock extends BlockSummary {
  /** Offsets of all records that are right. */
  readonly records: readonly number[]
  /** Bytes behind `end` that are no records. */
  readonly tailBytes: number
}

/**
 * Scans the records of a block. `end`: of the bytes in it. `cipher`: with which each record is encrypted. A record that
 * is damaged does not hide those behind it: the scan goes on at the next one that is right.
 */
export function scanBlock(
  number: number,
  block: Block,
  end: number,
  header: BlockHeader,
  cipher: BlockCipher | undefined,
): ScannedBlock {
  const scan = new Scan(number, block, header, cipher)
  scan.run(end)
  return scan
}

class Scan implements ScannedBlock {
  readonly segment: Segment
  readonly subjects = new SubjectTable()
  readonly removed: SequenceRange[] = []
  readonly losses: Loss[] = []
  readonly pages: readonly PagePlace[] = []
  readonly records: number[] = []
  nextSeq: number
  lastTimeUs: number
  end = HEADER_BYTES
  tailBytes = 0
  private readonly number: number
  private readonly block: Block
  private readonly salt: number
  private readonly isTagged: boolean
  private readonly cipher: BlockCipher | undefined
  private readonly record = new RecordHead()
  private readonly added = new RecordHead()
  /** Offsets of messages that are nothing without those that follow, and how it was before them. */
  private batch: number[] = []
  private before = { nextSeq: 0, lastTimeUs: 0 }
  /** Where damage begins; -1: the latest record was right. */
  private damagedAt = -1

  constructor(number: number, block: Block, header: BlockHeader, cipher: BlockCipher | undefined) {
    this.number = number
    this.block = block
    this.salt = checksumSalt(header)
    this.isTagged = header.cipher !== undefined
    this.cipher = cipher
    this.segment = new Segment(number, header.nextSeq)
    this.nextSeq = header.nextSeq
    this.lastTimeUs = header.lastTimeUs
  }

  run(end: number): void {
    const { record, block, salt } = this
    for (let at = HEADER_BYTES, steps = 1; at < end; steps++) {
      if (steps % STEPS_A_BEAT === 0) beat()
      // What is found behind damage has to fit in the order of sequences.
      const isRight = record.read(block, at, end, salt) && (this.damagedAt < 0 || this.follows())
      if (isRight) {
        if (this.damagedAt >= 0) this.passDamage()
        this.take(at)
        this.records.push(at)
        at += record.length
        this.end = at
      } else {
        if (this.damagedAt < 0) this.damagedAt = at
        at++
      }
    }
    if (this.batch.length > 0) {
      this.end = this.batch[0]
      Object.assign(this, this.before)
    }
    this.tailBytes = end - this.end
  }

  private follows(): boolean {
    return this.record.kind === Kind.removed || this.record.seq >= this.nextSeq
  }

  /** The record is the first one that is right behind damage. */
  private passDamage(): void {
    const { seq } = this.record
    const text = `block ${this.number} is damaged at offset ${this.damagedAt}`
    // What is left of a batch is served.
    for (const offset of this.batch.splice(0)) this.addAgain(offset)
    if (seq > this.nextSeq) this.losses.push({ first: this.nextSeq, last: seq - 1, text })
    else this.losses.push({ first: 0, last: 0, text: `${text}: removed messages may be there again` })
    this.damagedAt = -1
  }

  private take(at: number): void {
    const { kind, length, seq, timeUs, inBatch } = this.record
    if (kind === Kind.removed) {
      this.removed.push(...readRanges(this.block, at, length))
      this.nextSeq = Math.max(this.nextSeq, seq)
      return
    }
    if (inBatch && this.batch.length === 0) this.before = { nextSeq: this.nextSeq, lastTimeUs: this.lastTimeUs }
    if (inBatch) this.batch.push(at)
    else {
      if (this.batch.length > 0) for (const offset of this.batch.splice(0)) this.addAgain(offset)
      if (kind === Kind.message) this.add(at, this.record)
    }
    this.nextSeq = kind === Kind.skip ? Math.max(this.nextSeq, seq) : seq + 1
    if (timeUs !== 0) this.lastTimeUs = timeUs
  }

  /** Adds the message at an offset, which was read before. */
  private addAgain(offset: number): void {
    const { added, block } = this
    added.read(block, offset, offset + block.view.getUint32(offset, true), this.salt)
    if (added.kind === Kind.message) this.add(offset, added)
  }

  /** Adds the message whose record, at an offset, was read last. */
  private add(offset: number, { headerBytes, length, seq, subjectBytes, timeUs }: RecordHead): void {
    const { block, cipher, number } = this
    const end = offset + length
    const body = bodyOf(block, offset, end, this.isTagged, cipher)
    if (body === undefined) {
      this.losses.push({ first: seq, last: seq, text: `message ${seq} in block ${number} cannot be decrypted` })
      return
    }
    const size = fileSizeOf(subjectBytes, headerBytes, body.length - subjectBytes - headerBytes)
    const subject = this.subjects.number(body, 0, subjectBytes)
    this.segment.add(seq, timeUs, subject, size, offset, headerBytes > 0)
    this.subjects.added(subject, seq)
  }
}

/** Subject, headers and payload of the record in [at, end); undefined: they cannot be decrypted. */
export function bodyOf(
  { bytes }: Block,
  at: number,
  end: number,
  isTagged: boolean,
  cipher: BlockCipher | undefined,
): Buffer | undefined {
  if (!isTagged) return bytes.subarray(at + HEAD_BYTES, end)
  // In a page the records are as they were, but for being encrypted: the page is.
  if (cipher === undefined) return bytes.subarray(at + HEAD_BYTES, end - TAG_BYTES)
  return cipher.open(bytes.subarray(at + HEAD_BYTES, end), at, bytes.subarray(at + 8, at + HEAD_BYTES))
}

/** The ranges in a record of removed messages. */
function readRanges({ view }: Block, at: number, length: number): SequenceRange[] {
  const ranges: SequenceRange[] = []
  for (let range = at + HEAD_BYTES; range + RANGE_BYTES <= at + length; range += RANGE_BYTES) {
    ranges.push({ first: readSeq(view, range), last: readSeq(view, range + 8) })
  }
  return ranges
}

// ── The summary in the file ─────────────────────────────────────────────────────────────────────────────────

/** The bytes of a summary, trailer included, for a place of its file. */
export function encodeSummary(summary: BlockSummary, offset: number, cipher: BlockCipher | undefined): Buffer {
  const { segment, subjects, removed, losses, pages } = summary
  const { times, deltas, offsets, sizes, subjects: numbers } = segment.columns
  const { arena, starts, counts, firsts, lasts } = subjects.columns
  const columns = [times, offsets, sizes, numbers, ...(deltas === undefined ? [] : [deltas])]
  const all = [...columns, starts, counts, firsts, lasts]
  const facts = [segment.base, segment.slots, columns.length, summary.nextSeq, summary.lastTimeUs, summary.end]
  facts.push(subjects.numbered, arena.length, removed.length, losses.length, pages.length)
  facts.push(segment.maxTimeUs, segment.liveBytes, segment.hasHeaders ? 1 : 0)
  const pairs = [
    ...removed.flatMap(({ first, last }) => [first, last]),
    ...losses.flatMap(({ first, last }) => [first, last]),
    ...pages.flatMap((page) => [page.offset, page.length]),
  ]
  const doubles = Float64Array.from([...facts, ...pairs, ...all.flatMap(describe)])
  const plain = Buffer.concat([Buffer.from(doubles.buffer), ...all.map(restBytes), arena])
  const body = cipher === undefined ? plain : cipher.seal(plain, offset, NO_BYTES)
  const trailer = Buffer.alloc(TRAILER_BYTES)
  trailer.writeDoubleLE(offset, 0)
  trailer.writeDoubleLE(body.length, 8)
  trailer.writeUInt32LE(checksum(body, 0, body.length, 0), 16)
  MAGIC.copy(trailer, 24)
  return Buffer.concat([body, trailer])
}

/** Where a file of this size has its summary, by its trailer; undefined: it has none. */
export function summaryPlace(trailer: Buffer, fileBytes: number): PagePlace | undefined {
  if (trailer.length < TRAILER_BYTES || MAGIC.compare(trailer, 24, TRAILER_BYTES) !== 0) return undefined
  const place = { offset: trailer.readDoubleLE(0), length: trailer.readDoubleLE(8) }
  return place.offset >= HEADER_BYTES && place.offset + place.length + TRAILER_BYTES === fileBytes ? place : undefined
}

/** The summary of a block; undefined: it is damaged. */
export function decodeSummary(
  number: number,
  body: Buffer,
  trailer: Buffer,
  cipher: BlockCipher | undefined,
): BlockSummary | undefined {
  if (trailer.readUInt32LE(16) !== checksum(body, 0, body.length, 0)) return undefined
  const plain = cipher === undefined ? body : cipher.open(body, trailer.readDoubleLE(0), NO_BYTES)
  if (plain === undefined) return undefined
  const cut = new Cutter(plain)
  const facts = cut.doubles(FACTS)
  const [base, slots, count, nextSeq, lastTimeUs, end, named, nameBytes, ranges, lost, paged] = facts
  const [maxTimeUs, liveBytes, hasHeaders] = facts.subarray(FACTS - 3)
  const text = `block ${number} is damaged`
  const removed = pairsIn(cut.doubles(ranges * 2)).map(([first, last]) => ({ first, last }))
  const losses = pairsIn(cut.doubles(lost * 2)).map(([first, last]) => ({ first, last, text }))
  const pages = pairsIn(cut.doubles(paged * 2)).map(([offset, length]) => ({ offset, length }))
  const descriptions = cut.doubles((count + SUBJECT_COLUMNS) * COLUMN_NUMBERS)
  let described = 0
  const column = (length: number): Column => {
    const description = descriptions.subarray(described, described + COLUMN_NUMBERS)
    described += COLUMN_NUMBERS
    return columnFrom(description, length, (bytes) => cut.bytes(bytes))
  }
  const columns = {
    times: column(slots),
    offsets: column(slots),
    sizes: column(slots),
    subjects: column(slots),
    deltas: count > SLOT_COLUMNS ? column(slots) : undefined,
  }
  const [starts, counts] = [column(named + 1), column(named)]
  const [firsts, lasts] = [column(named), column(named)]
  const arena = Buffer.from(cut.bytes(nameBytes))
  const segment = Segment.from(number, base, { slots, liveBytes, maxTimeUs, hasHeaders: hasHeaders > 0 }, columns)
  const subjects = SubjectTable.from(named, { arena, starts, counts, firsts, lasts })
  return { segment, subjects, removed, losses, pages, nextSeq, lastTimeUs, end }
}

function pairsIn(numbers: Float64Array): [number, number][] {
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]])
}

/** Cuts bytes into arrays, one behind the other. */
class Cutter {
  private readonly bytesLeft: Buffer
  private at = 0

  constructor(bytes: Buffer) {
    this.bytesLeft = bytes
  }

  doubles(count: number): Float64Array<ArrayBuffer> {
    const doubles = new Float64Array(count)
    new Uint8Array(doubles.buffer).set(this.bytes(doubles.byteLength))
    return doubles
  }

  /** Bytes that are not copied. */
  bytes(count: number): Buffer {
    this.at += count
    return this.bytesLeft.subarray(this.at - count, this.at)
  }
}
