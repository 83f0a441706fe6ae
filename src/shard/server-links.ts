// The links of a shard to other servers, be they routes or leaf links, and the feed of what this server wants, which
// they tell.

import type { Account } from '../accounts/account.ts'
import type { Fault } from '../base/errors.ts'
import { attempt } from '../base/guarded.ts'
import type { LeafRow } from '../leaf/contract.ts'
import type { Judge } from '../leaf/greeting.ts'
import type { Leafs, LeafsClass, LeafsOwner } from '../leaf/leafs.ts'
import { NumberMap } from '../memory/number-map.ts'
import type { Arrival } from '../net/handle.ts'
import { type FeedOwner, InterestFeed } from '../remote/interest-feed.ts'
import type { Link } from '../remote/owner.ts'
import type { RouteRow } from '../routes/contract.ts'
import type { Routes, RoutesClass, RoutesOwner } from '../routes/routes.ts'
import type { RouterOwner } from '../routing/owner.ts'
import type { LinkTold } from '../threads/messages.ts'
import type { TlsOfPorts } from '../tls/tls-settings.ts'
import type { WebSocketSession } from '../websocket/handshake.ts'
import type { WebSocketTransport } from '../websocket/transport.ts'
import { createLeafDesk, type LeafDeskShard } from './leaf-desk.ts'
import { createRouteDesk, type RouteDeskShard } from './route-desk.ts'

/** Of a server that is in a cluster, and of one that has leaf nodes or is one. */
export interface LinkParts {
  readonly Routes?: RoutesClass | undefined
  readonly Leafs?: LeafsClass | undefined
}

/** The shard. */
type LinksOwner = FeedOwner & RoutesOwner & LeafsOwner & RouteDeskShard & LeafDeskShard & Pick<RouterOwner, 'abroad'>

/** A route or a leaf link: each hears only what is for its kind. */
type OpenLink = Link & { told(what: LinkTold): void }

export class ServerLinks {
  /** Undefined: there are to be no links. */
  readonly feed: InterestFeed | undefined
  private readonly routes: Routes | undefined
  private readonly leafs: Leafs | undefined
  private readonly open = new NumberMap<OpenLink>()
  private readonly shard: LinksOwner
  /** Leaf nodes may come. */
  readonly takesLeafs: boolean

  constructor(shard: LinksOwner, { Routes, Leafs }: LinkParts) {
    this.shard = shard
    this.takesLeafs = Leafs !== undefined && shard.options.leafnodes?.port !== 0
    const { routes, hubs, leafs } = shard.abroad
    if (!routes && !hubs && !leafs) return
    const feed = new InterestFeed(shard)
    this.feed = feed
    if (Routes !== undefined) this.routes = new Routes(shard, createRouteDesk(shard, feed))
    if (Leafs !== undefined) this.leafs = new Leafs(shard, createLeafDesk(shard, feed))
  }

  // ── Each ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Begins to serve a connection. A bug costs this one, of which the primary is told. */
  take(arrival: Arrival): void {
    const { id, kind, handle } = arrival
    const links = kind === 'route' ? this.routes : this.leafs
    try {
      links?.take(arrival)
    } catch (error) {
      const { shard } = this
      shard.bugMet(error)
      handle.close()
      attempt(shard.bugMet, () =>
        kind === 'route'
          ? shard.questions.ask('route', { event: { kind: 'ended', link: id } })
          : shard.questions.ask('leaf', { event: { kind: 'ended', link: id, delayMs: 0 } }),
      )
    }
  }

  /** Begins to serve a leaf node that has come as a WebSocket. */
  admitLeaf(id: number, transport: WebSocketTransport, session: WebSocketSession): void {
    this.leafs?.admit(id, transport, session)
  }

  /** One has come to be. */
  set(id: number, link: OpenLink): void {
    this.open.set(id, link)
  }

  /** The primary has something for one. */
  tell(id: number, told: LinkTold): void {
    const link = this.open.get(id)
    if (link === undefined) return
    this.shard.wake()
    link.attempt(() => link.told(told))
    this.shard.schedule()
  }

  /** Its socket is gone. */
  forget({ id }: Link): void {
    this.open.delete(id)
  }

  // ── All ───────────────────────────────────────────────────────────────────────────────────────────────

  get size(): number {
    return this.open.size
  }

  values(): Iterable<Link> {
    return this.open.values()
  }

  /** TLS of the links that begin from now on. */
  configure({ leaf, cluster }: TlsOfPorts): void {
    this.leafs?.configure(leaf)
    this.routes?.configure(cluster)
  }

  /** Options are others: those that have logged in are asked about again. */
  async review(): Promise<void> {
    this.routes?.review()
    await this.leafs?.review()
  }

  /** The token of an account is another one, or has ended: who may stay is up to `judge`. */
  accountChanged(account: string, judge: Judge): void {
    this.leafs?.accountChanged(account, judge)
  }

  /** Accounts import something else than before. */
  importsChanged(accounts: ReadonlySet<Account>): void {
    this.leafs?.importsChanged(accounts)
  }

  routeRows(withSubjects: boolean): RouteRow[] {
    return this.routes?.report(withSubjects) ?? []
  }

  leafRows(withSubjects: boolean): LeafRow[] {
    return this.leafs?.report(withSubjects) ?? []
  }

  /** Closes them all. */
  stop(fault: Fault): void {
    for (const link of this.open.values()) link.attempt(() => link.close(fault))
  }

  /** Cuts those that are left, whatever is queued. */
  cut(): void {
    for (const link of this.open.values()) attempt(this.shard.bugMet, () => link.destroy())
  }
}
