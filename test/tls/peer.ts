// A client of the tests: speaks plain as long as it likes, then TLS over the same connection; expects exact bytes.

import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { show } from '../support/raw-client.ts'
import { within } from '../support/until.ts'
import { INFO } from './listener.ts'

export class Peer {
  readonly socket: Socket
  tls: TLSSocket | undefined
  /** What came from the server in vain attempts, on either layer. */
  error: NodeJS.ErrnoException | undefined
  private received: Buffer = Buffer.alloc(0)
  private parts: Buffer[] = []
  private partsBytes = 0
  private ended = false
  private wakers: (() => void)[] = []
  private readonly plainOnData = (bytes: Buffer): void => this.take(bytes)

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', this.plainOnData)
    this.watch(socket)
  }

  static connect(port: number): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
      const peer = new Peer(socket)
      socket.once('connect', () => resolve(peer)).once('error', reject)
    })
  }

  /** Connects, waits for INFO, and is secured. */
  static async secure(port: number, options: ConnectionOptions): Promise<Peer> {
    const peer = await Peer.connect(port)
    await peer.expect(INFO)
    await peer.startTls(options)
    return peer
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    await this.wait('a line', () => this.join().includes('\r\n') || this.ended)
    const text = this.join().toString('latin1')
    const end = text.indexOf('\r\n')
    if (end < 0) throw new Error(`ended within a line: ${JSON.stringify(text)}`)
    this.received = this.received.subarray(end + 2)
    return text.slice(0, end)
  }

  /** Begins TLS and resolves when it is there. `bytesAtOnce`: cuts what it writes into pieces of so many bytes. */
  async startTls(options: ConnectionOptions, bytesAtOnce?: number): Promise<TLSSocket> {
    const secured = Promise.withResolvers<void>()
    this.beginTls(options, bytesAtOnce).once('secureConnect', secured.resolve)
    this.tls?.once('close', () => secured.reject(this.error ?? new Error('closed')))
    await within('the handshake', secured.promise)
    return this.tls as TLSSocket
  }

  beginTls(options: ConnectionOptions, bytesAtOnce?: number): TLSSocket {
    this.socket.off('data', this.plainOnData)
    const below = bytesAtOnce === undefined ? this.socket : chopped(this.socket, bytesAtOnce)
    const tls = tlsConnect({ servername: 'localhost', ...options, socket: below as Socket })
    this.tls = tls
    tls.on('data', (bytes: Buffer) => this.take(bytes))
    this.watch(tls)
    return tls
  }

  send(bytes: string | Buffer): void {
    const socket = this.tls ?? this.socket
    socket.write(bytes)
  }

  /** The next bytes are these. */
  async expect(expected: string | Buffer): Promise<void> {
    const bytes = Buffer.from(expected as string)
    await this.wait(show(bytes), () => this.receivedBytes >= bytes.length || this.ended)
    const got = this.join().subarray(0, bytes.length)
    if (!got.equals(bytes)) throw new Error(`expected ${show(bytes)}\n     got ${show(got)}`)
    this.received = this.received.subarray(bytes.length)
  }

  /** Sends it and expects it back. */
  async echo(bytes: string | Buffer): Promise<void> {
    this.send(bytes)
    await this.expect(bytes)
  }

  /** Waits for the server's end; answers what had come and was not expected. */
  async readToClose(): Promise<string> {
    await this.wait('the end', () => this.ended)
    this.close()
    return this.join().toString('latin1')
  }

  close(): void {
    this.tls?.destroy()
    this.socket.destroy()
  }

  private take(bytes: Buffer): void {
    this.parts.push(bytes)
    this.partsBytes += bytes.length
    this.wake()
  }

  private get receivedBytes(): number {
    return this.received.length + this.partsBytes
  }

  private join(): Buffer {
    this.received = Buffer.concat([this.received, ...this.parts])
    this.parts = []
    this.partsBytes = 0
    return this.received
  }

  private watch(socket: Socket): void {
    const end = (): void => {
      this.ended = true
      this.wake()
    }
    socket.on('error', (error) => {
      this.error ??= error
    })
    socket.on('end', end)
    socket.on('close', end)
  }

  private wake(): void {
    for (const wake of this.wakers.splice(0)) wake()
  }

  private async wait(what: string, check: () => boolean): Promise<void> {
    while (!check()) await within(what, new Promise<void>((resolve) => this.wakers.push(resolve)))
  }
}

/** The socket, but everything written to it goes out in small pieces, each in a turn of its own. */
function chopped(socket: Socket, bytesAtOnce: number): Duplex {
  const duplex = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      const next = (from: number): void => {
        if (from >= chunk.length) done()
        else socket.write(chunk.subarray(from, from + bytesAtOnce), () => setImmediate(next, from + bytesAtOnce))
      }
      next(0)
    },
    final: (done) => socket.end(done),
  })
  socket.on('data', (bytes) => duplex.push(bytes))
  socket.on('end', () => duplex.push(null))
  return duplex
}

/** The first bytes of a client that begins TLS. */
export function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  return new Promise((resolve) => {
    const below = new Duplex({ read: () => undefined, write: (chunk: Buffer) => resolve(chunk) })
    tlsConnect({ servername: 'localhost', ...options, socket: below as Socket }).on('error', () => undefined)
  })
}
