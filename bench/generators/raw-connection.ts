// One connection of a load generator: handshake by hand, and then the bytes as they come. It allocates nothing for what
// it reads (all connections of a thread read into one buffer), so that the load takes as little of the machine from the
// server as it can.

import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Endpoint } from './tasks.ts'
import { frame, Unframer, UPGRADE } from './websocket-wire.ts'

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
  /** Rejects when the connection fails; never resolves. */
  readonly failed: Promise<never>
  private socket: Socket | TLSSocket
  private readonly endpoint: Endpoint
  /** What is said first, with the SUBs. */
  private readonly hello: Buffer
  /** Takes over when the handshake is done. */
  private readonly reader: Reader
  private readonly frames: Unframer | undefined
  private fail: (error: Error) => void = () => undefined
  private text: string | undefined = ''
  private isReady: () => void = () => undefined

  private constructor(endpoint: Endpoint, subscriptions: string, reader: Reader) {
    this.endpoint = endpoint
    this.reader = reader
    this.hello = Buffer.from(`${CONNECT}${subscriptions}PING\r\n`)
    this.failed = new Promise((_, reject) => {
      this.fail = reject
    })
    // Nobody may be waiting when it fails; who waits later still sees it.
    this.failed.catch(() => undefined)
    const where = { port: endpoint.port, host: '127.0.0.1', noDelay: true }
    const onread = { buffer: readBuffer, callback: (length: number) => this.read(readBuffer.subarray(0, length)) }
    switch (endpoint.transport) {
      case 'tcp':
        this.socket = connect({ ...where, onread })
        // Not only when INFO has come: one turn of the loop less for each of many connections.
        this.socket.write(this.hello)
        break
      case 'websocket':
        this.frames = new Unframer()
        this.socket = connect({ ...where, onread })
        this.socket.write(UPGRADE)
        break
      case 'tls':
        this.socket = connect(where)
        this.socket.once('data', () => this.secure())
        break
    }
    this.watch()
  }

  /** Connects, sends the SUBs and a PING; resolves when the PONG is there, so the server knows all of it. */
  static async open(endpoint: Endpoint, subscriptions: string, reader: Reader): Promise<RawConnection> {
    const connection = new RawConnection(endpoint, subscriptions, reader)
    const ready = new Promise<void>((resolve) => {
      connection.isReady = resolve
    })
    await Promise.race([ready, connection.failed])
    return connection
  }

  /** The bytes as they travel. What is sent again and again is encoded once. */
  encode(bytes: Buffer): Buffer {
    return this.endpoint.transport === 'websocket' ? frame(bytes) : bytes
  }

  writeEncoded(bytes: Buffer, written?: (error?: Error | null) => void): void {
    this.socket.write(bytes, written)
  }

  write(bytes: Buffer): void {
    this.writeEncoded(this.encode(bytes))
  }

  pong(): void {
    this.write(PONG)
  }

  pause(): void {
    this.socket.pause()
  }

  close(): void {
    this.socket.removeAllListeners('close')
    this.socket.destroy()
  }

  private watch(): void {
    this.socket.on('error', this.fail)
    this.socket.once('close', () => this.fail(new Error('the server closed a connection of the load generator')))
  }

  /** INFO has come. Certificates are the server's to show; whether they are good is not what is measured. */
  private secure(): void {
    const plain = this.socket
    plain.removeAllListeners()
    this.socket = connectTls({ socket: plain, rejectUnauthorized: false })
    this.socket.on('data', (bytes: Buffer) => this.read(bytes))
    this.socket.write(this.hello)
    this.watch()
  }

  private read(bytes: Buffer): boolean {
    try {
      if (this.frames === undefined) this.take(bytes)
      else this.readFrames(this.frames, bytes)
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
      this.socket.destroy()
    }
    return true
  }

  private readFrames(frames: Unframer, bytes: Buffer): void {
    const wasOpen = frames.isOpen
    frames.read(bytes, (payload) => this.take(payload))
    // Not before the upgrade has been answered: servers refuse that.
    if (!wasOpen && frames.isOpen) this.write(this.hello)
  }

  private take(bytes: Buffer): void {
    if (this.text === undefined) this.reader(bytes, this)
    else this.shakeHands(bytes)
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
