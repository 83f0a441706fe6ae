// The client's end of a pipe. Its members are those that the client (src/client/transport.ts) expects of what carries
// its bytes. Here is the one for the same thread.

import { type FarEnd, Pipe, type PipePeer } from './pipe.ts'

/** Who gets what comes. */
export interface PipeEvents {
  received(bytes: Uint8Array): void
  /** It is over, once. An error unless it was closed from here. */
  ended(error?: Error): void
}

/** Takes what comes further, and may be slow in that. */
export interface Drain {
  /** Bytes that it has been given and that have not gone on. */
  readonly untakenBytes: number
  /** Calls back when what it has now has gone on. */
  whenTaken(callback: () => void): void
}

const AT_ONCE: Drain = {
  untakenBytes: 0,
  whenTaken: (callback) => {
    setImmediate(callback)
  },
}

export interface PipeEnd {
  /** Bytes do not leave the process. */
  readonly isSecure: true
  /** Bytes that the server has not processed. */
  readonly bufferedAmount: number
  write(bytes: Uint8Array, taken: () => void): void
  defer(callback: () => void): void
  /** Ends it when the server has processed everything. */
  close(): void
  /** Ends it now. */
  destroy(): void
}

export class LocalPipeEnd implements PipeEnd, FarEnd {
  readonly isSecure = true
  private readonly events: PipeEvents
  private readonly drain: Drain
  private pipe: Pipe | undefined
  /** What the client has written and is not processed yet, in bytes, and the functions that say so. */
  private unprocessed = 0
  private readonly writes: { left: number; readonly taken: () => void }[] = []
  private arrived: Uint8Array[] = []
  private isArriving = false
  private isClosing = false
  /** The server has ended: what has arrived is the last. */
  private isOver = false
  private hasToldEnd = false

  constructor(events: PipeEvents, drain = AT_ONCE) {
    this.events = events
    this.drain = drain
  }

  /** Makes the server's end. */
  connect(readBuffer: Buffer, onRead: (bytes: number) => void, peer?: PipePeer): Pipe {
    const pipe = new Pipe(this, readBuffer, onRead, peer)
    this.pipe = pipe
    return pipe
  }

  // ── As the client sees it ─────────────────────────────────────────────────────────────────────────────

  get bufferedAmount(): number {
    return this.unprocessed
  }

  write(bytes: Uint8Array, taken: () => void): void {
    this.unprocessed += bytes.length
    this.writes.push({ left: bytes.length, taken })
    this.pipe?.push(bytes)
  }

  defer(callback: () => void): void {
    process.nextTick(callback)
  }

  close(): void {
    this.isClosing = true
    this.pipe?.finish()
  }

  destroy(): void {
    this.isClosing = true
    this.pipe?.hangUp()
  }

  // ── As the server's end sees it ───────────────────────────────────────────────────────────────────────

  processed(bytes: number): void {
    this.unprocessed -= bytes
    for (let left = bytes; left > 0; ) {
      const [first] = this.writes
      const part = Math.min(left, first.left)
      first.left -= part
      left -= part
      if (first.left > 0) return
      this.writes.shift()
      first.taken()
    }
  }

  receive(bytes: Uint8Array): void {
    this.arrived.push(Buffer.from(bytes))
    this.arriveSoon()
  }

  get untakenBytes(): number {
    return this.drain.untakenBytes
  }

  whenTaken(callback: () => void): void {
    this.drain.whenTaken(callback)
  }

  ended(): void {
    this.isOver = true
    this.arriveSoon()
  }

  /** In the loop's next phase, so that two ends which answer each other leave time for everything else. */
  private arriveSoon(): void {
    if (this.isArriving) return
    this.isArriving = true
    setImmediate(this.arrive)
  }

  private readonly arrive = (): void => {
    this.isArriving = false
    const { arrived } = this
    this.arrived = []
    for (const bytes of arrived) this.events.received(bytes)
    if (!this.isOver || this.hasToldEnd || this.arrived.length > 0) return
    this.hasToldEnd = true
    this.events.ended(this.isClosing ? undefined : new Error('the server closed the connection'))
  }
}
