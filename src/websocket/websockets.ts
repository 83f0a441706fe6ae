// The WebSockets of one shard: from the accepted socket to the client, and their shared state.
//
// Before the end of its handshake a socket costs the bytes of its head, HANDSHAKE_BYTES_MAX at most, and is closed when
// its time is over. It becomes a client only afterwards, as with nats-server.

import type { Socket } from 'node:net'
import { hostPort } from '../base/addresses.ts'
import { HANDSHAKE_MS, READ_BYTES } from '../base/constants.ts'
import { Deadline } from '../base/deadline.ts'
import { bugText } from '../base/errors.ts'
import type { Log } from '../log/log.ts'
import { allocateBlock, type Block } from '../memory/block.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import type { Arrival } from '../net/handle.ts'
import { readingSocketOver, socketOver } from '../net/handle.ts'
import type { WebSocketOptions } from '../options/shapes.ts'
import type { CheckPeer } from '../tls/ocsp/peers.ts'
import { readInto } from '../tls/read-into.ts'
import { SecurePort } from '../tls/secure-port.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import { Deflater, Inflater } from './deflate.ts'
import { CARRY_MAX } from './frame-reader.ts'
import { BROWSER, Framer, type FrameStyle, SAFARI, WHOLE } from './framer.ts'
import { Handshake, type Refusal, refuseRequest, type WebSocketSession } from './handshake.ts'
import { type Head, HeadCollector } from './head.ts'
import { TOO_LARGE } from './request.ts'
import { type WebSocketClient, type WebSocketShared, WebSocketTransport } from './transport.ts'

/** The shard. */
export interface WebSocketsOwner {
  readonly pool: ChunkPool
  readonly readBlock: Block
  readonly readStart: number
  readonly log: Log
  readonly options: { readonly maxPayload: number }
  readonly questions: { readonly checkPeer: CheckPeer }
}

/** Where its connections go. */
export interface WebSocketEntry {
  /** Makes a client of an arrival whose handshake is done. It is served from here on. */
  admit(arrival: Arrival, transport: WebSocketTransport, session: WebSocketSession): WebSocketClient
  /** An arrival is gone without having become a client. */
  lost(arrival: Arrival): void
}

const STYLES: Record<WebSocketSession['browser'], FrameStyle> = { none: WHOLE, other: BROWSER, safari: SAFARI }

export type WebSocketsClass = typeof WebSockets

export class WebSockets implements WebSocketShared {
  readonly pool: ChunkPool
  readonly readBlock: Block
  readonly readStart: number
  readonly readBytes = READ_BYTES
  readonly inflater = new Inflater()
  readonly log: Log
  readonly handshake: Handshake
  readonly handshakeMs: number
  private readonly owner: WebSocketsOwner
  private readonly entry: WebSocketEntry
  private readonly deflater = new Deflater()
  private readonly framers = new Map<string, Framer>()
  private readonly openings = new Set<Opening>()
  readonly secure: SecurePort
  /** All WebSockets of the shard read into this one, from CARRY_MAX on. */
  readonly block = allocateBlock(CARRY_MAX + READ_BYTES)
  private readonly buffer = this.block.bytes.subarray(CARRY_MAX, CARRY_MAX + READ_BYTES)

  constructor(owner: WebSocketsOwner, options: WebSocketOptions, entry: WebSocketEntry) {
    this.owner = owner
    this.entry = entry
    this.pool = owner.pool
    this.readBlock = owner.readBlock
    this.readStart = owner.readStart
    this.log = owner.log
    this.secure = new SecurePort('websocket', owner.log, owner.questions.checkPeer)
    this.handshake = new Handshake(options)
    this.handshakeMs = options.handshakeTimeout === 0 ? HANDSHAKE_MS : options.handshakeTimeout
  }

  /** As it is at present: a reload may change it. */
  get maxPayload(): number {
    return this.owner.options.maxPayload
  }

  /** Takes over a connection and begins its handshakes. */
  accept(arrival: Arrival): void {
    if (!this.secure.isOn) {
      const reading = new Reading()
      this.open(arrival, readingSocketOver(arrival.handle, this.buffer, reading.onRead), reading, undefined)
      return
    }
    const plain = socketOver(arrival.handle)
    this.secure.begin(plain, {
      secured: (socket, session) => {
        const reading = new Reading()
        readInto(socket, this.buffer, reading.onRead)
        this.open(arrival, socket, reading, session)
      },
      failed: () => this.entry.lost(arrival),
    })
  }

  /** Begins the WebSocket handshake on a socket that reads into `block`, as `reading` says. */
  private open(arrival: Arrival, socket: Socket, reading: Reading, tls: TlsSession | undefined): void {
    const opening = new Opening(this, socket, tls, {
      opened: (session) => {
        this.openings.delete(opening)
        const transport = new WebSocketTransport(this, socket, session, this.framerFor(session))
        reading.reader = (bytes) => transport.socketOnRead(this.block, CARRY_MAX, CARRY_MAX + bytes)
        transport.serve(this.entry.admit(arrival, transport, session))
      },
      failed: () => {
        this.openings.delete(opening)
        this.entry.lost(arrival)
      },
    })
    reading.reader = (bytes) => opening.socketOnRead(bytes)
    this.openings.add(opening)
    socket.resume()
  }

  /** Closes sockets with unfinished handshakes. */
  stop(): void {
    this.secure.stop()
    for (const opening of this.openings) opening.cut()
  }

  private framerFor({ browser, compression }: WebSocketSession): Framer {
    const key = `${browser} ${compression}`
    let framer = this.framers.get(key)
    if (framer === undefined) {
      framer = new Framer(STYLES[browser], compression ? this.deflater : undefined)
      this.framers.set(key, framer)
    }
    return framer
  }
}

/** The reader of a socket's bytes: the handshake at first, the frames later. */
class Reading {
  reader: (bytes: number) => void = () => undefined
  readonly onRead = (bytes: number): void => this.reader(bytes)
}

interface OpeningHandler {
  /** The handshake is done; what comes next is frames. */
  opened(session: WebSocketSession): void
  /** The socket is gone, or will be when it has taken its answer. Called once. */
  failed(): void
}

/** A connection that has not finished its handshake. */
class Opening {
  private readonly owner: WebSockets
  private readonly socket: Socket
  private readonly tls: TlsSession | undefined
  private readonly handler: OpeningHandler
  private readonly deadline = new Deadline()
  private head: HeadCollector | undefined = new HeadCollector()
  private over = false

  constructor(owner: WebSockets, socket: Socket, tls: TlsSession | undefined, handler: OpeningHandler) {
    this.owner = owner
    this.socket = socket
    this.tls = tls
    this.handler = handler
    this.deadline.start(owner.handshakeMs, this.cut)
    socket.on('end', this.cut)
    socket.on('error', this.cut)
    socket.on('close', this.cut)
  }

  socketOnRead(bytes: number): void {
    if (this.over) return
    try {
      this.read(bytes)
    } catch (error) {
      // A bug costs this connection, not the shard.
      this.owner.log.error(bugText(error))
      this.cut()
    }
  }

  private read(bytes: number): void {
    const head = this.head?.take(this.owner.block.bytes.subarray(CARRY_MAX, CARRY_MAX + bytes))
    if (head === 'tooLarge') this.refuse(refuseRequest(TOO_LARGE))
    else if (head !== undefined && head !== 'incomplete') this.answer(head)
  }

  private answer({ text, isAlone }: Head): void {
    const verdict = this.owner.handshake.judge(text, this.tls)
    if (verdict.kind === 'refused') this.refuse(verdict)
    else if (!isAlone) {
      this.complain('client sent data before handshake is complete')
      this.cut()
    } else if (verdict.kind === 'leaf') {
      this.owner.log.complaint(
        'Not configured to accept leaf node connections',
        undefined,
        this.socket.remoteAddress ?? '',
      )
      this.endWith(verdict.response)
    } else {
      this.detach()
      this.socket.write(verdict.response, 'latin1')
      this.handler.opened(verdict.session)
    }
  }

  private refuse({ response, why }: Refusal): void {
    if (why !== undefined) this.complain(why)
    this.endWith(response)
  }

  private complain(why: string): void {
    const { remoteAddress = '', remotePort = 0 } = this.socket
    const text = `${hostPort(remoteAddress, remotePort)} - websocket handshake error: ${why}`
    this.owner.log.complaint(text, undefined, remoteAddress)
  }

  /** Later input is ignored; in the remaining time the peer should close as well. */
  private endWith(response: string): void {
    this.over = true
    this.head = undefined
    this.socket.end(response, 'latin1')
  }

  /** Ends it at once. */
  readonly cut = (): void => {
    this.detach()
    this.socket.on('error', () => undefined)
    this.socket.destroy()
    this.handler.failed()
  }

  /** Lets go of the socket. */
  private detach(): void {
    this.over = true
    this.head = undefined
    this.deadline.stop()
    this.socket.off('end', this.cut)
    this.socket.off('error', this.cut)
    this.socket.off('close', this.cut)
  }
}
