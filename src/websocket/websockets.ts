// The WebSockets that come to a shard: from the accepted socket to the client, or the leaf node.
//
// Before the end of its handshake a socket costs the bytes of its head, HANDSHAKE_BYTES_MAX at most, and is closed when
// its time is over. It becomes a client only afterwards, as with nats-server.

import type { Socket } from 'node:net'
import { hostPort } from '../base/addresses.ts'
import { HANDSHAKE_MS, LINK_PAYLOAD_MAX } from '../base/constants.ts'
import { Deadline } from '../base/deadline.ts'
import { bugText } from '../base/errors.ts'
import type { Log } from '../log/log.ts'
import type { Arrival } from '../net/handle.ts'
import { readingSocketOver, socketOver } from '../net/handle.ts'
import type { WebSocketOptions } from '../options/shapes.ts'
import type { CheckPeer } from '../tls/ocsp/peers.ts'
import { readInto } from '../tls/read-into.ts'
import { SecurePort } from '../tls/secure-port.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import { Carriage, type CarriageOwner, Reading } from './carriage.ts'
import { BROWSER, type FrameStyle, LINK, SAFARI, WHOLE } from './framer.ts'
import { Handshake, type Refusal, refuseRequest, type WebSocketSession } from './handshake.ts'
import { type Head, HeadCollector } from './head.ts'
import { TOO_LARGE } from './request.ts'
import type { WebSocketClient, WebSocketTransport } from './transport.ts'

/** The shard. */
export interface WebSocketsOwner extends CarriageOwner {
  readonly log: Log
  readonly questions: { readonly checkPeer: CheckPeer }
}

/** Where its connections go. */
export interface WebSocketEntry {
  /** Makes a client of an arrival whose handshake is done. It is served from here on. */
  admit(arrival: Arrival, transport: WebSocketTransport, session: WebSocketSession): WebSocketClient
  /** Leaf nodes may come. */
  readonly takesLeafs: boolean
  /** The same for a leaf node. */
  admitLeaf(arrival: Arrival, transport: WebSocketTransport, session: WebSocketSession): void
  /** An arrival is gone without having become a client. */
  lost(arrival: Arrival): void
}

const STYLES: Record<WebSocketSession['browser'], FrameStyle> = { none: WHOLE, other: BROWSER, safari: SAFARI }

export type WebSocketsClass = typeof WebSockets

export class WebSockets {
  readonly log: Log
  readonly handshake: Handshake
  readonly handshakeMs: number
  readonly secure: SecurePort
  readonly carriage: Carriage
  readonly entry: WebSocketEntry
  private readonly openings = new Set<Opening>()

  constructor(owner: WebSocketsOwner, options: WebSocketOptions, entry: WebSocketEntry) {
    this.entry = entry
    this.log = owner.log
    this.carriage = new Carriage(owner)
    this.secure = new SecurePort('websocket', owner.log, owner.questions.checkPeer)
    this.handshake = new Handshake(options)
    this.handshakeMs = options.handshakeTimeout === 0 ? HANDSHAKE_MS : options.handshakeTimeout
  }

  /** Takes over a connection and begins its handshakes. */
  accept(arrival: Arrival): void {
    if (!this.secure.isOn) {
      const reading = new Reading()
      this.open(arrival, readingSocketOver(arrival.handle, this.carriage.buffer, reading.onRead), reading, undefined)
      return
    }
    const plain = socketOver(arrival.handle)
    this.secure.begin(plain, {
      secured: (socket, session) => {
        const reading = new Reading()
        readInto(socket, this.carriage.buffer, reading.onRead)
        this.open(arrival, socket, reading, session)
      },
      failed: () => this.entry.lost(arrival),
    })
  }

  /** Begins the WebSocket handshake on a socket that reads into `block`, as `reading` says. */
  private open(arrival: Arrival, socket: Socket, reading: Reading, tls: TlsSession | undefined): void {
    const opening = new Opening(this, socket, tls, {
      opened: (kind, session) => {
        this.openings.delete(opening)
        const { carriage, entry } = this
        if (kind === 'leaf') {
          const transport = carriage.carry(socket, reading, { ...session, messageMax: LINK_PAYLOAD_MAX }, LINK)
          entry.admitLeaf(arrival, transport, session)
        } else {
          const transport = carriage.carry(socket, reading, session, STYLES[session.browser])
          transport.serve(entry.admit(arrival, transport, session))
        }
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
}

interface OpeningHandler {
  /** The handshake is done; what comes next is frames. */
  opened(kind: 'client' | 'leaf', session: WebSocketSession): void
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
    const head = this.head?.take(this.owner.carriage.buffer.subarray(0, bytes))
    if (head === 'tooLarge') this.refuse(refuseRequest(TOO_LARGE))
    else if (head !== undefined && head !== 'incomplete') this.answer(head)
  }

  private answer({ text, rest }: Head): void {
    const verdict = this.owner.handshake.judge(text, this.tls)
    if (verdict.kind === 'refused') this.refuse(verdict)
    else if (rest > 0) {
      this.complain('client sent data before handshake is complete')
      this.cut()
    } else if (verdict.kind === 'leaf' && !this.owner.entry.takesLeafs) {
      this.owner.log.complaint(
        'Not configured to accept leaf node connections',
        undefined,
        this.socket.remoteAddress ?? '',
      )
      this.endWith(verdict.response)
    } else {
      this.detach()
      this.socket.write(verdict.response, 'latin1')
      this.handler.opened(verdict.kind, verdict.session)
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
