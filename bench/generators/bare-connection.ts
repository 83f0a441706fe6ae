// One client's connection on a bare socket: the handshake as text, and then the bytes as they come.

import { BareSocket } from './bare-socket.ts'

export const PING = 'PING\r\n'
export const PONG = 'PONG\r\n'

/** Takes what was read: `bytes` is overwritten by the next read. Throws when it is not what was expected. */
export type BytesReader = (bytes: Buffer, connection: BareConnection) => void

export class BareConnection {
  readonly socket: BareSocket
  /** Rejects when the connection fails; never resolves. */
  readonly failed: Promise<never>
  /** Takes what comes behind the handshake; may be exchanged at any time. */
  reader: BytesReader
  /** What has come of the handshake; undefined: it is done. */
  private greeting: string | undefined = ''

  private constructor(port: number, hello: string, reader: BytesReader, isReady: () => void) {
    this.reader = reader
    let fail: (error: Error) => void = () => undefined
    this.failed = new Promise((_, reject) => {
      fail = reject
    })
    // Nobody may be waiting when it fails; who waits later still sees it.
    this.failed.catch(() => undefined)
    this.socket = new BareSocket(port, {
      onConnect: () => void this.socket.writeText(`${hello}${PING}`),
      onRead: (bytes) => {
        try {
          if (this.greeting === undefined) this.reader(bytes, this)
          else this.greet(bytes, isReady)
        } catch (error) {
          this.socket.close()
          fail(error instanceof Error ? error : new Error(String(error)))
        }
      },
      onEnd: (reason) => fail(new Error(`a connection of the load generator ended: ${reason}`)),
    })
  }

  /** Says `hello` (CONNECT and SUBs) and a PING; resolves when the PONG is there, so the server knows all of it. */
  static async open(port: number, hello: string, reader: BytesReader): Promise<BareConnection> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const connection = new BareConnection(port, hello, reader, resolve)
    await Promise.race([promise, connection.failed])
    return connection
  }

  private greet(bytes: Buffer, isReady: () => void): void {
    const text = `${this.greeting}${bytes.toString('latin1')}`
    this.greeting = text
    if (text.includes('-ERR')) throw new Error(text.trim())
    const pongAt = text.indexOf(PONG)
    if (pongAt < 0) return
    this.greeting = undefined
    isReady()
    const rest = text.slice(pongAt + PONG.length)
    if (rest !== '') this.reader(Buffer.from(rest, 'latin1'), this)
  }
}
