// A WebSocket as a Transport: Client, Outbound and ReadGate use it like a socket.
//
//   in    raw read buffer ─▶ FrameReader ─▶ payload without its mask, in the shard's read buffer ─▶ Client.socketOnRead
//   out   slices of a batch, corked ─▶ Framer ─▶ socket
//
// Of the input only an incomplete head or control frame is kept, and a compressed message until it is complete.

import type { Socket } from 'node:net'
import { DEFLATE_SLACK_BYTES, DEFLATE_STRANGER_MAX, INFLATE_TURN_BYTES, PONG_BACKLOG_MAX } from '../base/constants.ts'
import { bugText, CloseReason, type Fault, Faults } from '../base/errors.ts'
import type { Log } from '../log/log.ts'
import { allocateBlock, type Block } from '../memory/block.ts'
import type { Chunk, ChunkPool } from '../memory/chunk-pool.ts'
import type { Transport } from '../net/transport.ts'
import { closeCodeOf } from './close-codes.ts'
import type { Inflater } from './deflate.ts'
import { type FrameFault, FrameFaults } from './frame-faults.ts'
import { type FrameHandler, FrameReader } from './frame-reader.ts'
import { closeFrame, type Framer, pongFrame } from './framer.ts'
import { CONTROL_BYTES_MAX } from './frames.ts'
import { unmaskInto } from './unmask.ts'

/** What all WebSockets of a shard share. */
export interface WebSocketShared {
  readonly log: Pick<Log, 'complaint' | 'error'>
  readonly pool: ChunkPool
  /** Where the parser reads: payload is put at `readStart`, `readBytes` at most. */
  readonly readBlock: Block
  readonly readStart: number
  readonly readBytes: number
  /** Largest payload of a NATS message; no compressed WebSocket message may become larger, as with nats-server. */
  readonly maxPayload: number
  readonly inflater: Inflater
}

/** What was agreed upon of frames. */
export interface FrameFormat {
  /** permessage-deflate. */
  readonly compression: boolean
  /** The peer masks its frames. */
  readonly masked: boolean
  /** Bytes of the largest compressed message that is taken; undefined: maxPayload. */
  readonly messageMax?: number
}

/** The client behind a WebSocket, or the link to another server. */
export interface WebSocketClient {
  readonly closing: boolean
  /** For the log. */
  readonly label: string
  /** It has not sent its credentials yet, and has to. */
  readonly isStranger: boolean
  /** So many bytes of payload are in the shard's read buffer. */
  socketOnRead(bytes: number): void
  /** Does something of the client's for the event loop. */
  attempt(act: () => unknown): void
  close(fault: Fault): void
  /** Closes it when all that came before has been dealt with. */
  closeBehind(fault: Fault): void
}

const NO_STATUS = 1005
const readFault: Fault = Object.freeze({ text: undefined, reason: CloseReason.readError })
const goodbyeFault: Fault = Object.freeze({ text: undefined, reason: CloseReason.clientClosed })

export class WebSocketTransport implements Transport, FrameHandler {
  private readonly shared: WebSocketShared
  private readonly socket: Socket
  private readonly framer: Framer
  private readonly reader: FrameReader
  private readonly givenMax: number | undefined
  private client: WebSocketClient | undefined
  /** Bytes of payload in the shard's read buffer, not told to the client yet. */
  private filled = 0
  /** A compressed message that is not whole yet. */
  private message: Chunk | undefined
  private messageBytes = 0
  /** Bytes inflated in this turn. */
  private inflated = 0
  /** Frames that wait for the next turn. */
  private rest: Block | undefined
  private paused = false
  /** The latest PING of this read: to answer one is enough (RFC 6455, 5.5.3). -1 bytes = there was none. */
  private ping: Buffer | undefined
  private pingBytes = -1
  private corked: Buffer[] | undefined
  /** The close frame to end with, once it is known. */
  private goodbye: Buffer | undefined
  private ended = false

  constructor(shared: WebSocketShared, socket: Socket, format: FrameFormat, framer: Framer) {
    this.shared = shared
    this.socket = socket
    this.framer = framer
    this.reader = new FrameReader(this, format.masked, format.compression)
    this.givenMax = format.messageMax
    socket.on('close', () => this.dropMessage())
  }

  /** The consumer of what arrives; set before the first read. */
  serve(client: WebSocketClient): void {
    this.client = client
  }

  get carrier(): Socket {
    return this.socket
  }

  // ── Input ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Frames, or parts of them, are in block[start, end), with CARRY_MAX bytes of room before them. */
  socketOnRead(block: Block, start: number, end: number): void {
    if (this.ended) return
    this.inflated = 0
    try {
      const at = this.reader.push(block, start, end)
      this.deliver()
      if (this.pingBytes >= 0) this.answerPing()
      if (at < end && !this.client?.closing) this.keepRest(block, at, end)
    } catch (error) {
      // A bug costs this connection, not the shard.
      this.shared.log.error(`${this.client?.label} - ${bugText(error)}`)
      this.client?.close(Faults.internal)
    }
  }

  private keepRest(block: Block, at: number, end: number): void {
    const rest = allocateBlock(end - at)
    block.bytes.copy(rest.bytes, 0, at, end)
    this.rest = rest
    this.socket.pause()
    this.readRestSoon()
  }

  private readRestSoon(): void {
    setImmediate(() => this.client?.attempt(() => this.readRest()))
  }

  private readRest(): void {
    const { rest } = this
    if (rest === undefined || this.paused) return
    this.rest = undefined
    this.socketOnRead(rest, 0, rest.capacity)
    if (this.rest === undefined && !this.paused && !this.socket.destroyed) this.socket.resume()
  }

  private deliver(): void {
    const bytes = this.filled
    this.filled = 0
    if (bytes > 0) this.client?.socketOnRead(bytes)
  }

  frameData(block: Block, start: number, end: number, key: number): void {
    const { readBlock, readStart } = this.shared
    this.makeRoom(end - start)
    unmaskInto(readBlock, readStart + this.filled, block, start, end - start, key)
    this.filled += end - start
  }

  private makeRoom(bytes: number): void {
    if (this.filled + bytes > this.shared.readBytes) this.deliver()
  }

  framePing(payload: Buffer): void {
    this.ping ??= Buffer.alloc(CONTROL_BYTES_MAX)
    this.pingBytes = payload.copy(this.ping)
  }

  private answerPing(): void {
    const payload = this.ping?.subarray(0, this.pingBytes) as Buffer
    this.pingBytes = -1
    if (!this.ended && this.socket.writableLength <= PONG_BACKLOG_MAX)
      this.socket.write(this.framer.sealed(pongFrame(payload)))
  }

  frameClose(code: number, reason: Buffer, fault: FrameFault | undefined): void {
    const text = fault === undefined ? reason : fault.text
    this.goodbye = code === NO_STATUS ? closeFrame(undefined) : closeFrame(code, text)
    this.deliver()
    this.client?.closeBehind(goodbyeFault)
  }

  frameFault(fault: FrameFault): void {
    this.goodbye ??= closeFrame(fault.code, fault.text)
    this.deliver()
    const text = `${this.client?.label} - read error: ${fault.text}`
    this.shared.log.complaint(text, undefined, this.remoteAddress ?? '')
    this.client?.closeBehind(readFault)
  }

  // ── Compressed messages ───────────────────────────────────────────────────────────────────────────────

  frameCompressed(block: Block, start: number, end: number, key: number, last: boolean): boolean {
    const length = end - start
    const bytesMax = this.client?.isStranger ? DEFLATE_STRANGER_MAX : this.messageMax + DEFLATE_SLACK_BYTES
    if (this.messageBytes + length > bytesMax) return this.refuseMessage(Faults.payload)
    if (length > 0) {
      const chunk = this.messageChunk(this.messageBytes + length, bytesMax)
      unmaskInto(chunk.block, this.messageBytes, block, start, length, key)
      this.messageBytes += length
    }
    return !last || this.inflateMessage()
  }

  /** Bytes of the largest message, when it is not compressed. */
  private get messageMax(): number {
    return this.givenMax ?? this.shared.maxPayload
  }

  /** The chunk that collects the message, with room for `bytes`. It doubles: fragments may be of one byte each. */
  private messageChunk(bytes: number, bytesMax: number): Chunk {
    const { message } = this
    if (message !== undefined && message.block.capacity >= bytes) return message
    const chunk = this.shared.pool.acquire(Math.max(bytes, Math.min(2 * this.messageBytes, bytesMax)))
    if (message !== undefined) {
      message.block.bytes.copy(chunk.block.bytes, 0, 0, this.messageBytes)
      message.release()
    }
    this.message = chunk
    return chunk
  }

  private inflateMessage(): boolean {
    const { readBlock, readStart, maxPayload } = this.shared
    const messageMax = this.client?.isStranger ? Math.min(this.messageMax, maxPayload) : this.messageMax
    let total = 0
    const whole = this.shared.inflater.inflate(
      this.message?.block.bytes.subarray(0, this.messageBytes) ?? Buffer.alloc(0),
      (piece) => {
        total += piece.length
        if (total > messageMax || this.client?.closing) return false
        this.makeRoom(piece.length)
        piece.copy(readBlock.bytes, readStart + this.filled)
        this.filled += piece.length
        return true
      },
    )
    this.dropMessage()
    this.inflated += total
    if (total > messageMax) return this.refuseMessage(Faults.payload)
    if (!whole) {
      if (!this.client?.closing) this.frameFault(FrameFaults.badDeflate)
      return false
    }
    return this.inflated < INFLATE_TURN_BYTES
  }

  private refuseMessage(fault: Fault): false {
    this.reader.stop()
    this.dropMessage()
    this.deliver()
    this.client?.close(fault)
    return false
  }

  private dropMessage(): void {
    this.message?.release()
    this.message = undefined
    this.messageBytes = 0
  }

  // ── As a socket ───────────────────────────────────────────────────────────────────────────────────────

  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.socket.remotePort
  }

  get writableLength(): number {
    return this.socket.writableLength
  }

  get destroyed(): boolean {
    return this.socket.destroyed
  }

  on(event: 'error' | 'end' | 'close', listener: (error: Error) => void): void {
    this.socket.on(event, listener)
  }

  cork(): void {
    this.corked = []
  }

  uncork(): void {
    const { corked } = this
    this.corked = undefined
    if (corked !== undefined && corked.length > 0) this.writeFrames(corked)
  }

  /** An empty write is a fence only: it makes no frame. */
  write(bytes: Buffer, callback?: () => void): boolean {
    if (bytes.length === 0) return this.socket.write(bytes, callback)
    if (this.corked === undefined) this.writeFrames([bytes])
    else this.corked.push(bytes)
    return this.socket.writableLength === 0
  }

  private writeFrames(slices: readonly Buffer[]): void {
    const { socket } = this
    const frames = this.framer.frame(slices)
    if (frames.length > 1) socket.cork()
    for (const frame of frames) socket.write(frame)
    if (frames.length > 1) socket.uncork()
  }

  pause(): void {
    this.paused = true
    this.socket.pause()
  }

  resume(): void {
    this.paused = false
    if (this.rest === undefined) this.socket.resume()
    else this.readRestSoon()
  }

  farewell(reason: CloseReason): void {
    this.goodbye ??= closeFrame(closeCodeOf(reason), reason)
  }

  end(): void {
    if (this.ended) return
    this.ended = true
    this.reader.stop()
    this.dropMessage()
    this.rest = undefined
    if (this.goodbye !== undefined) this.socket.write(this.framer.sealed(this.goodbye))
    this.socket.end()
  }

  destroySoon(): void {
    this.socket.destroySoon()
  }

  destroy(): void {
    this.socket.destroy()
  }
}
