// The two parts of `ws` that hold no socket, with the types that its type package leaves out: the reader of frames,
// and what composes the head of a frame. The members named here are not documented, so `ws` is pinned to one version,
// and the tests feed it every kind of frame.

import assert from 'node:assert/strict'
import * as ws from 'ws'

/** Where the reader stands in a frame. Its data is dealt with in DATA. */
export const State = { info: 0, mask: 3, data: 4 } as const

/** Told once what was read: an error, or nothing. */
export type Done = (error?: Error & { code?: string }) => void

/** Reads frames step by step. Each step looks at how many bytes there are and then consumes some. */
export declare class WsReceiver {
  constructor(options: {
    /** Frames must be masked if true, must not be if false. */
    readonly isServer: boolean
    readonly skipUTF8Validation: boolean
    /** Which extensions were agreed upon, by name. */
    readonly extensions: Readonly<Record<string, object>>
  })
  _bufferedBytes: number
  _loop: boolean
  _state: number
  _opcode: number
  _fin: boolean
  _compressed: boolean
  _masked: boolean
  _mask: Buffer | undefined
  _payloadLength: number
  _totalPayloadLength: number
  /** Opcode of the message whose fragments are coming; 0 = none. */
  _fragmented: number
  /** Reads as many frames as there are. */
  startLoop(done: Done): void
  consume(bytes: number): Buffer
  getData(done: Done): void
  on(event: 'ping' | 'pong', listener: (data: Buffer) => void): this
  on(event: 'conclude', listener: (code: number, reason: Buffer) => void): this
}

interface WsSender {
  /** Head and data of a frame. Of the data only the length is looked at unless it is masked. */
  frame(
    data: { readonly length: number },
    options: { readonly opcode: number; readonly fin: boolean; readonly rsv1: boolean; readonly mask: false },
  ): readonly [Buffer, ...unknown[]]
}

interface WsExtension {
  /** The offers in a Sec-WebSocket-Extensions header: for each extension, its parameters. Throws if it is none. */
  parse(header: string): Readonly<Record<string, readonly object[] | undefined>>
}

const parts = ws as unknown as {
  readonly Receiver?: typeof WsReceiver
  readonly Sender?: WsSender
  readonly extension?: WsExtension
}
assert(parts.Receiver && parts.Sender && parts.extension, 'this version of ws keeps its parts elsewhere')

export const { Receiver, Sender, extension } = parts as Required<typeof parts>
export const PERMESSAGE_DEFLATE = 'permessage-deflate'
