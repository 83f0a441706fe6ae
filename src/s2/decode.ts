// One S2 block to its bytes: its length, then literals and copies of what was written before. Snappy's blocks are a
// part of it.
//
//     ......00  literal of n + 1 bytes; n = 60 … 63: the length is in the next one to four bytes
//     ...xxx01  copy of xxx + 4 bytes, 11 bits of offset; offset 0: that of the copy before, and xxx = 5, 6, 7 have a
//               length of one, two or three bytes behind them
//     ......10  copy of n + 1 bytes, 16 bits of offset
//     ......11  the same with 32 bits of offset
//
// The lengths that a peer writes are checked before anything is read or written by them.

const LENGTH_BYTES_MAX = 5

/** The length that the block in bytes[start, end) says it has, and where it goes on; -1: it is damaged. */
export function lengthOfBlock(bytes: Uint8Array, start: number, end: number): { length: number; next: number } {
  let length = 0
  let scale = 1
  for (let i = 0; i < LENGTH_BYTES_MAX && start + i < end; i++) {
    const byte = bytes[start + i]
    length += (byte & 0x7f) * scale
    if (byte < 0x80) return { length, next: start + i + 1 }
    scale *= 128
  }
  return { length: -1, next: end }
}

/**
 * Writes what the tags in from[at, end) are to to[start, start + length). Returns whether they are exactly that many
 * bytes and nothing is damaged.
 */
export function decodeBlock(
  from: Uint8Array,
  at: number,
  end: number,
  to: Uint8Array,
  start: number,
  length: number,
): boolean {
  const stop = start + length
  let out = start
  let offset = 0
  while (at < end) {
    const tag = from[at++]
    let count = 0
    if ((tag & 3) === 0) {
      count = tag >> 2
      if (count >= 60) {
        const bytes = count - 59
        if (at + bytes > end) return false
        count = littleEndian(from, at, bytes)
        at += bytes
      }
      count++
      if (at + count > end || out + count > stop) return false
      copyLiteral(to, out, from, at, count)
      at += count
      out += count
      continue
    }
    if ((tag & 3) === 1) {
      if (at === end) return false
      const near = ((tag & 0xe0) << 3) | from[at++]
      count = (tag >> 2) & 7
      if (near !== 0) offset = near
      else if (count > 4) {
        const bytes = count - 4
        if (at + bytes > end) return false
        count = littleEndian(from, at, bytes) + REPEAT_LEAST[bytes]
        at += bytes
      }
      count += 4
    } else {
      const bytes = (tag & 3) === 2 ? 2 : 4
      if (at + bytes > end) return false
      offset = littleEndian(from, at, bytes)
      at += bytes
      count = (tag >> 2) + 1
    }
    if (offset === 0 || offset > out - start || out + count > stop) return false
    // Byte by byte: a copy may reach into what it writes itself.
    if (offset >= count && count > COPY_MIN) to.copyWithin(out, out - offset, out - offset + count)
    else for (let i = 0; i < count; i++) to[out + i] = to[out + i - offset]
    out += count
  }
  return out === stop
}

/** What the length behind a repeated offset begins at, by its bytes. */
const REPEAT_LEAST = [0, 4, 256, 65_536]
/** Shorter ones are copied byte by byte, which is quicker than a call. */
const COPY_MIN = 32

function copyLiteral(to: Uint8Array, out: number, from: Uint8Array, at: number, count: number): void {
  if (count > COPY_MIN) to.set(from.subarray(at, at + count), out)
  else for (let i = 0; i < count; i++) to[out + i] = from[at + i]
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  let scale = 1
  for (let i = 0; i < count; i++, scale *= 256) value += bytes[at + i] * scale
  return value
}
