// The routes of a shard.

import type { Arrival } from '../net/handle.ts'
import { TcpTransport } from '../net/tcp-transport.ts'
import type { LinkOwner } from '../remote/owner.ts'
import type { RouteOrder, RouteTold } from './contract.ts'
import { type RouteDesk, RouteLink } from './route-link.ts'

export interface RoutesOwner extends LinkOwner {
  readonly readBuffer: Buffer
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
    owner.wake()
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

  /** Those that are up. */
  get all(): RouteLink[] {
    return [...this.open.values()].filter(({ closing }) => !closing)
  }
}

export type RoutesClass = typeof Routes
