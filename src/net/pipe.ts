// A connection within the process, without a socket: the server's end of it, a Transport like any other.
//
//     client ──push()──▶ waiting ──▶ the shard's read buffer ──▶ Client.socketOnRead
//     client ◀─FarEnd.receive()── copies ◀── write()
//
// Nothing is handed on during the call that brought it: what one side does never runs inside what the other does.

import type { Transport } from './transport.ts'

/** The client's end. */
export interface FarEnd {
  /** Bytes that came and were not taken yet, where they count. */
  readonly untakenBytes: number
  /** Bytes for the client, which gets a copy. */
  receive(bytes: Uint8Array): void
  /** Calls back when the client has taken what came before. */
  whenTaken(callback: () => void): void
  /** So many bytes of the client's have been processed. */
  processed(bytes: number): void
  /** Nothing comes any more. */
  ended(): void
}

/** Where the client is. */
export interface PipePeer {
  readonly address: string
  readonly port: number
}

/** In the process itself: what is said where an address is expected. */
const HERE: PipePeer = { address: 'pipe', port: 0 }

export class Pipe implements Transport {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly isLocal = true
  destroyed = false
  closed = false
  private readonly far: FarEnd
  private readonly readBuffer: Buffer
  private readonly onRead: (bytes: number) => void
  /** What the client has sent; of the first, `offset` bytes have been read. */
  private waiting: Uint8Array[] = []
  private offset = 0
  private isReading = false
  private paused = true
  /** The client sends no more. */
  private hasEnded = false
  private hasToldEnd = false
  private isEnding = false
  private corked: Buffer[] | undefined
  private readonly endListeners: (() => void)[] = []
  private readonly closeListeners: (() => void)[] = []

  /** Reads into `readBuffer` and calls `onRead` with the number of bytes each time. */
  constructor(far: FarEnd, readBuffer: Buffer, onRead: (bytes: number) => void, peer: PipePeer = HERE) {
    this.far = far
    this.remoteAddress = peer.address
    this.remotePort = peer.port
    this.readBuffer = readBuffer
    this.onRead = onRead
  }

  // ── From the client ───────────────────────────────────────────────────────────────────────────────────

  /** Bytes came, which are this end's until they are processed. */
  push(bytes: Uint8Array): void {
    if (this.destroyed || this.isEnding) return
    this.waiting.push(bytes)
    this.readSoon()
  }

  /** No more will come. */
  finish(): void {
    this.hasEnded = true
    this.readSoon()
  }

  /** The client is gone. */
  hangUp(): void {
    this.waiting = []
    this.destroy()
  }

  private readSoon(): void {
    if (this.isReading || this.paused) return
    this.isReading = true
    process.nextTick(this.read)
  }

  private readonly read = (): void => {
    this.isReading = false
    while (this.waiting.length > 0 && !this.paused && !this.destroyed) {
      const bytes = this.fill()
      this.far.processed(bytes)
      this.onRead(bytes)
    }
    if (this.waiting.length > 0 || !this.hasEnded || this.hasToldEnd || this.paused || this.destroyed) return
    this.hasToldEnd = true
    for (const listener of this.endListeners) listener()
  }

  /** Moves as much as there is room for into the read buffer; returns how much. */
  private fill(): number {
    const { readBuffer } = this
    const [first] = this.waiting
    const length = Math.min(first.length - this.offset, readBuffer.length)
    readBuffer.set(first.subarray(this.offset, this.offset + length))
    this.offset += length
    if (this.offset === first.length) {
      this.waiting.shift()
      this.offset = 0
    }
    return length
  }

  // ── As a socket ───────────────────────────────────────────────────────────────────────────────────────

  get writableLength(): number {
    return this.far.untakenBytes
  }

  /** There are no errors: it is closed, or not. */
  on(event: 'error' | 'end' | 'close', listener: (error: NodeJS.ErrnoException) => void): void {
    const act = listener as () => void
    if (event === 'end') this.endListeners.push(act)
    else if (event === 'close') this.closeListeners.push(act)
  }

  cork(): void {
    this.corked = []
  }

  uncork(): void {
    const { corked } = this
    this.corked = undefined
    if (corked !== undefined && corked.length > 0 && !this.destroyed) this.far.receive(Buffer.concat(corked))
  }

  /** Bytes are the caller's again when this returns, or at uncork(). */
  write(bytes: Buffer, callback?: () => void): boolean {
    if (bytes.length > 0 && !this.destroyed) {
      if (this.corked === undefined) this.far.receive(bytes)
      else this.corked.push(bytes)
    }
    if (callback !== undefined) this.far.whenTaken(callback)
    return this.writableLength === 0
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    if (this.waiting.length > 0 || this.hasEnded) this.readSoon()
  }

  end(): void {
    if (this.isEnding) return
    this.isEnding = true
    this.far.ended()
    // As with a socket: it is closed when both sides have ended.
    setImmediate(() => this.destroy())
  }

  destroySoon(): void {
    this.end()
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    if (!this.isEnding) this.far.ended()
    this.isEnding = true
    this.waiting = []
    setImmediate(() => {
      this.closed = true
      for (const listener of this.closeListeners) listener()
    })
  }
}
