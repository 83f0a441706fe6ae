// A block is a piece of memory seen two ways: as bytes, and through a DataView for eight bytes at a time.
//
// Protocol lines and small payloads are tens of bytes long. At that size a call into the runtime (Buffer.copy,
// TypedArray.set) costs about 50 ns whatever it copies and a byte loop 2 ns a byte, while copying words through a
// DataView costs about 2 ns a word (bench/copy.ts). A word copy may run up to seven bytes past its end: every
// block therefore carries BLOCK_SLACK spare bytes behind its capacity, and callers append from left to right, so
// that an overrun is overwritten by whatever is appended next.

import { BLOCK_SLACK } from '../base/constants.ts'

export interface Block {
  readonly bytes: Buffer
  readonly view: DataView
  /** Bytes that may be used; `bytes` is BLOCK_SLACK longer. */
  readonly capacity: number
}

/** Longer copies go to the runtime's memmove. */
const WORD_COPY_MAX = 128

export function allocateBlock(capacity: number): Block {
  return blockOver(Buffer.allocUnsafeSlow(capacity + BLOCK_SLACK))
}

/** A block over existing memory, the last BLOCK_SLACK bytes of which are spare. */
export function blockOver(bytes: Buffer): Block {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { bytes, view, capacity: bytes.byteLength - BLOCK_SLACK }
}

export function blockFrom(text: string): Block {
  const block = allocateBlock(text.length)
  block.bytes.write(text, 0, 'latin1')
  return block
}

/** Copies `length` bytes; may scribble on up to seven bytes behind the destination (see above). */
export function copyBytes(to: Block, at: number, from: Block, start: number, length: number): void {
  if (length > WORD_COPY_MAX) {
    from.bytes.copy(to.bytes, at, start, start + length)
    return
  }
  const target = to.view
  const source = from.view
  for (let i = 0; i < length; i += 8) target.setBigUint64(at + i, source.getBigUint64(start + i, true), true)
}

export function equalBytes(a: Block, aStart: number, b: Block, bStart: number, length: number): boolean {
  const left = a.view
  const right = b.view
  let i = 0
  for (; i + 4 <= length; i += 4) {
    if (left.getInt32(aStart + i, true) !== right.getInt32(bStart + i, true)) return false
  }
  for (; i < length; i++) if (left.getUint8(aStart + i) !== right.getUint8(bStart + i)) return false
  return true
}

/** A 32-bit hash of bytes, for tables of our own. `seed` keeps peers from choosing collisions. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
  return mix(hash)
}

/** The same of a byte string. */
export function hashText(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/** The same four bytes at a time, over a block: for tables in which the same bytes are looked up all the time. */
export function hashWords({ view }: Block, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start)
  let at = start
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  // The bytes behind the last whole word, without those that follow them.
  if (at < end) hash ^= view.getInt32(at, true) & ((1 << ((end - at) * 8)) - 1)
  return mix(hash)
}

/** Spreads the entropy of a 32-bit value over all its bits. */
export function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d)
  return value ^ (value >>> 16)
}

/** Writes a non-negative integer, which is a safe one, in decimal at `at`; returns where it ends. */
export function writeDecimal(bytes: Uint8Array, at: number, value: number): number {
  if (value < LOW) return writeDigits(bytes, at, value, digitsOf(value))
  const high = Math.floor(value / LOW)
  return writeDigits(bytes, writeDecimal(bytes, at, high), value - high * LOW, LOW_DIGITS)
}

/** 32 bits hold what is below it. */
const LOW = 1_000_000_000
const LOW_DIGITS = 9

function writeDigits(bytes: Uint8Array, at: number, value: number, digits: number): number {
  const end = at + digits
  for (let i = end - 1; i >= at; i--) {
    const rest = (value / 10) | 0
    bytes[i] = 48 + value - rest * 10
    value = rest
  }
  return end
}

/** Decimal digits of a non-negative integer. */
export function digitsOf(value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits++
  return digits
}

/** Writes a byte string; answers where it ends. For short ones a loop is quicker than a call into the runtime. */
export function writeText(to: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) to[at + i] = text.charCodeAt(i)
  return at + text.length
}
