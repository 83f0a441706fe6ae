// WebSocket as a load generator speaks it: as little of it as servers accept, and as little work as it can be.

import { randomBytes } from 'node:crypto'

export const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: bench',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  '\r\n',
].join('\r\n')

const HEAD_BYTES_MAX = 10
const BINARY = 0x82
const MASKED = 0x80

/** Bytes of a frame's head for a length that is written in its second byte as `short`. */
function headBytes(short: number): number {
  return short < 126 ? 2 : short === 126 ? 4 : HEAD_BYTES_MAX
}

/** One masked frame. */
export function frame(payload: Buffer): Buffer {
  const { length } = payload
  const short = length < 126 ? length : length < 65_536 ? 126 : 127
  const head = headBytes(short)
  const mask = randomBytes(4)
  const bytes = Buffer.alloc(head + mask.length + length)
  bytes[0] = BINARY
  bytes[1] = MASKED | short
  if (short === 126) bytes.writeUInt16BE(length, 2)
  if (short === 127) bytes.writeBigUInt64BE(BigInt(length), 2)
  mask.copy(bytes, head)
  const start = head + mask.length
  for (let i = 0; i < length; i++) bytes[start + i] = payload[i] ^ mask[i & 3]
  return bytes
}

/** Takes the heads of frames out of what a server sends, wherever reads cut it. */
export class Unframer {
  /** Whether the answer to UPGRADE has come. */
  isOpen = false
  private answer = ''
  /** Payload of the frame at hand that is still to come. */
  private left = 0
  private readonly head = Buffer.alloc(HEAD_BYTES_MAX)
  private headRead = 0

  /** Calls `take` with each piece of payload. Throws when the server does not speak WebSocket. */
  read(bytes: Buffer, take: (payload: Buffer) => void): void {
    let at = this.isOpen ? 0 : this.readAnswer(bytes)
    while (at < bytes.length) {
      if (this.left > 0) {
        const end = Math.min(bytes.length, at + this.left)
        this.left -= end - at
        take(bytes.subarray(at, end))
        at = end
        continue
      }
      const { head } = this
      head[this.headRead++] = bytes[at++]
      const short = head[1]
      if (this.headRead < 2 || this.headRead < headBytes(short)) continue
      this.left = short < 126 ? short : short === 126 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2))
      this.headRead = 0
    }
  }

  /** Returns where the frames begin. */
  private readAnswer(bytes: Buffer): number {
    const before = this.answer.length
    this.answer += bytes.toString('latin1')
    const end = this.answer.indexOf('\r\n\r\n')
    if (end < 0) return bytes.length
    if (!this.answer.startsWith('HTTP/1.1 101 ')) throw new Error(this.answer)
    this.isOpen = true
    return end + 4 - before
  }
}
