// A pipe between threads: both ends, over a MessagePort. Bytes are copied once and handed over. How much each side has
// taken stands in shared memory, so that only a side that has to wait is told by a message.
//
//     the client's thread                         the shard's thread
//     PortEnd.write() ──bytes, then `end`──▶ PortFarEnd ──▶ Pipe
//     events.received() ◀──bytes, then `end`── PortFarEnd ◀── Pipe
//            `taken` ──▶  where the shard waits for it

import type { MessagePort } from 'node:worker_threads'
import { type FarEnd, Pipe } from './pipe.ts'
import type { PipeEnd, PipeEvents } from './pipe-end.ts'

/** Places in the shared memory. Both counters wrap at 2³²; less is on its way. */
const PROCESSED = 0
const TAKEN = 1
/** 1: the shard waits until the client has taken what came. */
const AWAITED = 2
const PLACES = 3

/** The shard waits for the client where so much is on its way. */
const UNTAKEN_MAX = 1024 * 1024

type Message = Uint8Array | 'end' | 'taken'

export function createCounters(): SharedArrayBuffer {
  return new SharedArrayBuffer(PLACES * Int32Array.BYTES_PER_ELEMENT)
}

/** Hands a copy over: memory of its own, as a view would take all that it is a view of with it. */
function post(port: MessagePort, bytes: Uint8Array): void {
  const copy = new Uint8Array(bytes)
  port.postMessage(copy, [copy.buffer])
}

/** The client's end. */
export class PortEnd implements PipeEnd {
  readonly isSecure = true
  private readonly port: MessagePort
  private readonly counters: Int32Array
  private readonly events: PipeEvents
  private written = 0
  private isClosing = false
  private isOver = false

  constructor(port: MessagePort, counters: SharedArrayBuffer, events: PipeEvents) {
    this.port = port
    this.counters = new Int32Array(counters)
    this.events = events
    port.on('message', (message: Message) => this.portOnMessage(message))
    // The thread of the shard may have died.
    port.on('close', () => this.end())
  }

  private portOnMessage(message: Message): void {
    if (typeof message === 'string') {
      this.end()
      return
    }
    this.events.received(message)
    Atomics.add(this.counters, TAKEN, message.length)
    // Looked at behind the sum, as the shard looks at the sum behind this: one of the two sees the other.
    if (Atomics.exchange(this.counters, AWAITED, 0) === 1) this.port.postMessage('taken')
  }

  private end(): void {
    if (this.isOver) return
    this.isOver = true
    this.port.close()
    this.events.ended(this.isClosing ? undefined : new Error('the server closed the connection'))
  }

  get bufferedAmount(): number {
    return (this.written - Atomics.load(this.counters, PROCESSED)) | 0
  }

  write(bytes: Uint8Array, taken: () => void): void {
    if (!this.isOver) {
      this.written = (this.written + bytes.length) | 0
      post(this.port, bytes)
    }
    taken()
  }

  defer(callback: () => void): void {
    process.nextTick(callback)
  }

  close(): void {
    this.isClosing = true
    if (!this.isOver) this.port.postMessage('end')
  }

  destroy(): void {
    this.isClosing = true
    // Its close event follows, here and there.
    this.port.close()
  }
}

/** The client's end as the shard sees it. */
class PortFarEnd implements FarEnd {
  private readonly port: MessagePort
  private readonly counters: Int32Array
  private sent = 0
  private waiting: (() => void)[] = []

  constructor(port: MessagePort, counters: SharedArrayBuffer) {
    this.port = port
    this.counters = new Int32Array(counters)
  }

  get untakenBytes(): number {
    const bytes = (this.sent - Atomics.load(this.counters, TAKEN)) | 0
    return bytes > UNTAKEN_MAX ? bytes : 0
  }

  receive(bytes: Uint8Array): void {
    this.sent = (this.sent + bytes.length) | 0
    post(this.port, bytes)
  }

  whenTaken(callback: () => void): void {
    Atomics.store(this.counters, AWAITED, 1)
    if (this.untakenBytes > 0) this.waiting.push(callback)
    else setImmediate(callback)
  }

  /** The client has taken something. */
  relieve(): void {
    for (const callback of this.waiting.splice(0)) this.whenTaken(callback)
  }

  processed(bytes: number): void {
    Atomics.add(this.counters, PROCESSED, bytes)
  }

  ended(): void {
    this.port.postMessage('end')
  }
}

/** The shard's end. */
export function openPipe(
  port: MessagePort,
  counters: SharedArrayBuffer,
  readBuffer: Buffer,
  onRead: (bytes: number) => void,
): Pipe {
  const far = new PortFarEnd(port, counters)
  const pipe = new Pipe(far, readBuffer, onRead)
  port.on('message', (message: Message) => {
    if (message === 'end') pipe.finish()
    else if (message === 'taken') far.relieve()
    else pipe.push(message)
  })
  port.on('close', () => pipe.hangUp())
  pipe.on('close', () => port.close())
  return pipe
}
