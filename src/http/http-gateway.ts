// The HTTP port on one shard: from the accepted socket to its requests, which Node's HTTP parser reads. A client of the
// same shard acts for each connection, through a pipe (nats-client.ts).
//
//     socket ──▶ TLS ──▶ node:http ──▶ HttpConnection ──▶ NatsClient ══ pipe ══▶ Client ──▶ router
//
// How fast the peer reads decides how fast the pipe takes what is delivered: a slow reader is a slow consumer.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { plainAddress } from '../base/addresses.ts'
import { HTTP_HEAD_BYTES_MAX } from '../base/constants.ts'
import { attempt } from '../base/guarded.ts'
import type { Carrier } from '../client/transport.ts'
import type { Log } from '../log/log.ts'
import { type Arrival, socketOver } from '../net/handle.ts'
import type { Pipe } from '../net/pipe.ts'
import { type Drain, LocalPipeEnd } from '../net/pipe-end.ts'
import type { Options } from '../options/options.ts'
import type { HttpGatewayOptions } from '../options/shapes.ts'
import { OriginPolicy } from '../text/origin.ts'
import type { CheckPeer } from '../tls/ocsp/peers.ts'
import { SecurePort } from '../tls/secure-port.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import { type ConnectionOwner, HttpConnection } from './http-connection.ts'

/** The shard. */
export interface HttpGatewayOwner {
  readonly log: Log
  readonly options: Options
  readonly questions: { readonly checkPeer: CheckPeer }
}

/** Where its connections go. */
export interface HttpEntry {
  /** Makes a client of what comes through a pipe. */
  takePipe(
    arrival: Pick<Arrival, 'id' | 'refused'>,
    open: (readBuffer: Buffer, onRead: (bytes: number) => void) => Pipe,
    http: { readonly tls: TlsSession | undefined },
  ): Pipe
  /** A connection is gone. */
  lost(arrival: Arrival): void
}

/** What is known of a connection beside its requests. */
interface Source {
  readonly arrival: Arrival
  readonly tls: TlsSession | undefined
}

export type HttpGatewayClass = typeof HttpGateway

const NOTHING = Buffer.alloc(0)
const STATUSES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

export class HttpGateway implements ConnectionOwner {
  readonly secure: SecurePort
  readonly origins: OriginPolicy
  readonly options: HttpGatewayOptions
  private readonly owner: HttpGatewayOwner
  private readonly entry: HttpEntry
  /** Parses; it listens nowhere. */
  private readonly server: Server
  private isStopping = false
  private readonly connections = new Map<Socket, HttpConnection>()
  private readonly sources = new WeakMap<HttpConnection, Source>()

  constructor(owner: HttpGatewayOwner, options: HttpGatewayOptions, entry: HttpEntry) {
    this.owner = owner
    this.entry = entry
    this.options = options
    this.secure = new SecurePort('http', owner.log, owner.questions.checkPeer)
    this.origins = new OriginPolicy(false, options.allowedOrigins)
    // Time is measured by the connections (HttpConnection.deadline), which do not count that of a frozen process.
    const times = {
      headersTimeout: 0,
      requestTimeout: 0,
      keepAliveTimeout: 0,
      connectionsCheckingInterval: 2 ** 31 - 1,
    }
    this.server = createServer({ ...times, maxHeaderSize: HTTP_HEAD_BYTES_MAX })
    const take = (request: IncomingMessage, response: ServerResponse): void =>
      attempt(this.bugMet, () => this.connections.get(request.socket)?.take(request, response))
    this.server.on('request', take)
    this.server.on('checkContinue', take)
    this.server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket as Socket, error))
  }

  readonly bugMet = (error: unknown): void => this.owner.log.bug(error)

  get isOperatorMode(): boolean {
    const { operators, trustedKeys } = this.owner.options
    return operators.length > 0 || trustedKeys.length > 0
  }

  /** Some connection is open. */
  get isBusy(): boolean {
    return this.connections.size > 0
  }

  /** Takes over a connection. */
  accept(arrival: Arrival): void {
    const plain = socketOver(arrival.handle)
    if (!this.secure.isOn) {
      this.serve({ arrival, tls: undefined }, plain)
      return
    }
    this.secure.begin(plain, {
      secured: (socket, tls) => this.serve({ arrival, tls }, socket),
      failed: () => this.entry.lost(arrival),
    })
  }

  private serve(source: Source, socket: Socket): void {
    const connection = new HttpConnection(this, socket)
    this.connections.set(socket, connection)
    this.sources.set(connection, source)
    socket.on('close', () => {
      this.connections.delete(socket)
      this.entry.lost(source.arrival)
    })
    this.server.emit('connection', socket)
    if (this.isStopping) connection.end()
  }

  dial(connection: HttpConnection, gone: () => void): Carrier['dial'] {
    return async ({ events }) => {
      const { socket } = connection
      const { arrival, tls } = this.sources.get(connection) as Source
      const { remoteAddress = '', remotePort = 0 } = socket
      const peer = { address: plainAddress(remoteAddress), port: remotePort }
      const end = new LocalPipeEnd(events, drainOf(socket))
      const pipe = this.entry.takePipe(arrival, (buffer, onRead) => end.connect(buffer, onRead, peer), { tls })
      pipe.on('close', gone)
      return end
    }
  }

  /** Takes no more requests; connections end behind the answers under way. */
  stop(): void {
    this.isStopping = true
    this.secure.stop()
    for (const connection of this.connections.values()) connection.end()
  }

  /** Closes those that are left. */
  cut(): void {
    for (const socket of this.connections.keys()) socket.destroy()
  }
}

/** What waits in a socket, as the pipe sees it. */
function drainOf(socket: Socket): Drain {
  return {
    get untakenBytes() {
      return socket.writableLength
    },
    whenTaken: (callback) => {
      if (socket.writable) socket.write(NOTHING, () => callback())
      else setImmediate(callback)
    },
  }
}

/** What came is not HTTP. */
function refuse(socket: Socket, { code = '' }: NodeJS.ErrnoException): void {
  if (socket.writable && socket.bytesWritten === 0) {
    socket.write(`HTTP/1.1 ${STATUSES[code] ?? '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }
  socket.destroySoon()
}
