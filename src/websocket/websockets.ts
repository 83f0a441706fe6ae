// The WebSockets of one shard: from the socket that arrives to the client that is served, and what they share.
//
// A socket that has not finished its handshake costs its head's bytes, HANDSHAKE_BYTES_MAX at most, and is cut when its
// time is over. It becomes a client only then, as with nats-server.

import type { Socket } from 'node:net'
import { hostPort } from '../addresses.ts'
import type { WebSocketOptions } from '../config/shapes.ts'
import { HANDSHAKE_BYTES_MAX, HANDSHAKE_MS, READ_BYTES } from '../constants.ts'
import { adopt } from '../handoff.ts'
import type { Log } from '../log/log.ts'
import { allocateBlock, type Block } from '../memory/block.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import type { Arrival } from '../messages.ts'
import { Deflater, Inflater } from './deflate.ts'
import { CARRY_MAX } from './frame-reader.ts'
import { BROWSER, Framer, type FrameStyle, SAFARI, WHOLE } from './framer.ts'
import { Handshake, type Refusal, refuseRequest, type WebSocketSession } from './handshake.ts'
import { TOO_LARGE } from './request.ts'
import { type WebSocketClient, type WebSocketShared, WebSocketTransport } from './transport.ts'

/** The shard. */
export interface WebSocketsOwner {
  readonly pool: ChunkPool
  readonly readBlock: Block
  readonly readStart: number
  readonly log: Log
  readonly options: { readonly maxPayload: number }
  /** Makes a client of an arrival whose handshake is done. It is served from here on. */
  admit(arrival: Arrival, transport: WebSocketTransport, session: WebSocketSession): WebSocketClient
  /** An arrival is gone without having become a client. */
  lost(arrival: Arrival): void
}

const STYLES: Record<WebSocketSession['browser'], FrameStyle> = { none: WHOLE, other: BROWSER, safari: SAFARI }

export class WebSockets implements WebSocketShared {
  readonly pool: ChunkPool
  readonly readBlock: Block
  readonly readStart: number
  readonly readBytes = READ_BYTES
  readonly maxPayload: number
  readonly inflater = new Inflater()
  readonly log: Log
  readonly handshake: Handshake
  readonly handshakeMs: number
  private readonly owner: WebSocketsOwner
  private readonly deflater = new Deflater()
  private readonly framers = new Map<string, Framer>()
  private readonly openings = new Set<Opening>()
  /** All WebSockets of the shard read into this one, from CARRY_MAX on. */
  readonly block = allocateBlock(CARRY_MAX + READ_BYTES)
  private readonly buffer = this.block.bytes.subarray(CARRY_MAX, CARRY_MAX + READ_BYTES)

  constructor(owner: WebSocketsOwner, options: WebSocketOptions) {
    this.owner = owner
    this.pool = owner.pool
    this.readBlock = owner.readBlock
    this.readStart = owner.readStart
    this.maxPayload = owner.options.maxPayload
    this.log = owner.log
    this.handshake = new Handshake(options)
    this.handshakeMs = options.handshakeTimeout === 0 ? HANDSHAKE_MS : options.handshakeTimeout
  }

  /** Takes over a connection and begins its handshake. */
  accept(arrival: Arrival): void {
    let onRead = (bytes: number): void => opening.socketOnRead(bytes)
    const socket = adopt(arrival.socket, this.buffer, (bytes) => onRead(bytes))
    if (socket === undefined) {
      this.owner.lost(arrival)
      return
    }
    const opening = new Opening(this, socket, {
      opened: (session) => {
        this.openings.delete(opening)
        const transport = new WebSocketTransport(this, socket, session, this.framerFor(session))
        onRead = (bytes) => transport.socketOnRead(this.block, CARRY_MAX, CARRY_MAX + bytes)
        transport.serve(this.owner.admit(arrival, transport, session))
      },
      failed: () => {
        this.openings.delete(opening)
        this.owner.lost(arrival)
      },
    })
    this.openings.add(opening)
    socket.resume()
  }

  /** Cuts those that have not finished their handshake. */
  stop(): void {
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
  private readonly handler: OpeningHandler
  private readonly timer: NodeJS.Timeout
  /** What has come of the head, as a byte string. */
  private head = ''
  private over = false

  constructor(owner: WebSockets, socket: Socket, handler: OpeningHandler) {
    this.owner = owner
    this.socket = socket
    this.handler = handler
    this.timer = setTimeout(() => this.cut(), owner.handshakeMs)
    socket.on('end', this.cut)
    socket.on('error', this.cut)
    socket.on('close', this.cut)
  }

  socketOnRead(bytes: number): void {
    if (this.over) return
    const seen = Math.max(0, this.head.length - 3)
    this.head += this.owner.block.bytes.toString('latin1', CARRY_MAX, CARRY_MAX + bytes)
    const end = /\r?\n\r?\n/g
    end.lastIndex = seen
    const found = end.exec(this.head)
    if ((found?.index ?? this.head.length) > HANDSHAKE_BYTES_MAX) this.refuse(refuseRequest(TOO_LARGE))
    else if (found !== null) this.answer(this.head.slice(0, found.index), end.lastIndex === this.head.length)
  }

  /** `alone`: nothing came behind the head. */
  private answer(head: string, alone: boolean): void {
    const verdict = this.owner.handshake.judge(head, 'encrypted' in this.socket)
    if (verdict.kind === 'refused') this.refuse(verdict)
    else if (!alone) {
      this.complain('client sent data before handshake is complete')
      this.cut()
    } else if (verdict.kind === 'leaf') {
      this.owner.log.error('Not configured to accept leaf node connections')
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
    this.owner.log.error(`${hostPort(remoteAddress, remotePort)} - websocket handshake error: ${why}`)
  }

  /** What comes behind is not looked at; in the time that is left the peer should close as well. */
  private endWith(response: string): void {
    this.over = true
    this.head = ''
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
    this.head = ''
    clearTimeout(this.timer)
    this.socket.off('end', this.cut)
    this.socket.off('error', this.cut)
    this.socket.off('close', this.cut)
  }
}
