// Cuts what a server sends into whole frames: a control line, or a message with its payload.

/** One line of the server, without its CRLF; for MSG and HMSG with what follows. */
export interface ServerFrame {
  readonly line: string
  /** Header and payload bytes; empty for other lines. */
  readonly body: Buffer
  /** All bytes of the frame as they came. */
  readonly raw: Buffer
}

export interface Message {
  readonly subject: string
  readonly sid: string
  /** Empty if there is none. */
  readonly reply: string
  /** Header bytes; empty for MSG. */
  readonly header: Buffer
  readonly payload: Buffer
}

const EMPTY = Buffer.alloc(0)
const LF = 10

export class FrameReader {
  private readonly onFrame: (frame: ServerFrame) => void
  private parts: Buffer[] = []
  private partsBytes = 0
  /** Nothing can be cut off before this many bytes are here. */
  private needed = 1

  constructor(onFrame: (frame: ServerFrame) => void) {
    this.onFrame = onFrame
  }

  /** What has come of a frame that is not whole. */
  get rest(): Buffer {
    return Buffer.concat(this.parts)
  }

  push(chunk: Buffer): void {
    this.parts.push(chunk)
    this.partsBytes += chunk.length
    if (this.partsBytes < this.needed) return
    const bytes = this.parts.length === 1 ? chunk : Buffer.concat(this.parts)
    let at = 0
    let needed = 0
    while (at < bytes.length) {
      const lf = bytes.indexOf(LF, at)
      if (lf < 0) {
        needed = bytes.length - at + 1
        break
      }
      const line = bytes.toString('latin1', at, bytes[lf - 1] === 13 ? lf - 1 : lf)
      let next = lf + 1
      let body: Buffer = EMPTY
      if (line.startsWith('MSG ') || line.startsWith('HMSG ')) {
        const size = Number(line.slice(line.lastIndexOf(' ') + 1))
        next = lf + 1 + size + 2
        if (next > bytes.length) {
          needed = next - at
          break
        }
        body = bytes.subarray(lf + 1, lf + 1 + size)
      }
      const raw = bytes.subarray(at, next)
      at = next
      this.onFrame({ line, body, raw })
    }
    this.parts = at === bytes.length ? [] : [bytes.subarray(at)]
    this.partsBytes = bytes.length - at
    this.needed = Math.max(1, needed)
  }
}

/** The message in a MSG or HMSG frame; undefined for other frames. Texts are byte strings. */
export function messageOf({ line, body }: ServerFrame): Message | undefined {
  if (line.startsWith('MSG ')) {
    const words = line.split(' ')
    return { subject: words[1], sid: words[2], reply: words.length > 4 ? words[3] : '', header: EMPTY, payload: body }
  }
  if (line.startsWith('HMSG ')) {
    const words = line.split(' ')
    const headerBytes = Number(words[words.length - 2])
    return {
      subject: words[1],
      sid: words[2],
      reply: words.length > 5 ? words[3] : '',
      header: body.subarray(0, headerBytes),
      payload: body.subarray(headerBytes),
    }
  }
  return undefined
}
