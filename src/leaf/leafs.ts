// The leaf links of a shard.

import type { Socket } from 'node:net'
import type { Account } from '../accounts/account.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import { type Arrival, readingSocketOver, socketOver } from '../net/handle.ts'
import { TcpTransport } from '../net/tcp-transport.ts'
import { enterAccepted, enterDialled } from '../remote/entry.ts'
import type { CheckPeer } from '../tls/ocsp/peers.ts'
import type { TlsSettings } from '../tls/tls-settings.ts'
import { TlsUpgrader } from '../tls/upgrade.ts'
import { Carriage, Reading } from '../websocket/carriage.ts'
import type { WebSocketSession } from '../websocket/handshake.ts'
import type { WebSocketTransport } from '../websocket/transport.ts'
import type { DialledLeaf, LeafOrder, LeafRow } from './contract.ts'
import type { Judge } from './greeting.ts'
import { demandsTls } from './hello.ts'
import { LeafLink } from './leaf-link.ts'
import type { LeafDesk, LeafOwner } from './owner.ts'
import { enterWebSocket } from './websocket-entry.ts'

export interface LeafsOwner extends LeafOwner {
  /** The shard’s. */
  readonly index: number
  readonly pool: ChunkPool
  readonly readBuffer: Buffer
  /** Links of the shard, of whatever kind. */
  readonly links: { set(id: number, link: LeafLink): void; values(): Iterable<object> }
  readonly questions: { readonly checkPeer: CheckPeer }
}

export class Leafs {
  private readonly owner: LeafsOwner
  private readonly desk: LeafDesk
  private upgrader: TlsUpgrader | undefined
  /** Of links that are dialled over WebSocket; made for the first one. */
  private carriage: Carriage | undefined

  constructor(owner: LeafsOwner, desk: LeafDesk) {
    this.owner = owner
    this.desk = desk
  }

  /** Begins to serve a connection. */
  take({ id, handle, order }: Arrival): void {
    const { owner, desk } = this
    const { dialled } = order as LeafOrder
    if (dialled?.webSocket !== undefined) {
      this.dialWebSocket(id, handle, dialled)
      return
    }
    const { upgrader } = this
    const isInspected = dialled !== undefined || upgrader !== undefined
    const onRead = (bytes: number): void => link.socketOnRead(bytes)
    const socket = isInspected ? socketOver(handle) : new TcpTransport(handle, owner.readBuffer, onRead, owner.bugMet)
    const link = new LeafLink(owner, desk, id, socket, order as LeafOrder, false)
    owner.links.set(id, link)
    link.attempt(() => {
      if (dialled !== undefined) {
        const { tls, remote, early } = dialled
        if (early.length > 0) (socket as Socket).unshift(early)
        enterDialled(owner, link, socket as Socket, tls, { withinMs: remote.firstInfoTimeout, needsTls: demandsTls })
      } else if (upgrader !== undefined) enterAccepted(owner, link, socket as Socket, upgrader)
      else {
        link.greet()
        link.start(socket)
      }
    })
    owner.schedule()
  }

  private dialWebSocket(id: number, handle: Arrival['handle'], dialled: DialledLeaf): void {
    const { owner } = this
    this.carriage ??= new Carriage(owner)
    const { carriage } = this
    const reading = new Reading()
    const { required } = dialled.tls
    const socket = required ? socketOver(handle) : readingSocketOver(handle, carriage.buffer, reading.onRead)
    const link = new LeafLink(owner, this.desk, id, socket, { dialled }, true)
    owner.links.set(id, link)
    link.attempt(() => enterWebSocket(owner, link, socket, dialled, carriage, reading))
    owner.schedule()
  }

  /** Begins to serve a leaf node that has come as a WebSocket: the primary is told, as it did not know. */
  admit(id: number, transport: WebSocketTransport, { tls }: WebSocketSession): void {
    const { owner, desk } = this
    owner.wake()
    const link = new LeafLink(owner, desk, id, transport, { dialled: undefined }, true)
    owner.links.set(id, link)
    link.tls = tls
    transport.serve(link)
    link.attempt(() => {
      link.attempt(() => desk.ask({ kind: 'came', link: id, shard: owner.index }))
      link.greet()
      link.start(transport)
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

  /** Options are others: those that have logged in here are asked about again. */
  async review(): Promise<void> {
    for (const link of this.open) {
      try {
        await link.review()
      } catch (error) {
        link.failed(error)
      }
    }
  }

  /** The token of an account is another one, or has ended. */
  accountChanged(account: string, judge: Judge): void {
    this.each(
      (link) => link.account.name === account,
      (link) => link.accountChanged(judge),
    )
  }

  /** Accounts import something else than before. */
  importsChanged(accounts: ReadonlySet<Account>): void {
    this.each(
      (link) => accounts.has(link.account),
      (link) => link.tellOwn(),
    )
  }

  private each(isMeant: (link: LeafLink) => boolean, act: (link: LeafLink) => void): void {
    const meant = this.open.filter((link) => !link.closing && isMeant(link))
    if (meant.length === 0) return
    for (const link of meant) link.attempt(() => act(link))
    this.owner.schedule()
  }

  /** What pages say of those that are up. */
  report(withSubjects: boolean): LeafRow[] {
    const up = this.open.filter(({ closing }) => !closing)
    return up.map((link) => link.row(withSubjects)).filter((row) => row !== undefined)
  }

  private get open(): LeafLink[] {
    return [...this.owner.links.values()].filter((link) => link instanceof LeafLink)
  }
}

export type LeafsClass = typeof Leafs
