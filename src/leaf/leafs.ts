// The leaf links of a shard.

import type { Arrival } from '../net/handle.ts'
import { TcpTransport } from '../net/tcp-transport.ts'
import type { LeafOrder, LeafTold } from './contract.ts'
import { LeafLink } from './leaf-link.ts'
import type { LeafDesk, LeafOwner } from './owner.ts'

export interface LeafsOwner extends LeafOwner {
  readonly readBuffer: Buffer
  readonly links: { set(id: number, link: LeafLink): void }
}

export class Leafs {
  private readonly owner: LeafsOwner
  private readonly desk: LeafDesk
  private readonly open = new Map<number, LeafLink>()

  constructor(owner: LeafsOwner, desk: LeafDesk) {
    this.owner = owner
    this.desk = desk
  }

  /** Begins to serve a connection. */
  take({ id, handle, order }: Arrival): void {
    const { owner, desk } = this
    owner.wake()
    const onRead = (bytes: number): void => link.socketOnRead(bytes)
    const socket = new TcpTransport(handle, owner.readBuffer, onRead, owner.bugMet)
    const link = new LeafLink(owner, desk, id, socket, order as LeafOrder)
    owner.links.set(id, link)
    this.open.set(id, link)
    link.attempt(() => link.start(socket))
    owner.schedule()
  }

  /** The primary has something for a link. */
  tell(id: number, what: LeafTold): void {
    const link = this.open.get(id)
    if (link === undefined) return
    this.owner.wake()
    link.attempt(() => link.told(what))
    this.owner.schedule()
  }

  /** A link's socket is gone. */
  forget(id: number): void {
    this.open.delete(id)
  }

  /** Those that are up. */
  get all(): LeafLink[] {
    return [...this.open.values()].filter(({ closing }) => !closing)
  }
}

export type LeafsClass = typeof Leafs
