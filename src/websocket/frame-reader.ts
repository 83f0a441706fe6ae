// The reader half of WebSocket: bytes in become pieces of payload, PINGs and a goodbye. It holds no socket.
//
// Every rule of framing is that of the receiver of `ws`. Two of its steps are replaced here, because what it does by
// itself is to collect a message until it is whole, however large, and to allocate several buffers for each frame:
//
//   consume   copies the few bytes of a head, or a control frame's payload, into memory of this file
//   getData   hands on the part of a data frame that is here, without waiting for the rest
//
// So a connection keeps at most one incomplete head or control frame, whatever lengths its frames claim, and into how
// many fragments its messages fall.

import assert from 'node:assert/strict'
import type { Block } from '../memory/block.ts'
import { badCloseText, type FrameFault, frameFault } from './frame-faults.ts'
import { rotateKey } from './unmask.ts'
import { type Done, PERMESSAGE_DEFLATE, Receiver, State } from './ws-parts.ts'

/** Payload of a control frame. */
export const CONTROL_BYTES_MAX = 125
/** … with the head of a frame. */
export const CARRY_MAX = 14 + CONTROL_BYTES_MAX

/** The payload of control frames and the parts of heads, until the next one is read. */
const scratch = Buffer.alloc(CONTROL_BYTES_MAX)
const two = scratch.subarray(0, 2)
const eight = scratch.subarray(0, 8)
/** The mask of the frame at hand, where the receiver takes it off itself. */
const mask = Buffer.alloc(4)

export interface FrameHandler {
  /** Part of a message's payload, masked with `key` (see unmask.ts). */
  frameData(block: Block, start: number, end: number, key: number): void
  /** The same of a compressed message; `last`: it ends here. Answers whether to go on with what comes behind. */
  frameCompressed(block: Block, start: number, end: number, key: number, last: boolean): boolean
  /** `payload` is valid during the call only. */
  framePing(payload: Buffer): void
  /** The peer says goodbye; code 1005 = without a code. `fault`: its text is not one. */
  frameClose(code: number, reason: Buffer, fault: FrameFault | undefined): void
  /** The peer broke the rules; nothing more is read after this call. */
  frameFault(fault: FrameFault): void
}

const CLOSE = 8
const NO_EXTENSIONS = {}
const DEFLATE_EXTENSION = { [PERMESSAGE_DEFLATE]: {} }

export class FrameReader extends Receiver {
  private readonly handler: FrameHandler
  private readonly compression: boolean
  private block: Block | undefined
  /** Everything before it in the block has been consumed. */
  private at = 0
  /** The mask for the next byte of the frame at hand, and those behind it. */
  private key = 0
  /** An incomplete head or control frame, to be put in front of the next bytes. */
  private carry: Buffer | undefined
  private over = false
  /** The handler did not want to go on. */
  private halted = false

  /** `masked`: the peer must mask its frames. `compression`: permessage-deflate was agreed upon. */
  constructor(handler: FrameHandler, masked: boolean, compression: boolean) {
    super({
      isServer: masked,
      skipUTF8Validation: false,
      extensions: compression ? DEFLATE_EXTENSION : NO_EXTENSIONS,
    })
    this.handler = handler
    this.compression = compression
    this.on('ping', (payload) => handler.framePing(payload))
    this.on('conclude', (code, reason) => {
      this.over = true
      handler.frameClose(code, reason, undefined)
    })
  }

  /**
   * Reads block[start, end); the caller leaves CARRY_MAX bytes of room before `start`. Answers where it stopped: at
   * `end`, or before it if the handler did not want to go on; then what is left is to be pushed again.
   */
  push(block: Block, start: number, end: number): number {
    if (this.over) return end
    let at = start
    if (this.carry !== undefined) {
      at -= this.carry.length
      this.carry.copy(block.bytes, at)
      this.carry = undefined
    }
    this.block = block
    this.at = at
    this._bufferedBytes = end - at
    this.halted = false
    this.startLoop(this.onRead)
    this.block = undefined
    if (this.over) return end
    assert(this.at + this._bufferedBytes === end)
    if (this.halted) return this.at
    if (this.at < end) this.carry = Buffer.from(block.bytes.subarray(this.at, end))
    return end
  }

  /** Nothing more is read. */
  stop(): void {
    this.over = true
    this._loop = false
  }

  private readonly onRead: Done = (error) => {
    if (error === undefined || this.over) return
    this.over = true
    if (error.code === 'WS_ERR_INVALID_UTF8') this.handler.frameClose(badCloseText.code, scratch, badCloseText)
    else this.handler.frameFault(frameFault(error, this._opcode, this.compression))
  }

  // ── Steps of the receiver ─────────────────────────────────────────────────────────────────────────────

  override consume(bytes: number): Buffer {
    const from = (this.block as Block).bytes
    const at = this.at
    this.at += bytes
    this._bufferedBytes -= bytes
    if (this._state === State.mask) {
      this.key = from.readInt32LE(at)
      return mask
    }
    const into = bytes === 2 ? two : bytes === 8 ? eight : scratch.subarray(0, bytes)
    for (let i = 0; i < bytes; i++) into[i] = from[at + i]
    return into
  }

  override getData(done: Done): void {
    if (this._opcode >= CLOSE) {
      mask.writeInt32LE(this.key)
      this._mask = mask
      super.getData(done)
      return
    }
    const start = this.at
    const length = Math.min(this._bufferedBytes, this._payloadLength)
    const key = this._masked ? this.key : 0
    this.at += length
    this._bufferedBytes -= length
    this._payloadLength -= length
    const ended = this._payloadLength === 0
    if (ended) {
      this._state = State.info
      this._totalPayloadLength = 0
      if (this._fin) this._fragmented = 0
    } else {
      this.key = rotateKey(key, length)
      this._loop = false
    }
    const block = this.block as Block
    if (!this._compressed) {
      if (length > 0) this.handler.frameData(block, start, this.at, key)
    } else if (!this.handler.frameCompressed(block, start, this.at, key, ended && this._fin)) {
      this._loop = false
      this.halted = true
    }
  }
}
