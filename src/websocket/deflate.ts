// Compression of messages (RFC 7692) for all connections of a shard, without context takeover: messages are
// independent, so one compressor and one decompressor serve all connections, one message after the other.
//
// Both work on the calling thread. A message is a few kilobytes and takes 1 to 60 µs; a thread pool would only add to
// that.

import assert from 'node:assert/strict'
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'
import { ZlibState } from '../base/node-private.ts'

/** Output is taken in pieces of this size. */
const PIECE_BYTES = 32 * 1024
/** What a sender leaves out at the end of each message. */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff])

/** One direction, message by message. */
class Zlib {
  private readonly state: ZlibState
  private readonly output = Buffer.allocUnsafeSlow(PIECE_BYTES)

  constructor(stream: object) {
    this.state = new ZlibState(stream)
  }

  /**
   * Puts input in; `take` is given what comes out, valid during the call only, and answers whether to go on. Returns
   * whether all went well.
   */
  write(input: Buffer, flush: number, take: (piece: Buffer) => boolean): boolean {
    let at = 0
    for (;;) {
      const done = this.state.step(flush, input, at, this.output)
      if (done === undefined) return false
      const { room, left } = done
      at = input.length - left
      if (room < PIECE_BYTES && !take(this.output.subarray(0, PIECE_BYTES - room))) return false
      // With room left everything has come out; the rest of the input is then behind its end.
      if (room > 0) return true
    }
  }

  reset(): void {
    this.state.reset()
  }
}

export class Inflater {
  private readonly zlib = new Zlib(createInflateRaw())

  /**
   * Inflates one message. `take` is given its pieces, valid during the call only, and answers whether to go on. Returns
   * false if the data is damaged or `take` has had enough.
   */
  inflate(message: Buffer, take: (piece: Buffer) => boolean): boolean {
    const { zlib } = this
    const done = zlib.write(message, constants.Z_SYNC_FLUSH, take) && zlib.write(TAIL, constants.Z_SYNC_FLUSH, take)
    zlib.reset()
    return done
  }
}

export class Deflater {
  /** As fast as it gets, like nats-server. */
  private readonly zlib = new Zlib(createDeflateRaw({ level: constants.Z_BEST_SPEED }))

  /** One compressed message of all slices. */
  deflate(slices: readonly Buffer[]): Buffer {
    const pieces: Buffer[] = []
    const take = (piece: Buffer): boolean => pieces.push(Buffer.from(piece)) > 0
    let good = true
    for (const [i, slice] of slices.entries()) {
      const flush = i === slices.length - 1 ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH
      good &&= this.zlib.write(slice, flush, take)
    }
    this.zlib.reset()
    assert(good, 'zlib refused to compress')
    const whole = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
    return whole.subarray(0, whole.length - TAIL.length)
  }
}
