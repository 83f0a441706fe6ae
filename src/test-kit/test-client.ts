// A client of the server, as the gateway sees it: two sockets, and a lane for each direction. Where a client begins
// TLS, the lanes go on over it.

import type { Socket } from 'node:net'
import type { Fate, Faults } from './faults.ts'
import { Lane } from './lane.ts'
import { messageOf, type Operation, type Splitter } from './operations.ts'
import { beginsTls, standBetween, type TlsBetween } from './tls-ends.ts'

/** A client that is connected, or was. */
export interface TestClient {
  /** Counts from 1, in the order in which clients came. */
  readonly id: number
  /** As it called itself in CONNECT; empty: not at all, or not yet. */
  readonly name: string
  /** As CONNECT has it, such as `nats.js`. */
  readonly library: string
  readonly isConnected: boolean
  /** Resolves when it is gone. */
  readonly closed: Promise<void>
  /** Resolves when the server has closed the connection, which a frozen client does not notice, or when it is gone. */
  readonly closedByServer: Promise<void>
  /** Breaks the connection (RST), as a network that fails does. */
  cut(): void
  /** It reads nothing more: what is for it fills the buffers on the way, then the server finds it slow. */
  stopReading(): void
  /** Nothing goes through any more, in either direction; the connection stays open, as when a cable is pulled. */
  freeze(): void
  /** Ends stopReading() and freeze(): what waited goes on. */
  resume(): void
}

export interface ClientEvents {
  readonly faults: Faults
  /** CONNECT has passed. */
  introduced(client: GatewayClient): void
  /** An operation has passed, from the client or to it. */
  passed(operation: Operation, fromClient: boolean, client: GatewayClient): void
  ended(client: GatewayClient): void
}

/** How the bytes of a client, or those to it, become operations. */
export type Reads = (fromClient: boolean) => Splitter

/** What carries the operations of a client. */
export interface Carriage {
  readonly reads: Reads
  /** For clients that begin TLS; undefined: to the gateway it is bytes. */
  readonly tls: TlsBetween | undefined
}

/** What the network between a frozen client and the server takes. */
const FROZEN_BYTES = 1024 * 1024
const PASSES: Fate = { drop: false, delayMs: 0 }

export class GatewayClient implements TestClient {
  readonly id: number
  name = ''
  library = ''
  isConnected = true
  isIntroduced = false
  readonly closed: Promise<void>
  readonly closedByServer: Promise<void>
  /** The connection of the client, and what it writes through: the same, or TLS over it. */
  private readonly plain: Socket
  private near: Socket
  private readonly serverOnEnd: () => void
  private readonly up: Lane
  private readonly down: Lane

  /** `near`: the socket of the client; `far`: that to the server; how the bytes between them become operations. */
  constructor(id: number, near: Socket, far: Socket, { reads, tls }: Carriage, events: ClientEvents) {
    this.id = id
    this.plain = near
    this.near = near
    this.up = this.lane(true, reads, events)
    this.down = this.lane(false, reads, events)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    const end = (): void => {
      if (!this.isConnected) return
      this.isConnected = false
      this.up.close()
      this.down.close()
      events.ended(this)
      resolve()
    }
    near.on('error', () => near.destroy()).on('close', () => far.destroy())
    far.on('error', () => near.destroy())
    near.on('close', end)
    const left = Promise.withResolvers<void>()
    this.closedByServer = left.promise
    this.serverOnEnd = left.resolve
    far.once('end', left.resolve).once('close', left.resolve)
    this.down.lead(far, near)
    if (tls === undefined) this.up.lead(near, far)
    else this.serve(near, far, tls).catch(() => near.destroy())
  }

  /** The lane of the client begins when it is known what its bytes are. */
  private async serve(near: Socket, far: Socket, tls: TlsBetween): Promise<void> {
    const isTls = await beginsTls(near)
    if (isTls === undefined) near.destroy()
    if (isTls === false) this.up.lead(near, far)
    if (isTls !== true) return
    this.down.rest()
    const secure = await standBetween({ near, far }, tls)
    this.near = secure.near
    secure.far.on('error', () => near.destroy()).once('end', this.serverOnEnd)
    this.up.lead(secure.near, secure.far)
    this.down.lead(secure.far, secure.near)
  }

  private lane(fromClient: boolean, reads: Reads, events: ClientEvents): Lane {
    const direction = fromClient ? 'publish' : 'deliver'
    return new Lane(reads(fromClient), {
      fateOf: (operation) => {
        const message = messageOf(operation)
        return message === undefined ? PASSES : events.faults.fateOf(message.subject, direction, this.name)
      },
      passed: (operation) => {
        if (fromClient && operation.verb === 'CONNECT') this.introduce(operation, events)
        events.passed(operation, fromClient, this)
      },
    })
  }

  private introduce({ args }: Operation, events: ClientEvents): void {
    const { name, lang } = parsed(args[0])
    if (typeof name === 'string') this.name = name
    if (typeof lang === 'string') this.library = lang
    this.isIntroduced = true
    events.introduced(this)
  }

  /** Its name, or what stands for one. */
  get title(): string {
    return this.name === '' ? `client ${this.id}` : this.name
  }

  cut(): void {
    // A socket whose end is on its way cannot be reset: libuv refuses, and Node 26 would keep the handle open.
    if (this.near.writableEnded) this.plain.destroy()
    else this.plain.resetAndDestroy()
  }

  stopReading(): void {
    this.down.hold(0)
  }

  freeze(): void {
    this.up.hold(FROZEN_BYTES)
    this.down.hold(FROZEN_BYTES)
  }

  resume(): void {
    this.up.release()
    this.down.release()
  }
}

/** What CONNECT says; nothing, if it is not as it should be. */
function parsed(text: string): { readonly name?: unknown; readonly lang?: unknown } {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
