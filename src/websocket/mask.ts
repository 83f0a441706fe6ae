// Masks of the frames that a client sends (RFC 6455, 5.3).

import { randomFillSync } from 'node:crypto'
import { LENGTH_16, LENGTH_64, MASK, SHORT_LENGTH } from './frames.ts'

const KEY_BYTES = 4
/** Keys come from a pool: to ask for four random bytes costs as much as for so many. */
const pool = Buffer.alloc(1024 * KEY_BYTES)
let poolAt = pool.length

/** A whole frame, masked with a key that nobody can foretell. */
export function maskFrame(frame: Buffer): Buffer {
  if (poolAt === pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  const short = frame[1] & SHORT_LENGTH
  const headEnd = short === LENGTH_16 ? 4 : short === LENGTH_64 ? 10 : 2
  const masked = Buffer.allocUnsafe(frame.length + KEY_BYTES)
  frame.copy(masked, 0, 0, headEnd)
  masked[1] |= MASK
  const key = masked.subarray(headEnd, headEnd + KEY_BYTES)
  pool.copy(key, 0, poolAt, poolAt + KEY_BYTES)
  poolAt += KEY_BYTES
  const payload = masked.subarray(headEnd + KEY_BYTES)
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const word = key.readInt32LE()
  frame.copy(payload, 0, headEnd)
  const whole = payload.length & ~3
  for (let at = 0; at < whole; at += 4) view.setInt32(at, view.getInt32(at, true) ^ word, true)
  for (let at = whole; at < payload.length; at++) payload[at] ^= key[at & 3]
  return masked
}
