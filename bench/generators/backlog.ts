// How far subscribers are behind what has been published, over two threads: publishers wait for them, as servers close
// a connection for which 64 MiB wait. They would, under many publishers or on a busy machine, whichever server it is.

/** What publishers and subscribers share. */
export interface BacklogMemory {
  /** Bytes that each subscriber is owed in all. */
  readonly owed: readonly number[]
  /** A Float64 for each subscriber: bytes that it has got. */
  readonly received: SharedArrayBuffer
  /** Another Float64: pieces of the only publisher that have come whole, where somebody looks. */
  readonly pieces: SharedArrayBuffer
}

const BACKLOG_MAX = 32 * 1024 * 1024

export class Backlog {
  private readonly owed: readonly number[]
  /** Written by one thread and read by another, without order: an old number does no harm. */
  private readonly bytes: Float64Array
  private readonly pieces: Float64Array

  constructor({ owed, received, pieces }: BacklogMemory) {
    this.owed = owed
    this.bytes = new Float64Array(received)
    this.pieces = new Float64Array(pieces)
  }

  static memory(owed: readonly number[]): BacklogMemory {
    const length = owed.length * Float64Array.BYTES_PER_ELEMENT
    return { owed, received: new SharedArrayBuffer(length), pieces: new SharedArrayBuffer(length) }
  }

  received(subscriber: number, bytes: number): void {
    this.bytes[subscriber] = bytes
  }

  arrived(subscriber: number, pieces: number): void {
    this.pieces[subscriber] = pieces
  }

  /** Whether so many pieces have come to everybody. */
  hasArrived(pieces: number): boolean {
    return this.pieces.every((arrived) => arrived >= pieces)
  }

  /** Whether a subscriber is too far behind; `published` is the share (0 to 1) of all pieces that has been written. */
  isFull(published: number): boolean {
    return this.owed.some((owed, subscriber) => owed * published - this.bytes[subscriber] > BACKLOG_MAX)
  }
}
