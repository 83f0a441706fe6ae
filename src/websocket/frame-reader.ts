// The reader half of WebSocket: bytes in become pieces of payload, PINGs and a close. It holds no socket.
//
// A data frame is passed on as it arrives, without waiting for the rest. So a connection keeps at most one incomplete
// head or control frame, whatever the claimed lengths and the number of fragments.
//
// A head is checked by its first two bytes as soon as they are here; nothing of it is stored before it is complete.

import { isUtf8 } from 'node:buffer'
import type { Block } from '../memory/block.ts'
import { type FrameFault, FrameFaults } from './frame-faults.ts'
import {
  CONTROL_BYTES_MAX,
  FIN,
  HEAD_BYTES_MAX,
  LENGTH_16,
  LENGTH_64,
  MASK,
  OPCODE,
  Opcode,
  RSV1,
  RSV2_AND_3,
  SHORT_LENGTH,
} from './frames.ts'
import { rotateKey } from './unmask.ts'

/** An incomplete head or control frame. */
export const CARRY_MAX = HEAD_BYTES_MAX + CONTROL_BYTES_MAX

export interface FrameHandler {
  /** Part of a message's payload, masked with `key` (see unmask.ts). */
  frameData(block: Block, start: number, end: number, key: number): void
  /** The same of a compressed message; `last`: it ends here. Returns whether to go on with what comes behind. */
  frameCompressed(block: Block, start: number, end: number, key: number, last: boolean): boolean
  /** `payload` is valid during the call only. */
  framePing(payload: Buffer): void
  /** The peer closes; code 1005 = without a code. `fault`: its text is not one. */
  frameClose(code: number, reason: Buffer, fault: FrameFault | undefined): void
  /** The peer broke the rules; nothing more is read after this call. */
  frameFault(fault: FrameFault): void
}

const NO_STATUS = 1005
const INCOMPLETE = -1
/** Of a length of 64 bits: more than this in its upper half is no number that JavaScript has exactly. */
const UPPER_MAX = 2 ** 21 - 1

/** The payload of the control frame at hand, without its mask. */
const control = Buffer.alloc(CONTROL_BYTES_MAX)

export class FrameReader {
  private readonly handler: FrameHandler
  private readonly masked: boolean
  private readonly compression: boolean
  /** An incomplete head or control frame, to be put in front of the next bytes. */
  private carry: Buffer | undefined
  /** Missing payload of the current data frame; 0: a head comes next. */
  private left = 0
  /** The mask for the next byte of it, and those behind; 0: none. */
  private key = 0
  /** It ends its message. */
  private isFinal = false
  /** A message has begun, and what ends it has not. */
  private isInMessage = false
  private isCompressed = false
  /** The head that was read last is of a data frame. */
  private isDataDue = false
  private over = false

  /** `masked`: the peer must mask its frames. `compression`: permessage-deflate was agreed upon. */
  constructor(handler: FrameHandler, masked: boolean, compression: boolean) {
    this.handler = handler
    this.masked = masked
    this.compression = compression
  }

  /**
   * Reads block[start, end); the caller leaves CARRY_MAX bytes of room before `start`. Returns where it stopped: at
   * `end`, or before it if the handler did not want to go on; then what is left is to be pushed again.
   */
  push(block: Block, start: number, end: number): number {
    let at = start
    if (this.carry !== undefined) {
      at -= this.carry.length
      this.carry.copy(block.bytes, at)
      this.carry = undefined
    }
    while (at < end && !this.over) {
      if (this.left > 0) {
        const length = Math.min(this.left, end - at)
        const from = at
        at += length
        if (!this.readData(block, from, length)) break
        continue
      }
      const headEnd = this.readHead(block, at, end)
      if (headEnd === INCOMPLETE) {
        this.carry = Buffer.from(block.bytes.subarray(at, end))
        return end
      }
      at = headEnd
      // A message may end with an empty frame.
      if (this.left === 0 && this.isDataDue && !this.readData(block, at, 0)) break
    }
    return this.over ? end : at
  }

  /** Nothing more is read. */
  stop(): void {
    this.over = true
  }

  /** Takes up a data frame, or deals with a control frame; returns where what follows its head, or it, begins. */
  private readHead(block: Block, at: number, end: number): number {
    const { bytes } = block
    this.isDataDue = false
    if (end - at < 2) return INCOMPLETE
    const first = bytes[at]
    const second = bytes[at + 1]
    const fault = this.faultOf(first, second)
    if (fault !== undefined) return this.fail(fault, end)
    const short = second & SHORT_LENGTH
    const lengthEnd = at + 2 + (short === LENGTH_16 ? 2 : short === LENGTH_64 ? 8 : 0)
    const headEnd = lengthEnd + (this.masked ? 4 : 0)
    if (headEnd > end) return INCOMPLETE
    if (short === LENGTH_64 && bytes.readUInt32BE(at + 2) > UPPER_MAX) return this.fail(FrameFaults.badLength, end)
    const key = this.masked ? bytes.readInt32LE(lengthEnd) : 0
    const opcode = first & OPCODE
    if (opcode >= Opcode.close) {
      if (headEnd + short > end) return INCOMPLETE
      this.readControl(opcode, block, headEnd, short, key)
      return headEnd + short
    }
    this.left =
      short === LENGTH_16
        ? bytes.readUInt16BE(at + 2)
        : short === LENGTH_64
          ? bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6)
          : short
    this.key = key
    this.isFinal = (first & FIN) !== 0
    if (opcode !== Opcode.continuation) this.isCompressed = (first & RSV1) !== 0
    this.isInMessage = !this.isFinal
    this.isDataDue = true
    return headEnd
  }

  /** What is wrong with a head, by its first two bytes. */
  private faultOf(first: number, second: number): FrameFault | undefined {
    const isCompressed = (first & RSV1) !== 0
    if ((first & RSV2_AND_3) !== 0) return FrameFaults.reservedBits
    if (isCompressed && !this.compression) return FrameFaults.notNegotiated
    const isMasked = (second & MASK) !== 0
    if (isMasked !== this.masked) return this.masked ? FrameFaults.maskMissing : FrameFaults.maskSet
    const opcode = first & OPCODE
    switch (opcode) {
      case Opcode.continuation:
        return this.isInMessage && !isCompressed ? undefined : FrameFaults.badContinuation
      case Opcode.text:
      case Opcode.binary:
        return this.isInMessage ? FrameFaults.messageInMessage : undefined
      case Opcode.close:
      case Opcode.ping:
      case Opcode.pong: {
        const length = second & SHORT_LENGTH
        if (length > CONTROL_BYTES_MAX) return FrameFaults.controlTooLong
        if (isCompressed) return FrameFaults.compressedControl
        if ((first & FIN) === 0) return FrameFaults.controlInFragments
        return opcode === Opcode.close && length === 1 ? FrameFaults.closeOfOneByte : undefined
      }
      default:
        return FrameFaults.opcode(opcode)
    }
  }

  /** Hands on the part of a data frame that is here; returns whether to go on. */
  private readData(block: Block, start: number, length: number): boolean {
    const { key } = this
    this.left -= length
    this.key = rotateKey(key, length)
    const end = start + length
    if (this.isCompressed) {
      return this.handler.frameCompressed(block, start, end, key, this.left === 0 && this.isFinal)
    }
    if (length > 0) this.handler.frameData(block, start, end, key)
    return true
  }

  private readControl(opcode: number, block: Block, start: number, length: number, key: number): void {
    if (opcode === Opcode.pong) return
    const payload = control.subarray(0, length)
    let rest = key
    for (let i = 0; i < length; i++) {
      payload[i] = block.bytes[start + i] ^ rest
      rest = rotateKey(rest, 1)
    }
    if (opcode === Opcode.ping) this.handler.framePing(payload)
    else this.readClose(payload)
  }

  private readClose(payload: Buffer): void {
    this.over = true
    if (payload.length === 0) {
      this.handler.frameClose(NO_STATUS, payload, undefined)
      return
    }
    const code = payload.readUInt16BE()
    const reason = payload.subarray(2)
    if (!isCloseCode(code)) this.handler.frameFault(FrameFaults.closeCode(code))
    else if (isUtf8(reason)) this.handler.frameClose(code, reason, undefined)
    else this.handler.frameClose(FrameFaults.badCloseText.code, reason, FrameFaults.badCloseText)
  }

  private fail(fault: FrameFault, end: number): number {
    this.over = true
    this.handler.frameFault(fault)
    return end
  }
}

/** RFC 6455, 7.4: codes for "no code" or "not sent" are invalid here. */
function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)
}
