// Answers of the system account in the encoding that the request accepts (docs/reference/system-account.md, "Requests
// and answers"). Of snappy only the framing is implemented, around uncompressed pieces, which every reader of snappy or
// s2 accepts. A client that wants compression asks for gzip.

import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { maskedCrc32c } from '../../s2/crc32c.ts'
import { ChunkType, SNAPPY_IDENTIFIER } from '../../s2/frames.ts'
import type { SystemAnswer } from '../contract.ts'

const compress = promisify(gzip)

/** `accepted`: the request's header Accept-Encoding; empty: none. */
export async function encodeAnswer(payload: Buffer, accepted: string): Promise<SystemAnswer> {
  const wanted = accepted.toLowerCase()
  if (wanted === '') return { headers: {}, payloads: [payload] }
  if (wanted.includes('snappy') || wanted.includes('s2')) return encoded('snappy', frameSnappy(payload))
  if (wanted.includes('gzip')) return encoded('gzip', await compress(payload))
  return encoded('identity', payload)
}

function encoded(encoding: string, payload: Uint8Array): SystemAnswer {
  return { headers: { 'Content-Encoding': encoding }, payloads: [payload] }
}

// ── Snappy's framing ────────────────────────────────────────────────────────────────────────────────────────

/** Longest piece of a frame. */
const PIECE_BYTES = 65_536
const HEAD_BYTES = 8

/** Type (1 byte), length of the rest (3), masked CRC-32C of the piece (4), the piece. Numbers are little-endian. */
function frameSnappy(payload: Buffer): Buffer {
  const parts: Buffer[] = [SNAPPY_IDENTIFIER]
  for (let start = 0; start < payload.length; start += PIECE_BYTES) {
    const piece = payload.subarray(start, start + PIECE_BYTES)
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt8(ChunkType.uncompressed, 0)
    head.writeUIntLE(piece.length + 4, 1, 3)
    head.writeUInt32LE(maskedCrc32c(piece, 0, piece.length), 4)
    parts.push(head, piece)
  }
  return Buffer.concat(parts)
}
