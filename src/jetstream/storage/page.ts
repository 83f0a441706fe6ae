// Pages in a compressed block. Each stands behind a head of its own, so that all pages but a damaged one are found
// without the summary.
//
//     0        4         8            12           16
//     │ length │ checksum │ raw offset │ raw length │ zstd, sealed if encrypted │
//
// `length` is that of head and content. The raw offset is where its records were before, the place that the index has.

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { BlockCipher } from './block-cipher.ts'
import { checksum } from './checksum.ts'

const PAGE_HEAD_BYTES = 16
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** Of one page: records are at most as large as a message, and a page is not much larger than the last one in it. */
const RAW_MAX = 2 ** 30

export interface RawPage {
  readonly rawOffset: number
  readonly bytes: Buffer
}

/** A page as it is written to `offset` of its file. */
export function encodePage({ rawOffset, bytes }: RawPage, offset: number, salt: number, cipher?: BlockCipher): Buffer {
  const head = Buffer.alloc(PAGE_HEAD_BYTES)
  head.writeUInt32LE(rawOffset, 8)
  head.writeUInt32LE(bytes.length, 12)
  const compressed = zstdCompressSync(bytes, LEVEL)
  const content = cipher === undefined ? compressed : cipher.seal(compressed, offset, head.subarray(8))
  const page = Buffer.concat([head, content])
  page.writeUInt32LE(page.length, 0)
  page.writeUInt32LE(checksum(page, 8, page.length, salt), 4)
  return page
}

/** The page at `at`, which is at `offset` of its file; undefined: none is there, or it is damaged. */
export function decodePage(
  bytes: Buffer,
  at: number,
  offset: number,
  salt: number,
  cipher?: BlockCipher,
): (RawPage & { readonly length: number }) | undefined {
  if (bytes.length - at < PAGE_HEAD_BYTES) return undefined
  const length = bytes.readUInt32LE(at)
  const rawLength = bytes.readUInt32LE(at + 12)
  if (length < PAGE_HEAD_BYTES || length > bytes.length - at || rawLength > RAW_MAX) return undefined
  if (bytes.readUInt32LE(at + 4) !== checksum(bytes, at + 8, at + length, salt)) return undefined
  const content = bytes.subarray(at + PAGE_HEAD_BYTES, at + length)
  const compressed = cipher === undefined ? content : cipher.open(content, offset, bytes.subarray(at + 8, at + 16))
  if (compressed === undefined) return undefined
  try {
    const raw = zstdDecompressSync(compressed, { maxOutputLength: Math.max(rawLength, 1) })
    return raw.length === rawLength ? { rawOffset: bytes.readUInt32LE(at + 8), bytes: raw, length } : undefined
  } catch {
    return undefined
  }
}
