// One direction of a WebSocket as operations: the NATS protocol in its frames. Each operation goes on in a frame of its
// own. The handshake is passed on without its offer of compression, so that the frames can be read.

import { type Operation, OperationSplitter, type Splitter } from './operations.ts'

const HEAD_END = '\r\n\r\n'
/** A longer handshake is none. */
const HEAD_MAX = 64 * 1024
const LINE_END = '\r\n'
const EXTENSIONS = 'sec-websocket-extensions:'
const FINAL_BINARY = 0x82
const CONTROL = 8
const MASKED = 0x80
const MASK_BYTES = 4
const NO_BYTES = Buffer.alloc(0)

interface Frame {
  readonly opcode: number
  readonly payload: Buffer
  readonly bytes: Buffer
}

export class WebSocketSplitter implements Splitter {
  private readonly fromClient: boolean
  private readonly inner = new OperationSplitter()
  private waiting: Buffer = NO_BYTES
  private phase: 'handshake' | 'frames' | 'refused' = 'handshake'

  constructor(fromClient: boolean) {
    this.fromClient = fromClient
  }

  split(chunk: Buffer): Operation[] {
    this.waiting = this.waiting.length === 0 ? chunk : Buffer.concat([this.waiting, chunk])
    const operations: Operation[] = []
    if (this.phase === 'handshake') operations.push(...this.handshake())
    if (this.phase === 'refused') return [...operations, ...this.rest()]
    if (this.phase === 'frames') {
      for (let frame = this.next(); frame !== undefined; frame = this.next()) {
        if (frame.opcode >= CONTROL) operations.push(unseen(frame.bytes))
        else operations.push(...this.inner.split(frame.payload).map((operation) => this.framed(operation)))
      }
    }
    return operations
  }

  rest(): Operation[] {
    const left = this.waiting
    this.waiting = NO_BYTES
    const cut = this.inner.rest().map((operation) => this.framed(operation))
    return left.length === 0 ? cut : [...cut, unseen(left)]
  }

  private handshake(): Operation[] {
    const end = this.waiting.indexOf(HEAD_END)
    if (end < 0) {
      if (this.waiting.length > HEAD_MAX) this.phase = 'refused'
      return []
    }
    const head = this.waiting.toString('latin1', 0, end + HEAD_END.length)
    this.waiting = this.waiting.subarray(end + HEAD_END.length)
    this.phase = this.fromClient || head.startsWith('HTTP/1.1 101') ? 'frames' : 'refused'
    return [unseen(Buffer.from(this.fromClient ? withoutExtensions(head) : head, 'latin1'))]
  }

  /** The next frame, if all of it is there. */
  private next(): Frame | undefined {
    const { waiting } = this
    if (waiting.length < 2) return undefined
    const short = waiting[1] & 0x7f
    let at = short === 127 ? 10 : short === 126 ? 4 : 2
    if (waiting.length < at) return undefined
    const size = short === 127 ? Number(waiting.readBigUInt64BE(2)) : short === 126 ? waiting.readUInt16BE(2) : short
    const isMasked = waiting[1] >= MASKED
    const mask = waiting.subarray(at, at + MASK_BYTES)
    if (isMasked) at += MASK_BYTES
    const end = at + size
    if (waiting.length < end) return undefined
    const payload = Buffer.from(waiting.subarray(at, end))
    if (isMasked) for (let i = 0; i < size; i++) payload[i] ^= mask[i % MASK_BYTES]
    this.waiting = waiting.subarray(end)
    return { opcode: waiting[0] & 0x0f, payload, bytes: waiting.subarray(0, end) }
  }

  private framed(operation: Operation): Operation {
    const { length } = operation.bytes
    const short = length < 126 ? length : length < 65536 ? 126 : 127
    const head = Buffer.alloc(short === 127 ? 10 : short === 126 ? 4 : 2)
    head[0] = FINAL_BINARY
    head[1] = short | (this.fromClient ? MASKED : 0)
    if (short === 126) head.writeUInt16BE(length, 2)
    if (short === 127) head.writeBigUInt64BE(BigInt(length), 2)
    // A mask of zeros leaves the bytes as they are.
    const mask = this.fromClient ? [Buffer.alloc(MASK_BYTES)] : []
    return { ...operation, wire: Buffer.concat([head, ...mask, operation.bytes]) }
  }
}

function withoutExtensions(head: string): string {
  const lines = head.split(LINE_END)
  return lines.filter((line) => !line.toLowerCase().startsWith(EXTENSIONS)).join(LINE_END)
}

/** What is no operation: it goes on, and nobody is told. */
function unseen(wire: Buffer): Operation {
  return { verb: '', args: [], payload: NO_BYTES, bytes: NO_BYTES, wire }
}
