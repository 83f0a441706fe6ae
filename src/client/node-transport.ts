// TCP, TLS and Unix sockets in Node. All plain sockets are read into one buffer, and what was read is copied out: a
// copy costs less than what a stream does with each chunk, and a message that is kept holds no more memory than what
// came with it.

import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions as NodeTlsOptions, connect as secure, type TLSSocket } from 'node:tls'
import { deferred } from './deferred.ts'
import { ConnectionError } from './errors.ts'
import type { TlsOptions } from './options.ts'
import { asError } from './reasons.ts'
import type { Carrier, DialRequest, Transport, TransportEvents } from './transport.ts'

const READ_BYTES = 64 * 1024
/** From the first connection on. */
let readBuffer: Buffer | undefined

/** The options of Node for those of the client. Throws what reading a file throws. */
function tlsOptions({ server }: DialRequest, given: TlsOptions): NodeTlsOptions {
  const text = (value: string | undefined, file: string | undefined): string | Buffer | undefined =>
    value ?? (file === undefined ? undefined : readFileSync(file))
  const members = {
    ca: text(given.ca, given.caFile),
    cert: text(given.cert, given.certFile),
    key: text(given.key, given.keyFile),
    rejectUnauthorized: given.rejectUnauthorized,
    // An address is no name that could be asked for.
    servername: given.servername ?? (isAddress(server.tlsName) ? undefined : server.tlsName),
    host: server.tlsName,
  }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function isAddress(host: string): boolean {
  return host.includes(':') || !/[a-z]/i.test(host)
}

class NodeTransport implements Transport {
  isSecure = false
  private socket: Socket
  private readonly request: DialRequest
  private readonly events: TransportEvents
  private isOver = false
  private isClosing = false
  private error: Error | undefined

  constructor(request: DialRequest) {
    this.request = request
    this.events = request.events
    const { scheme, hostname: host, port, path } = request.server
    readBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES)
    this.socket = connect({
      ...(scheme === 'unix' ? { path } : { host, port, noDelay: true }),
      onread: {
        buffer: readBuffer,
        callback: (length, buffer) => {
          if (!this.isSecure) this.events.received(copyOf(buffer, length))
          return true
        },
      },
    })
  }

  /** Waits for the connection. */
  async connected(): Promise<this> {
    const { socket } = this
    this.listen(socket)
    await this.until(socket, 'connect')
    const { tls } = this.request
    if (tls?.handshakeFirst === true) await this.secure()
    return this
  }

  /** Waits for an event of a socket, its end, or the signal. */
  private async until(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
    const { signal } = this.request
    const { promise, resolve, reject } = deferred()
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    socket.once(event, resolve).once('error', reject)
    socket.once('close', () => reject(this.error ?? new Error('the server closed the connection')))
    try {
      await promise
    } catch (cause) {
      this.destroy()
      throw new ConnectionError(asError(cause).message || 'connection refused', { cause })
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  private listen(socket: Socket): void {
    socket.on('error', (error) => {
      this.error ??= error
    })
    socket.on('close', () => {
      if (this.isOver || socket !== this.socket) return
      this.isOver = true
      const { error } = this
      if (this.isClosing) this.events.ended()
      else
        this.events.ended(new ConnectionError(error?.message ?? 'the server closed the connection', { cause: error }))
    })
  }

  async secure(): Promise<void> {
    const plain = this.socket
    this.isSecure = true
    const options = tlsOptions(this.request, this.request.tls ?? {})
    const socket: TLSSocket = secure({ ...options, socket: plain })
    this.socket = socket
    this.listen(socket)
    socket.on('data', (bytes: Buffer) => this.events.received(bytes))
    await this.until(socket, 'secureConnect')
  }

  get bufferedAmount(): number {
    return this.socket.writableLength
  }

  write(bytes: Uint8Array, taken: () => void): void {
    this.socket.write(bytes, taken)
  }

  defer(callback: () => void): void {
    process.nextTick(callback)
  }

  close(): void {
    this.isClosing = true
    this.socket.end()
  }

  destroy(): void {
    this.isClosing = true
    this.socket.destroy()
  }
}

/** A copy: pooled if it is short. */
function copyOf(buffer: Uint8Array, length: number): Uint8Array {
  const copy = Buffer.allocUnsafe(length)
  copy.set(buffer.subarray(0, length))
  return copy
}

export const nodeCarrier: Carrier = {
  scheme: 'nats',
  lang: 'heddle.node',
  dial: (request) => new NodeTransport(request).connected(),
}
