// The layout of frames (RFC 6455, 5.2).
//
//     FIN RSV1-3 opcode │ MASK length │ length of 16 or 64 bits │ mask, 4 bytes │ payload

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export const FIN = 0x80
/** The message is compressed, says its first frame (RFC 7692). */
export const RSV1 = 0x40
export const RSV2_AND_3 = 0x30
export const OPCODE = 0x0f
export const MASK = 0x80
export const SHORT_LENGTH = 0x7f
/** A length in so many following bytes, instead of here. */
export const LENGTH_16 = 126
export const LENGTH_64 = 127

/** Longest payload of a control frame. */
export const CONTROL_BYTES_MAX = 125
export const HEAD_BYTES_MAX = 14

/** The head of a frame without a mask. */
export function frameHead(length: number, opcode: number, isFinal: boolean, isCompressed: boolean): Buffer {
  const head = Buffer.alloc(length < LENGTH_16 ? 2 : length <= 0xffff ? 4 : 10)
  head[0] = (isFinal ? FIN : 0) | (isCompressed ? RSV1 : 0) | opcode
  if (head.length === 2) head[1] = length
  else if (head.length === 4) {
    head[1] = LENGTH_16
    head.writeUInt16BE(length, 2)
  } else {
    head[1] = LENGTH_64
    head.writeUIntBE(length, 4, 6)
  }
  return head
}
