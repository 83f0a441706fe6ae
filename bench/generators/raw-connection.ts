// One connection of a load generator: handshake by hand, and then the bytes as they come. It allocates nothing for what
// it reads (all connections of a thread read into one buffer), so that the load takes as little of the machine from the
// server as it can.

import { connect, type Socket } from 'node:net'

const READ_BYTES = 256 * 1024
const readBuffer = Buffer.allocUnsafe(READ_BYTES)
/** With protocol 0, servers send no INFO among the messages. */
const CONNECT = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"protocol":0}\r\n'
const PONG = Buffer.from('PONG\r\n')
const PING_BYTES = 6
const P = 'P'.charCodeAt(0)

/** Takes what was read: `bytes` is overwritten by the next read. Throws when it is not what was expected. */
export type Reader = (bytes: Buffer, connection: RawConnection) => void

export class RawConnection {
  readonly socket: Socket
  /** Takes over when the handshake is done. */
  private readonly reader: Reader
  /** Rejects when the connection fails; never resolves. */
  readonly failed: Promise<never>
  private fail: (error: Error) => void = () => undefined
  private text: string | undefined = ''
  private isReady: () => void = () => undefined

  private constructor(port: number, subscriptions: string, reader: Reader) {
    this.reader = reader
    this.failed = new Promise((_, reject) => {
      this.fail = reject
    })
    // Nobody may be waiting when it fails; who waits later still sees it.
    this.failed.catch(() => undefined)
    const onread = { buffer: readBuffer, callback: (length: number) => this.read(readBuffer.subarray(0, length)) }
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, onread })
    // Not only when INFO has come: one turn of the loop less for each of many connections.
    this.socket.write(`${CONNECT}${subscriptions}PING\r\n`)
    this.socket.on('error', this.fail)
    this.socket.once('close', () => this.fail(new Error('the server closed a connection of the load generator')))
  }

  /** Connects, sends the SUBs and a PING; resolves when the PONG is there, so the server knows all of it. */
  static async open(port: number, subscriptions: string, reader: Reader): Promise<RawConnection> {
    const connection = new RawConnection(port, subscriptions, reader)
    const ready = new Promise<void>((resolve) => {
      connection.isReady = resolve
    })
    await Promise.race([ready, connection.failed])
    return connection
  }

  pong(): void {
    this.socket.write(PONG)
  }

  close(): void {
    this.socket.removeAllListeners('close')
    this.socket.destroy()
  }

  private read(bytes: Buffer): boolean {
    try {
      if (this.text === undefined) this.reader(bytes, this)
      else this.shakeHands(bytes)
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
      this.socket.destroy()
    }
    return true
  }

  private shakeHands(bytes: Buffer): void {
    this.text += bytes.toString('latin1')
    const text = this.text ?? ''
    if (text.includes('-ERR')) throw new Error(text.trim())
    const pongAt = text.indexOf('PONG\r\n')
    if (pongAt < 0) return
    this.text = undefined
    this.isReady()
    if (pongAt + PING_BYTES < text.length) this.reader(Buffer.from(text.slice(pongAt + PING_BYTES), 'latin1'), this)
  }
}

/**
 * Counts messages that are all equally long, touching one byte of each; what is not a message must be a PING (from 2 s
 * on, servers measure the way), which is answered.
 */
export class MessageCounter {
  messages = 0
  /** Bytes of the message or PING begun that are still to come. */
  private owed = 0
  /** Messages that takeWhole() has told of. */
  private told = 0
  private readonly stride: number
  private readonly initial: number

  constructor(stride: number, initial: string) {
    this.stride = stride
    this.initial = initial.charCodeAt(0)
  }

  /** Whether the latest message counted has come whole. */
  get isWhole(): boolean {
    return this.owed === 0
  }

  /** Returns how many messages began in these bytes. Throws when something else came. */
  take(bytes: Buffer, connection: RawConnection): number {
    const { stride, initial } = this
    const before = this.messages
    let at = this.owed
    while (at < bytes.length) {
      const byte = bytes[at]
      if (byte === initial) {
        this.messages++
        at += stride
      } else if (byte === P) {
        connection.pong()
        at += PING_BYTES
      } else {
        throw new Error(`the server sent: ${bytes.toString('latin1', at, at + 80)}`)
      }
    }
    this.owed = at - bytes.length
    return this.messages - before
  }

  /** Where messages come one at a time: returns whether a new one has come whole with these bytes. */
  takeWhole(bytes: Buffer, connection: RawConnection): boolean {
    this.take(bytes, connection)
    if (!this.isWhole || this.messages === this.told) return false
    this.told = this.messages
    return true
  }
}
