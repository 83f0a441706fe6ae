// The leaf links of a shard.

import type { Socket } from 'node:net'
import { type Arrival, socketOver } from '../net/handle.ts'
import { TcpTransport } from '../net/tcp-transport.ts'
import { enterAccepted, enterDialled } from '../remote/entry.ts'
import type { CheckPeer } from '../tls/ocsp/peers.ts'
import type { TlsSettings } from '../tls/tls-settings.ts'
import { TlsUpgrader } from '../tls/upgrade.ts'
import type { LeafOrder, LeafRow, LeafTold } from './contract.ts'
import { demandsTls } from './hello.ts'
import { LeafLink } from './leaf-link.ts'
import type { LeafDesk, LeafOwner } from './owner.ts'

export interface LeafsOwner extends LeafOwner {
  readonly readBuffer: Buffer
  readonly links: { set(id: number, link: LeafLink): void }
  readonly questions: { readonly checkPeer: CheckPeer }
}

export class Leafs {
  private readonly owner: LeafsOwner
  private readonly desk: LeafDesk
  private readonly open = new Map<number, LeafLink>()
  private upgrader: TlsUpgrader | undefined

  constructor(owner: LeafsOwner, desk: LeafDesk) {
    this.owner = owner
    this.desk = desk
  }

  /** Begins to serve a connection. */
  take({ id, handle, order }: Arrival): void {
    const { owner, desk } = this
    const { dialled } = order as LeafOrder
    const { upgrader } = this
    const isInspected = dialled !== undefined || upgrader !== undefined
    const onRead = (bytes: number): void => link.socketOnRead(bytes)
    const socket = isInspected ? socketOver(handle) : new TcpTransport(handle, owner.readBuffer, onRead, owner.bugMet)
    const link = new LeafLink(owner, desk, id, socket, order as LeafOrder)
    owner.links.set(id, link)
    this.open.set(id, link)
    link.attempt(() => {
      if (dialled !== undefined) {
        const { tls, remote } = dialled
        enterDialled(owner, link, socket as Socket, tls, { withinMs: remote.firstInfoTimeout, needsTls: demandsTls })
      } else if (upgrader !== undefined) enterAccepted(owner, link, socket as Socket, upgrader)
      else {
        link.greet()
        link.start(socket)
      }
    })
    owner.schedule()
  }

  /** TLS of the connections that are accepted from now on. */
  configure(settings: TlsSettings | undefined): void {
    if (settings === undefined) this.upgrader = undefined
    else if (this.upgrader === undefined)
      this.upgrader = new TlsUpgrader(settings, undefined, this.owner.questions.checkPeer)
    else this.upgrader.reload(settings)
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

  /** Options are others: those that have logged in here are asked about again. */
  async review(): Promise<void> {
    for (const link of [...this.open.values()]) {
      try {
        await link.review()
      } catch (error) {
        link.failed(error)
      }
    }
  }

  /** What pages say of those that are up. */
  report(withSubjects: boolean): LeafRow[] {
    const up = [...this.open.values()].filter(({ closing }) => !closing)
    return up.map((link) => link.row(withSubjects)).filter((row) => row !== undefined)
  }
}

export type LeafsClass = typeof Leafs
