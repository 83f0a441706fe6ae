// Bytes to one block of plain Snappy, which is S2 as well: greedy, with a table of where each four bytes stood last.

/** Most bytes of a block: offsets have 16 bits. */
export const BLOCK_BYTES_MAX = 64 * 1024
const TABLE_BITS = 14
const MATCH_MIN = 4
/** Bytes at the end that are always literal, so that four bytes can be read at each place before. */
const MARGIN = 8
/** Where nothing repeats, the search takes longer steps: one more byte for each so many that were no match. */
const SKIP_SHIFT = 5

/** Place + 1 of the latest four bytes with a hash, and 0 where there are none. */
const table = new Int32Array(1 << TABLE_BITS)

/** The most that encodeBlock() may write for so many bytes. */
export function encodedMax(bytes: number): number {
  return 32 + bytes + Math.ceil(bytes / 6)
}

/** Encodes from[start, end), BLOCK_BYTES_MAX at most, to to[at, …); returns where it ends. */
export function encodeBlock(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  at = writeLength(to, at, end - start)
  table.fill(0)
  let literal = start
  let place = start
  const last = end - MARGIN
  while (place <= last) {
    const word = wordAt(from, place)
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - TABLE_BITS)
    const before = start + table[slot] - 1
    table[slot] = place - start + 1
    if (before < start || wordAt(from, before) !== word) {
      place += 1 + ((place - literal) >> SKIP_SHIFT)
      continue
    }
    let length = MATCH_MIN
    while (place + length < end && from[before + length] === from[place + length]) length++
    at = writeLiteral(from, literal, place, to, at)
    at = writeCopy(to, at, place - before, length)
    place += length
    literal = place
  }
  return writeLiteral(from, literal, end, to, at)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}

function writeLength(to: Uint8Array, at: number, length: number): number {
  for (; length >= 0x80; length >>>= 7) to[at++] = (length & 0x7f) | 0x80
  to[at++] = length
  return at
}

function writeLiteral(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  const count = end - start
  if (count === 0) return at
  const n = count - 1
  if (n < 60) to[at++] = n << 2
  else if (n < 0x100) {
    to[at++] = 60 << 2
    to[at++] = n
  } else {
    to[at++] = 61 << 2
    to[at++] = n & 0xff
    to[at++] = n >> 8
  }
  to.set(from.subarray(start, end), at)
  return at + count
}

/** A copy of 64 bytes at a time; the rest has four at least, as the short form wants. */
function writeCopy(to: Uint8Array, at: number, offset: number, length: number): number {
  while (length >= 68) {
    at = writeLongCopy(to, at, offset, 64)
    length -= 64
  }
  if (length > 64) {
    at = writeLongCopy(to, at, offset, 60)
    length -= 60
  }
  if (length >= 12 || offset >= 2048) return writeLongCopy(to, at, offset, length)
  to[at] = ((offset >> 8) << 5) | ((length - 4) << 2) | 1
  to[at + 1] = offset & 0xff
  return at + 2
}

function writeLongCopy(to: Uint8Array, at: number, offset: number, length: number): number {
  to[at] = ((length - 1) << 2) | 2
  to[at + 1] = offset & 0xff
  to[at + 2] = offset >> 8
  return at + 3
}
