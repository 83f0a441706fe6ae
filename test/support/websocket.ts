// WebSocket clients for tests, down to single bits of a frame; with their own few lines of framing, so that the
// server's are held against something else.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { RawClient } from './raw-client.ts'
import { until, within } from './until.ts'

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface FrameOptions {
  readonly fin?: boolean
  /** RSV1 to RSV3 as they stand in the first byte: 0x40 = compressed. */
  readonly rsv?: number
  readonly masked?: boolean
  /** What the head says, if it is not the truth. */
  readonly length?: bigint
}

/** A client's frame. */
export function frame(opcode: number, payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, masked = true } = options
  const data = Buffer.from(payload)
  const claimed = options.length ?? BigInt(data.length)
  const extended = claimed < 126n ? 0 : claimed < 65536n ? 2 : 8
  const head = Buffer.alloc(2 + extended)
  head[0] = (fin ? 0x80 : 0) | rsv | opcode
  head[1] = (masked ? 0x80 : 0) | (extended === 0 ? Number(claimed) : extended === 2 ? 126 : 127)
  if (extended === 2) head.writeUInt16BE(Number(claimed), 2)
  if (extended === 8) head.writeBigUInt64BE(claimed, 2)
  if (!masked) return Buffer.concat([head, data])
  const mask = Buffer.from([0x5a, 0x01, 0xff, 0x80])
  for (let i = 0; i < data.length; i++) data[i] ^= mask[i & 3]
  return Buffer.concat([head, mask, data])
}

/** A message in a frame of its own, compressed. */
export function compressedFrame(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  return frame(Opcode.binary, compressed(payload), { rsv: 0x40, ...options })
}

export function compressed(payload: string | Buffer): Buffer {
  const bytes = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH })
  return bytes.subarray(0, bytes.length - 4)
}

export interface ReceivedFrame {
  readonly opcode: number
  readonly fin: boolean
  readonly rsv: number
  readonly payload: Buffer
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

export const REQUEST_HEADERS: Readonly<Record<string, string>> = {
  Host: 'localhost:80',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': KEY,
  'Sec-WebSocket-Version': '13',
}

/** A request's text; a header that is undefined is left out. */
export function request(headers: Readonly<Record<string, string | undefined>> = {}, line = 'GET / HTTP/1.1'): string {
  const all = Object.entries({ ...REQUEST_HEADERS, ...headers })
  const lines = all.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
  return `${[line, ...lines].join('\r\n')}\r\n\r\n`
}

export const DEFLATE = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }

/** A connection that speaks frames. */
export class RawWebSocket {
  readonly socket: Socket
  /** Status line and headers of the answer to the handshake. */
  response = ''
  /** All frames so far that nobody has taken. */
  readonly frames: ReceivedFrame[] = []
  /** Sees each frame as it comes, instead of `frames`. */
  onFrame: ((frame: ReceivedFrame) => void) | undefined
  /** FIN or reset came. */
  closed = false
  private bytes: Buffer = Buffer.alloc(0)
  private text = ''
  /** A message that came in fragments. */
  private fragments: Buffer[] = []
  private fragmentsCompressed = false

  private constructor(socket: Socket) {
    this.socket = socket
    const end = (): void => {
      this.closed = true
    }
    socket.on('end', end).on('close', end).on('error', end)
  }

  /** Connects and does the handshake; the test that calls this closes it. */
  static async open(port: number, headers: Readonly<Record<string, string | undefined>> = {}): Promise<RawWebSocket> {
    const client = await RawWebSocket.dial(port)
    client.socket.write(request(headers))
    await until('the answer to the handshake', () => {
      if (client.response !== '') return true
      if (client.closed) throw new Error(`closed instead of an answer: ${client.rest}`)
      return false
    })
    return client
  }

  /** Connects and says nothing. */
  static async dial(port: number): Promise<RawWebSocket> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await within('a connection', once(socket, 'connect'))
    const client = new RawWebSocket(socket)
    socket.on('data', (chunk: Buffer) => client.read(chunk))
    try {
      onTestFinished(() => void socket.destroy())
    } catch {
      // Not within a test: whoever called closes it.
    }
    return client
  }

  /** Everything that has come and is no frame: the answer of a handshake that failed. */
  get rest(): string {
    return this.bytes.toString('latin1')
  }

  private read(chunk: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, chunk])
    if (this.response === '') {
      const end = this.bytes.indexOf('\r\n\r\n')
      if (end < 0 || !this.bytes.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) return
      this.response = this.bytes.toString('latin1', 0, end)
      this.bytes = this.bytes.subarray(end + 4)
    }
    for (;;) {
      const { bytes } = this
      if (bytes.length < 2) return
      const short = bytes[1] & 0x7f
      const at = short < 126 ? 2 : short === 126 ? 4 : 10
      if (bytes.length < at) return
      const length = at === 2 ? short : at === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
      if (bytes[1] & 0x80) throw new Error('the server masks its frames')
      if (bytes.length < at + length) return
      const payload = bytes.subarray(at, at + length)
      this.bytes = bytes.subarray(at + length)
      this.take({ opcode: bytes[0] & 15, fin: bytes[0] > 127, rsv: bytes[0] & 0x70, payload })
    }
  }

  private take(received: ReceivedFrame): void {
    const { opcode, fin, rsv, payload } = received
    if (this.onFrame === undefined) this.frames.push(received)
    else this.onFrame(received)
    if (opcode >= Opcode.close) return
    if (opcode !== Opcode.continuation) this.fragmentsCompressed = (rsv & 0x40) !== 0
    this.fragments.push(payload)
    if (!fin) return
    const whole = Buffer.concat(this.fragments)
    this.fragments = []
    const message = this.fragmentsCompressed
      ? inflateRawSync(Buffer.concat([whole, Buffer.from([0, 0, 255, 255])]), {
          finishFlush: constants.Z_SYNC_FLUSH,
        })
      : whole
    this.onMessage(message)
  }

  /** Sees each message, whole and inflated. */
  onMessage: (message: Buffer) => void = (message) => {
    this.text += message.toString('latin1')
  }

  /** Sends NATS operations in one frame. */
  say(text: string): void {
    this.socket.write(frame(Opcode.binary, text))
  }

  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes))
  }

  /** Waits until the messages together match, and takes what does. */
  expectText(expression: RegExp): Promise<RegExpExecArray> {
    return until(`a match of ${expression}`, () => {
      const match = expression.exec(this.text)
      if (match === null) {
        if (this.closed) throw new Error(`closed without ${expression}: ${JSON.stringify(this.text)}`)
        return undefined
      }
      this.text = this.text.slice(match.index + match[0].length)
      return match
    })
  }

  /** Waits until a frame with this opcode has come, and takes it and what came before. */
  async expectFrame(opcode: number): Promise<ReceivedFrame> {
    const index = await until(`a frame with opcode ${opcode}`, () => {
      const found = this.frames.findIndex((received) => received.opcode === opcode)
      return found < 0 ? undefined : found + 1
    })
    return this.frames.splice(0, index)[index - 1]
  }

  /** Waits until the server closes; answers its close frame as `code text`. */
  async expectGoodbye(): Promise<string> {
    await until('the close', () => this.closed)
    const last = this.frames.findLast(({ opcode }) => opcode === Opcode.close)
    if (last === undefined) return 'none'
    const { payload } = last
    return payload.length < 2 ? 'empty' : `${payload.readUInt16BE(0)} ${payload.toString('utf8', 2)}`.trim()
  }

  async readInfo(): Promise<Record<string, unknown>> {
    const [, json] = await this.expectText(/^INFO (\{[^\r]*\}) \r\n/)
    return JSON.parse(json) as Record<string, unknown>
  }
}

/** A WebSocket as a stream of what is said in it; the goodbye is its end. */
class MessageStream extends Duplex {
  private readonly webSocket: RawWebSocket
  private readonly compressing: boolean

  constructor(webSocket: RawWebSocket, compressing: boolean) {
    super({ allowHalfOpen: true })
    this.webSocket = webSocket
    this.compressing = compressing
    webSocket.onMessage = (message) => void this.push(message)
    webSocket.onFrame = () => undefined
    webSocket.socket.on('end', () => this.push(null))
    webSocket.socket.on('close', () => this.destroy())
    webSocket.socket.on('error', (error) => this.destroy(error))
  }

  override _read(): void {}

  override pause(): this {
    this.webSocket.socket.pause()
    return super.pause()
  }

  override resume(): this {
    this.webSocket.socket.resume()
    return super.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const bytes = this.compressing ? compressedFrame(chunk) : frame(Opcode.binary, chunk)
    this.webSocket.socket.write(bytes, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.webSocket.socket.end(frame(Opcode.close, Buffer.from([3, 232])), () => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.webSocket.socket.destroy()
    done(error)
  }
}

/** A raw client whose bytes travel in frames. */
export async function rawClientOverWebSocket(port: number, compression = false): Promise<RawClient> {
  const webSocket = await RawWebSocket.open(port, compression ? DEFLATE : {})
  // INFO may have come with the handshake's answer: it is still to be told.
  const early = webSocket.frames.splice(0)
  const stream = new MessageStream(webSocket, compression)
  const client = RawClient.over(stream)
  for (const { payload, rsv } of early) {
    stream.push(
      rsv === 0
        ? payload
        : inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 255, 255])]), {
            finishFlush: constants.Z_SYNC_FLUSH,
          }),
    )
  }
  return client
}
