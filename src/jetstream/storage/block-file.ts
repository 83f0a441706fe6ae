// The files of a store: one for each block, in a folder of the stream's own.
//
//     0 ‥ 127   header, twice: where the block begins, and how its content is to be read
//     128 ‥     records (record.ts), or pages of them, each compressed
//     ‥         the summary, once nothing is written to the block any more (block-summary.ts)

import { randomFillSync } from 'node:crypto'
import { allocateBlock, type Block } from '../../memory/block.ts'
import type { CipherName } from './block-cipher.ts'
import { checksum } from './checksum.ts'
import { readSeq, writeSeq } from './record.ts'

const EXTENSION = '.blk'
const COPY_BYTES = 64
export const HEADER_BYTES = 2 * COPY_BYTES
/** Records are read, cached and compressed by pages: a record belongs to the page in which it begins. */
export const PAGE_BYTES = 64 * 1024

/** Their places, counted from 1, are in headers. */
const CIPHERS: readonly CipherName[] = ['chacha', 'aes']
const MAGIC = Buffer.from('HEDLBLK1')
const SALT_BYTES = 16
const CHECKSUM_AT = 60

/** `records`: they lie at the offsets that the index has. `pages`: compressed; the offsets are those of before. */
export const Form = { records: 0, pages: 1 } as const

export interface BlockHeader {
  readonly form: number
  /** The sequence that the next message was to get when the block was begun. Earlier blocks end before it. */
  readonly nextSeq: number
  /** The latest time then. */
  readonly lastTimeUs: number
  /** With which its content is encrypted; undefined: it is not. */
  readonly cipher: CipherName | undefined
  /** By chance; of the key and of the checksums. */
  readonly salt: Uint8Array
}

/** The salt of a block's checksums. */
export function checksumSalt({ salt }: Pick<BlockHeader, 'salt'>): number {
  return Buffer.from(salt).readUInt32LE(0)
}

export function newHeader(
  nextSeq: number,
  lastTimeUs: number,
  cipher: CipherName | undefined,
  form: number,
): BlockHeader {
  return { form, nextSeq, lastTimeUs, cipher, salt: randomFillSync(new Uint8Array(SALT_BYTES)) }
}

/** Writes a header to the beginning of a block. */
function writeHeader({ bytes, view }: Block, header: BlockHeader): void {
  bytes.fill(0, 0, HEADER_BYTES)
  MAGIC.copy(bytes, 0)
  view.setUint32(8, header.form, true)
  view.setUint32(12, header.cipher === undefined ? 0 : CIPHERS.indexOf(header.cipher) + 1, true)
  writeSeq(view, 16, header.nextSeq)
  view.setFloat64(24, header.lastTimeUs, true)
  bytes.set(header.salt, 32)
  view.setUint32(CHECKSUM_AT, checksum(bytes, 0, CHECKSUM_AT, 0), true)
  bytes.copy(bytes, COPY_BYTES, 0, COPY_BYTES)
}

/** The header at the beginning of a block; undefined: neither copy is whole. `end`: of the bytes in the block. */
export function readHeader(block: Block, end: number): BlockHeader | undefined {
  return readCopy(block, 0, end) ?? readCopy(block, COPY_BYTES, end)
}

function readCopy({ bytes, view }: Block, at: number, end: number): BlockHeader | undefined {
  if (end < at + COPY_BYTES || MAGIC.compare(bytes, at, at + MAGIC.length) !== 0) return undefined
  if (view.getUint32(at + CHECKSUM_AT, true) !== checksum(bytes, at, at + CHECKSUM_AT, 0)) return undefined
  return {
    form: view.getUint32(at + 8, true),
    cipher: CIPHERS[view.getUint32(at + 12, true) - 1],
    nextSeq: readSeq(view, at + 16),
    lastTimeUs: view.getFloat64(at + 24, true),
    salt: Uint8Array.from(bytes.subarray(at + 32, at + 32 + SALT_BYTES)),
  }
}

/** The header of a block, alone. */
export function headerBytes(header: BlockHeader): Buffer {
  const block = allocateBlock(HEADER_BYTES)
  writeHeader(block, header)
  return block.bytes.subarray(0, HEADER_BYTES)
}

/** What the name of a file ends with that is to take the place of a block. */
export const UNFINISHED = `${EXTENSION}.new`

export function blockName(number: number): string {
  return number + EXTENSION
}

/** The numbers of the blocks among the names of a folder, in their order. */
export function blockNumbers(names: readonly string[]): number[] {
  return names
    .map((name) => /^([1-9][0-9]{0,14})\.blk$/.exec(name))
    .flatMap((found) => (found === null ? [] : [Number(found[1])]))
    .sort((a, b) => a - b)
}

/** The page in which a record lies that begins at `offset`. */
export function pageOf(offset: number): number {
  return Math.floor(offset / PAGE_BYTES)
}
