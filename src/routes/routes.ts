// The routes of a shard.

import type { Arrival } from '../net/handle.ts'
import { TcpTransport } from '../net/tcp-transport.ts'
import type { LinkOwner } from '../remote/owner.ts'
import type { RouteOrder, RouteRow, RouteTold } from './contract.ts'
import { type RouteDesk, RouteLink } from './route-link.ts'

export interface RoutesOwner extends LinkOwner {
  readonly readBuffer: Buffer
  /** Milliseconds since 1970 of an instant on the shard's clock. */
  wallClock(ms: number): number
  readonly links: { set(id: number, link: RouteLink): void }
}

export class Routes {
  private readonly owner: RoutesOwner
  private readonly desk: RouteDesk
  private readonly open = new Map<number, RouteLink>()

  constructor(owner: RoutesOwner, desk: RouteDesk) {
    this.owner = owner
    this.desk = desk
  }

  /** Begins to serve a connection. */
  take({ id, handle, order }: Arrival): void {
    const { owner, desk } = this
    const onRead = (bytes: number): void => link.socketOnRead(bytes)
    const socket = new TcpTransport(handle, owner.readBuffer, onRead, owner.bugMet)
    const link = new RouteLink(owner, desk, id, socket, order as RouteOrder)
    owner.links.set(id, link)
    this.open.set(id, link)
    link.attempt(() => link.start(socket))
    owner.schedule()
  }

  /** The primary has something for a route. */
  tell(id: number, what: RouteTold): void {
    const link = this.open.get(id)
    if (link === undefined) return
    this.owner.wake()
    link.attempt(() => link.told(what))
    this.owner.schedule()
  }

  /** A route's socket is gone. */
  forget(id: number): void {
    this.open.delete(id)
  }

  /** What pages say of those that are up. */
  report(withSubjects: boolean): RouteRow[] {
    const wallClock = (ms: number): number => this.owner.wallClock(ms)
    const up = [...this.open.values()].filter(({ closing }) => !closing)
    return up.map((link) => link.row(withSubjects, wallClock)).filter((row) => row !== undefined)
  }
}

export type RoutesClass = typeof Routes
