// Writes what is flushed as a complete S2 stream: the identifier, then chunks. So nats-server does, and a reader takes
// identifiers before any chunk.

import { maskedCrc32c } from './crc32c.ts'
import { BLOCK_BYTES_MAX, encodeBlock, encodedMax } from './encode.ts'
import { ChunkType, CRC_BYTES, HEAD_BYTES, S2_IDENTIFIER } from './frames.ts'

/** A block is written as it is if compressing it saves less than this share of it. */
const SAVING_MIN = 1 / 8
/** What is shorter is never compressed. */
const COMPRESS_MIN = 32

/** The stream of the bytes in `pieces`, in one piece. `compress`: blocks are compressed where that saves something. */
export function writeS2(pieces: readonly Uint8Array[], compress: boolean): Buffer {
  const plain = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
  const blocks = Math.ceil(plain.length / BLOCK_BYTES_MAX)
  const most = compress ? encodedMax(plain.length) + 32 * blocks : plain.length
  const to = Buffer.allocUnsafe(S2_IDENTIFIER.length + most + blocks * (HEAD_BYTES + CRC_BYTES))
  let at = S2_IDENTIFIER.copy(to)
  for (let start = 0; start < plain.length; start += BLOCK_BYTES_MAX) {
    at = writeChunk(plain, start, Math.min(plain.length, start + BLOCK_BYTES_MAX), compress, to, at)
  }
  return to.subarray(0, at)
}

function writeChunk(plain: Uint8Array, start: number, end: number, compress: boolean, to: Buffer, at: number): number {
  const bytes = end - start
  const body = at + HEAD_BYTES + CRC_BYTES
  let last = compress && bytes >= COMPRESS_MIN ? encodeBlock(plain, start, end, to, body) : body + bytes
  const isCompressed = last - body < bytes * (1 - SAVING_MIN)
  if (!isCompressed) {
    to.set(plain.subarray(start, end), body)
    last = body + bytes
  }
  to[at] = isCompressed ? ChunkType.compressed : ChunkType.uncompressed
  to.writeUIntLE(last - body + CRC_BYTES, at + 1, 3)
  to.writeUInt32LE(maskedCrc32c(plain, start, end), at + HEAD_BYTES)
  return last
}
