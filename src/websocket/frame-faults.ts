// Faults of frames, with nats-server's texts, and their close codes (docs/reference/websocket.md, "Frames").
// nats-server closes such connections so fast that its peers seldom receive the text; with Heddle they always do.

/** Why the reader of frames stopped. */
export interface FrameFault {
  /** Close code of RFC 6455, 7.4.1. */
  readonly code: number
  readonly text: string
}

const PROTOCOL_ERROR = 1002
const INVALID_DATA = 1007

const broken = (text: string): FrameFault => Object.freeze({ code: PROTOCOL_ERROR, text })

export const FrameFaults = {
  reservedBits: broken('RSV2 and RSV3 must be clear'),
  notNegotiated: broken('compressed frame received without negotiated permessage-deflate'),
  compressedControl: broken('control frame must not be compressed'),
  controlInFragments: broken('control frame does not have final bit set'),
  controlTooLong: broken('control frame length bigger than maximum allowed of 125 bytes'),
  closeOfOneByte: broken('close frame payload cannot be 1 byte'),
  badContinuation: broken('invalid continuation frame'),
  messageInMessage: broken('new message started before final frame for previous message was received'),
  maskMissing: broken('mask bit missing'),
  maskSet: broken('mask bit set'),
  badLength: broken('invalid 64-bit payload length'),
  opcode: (opcode: number) => broken(`unknown opcode ${opcode}`),
  closeCode: (code: number) => broken(`invalid close status code ${code}`),
  badDeflate: Object.freeze({ code: INVALID_DATA, text: 'invalid compressed data' }),
  /** Not a fault of framing for nats-server: it answers, and the connection ends as its client wished. */
  badCloseText: Object.freeze({ code: INVALID_DATA, text: 'invalid utf8 body in close frame' }),
} as const
