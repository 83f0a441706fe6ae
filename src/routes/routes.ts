// The routes of a shard.

import type { Socket } from 'node:net'
import { CloseReason } from '../base/errors.ts'
import { type Arrival, socketOver } from '../net/handle.ts'
import { TcpTransport } from '../net/tcp-transport.ts'
import { type DialledTls, enterAccepted, enterDialled } from '../remote/entry.ts'
import type { LinkOwner } from '../remote/owner.ts'
import { diallerSettings } from '../tls/dialler.ts'
import type { CheckPeer } from '../tls/ocsp/peers.ts'
import type { TlsSettings } from '../tls/tls-settings.ts'
import { TlsUpgrader } from '../tls/upgrade.ts'
import type { RouteOrder, RouteRow } from './contract.ts'
import { type RouteDesk, RouteLink } from './route-link.ts'

export interface RoutesOwner extends LinkOwner {
  readonly readBuffer: Buffer
  /** Milliseconds since 1970 of an instant on the shard's clock. */
  wallClock(ms: number): number
  /** Links of the shard, of whatever kind. */
  readonly links: { set(id: number, link: RouteLink): void; values(): Iterable<object> }
  readonly questions: { readonly checkPeer: CheckPeer }
}

/** TLS of the routes that begin from now on, for either side. */
interface RouteTls {
  readonly upgrader: TlsUpgrader
  readonly dialled: Omit<DialledTls, 'hosts'>
}

export class Routes {
  private readonly owner: RoutesOwner
  private readonly desk: RouteDesk
  /** Undefined: they are plain. */
  private tls: RouteTls | undefined

  constructor(owner: RoutesOwner, desk: RouteDesk) {
    this.owner = owner
    this.desk = desk
  }

  /** Begins to serve a connection. */
  take({ id, handle, order }: Arrival): void {
    const { owner, desk, tls } = this
    const { dialled } = order as RouteOrder
    const onRead = (bytes: number): void => link.socketOnRead(bytes)
    const socket =
      tls === undefined ? new TcpTransport(handle, owner.readBuffer, onRead, owner.bugMet) : socketOver(handle)
    const link = new RouteLink(owner, desk, id, socket, order as RouteOrder)
    owner.links.set(id, link)
    link.attempt(() => {
      if (tls === undefined) {
        link.start(socket)
        link.greet()
      } else if (dialled === undefined) enterAccepted(owner, link, socket as Socket, tls.upgrader)
      else enterDialled(owner, link, socket as Socket, { ...tls.dialled, hosts: dialled.hosts })
    })
    owner.schedule()
  }

  /** TLS of the routes that begin from now on. */
  configure(settings: TlsSettings | undefined): void {
    if (settings === undefined) {
      this.tls = undefined
      return
    }
    const { pinnedCerts, timeoutMs } = settings
    const insecure = this.owner.options.cluster?.tls?.insecure === true
    const dialled = {
      settings: diallerSettings(settings, insecure),
      pinnedCerts,
      required: true,
      first: true,
      timeoutMs,
    }
    const upgrader = this.tls?.upgrader ?? new TlsUpgrader(settings, undefined, this.owner.questions.checkPeer)
    if (this.tls !== undefined) upgrader.reload(settings)
    this.tls = { upgrader, dialled }
  }

  /** Options are others. */
  review(): void {
    const cluster = this.owner.options.cluster
    if (cluster === undefined) return
    let unpinned = 0
    for (const link of this.open) {
      if (link.closing) continue
      link.attempt(() => {
        if (link.isPinned(cluster)) link.review(cluster)
        else {
          unpinned++
          link.close({ text: undefined, reason: CloseReason.tlsHandshake })
        }
      })
    }
    if (unpinned > 0) this.owner.log.info(`Disconnect ${unpinned} clients due to pinned certs reload`)
    this.owner.schedule()
  }

  /** What pages say of those that are up. */
  report(withSubjects: boolean): RouteRow[] {
    const wallClock = (ms: number): number => this.owner.wallClock(ms)
    const up = this.open.filter(({ closing }) => !closing)
    return up.map((link) => link.row(withSubjects, wallClock)).filter((row) => row !== undefined)
  }

  private get open(): RouteLink[] {
    return [...this.owner.links.values()].filter((link) => link instanceof RouteLink)
  }
}

export type RoutesClass = typeof Routes
