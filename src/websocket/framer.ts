// The writer half of WebSocket: slices of output become frames. One for all connections of a shard with the same frame
// format.
//
// A batch of slices becomes one message. Receivers of the same messages are flushed one after the other and have the
// same slices to write: the frame composed for the first, compressed if needed, is written to the others unchanged. So
// fan-out costs a WebSocket no more than a socket, and is compressed once.

import { FRAME_BROWSER_MAX, FRAME_COMPRESS_MAX, FRAME_COMPRESS_MIN, FRAME_JOIN_MAX } from '../base/constants.ts'
import type { Deflater } from './deflate.ts'
import { frameHead, Opcode } from './frames.ts'
import { maskFrame } from './mask.ts'

/** How a connection wants its frames. */
export interface FrameStyle {
  readonly name: string
  /** Largest payload of a frame; Infinity = a message is one frame. */
  readonly frameMax: number
  /** Whether a compressed message may fall into several frames. */
  readonly fragments: boolean
  /** So many bytes make a compressed message at most, before they are compressed. */
  readonly messageMax: number
  /** Frames are masked, as those of clients are. */
  readonly masks: boolean
}

const plain = { messageMax: Number.POSITIVE_INFINITY, masks: false }

/** A batch in one frame, or as many as the style wants. Browsers do better with small ones, says nats-server. */
export const WHOLE: FrameStyle = { ...plain, name: 'whole', frameMax: Number.POSITIVE_INFINITY, fragments: false }
export const BROWSER: FrameStyle = { ...plain, name: 'browser', frameMax: FRAME_BROWSER_MAX, fragments: true }
/** Safari does not take fragments of a compressed message. */
export const SAFARI: FrameStyle = { ...plain, name: 'safari', frameMax: FRAME_BROWSER_MAX, fragments: false }
/** To another server. A nats-server closes a link on which a compressed message is larger than its max_payload. */
export const LINK: FrameStyle = { ...WHOLE, name: 'link', messageMax: FRAME_COMPRESS_MAX }
export const MASKED_LINK: FrameStyle = { ...LINK, name: 'masked link', masks: true }

function controlFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([frameHead(payload.length, opcode, true, false), payload])
}

export function pongFrame(payload: Buffer): Buffer {
  return controlFrame(Opcode.pong, payload)
}

/** `code` undefined: a close frame without a body. */
export function closeFrame(code: number | undefined, text: string | Buffer = ''): Buffer {
  if (code === undefined) return controlFrame(Opcode.close, Buffer.alloc(0))
  const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(text)])
  payload.writeUInt16BE(code)
  return controlFrame(Opcode.close, payload)
}

export class Framer {
  private readonly style: FrameStyle
  /** undefined: messages are not compressed. */
  private readonly deflater: Deflater | undefined
  /** The latest batch, the frames that it became, and the same in one piece if it was asked for again. */
  private slices: readonly Buffer[] = []
  private frames: readonly Buffer[] = []
  private joined: readonly Buffer[] | undefined

  constructor(style: FrameStyle, deflater: Deflater | undefined) {
    this.style = style
    this.deflater = deflater
  }

  /** The batch as frames, in pieces to be written one behind the other. Slices, if not empty, never change. */
  frame(slices: readonly Buffer[]): readonly Buffer[] {
    if (this.isLatest(slices)) {
      this.joined ??= [this.frames.length === 1 ? this.frames[0] : Buffer.concat(this.frames)]
      return this.joined
    }
    this.slices = slices
    this.frames = this.style.masks
      ? this.compose(slices).map((pieces) => maskFrame(Buffer.concat(pieces)))
      : this.compose(slices).flat()
    this.joined = undefined
    return this.frames
  }

  /** The same slices, that is, the very same views: a chunk makes new ones when it is used again. */
  private isLatest(slices: readonly Buffer[]): boolean {
    const latest = this.slices
    if (slices.length !== latest.length) return false
    for (let i = 0; i < slices.length; i++) if (slices[i] !== latest[i]) return false
    return true
  }

  /** A frame that is whole, as this side sends it. */
  sealed(frame: Buffer): Buffer {
    return this.style.masks ? maskFrame(frame) : frame
  }

  /** Frames in pieces. */
  private compose(slices: readonly Buffer[]): readonly (readonly Buffer[])[] {
    let length = 0
    for (const slice of slices) length += slice.length
    const { frameMax, messageMax } = this.style
    if (this.deflater !== undefined && length > FRAME_COMPRESS_MIN) {
      if (length > messageMax) return partsOf(slices, messageMax).flatMap((part) => this.compose([part]))
      const message = this.deflater.deflate(slices)
      return this.style.fragments && message.length > frameMax
        ? [[inFrames([message], message.length, frameMax, true)]]
        : [[frameHead(message.length, Opcode.binary, true, true), message]]
    }
    if (length > frameMax) return [[inFrames(slices, length, frameMax, false)]]
    const pieces = [frameHead(length, Opcode.binary, true, false), ...slices]
    // A small batch in one piece costs less than a write of several.
    return [length <= FRAME_JOIN_MAX ? [Buffer.concat(pieces)] : pieces]
  }
}

function partsOf(slices: readonly Buffer[], most: number): Buffer[] {
  const all = slices.length === 1 ? slices[0] : Buffer.concat(slices)
  return Array.from({ length: Math.ceil(all.length / most) }, (_, i) => all.subarray(i * most, (i + 1) * most))
}

/** Slices in frames of at most `frameMax` bytes: fragments of one compressed message, or else a message each. */
function inFrames(slices: readonly Buffer[], length: number, frameMax: number, compressed: boolean): Buffer {
  const payload = slices.length === 1 ? slices[0] : Buffer.concat(slices)
  const pieces: Buffer[] = []
  for (let at = 0; at < length; at += frameMax) {
    const end = Math.min(at + frameMax, length)
    const opcode = compressed && at > 0 ? Opcode.continuation : Opcode.binary
    pieces.push(frameHead(end - at, opcode, !compressed || end === length, compressed && at === 0))
    pieces.push(payload.subarray(at, end))
  }
  return Buffer.concat(pieces)
}
