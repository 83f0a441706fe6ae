// The head of a request, in any number of pieces: each byte is read once, and its memory is bounded.

import { HANDSHAKE_BYTES_MAX } from '../base/constants.ts'

const LF = 10
const CR = 13
const FIRST_BYTES = 1024
/** The longest head, and the lines' ends behind it. */
const BYTES_MAX = HANDSHAKE_BYTES_MAX + '\r\n\r\n'.length

export interface Head {
  /** A byte string, without the empty line that ends it. */
  readonly text: string
  /** Bytes that came behind it. */
  readonly rest: number
}

export class HeadCollector {
  private bytes = Buffer.allocUnsafe(FIRST_BYTES)
  private length = 0
  /** Where the line begins whose end has not come. */
  private lineStart = 0

  /** More of it has come; `bytes` is valid during the call only. Returns the head, once it is whole. */
  take(bytes: Uint8Array): Head | 'incomplete' | 'tooLarge' {
    let at = this.length
    const taken = Math.min(bytes.length, BYTES_MAX - at)
    this.makeRoom(at + taken)
    this.bytes.set(taken < bytes.length ? bytes.subarray(0, taken) : bytes, at)
    this.length += taken
    for (; at < this.length; at++) {
      if (this.bytes[at] !== LF) continue
      const start = this.lineStart
      const isEmpty = at === start || (at === start + 1 && this.bytes[start] === CR)
      if (isEmpty && start > 0) return this.endAt(this.length - at - 1 + bytes.length - taken)
      this.lineStart = at + 1
    }
    return this.length === BYTES_MAX ? 'tooLarge' : 'incomplete'
  }

  /** So many bytes of the latest piece are behind the empty line. */
  private endAt(rest: number): Head | 'tooLarge' {
    const lf = this.lineStart - 1
    const length = lf > 0 && this.bytes[lf - 1] === CR ? lf - 1 : lf
    if (length > HANDSHAKE_BYTES_MAX) return 'tooLarge'
    return { text: this.bytes.toString('latin1', 0, length), rest }
  }

  private makeRoom(length: number): void {
    if (length <= this.bytes.length) return
    const grown = Buffer.allocUnsafe(Math.min(BYTES_MAX, Math.max(length, this.bytes.length * 2)))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }
}
