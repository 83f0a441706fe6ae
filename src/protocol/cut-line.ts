// The start of an incomplete control line. Added bytes are searched once for the end: a line that arrives byte by byte
// is not read again with each of them.

import { allocateBlock, type Block } from '../memory/block.ts'

const LF = 10

/** Bytes that are to be read: block[start, end). */
interface Span {
  readonly block: Block
  readonly start: number
  readonly end: number
}

export class CutLine {
  length: number
  private bytes: Buffer
  /** Its verb is known, and that arguments follow: nothing but its end, or the limit, can change what it is. */
  private readonly isOpen: boolean

  constructor(block: Block, at: number, end: number, isOpen: boolean) {
    this.bytes = Buffer.from(block.bytes.subarray(at, end))
    this.length = end - at
    this.isOpen = isOpen
  }

  /** Takes in block[start, end), if the line goes on being cut and is not longer than `max`. Returns whether it did. */
  extend(block: Block, start: number, end: number, max: number): boolean {
    const length = this.length + end - start
    if (!this.isOpen || length > max || block.bytes.subarray(start, end).includes(LF)) return false
    if (length > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(max, 2 * length))
      this.bytes.copy(grown, 0, 0, this.length)
      this.bytes = grown
    }
    block.bytes.copy(this.bytes, this.length, start, end)
    this.length = length
    return true
  }

  /** Puts itself in front of block[start, end): there, or in another block if there is no room. */
  before(block: Block, start: number, end: number): Span {
    if (this.length <= start) {
      this.bytes.copy(block.bytes, start - this.length, 0, this.length)
      return { block, start: start - this.length, end }
    }
    // The limit for lines was raised since the caller's block was made.
    const joined = allocateBlock(this.length + end - start)
    this.bytes.copy(joined.bytes, 0, 0, this.length)
    block.bytes.copy(joined.bytes, this.length, start, end)
    return { block: joined, start: 0, end: joined.capacity }
  }
}
