// A client of the server, as the gateway sees it: two sockets, and a lane for each direction.

import type { Socket } from 'node:net'
import type { Fate, Faults } from './faults.ts'
import { Lane } from './lane.ts'
import { messageOf, type Operation, type Splitter } from './operations.ts'

/** A client that is connected, or was. */
export interface TestClient {
  /** Counts from 1, in the order in which clients came. */
  readonly id: number
  /** As it called itself in CONNECT; empty: not at all, or not yet, or over TLS. */
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
  private readonly near: Socket
  private readonly up: Lane
  private readonly down: Lane

  /** `near`: the socket of the client; `far`: that to the server; `reads` makes operations of the bytes of a side. */
  constructor(id: number, near: Socket, far: Socket, reads: Reads, events: ClientEvents) {
    this.id = id
    this.near = near
    this.up = this.lane(near, far, true, reads, events)
    this.down = this.lane(far, near, false, reads, events)
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
    this.closedByServer = new Promise((left) => far.once('end', left).once('close', left))
  }

  private lane(from: Socket, to: Socket, fromClient: boolean, reads: Reads, events: ClientEvents): Lane {
    const direction = fromClient ? 'publish' : 'deliver'
    return new Lane(from, to, reads(fromClient), {
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
    if (this.near.writableEnded) this.near.destroy()
    else this.near.resetAndDestroy()
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
