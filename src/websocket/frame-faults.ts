// What is wrong with a frame, in the words of nats-server, and the close code that says so (reference 14). It closes
// such connections so fast that its peers seldom get to read the words; ours always do.

/** Why the reader of frames stopped. */
export interface FrameFault {
  /** Close code of RFC 6455, 7.4.1. */
  readonly code: number
  readonly text: string
}

const PROTOCOL_ERROR = 1002
const INVALID_DATA = 1007

/** By the code of the error that `ws` answers. */
const TEXTS = new Map([
  ['WS_ERR_UNEXPECTED_RSV_2_3', 'RSV2 and RSV3 must be clear'],
  ['WS_ERR_EXPECTED_FIN', 'control frame does not have final bit set'],
  ['WS_ERR_EXPECTED_MASK', 'mask bit missing'],
  ['WS_ERR_UNEXPECTED_MASK', 'mask bit set'],
  ['WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH', 'invalid 64-bit payload length'],
])

export const badDeflate: FrameFault = { code: INVALID_DATA, text: 'invalid compressed data' }
/** Not a fault of framing for nats-server: it answers, and the connection ends as its client wished. */
export const badCloseText: FrameFault = { code: INVALID_DATA, text: 'invalid utf8 body in close frame' }

/** `error` is what `ws` found; `opcode` that of the frame; `compression`: it was agreed upon. */
export function frameFault(error: Error & { code?: string }, opcode: number, compression: boolean): FrameFault {
  return { code: PROTOCOL_ERROR, text: textOf(error, opcode, compression) }
}

function textOf({ code = '', message }: Error & { code?: string }, opcode: number, compression: boolean): string {
  const number = message.slice(message.lastIndexOf(' ') + 1)
  switch (code) {
    case 'WS_ERR_UNEXPECTED_RSV_1':
      if (!compression) return 'compressed frame received without negotiated permessage-deflate'
      return opcode > 7 ? 'control frame must not be compressed' : 'invalid continuation frame'
    case 'WS_ERR_INVALID_OPCODE':
      if (number === '0') return 'invalid continuation frame'
      return number === '1' || number === '2'
        ? 'new message started before final frame for previous message was received'
        : `unknown opcode ${number}`
    case 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH':
      return number === '1'
        ? 'close frame payload cannot be 1 byte'
        : 'control frame length bigger than maximum allowed of 125 bytes'
    case 'WS_ERR_INVALID_CLOSE_CODE':
      return `invalid close status code ${number}`
    default:
      return TEXTS.get(code) ?? message
  }
}
