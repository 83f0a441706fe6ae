// A raw connection: sends the bytes it is told to and expects exact bytes, each wait with a deadline.
//
// A server may send a PING at any time. Unless a test is about PINGs (`keepPings`), they are answered and taken out
// of what was received, so that a slow machine changes no conversation.

import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { FrameReader, type Message, messageOf, type ServerFrame } from './frame-reader.ts'
import { DEADLINE_MS } from './until.ts'

export interface RawClientOptions {
  readonly host?: string
  /** Leave PINGs in what was received, and do not answer them. */
  readonly keepPings?: boolean
}

/** The members of CONNECT that tests use. */
export interface ConnectMembers {
  verbose?: boolean
  pedantic?: boolean
  echo?: boolean
  headers?: boolean
  no_responders?: boolean
  protocol?: number
  name?: string
  user?: string
  pass?: string
  auth_token?: string
  jwt?: string
}

export interface Info {
  readonly [member: string]: unknown
  readonly server_id: string
  readonly client_id: number
  readonly host: string
  readonly port: number
}

export class RawClient {
  readonly socket: Socket
  /** Set by readInfo() and open(). */
  info: Info | undefined
  /** Takes messages instead of the text that expect() looks at. */
  onMessage: ((message: Message) => void) | undefined
  /** Sees every other line as it comes; the ones it answers true to are taken. */
  onLine: ((line: string) => boolean) | undefined
  /** When the server's FIN or reset was seen; 0 = open. */
  closedAtMs = 0
  /** Everything that has come and that no expectation has taken yet. */
  private unread: Buffer = Buffer.alloc(0)
  private parts: Buffer[] = []
  private partsBytes = 0
  private readonly reader = new FrameReader((frame) => this.take(frame))
  private readonly keepPings: boolean
  private wakers: (() => void)[] = []

  private constructor(socket: Socket, keepPings: boolean) {
    this.socket = socket
    this.keepPings = keepPings
    socket.on('data', (chunk: Buffer) => {
      this.reader.push(chunk)
      this.wake()
    })
    socket.on('end', () => this.ended())
    socket.on('close', () => this.ended())
    socket.on('error', () => this.ended())
  }

  /** Connects; nothing is read or sent yet. */
  static connect(port: number, options: RawClientOptions = {}): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: options.host ?? '127.0.0.1', noDelay: true })
      const client = new RawClient(socket, options.keepPings ?? false)
      socket.once('connect', () => resolve(client))
      socket.once('error', reject)
    })
  }

  /** A client over something that carries bytes as a socket does. */
  static over(stream: Duplex): RawClient {
    return new RawClient(stream as Socket, false)
  }

  /** Connects, introduces itself (not verbose unless told so) and has had the PONG to its first PING. */
  static async open(port: number, members: ConnectMembers = {}, options: RawClientOptions = {}): Promise<RawClient> {
    const client = await RawClient.connect(port, options)
    await client.readInfo()
    const all = { verbose: false, pedantic: false, ...members }
    client.send(`CONNECT ${JSON.stringify(all)}\r\nPING\r\n`)
    await client.expect(all.verbose ? '+OK\r\nPONG\r\n' : 'PONG\r\n')
    if (all.protocol === 1) await client.expectMatch(/^INFO [^\r]*\r\n/)
    return client
  }

  async readInfo(): Promise<Info> {
    const [, json] = await this.expectMatch(/^INFO (\{[^\r]*\}) \r\n/)
    this.info = JSON.parse(json) as Info
    return this.info
  }

  /** Strings are sent as UTF-8. */
  send(...pieces: (string | Buffer)[]): void {
    this.socket.cork()
    for (const piece of pieces) this.socket.write(piece)
    this.socket.uncork()
  }

  /** Has the server carried out everything that was sent so far? Then its PONG is here, and nothing else but it. */
  async sync(): Promise<void> {
    this.send('PING\r\n')
    await this.expect('PONG\r\n')
  }

  /** The next bytes are exactly these. Fails as soon as others come. */
  async expect(expected: string | Buffer, deadlineMs: number = DEADLINE_MS): Promise<void> {
    const bytes = typeof expected === 'string' ? Buffer.from(expected) : expected
    await this.wait(`exactly ${show(bytes)}`, deadlineMs, () => {
      const got = this.received()
      const common = Math.min(got.length, bytes.length)
      if (got.compare(bytes, 0, common, 0, common) !== 0) {
        throw new Error(`expected ${show(bytes)}\n     got ${show(got)}`)
      }
      if (common < bytes.length) return undefined
      this.unread = got.subarray(bytes.length)
      return true
    })
  }

  /** What has come matches from here on (the expression should begin with ^); the match is taken. */
  expectMatch(expression: RegExp, deadlineMs: number = DEADLINE_MS): Promise<RegExpExecArray> {
    return this.wait(`a match of ${expression}`, deadlineMs, () => {
      const got = this.received()
      const match = expression.exec(got.toString('latin1'))
      if (match === null) return undefined
      this.unread = got.subarray(match.index + match[0].length)
      return match
    })
  }

  /** The server closes, and has sent nothing that was not expected. Answers when, on performance.now()'s clock. */
  async expectClose(deadlineMs: number = DEADLINE_MS): Promise<number> {
    await this.wait('the connection to be closed', deadlineMs, () => (this.closedAtMs > 0 ? true : undefined), true)
    const got = Buffer.concat([this.received(), this.reader.rest])
    if (got.length > 0) throw new Error(`closed as expected, but before it came ${show(got)}`)
    return this.closedAtMs
  }

  /** Everything up to the close. */
  async readToClose(deadlineMs: number = DEADLINE_MS): Promise<Buffer> {
    await this.wait('the connection to be closed', deadlineMs, () => (this.closedAtMs > 0 ? true : undefined), true)
    return Buffer.concat([this.received(), this.reader.rest])
  }

  /** What has come and was not expected yet. */
  received(): Buffer {
    if (this.partsBytes > 0) {
      this.unread = Buffer.concat([this.unread, ...this.parts])
      this.parts = []
      this.partsBytes = 0
    }
    return this.unread
  }

  get isClosed(): boolean {
    return this.closedAtMs > 0
  }

  /** Drops the connection. Resolves when the socket is gone. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.closed) return resolve()
      this.socket.once('close', () => resolve())
      this.socket.destroy()
    })
  }

  /** Says goodbye. Resolves when the server has closed as well, and so has forgotten the subscriptions. */
  async leave(): Promise<void> {
    this.socket.end()
    await this.wait('the server to close', DEADLINE_MS, () => (this.isClosed ? true : undefined), true)
  }

  private take(frame: ServerFrame): void {
    if (frame.line === 'PING' && !this.keepPings) {
      if (this.socket.writable) this.socket.write('PONG\r\n')
      return
    }
    if (this.onMessage !== undefined) {
      const message = messageOf(frame)
      if (message !== undefined) {
        this.onMessage(message)
        return
      }
    }
    if (this.onLine?.(frame.line)) return
    this.parts.push(frame.raw)
    this.partsBytes += frame.raw.length
  }

  private ended(): void {
    if (this.closedAtMs === 0) this.closedAtMs = performance.now()
    this.wake()
  }

  private wake(): void {
    const { wakers } = this
    if (wakers.length === 0) return
    this.wakers = []
    for (const wake of wakers) wake()
  }

  private async wait<T>(what: string, deadlineMs: number, check: () => T | undefined, mayClose = false): Promise<T> {
    const endMs = performance.now() + deadlineMs
    for (;;) {
      const answer = check()
      if (answer !== undefined) return answer
      if (this.isClosed && !mayClose) {
        throw new Error(`closed before ${what}; received ${show(Buffer.concat([this.received(), this.reader.rest]))}`)
      }
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) {
        throw new Error(`${deadlineMs} ms went by without ${what}; received ${show(this.received())}`)
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.wakers.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
}

/** Bytes as a readable string, cut where it gets long. */
export function show(bytes: Buffer): string {
  const text = JSON.stringify(bytes.toString('latin1'))
  return text.length <= 400 ? text : `${text.slice(0, 200)}…${text.slice(-200)} (${bytes.length} bytes)`
}
