// Unmasking while copying: the payload of a WebSocket frame goes from the raw read buffer to where the parser reads it,
// and is unmasked on the way. Two words at a time, as in memory/block.ts: five times as fast as byte by byte.

import type { Block } from '../memory/block.ts'

/**
 * Copies `length` bytes and takes off the mask: `key` is the four bytes of the mask as a little-endian word, of which
 * the first byte is for the first byte copied. May scribble on up to seven bytes behind the destination.
 */
export function unmaskInto(to: Block, at: number, from: Block, start: number, length: number, key: number): void {
  if (key === 0) {
    from.bytes.copy(to.bytes, at, start, start + length)
    return
  }
  const target = to.view
  const source = from.view
  for (let i = 0; i < length; i += 8) {
    target.setInt32(at + i, source.getInt32(start + i, true) ^ key, true)
    target.setInt32(at + i + 4, source.getInt32(start + i + 4, true) ^ key, true)
  }
}

/** The key for what follows `bytes` bytes later. */
export function rotateKey(key: number, bytes: number): number {
  const shift = (bytes & 3) * 8
  return shift === 0 ? key : (key >>> shift) | (key << (32 - shift))
}
