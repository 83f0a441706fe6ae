// Records: what a block file consists of behind its header. All numbers are little-endian.
//
//     0        4         8               12        16        24        32
//     │ length │ checksum │ what │ subject │ headers │  seq    │  time   │ subject │ headers │ payload │ tag │
//                          1 byte  3 bytes   4 bytes   8 bytes   8 bytes    body, sealed if encrypted     16, if
//                                                                                                         encrypted
//
// `length` is that of the whole record. The checksum covers all that follows it; it begins with the salt of the file,
// so that a payload that looks like a record is not taken for one. `time` is in nanoseconds.
//
//     message   seq, time, body
//     removed   the next message gets `seq`; the body is a list of ranges of sequences, 8 bytes each for the first and
//               the last
//     skip      the next message gets `seq`; `time` is the latest time, 0: unchanged
//     erased    was a message: its body is zeros

import type { Block } from '../../memory/block.ts'
import { checksum } from './checksum.ts'

export const HEAD_BYTES = 32
export const TAG_BYTES = 16
export const RANGE_BYTES = 16

export const Kind = { message: 1, removed: 2, skip: 3, erased: 4 } as const
/** A bit of `what`: more records of the same batch follow, without which this one is nothing. */
export const BATCH = 0x80
/** Of `what`: which kind it is. */
export const KIND_MASK = 0x0f

const WORD = 2 ** 32
const NS = 1000

/** Writes the head of a record but for the checksum. */
export function writeHead(
  { view }: Block,
  at: number,
  length: number,
  what: number,
  subjectBytes: number,
  headerBytes: number,
  seq: number,
  timeUs: number,
): void {
  view.setUint32(at, length, true)
  view.setUint32(at + 8, (what | (subjectBytes << 8)) >>> 0, true)
  view.setUint32(at + 12, headerBytes, true)
  writeSeq(view, at + 16, seq)
  // Microseconds times 1000 are more than a number holds: the halves are multiplied apart.
  const low = (timeUs % WORD) * NS
  view.setUint32(at + 24, low % WORD, true)
  view.setUint32(at + 28, Math.floor(timeUs / WORD) * NS + Math.floor(low / WORD), true)
}

/** Writes the checksum of a record whose other bytes are complete. */
export function sign({ bytes, view }: Block, at: number, salt: number): void {
  view.setUint32(at + 4, checksum(bytes, at + 8, at + view.getUint32(at, true), salt), true)
}

export function writeSeq(view: DataView, at: number, seq: number): void {
  view.setUint32(at, seq % WORD, true)
  view.setUint32(at + 4, Math.floor(seq / WORD), true)
}

export function readSeq(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * WORD + view.getUint32(at, true)
}

/** The head of a record in a block. */
export class RecordHead {
  length = 0
  kind = 0
  /** More records of its batch follow. */
  inBatch = false
  subjectBytes = 0
  headerBytes = 0
  seq = 0
  timeUs = 0

  /** Reads the one at `at`. Answers whether it is whole and right; `end`: of the bytes in the block. */
  read({ bytes, view }: Block, at: number, end: number, salt: number): boolean {
    if (end - at < HEAD_BYTES) return false
    const length = view.getUint32(at, true)
    if (length < HEAD_BYTES || length > end - at) return false
    const word = view.getUint32(at + 8, true)
    const kind = word & KIND_MASK
    const subjectBytes = word >>> 8
    const headerBytes = view.getUint32(at + 12, true)
    if (kind < Kind.message || kind > Kind.erased || HEAD_BYTES + subjectBytes + headerBytes > length) return false
    if (view.getUint32(at + 4, true) !== checksum(bytes, at + 8, at + length, salt)) return false
    this.length = length
    this.kind = kind
    this.inBatch = (word & BATCH) !== 0
    this.subjectBytes = subjectBytes
    this.headerBytes = headerBytes
    this.seq = readSeq(view, at + 16)
    // The nanoseconds fit in no number, so the halves are divided apart.
    const high = view.getUint32(at + 28, true)
    this.timeUs = Math.floor(high / NS) * WORD + Math.floor(((high % NS) * WORD + view.getUint32(at + 24, true)) / NS)
    return true
  }
}
