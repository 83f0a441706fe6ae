// A shard: the connections of one thread, its subscriptions, its links to the other shards, and the turn of its loop.
//
//   turn:  reads, ring frames → operations → deliveries queued, receivers marked
//          end of turn: frames for other shards published, each marked receiver written once, closed ones released

import type { Account } from '../accounts/account.ts'
import { AccountConnections } from '../accounts/account-connections.ts'
import { Accounts } from '../accounts/accounts.ts'
import type { HookEvent } from '../auth/hooks.ts'
import { CONTROL_LINE_MAX, LINK_CONTROL_LINE_MAX, LOOP_IDLE_MS, READ_BYTES, WRITES_A_TURN } from '../base/constants.ts'
import { type Fault, Faults } from '../base/errors.ts'
import { attempt } from '../base/guarded.ts'
import { LoopClock } from '../base/loop-clock.ts'
import { Turns, Work } from '../base/turns.ts'
import { Client } from '../connection/client.ts'
import type { HttpSession, Session } from '../connection/facts.ts'
import type { ClientOwner } from '../connection/owner.ts'
import { PermissionSets } from '../connection/rights.ts'
import type { HttpGateway, HttpGatewayClass, HttpGatewayOwner } from '../http/http-gateway.ts'
import { Generations } from '../interest/generations.ts'
import { InterestWriter } from '../interest/writer.ts'
import type { JetStream } from '../jetstream/jetstream.ts'
import type { JetStreamMaker } from '../jetstream/load.ts'
import type { JetStreamOwner } from '../jetstream/owner.ts'
import type { LeafTold } from '../leaf/contract.ts'
import type { Leafs, LeafsClass } from '../leaf/leafs.ts'
import { Log } from '../log/log.ts'
import { allocateBlock, type Block } from '../memory/block.ts'
import { ChunkPool } from '../memory/chunk-pool.ts'
import { NumberMap } from '../memory/number-map.ts'
import type { Frame } from '../mesh/frame.ts'
import { Inbox, type InboxOwner } from '../mesh/inbox.ts'
import type { PeerSetup } from '../mesh/messages.ts'
import { PublishOrder } from '../mesh/publish-order.ts'
import { type PeerOwner, ShardPeer } from '../mesh/shard-peer.ts'
import { type Arrival, type PipeArrival, socketOver } from '../net/handle.ts'
import type { Outbound } from '../net/outbound.ts'
import type { Pipe } from '../net/pipe.ts'
import { TcpTransport } from '../net/tcp-transport.ts'
import type { Transport } from '../net/transport.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import { Origin, type Run } from '../protocol/run.ts'
import { InterestFeed } from '../remote/interest-feed.ts'
import type { Link, LinkOwner } from '../remote/owner.ts'
import { Gauges } from '../reports/gauges.ts'
import type { LastServed } from '../reports/last-served.ts'
import { isLong, type Query } from '../reports/query.ts'
import { Records } from '../reports/records.ts'
import { longReport, report } from '../reports/report.ts'
import { ReportQueue, type ReportQueueOwner, type ReportTaker } from '../reports/report-queue.ts'
import type { RouteTold } from '../routes/contract.ts'
import type { Routes, RoutesClass } from '../routes/routes.ts'
import type { RouterOwner } from '../routing/owner.ts'
import type { Plan } from '../routing/plan.ts'
import { Router } from '../routing/router.ts'
import { type CreditPublisher, CreditPublishers, SERVER_ID } from '../routing/server-publisher.ts'
import { Sublist } from '../routing/sublist.ts'
import { ServiceCalls } from '../services/service-calls.ts'
import type { SystemMessage } from '../system/contract.ts'
import { MessageSequence } from '../system/server-info.ts'
import { createShardSystem, type ShardSystem } from '../system/shard/shard-system.ts'
import type { Eviction, ShardSetup, ToPrimary } from '../threads/messages.ts'
import { Questions } from '../threads/primary-rpc.ts'
import type { TlsOfPorts } from '../tls/tls-settings.ts'
import { Tracing } from '../tracing/tracing.ts'
import type { WebSocketSession } from '../websocket/handshake.ts'
import type { WebSockets, WebSocketsClass, WebSocketsOwner } from '../websocket/websockets.ts'
import { Admission } from './admission.ts'
import { Arrivals } from './arrivals.ts'
import { HookEvents } from './hook-events.ts'
import { createLeafDesk } from './leaf-desk.ts'
import { createRouteDesk } from './route-desk.ts'
import { ShardTimers } from './shard-timers.ts'
import { TlsEntry } from './tls-entry.ts'

/** What is loaded where the options ask for it. */
export interface ShardParts {
  readonly WebSockets?: WebSocketsClass | undefined
  readonly HttpGateway?: HttpGatewayClass | undefined
  readonly makeJetStream?: JetStreamMaker | undefined
  readonly Routes?: RoutesClass | undefined
  readonly Leafs?: LeafsClass | undefined
}

export class Shard
  implements
    RouterOwner,
    ClientOwner,
    PeerOwner,
    InboxOwner,
    LinkOwner,
    WebSocketsOwner,
    HttpGatewayOwner,
    ReportQueueOwner,
    JetStreamOwner
{
  readonly index: number
  options: Options
  readonly log: Log
  readonly seed: number
  readonly pool = new ChunkPool()
  readonly turns = new Turns()
  readonly generations: Generations
  readonly accounts = new Accounts()
  readonly sublist: Sublist
  readonly serviceCalls: ServiceCalls
  readonly tracing = new Tracing(this)
  /** Numbers the messages about the server. */
  readonly sequence: MessageSequence
  /** Undefined: there is no system account. */
  readonly system: ShardSystem | undefined
  /** Undefined: no embedding program wants to know of clients. */
  readonly hooks: HookEvents | undefined
  readonly permissionSets = new PermissionSets()
  /** Those within the server that send as long as somebody takes it. */
  readonly creditPublishers = new CreditPublishers()
  /** Undefined: this server has no streams. */
  readonly jetstream: JetStream | undefined
  readonly abroad: RouterOwner['abroad']
  /** What this server wants, for links to other servers; undefined: there are to be none. */
  readonly feed: InterestFeed | undefined
  readonly accountConnections: AccountConnections
  readonly tls: TlsEntry
  /** What only the primary can answer. */
  readonly questions: Questions
  readonly admission: Admission
  readonly router: Router
  readonly peers: ShardPeer[] = []
  /** The order of what this shard publishes among all shards. */
  readonly order: PublishOrder
  readonly inbox = new Inbox(this)
  readonly arrivals = new Arrivals(this)
  readonly clients = new NumberMap<Client>()
  /** Links to other servers. */
  readonly links = new NumberMap<Link>()
  /** By which peers are judged that are silent. */
  readonly clock = new LoopClock()
  identity: ServerIdentity

  /** All sockets of the shard read into this one, from readStart on; before it there is room for a cut line. */
  readonly readBlock: Block
  readonly readStart: number
  readonly readBuffer: Buffer

  nowMs = this.clock.monotonicMs
  readonly lastServed: LastServed
  /** What it notes of itself for the monitoring pages. */
  readonly records: Records
  /** Long answers to the primary. */
  readonly reports = new ReportQueue(this)

  readonly writer: InterestWriter
  private readonly gauges: Gauges
  private readonly webSockets: WebSockets | undefined
  private readonly gateway: HttpGateway | undefined
  /** Undefined: the server is in no cluster. */
  readonly routes: Routes | undefined
  /** Undefined: it has no leaf nodes and is none. */
  readonly leafs: Leafs | undefined
  private marked: Outbound[] = []
  private leaving: (Client | Link)[] = []
  /** Connections too many, which the primary does not count, and clients by HTTP: their sockets are counted. */
  private readonly uncounted = new Set<Client>()
  private flushScheduled = false
  private endsWithRead = false
  private busyUntilMs = 0
  readonly timers: ShardTimers
  private onEmpty: (() => void) | undefined
  private stopping = false

  /** `toPrimary` is for what only the primary can do; `parts` are those that not every server has. */
  constructor(
    setup: ShardSetup,
    toPrimary: (message: ToPrimary) => void,
    { WebSockets, HttpGateway, makeJetStream, Routes, Leafs }: ShardParts = {},
  ) {
    this.index = setup.index
    this.options = setup.options
    this.identity = setup.identity
    this.seed = setup.seed
    const name = `shard ${setup.index}`
    this.log = new Log(setup.options, { name, opened: setup.logOpened, tell: toPrimary }, this.turns)
    this.generations = new Generations(setup.generations)
    this.gauges = new Gauges(setup.gauges)
    this.order = new PublishOrder(setup.publishOrder)
    this.lastServed = this.gauges.lastServed(setup.index)
    this.records = new Records(this, this.gauges.counters(setup.index))
    this.writer = new InterestWriter(setup.region, this.generations, setup.seed)
    this.sublist = new Sublist(setup.region, this.writer)
    const { cluster, leafnodes } = setup.options
    const hasLeafs = leafnodes !== undefined
    this.abroad = { routes: cluster !== undefined, hubs: hasLeafs, leafs: hasLeafs }
    this.feed = this.abroad.routes || this.abroad.hubs || this.abroad.leafs ? new InterestFeed(this) : undefined
    this.sublist.watcher = this.feed
    this.router = new Router(this)
    this.serviceCalls = new ServiceCalls(this)
    this.accountConnections = new AccountConnections(setup.shards, setup.accountConnections)
    this.questions = new Questions(toPrimary)
    this.sequence = new MessageSequence(setup.systemSequence)
    this.system = createShardSystem(this, toPrimary)
    const tellHooks = (events: readonly HookEvent[]): void => toPrimary({ kind: 'hookEvents', events })
    this.hooks = setup.hooks.length === 0 ? undefined : new HookEvents(setup.hooks, tellHooks, this.bugMet)
    this.tls = new TlsEntry(this, setup.handshakeLimit)
    this.tls.configure(setup.tls.client)
    this.admission = new Admission(this, this.questions, setup)
    // Room for the longest cut line: verb, blanks, arguments, CR.
    this.readStart =
      Math.max(setup.options.maxControlLine, this.feed === undefined ? CONTROL_LINE_MAX : LINK_CONTROL_LINE_MAX) * 2
    this.readBlock = allocateBlock(this.readStart + READ_BYTES)
    this.readBuffer = this.readBlock.bytes.subarray(this.readStart, this.readStart + READ_BYTES)
    const { websocket } = setup.options
    if (WebSockets !== undefined && websocket !== undefined) {
      this.webSockets = new WebSockets(this, websocket)
      this.webSockets.secure.configure(setup.tls.webSocket)
    }
    const { httpGateway } = setup.options
    if (HttpGateway !== undefined && httpGateway !== undefined) {
      this.gateway = new HttpGateway(this, httpGateway)
      this.gateway.secure.configure(setup.tls.http)
    }
    this.timers = new ShardTimers(this, this.gauges)
    if (Routes !== undefined && this.feed !== undefined)
      this.routes = new Routes(this, createRouteDesk(this, this.feed))
    if (Leafs !== undefined && this.feed !== undefined) {
      this.leafs = new Leafs(this, createLeafDesk(this, this.feed))
      this.leafs.configure(setup.tls.leaf)
    }
    this.jetstream = setup.streams && makeJetStream?.(this, setup.streams)
  }

  // ── Connections ───────────────────────────────────────────────────────────────────────────────────────

  /** Begins to serve a connection. */
  take(arrival: Arrival): void {
    this.nowMs = this.clock.monotonicMs
    if (arrival.kind === 'route' || arrival.kind === 'leaf') {
      const links = arrival.kind === 'route' ? this.routes : this.leafs
      links?.take(arrival)
      return
    }
    if (arrival.kind === 'websocket' || arrival.kind === 'http') {
      const entry = arrival.kind === 'http' ? this.gateway : this.webSockets
      entry?.accept(arrival)
      return
    }
    const isSecured = arrival.kind === 'client' && this.tls.comesFirst
    if (isSecured && !arrival.refused && !this.stopping) {
      const socket = socketOver(arrival.handle)
      this.tls.enter(this.welcome(arrival, socket).client, socket)
      return
    }
    const onRead = (bytes: number): void => client.socketOnRead(bytes)
    const socket = new TcpTransport(arrival.handle, this.readBuffer, onRead, this.bugMet)
    const { client, refusal } = this.welcome(arrival, socket)
    client.greet()
    client.start(socket, refusal)
  }

  /**
   * Begins to serve a connection within the process. `open` makes its end here, which is returned. No TLS comes over
   * it, and no proxy has passed it on: its bytes do not leave the process. `http`: it is for requests by HTTP.
   */
  takePipe(
    arrival: PipeArrival,
    open: (readBuffer: Buffer, onRead: (bytes: number) => void) => Pipe,
    http?: HttpSession,
  ): Pipe {
    this.wake()
    const pipe = open(this.readBuffer, (bytes) => client.socketOnRead(bytes))
    const { client, refusal } = this.welcome(arrival, pipe, { http })
    client.attempt(() => {
      client.greet()
      client.start(pipe, refusal)
    })
    return pipe
  }

  /** Makes a client of a WebSocket whose handshake is done, and begins to serve it. */
  admit(arrival: Arrival, transport: Transport, session: WebSocketSession): Client {
    this.nowMs = this.clock.monotonicMs
    const { client, refusal } = this.welcome(arrival, transport, { webSocket: session })
    client.attempt(() => {
      client.greet()
      client.start(transport, refusal)
    })
    return client
  }

  private welcome({ id, refused }: PipeArrival, transport: Transport, session?: Session) {
    const client = new Client(this, id, transport, session)
    this.clients.set(id, client)
    if (refused || session?.http !== undefined) this.uncounted.add(client)
    return { client, refusal: refused ? Faults.connections : this.stopping ? Faults.shutdown : undefined }
  }

  /** A connection is gone before it became a client, or it was one by HTTP. */
  lost({ refused }: Arrival): void {
    if (!refused) this.gauges.connectionClosed(this.index)
    this.endIfEmpty()
  }

  /** A connection began to close: it is released at the end of the turn. */
  closed(client: Client, fault: Fault): void {
    this.records.closing(client, fault.reason)
    this.system?.events.closed(client, fault.reason)
    this.hooks?.closed(client, fault.reason, client.outbound.pendingBytes)
    this.records.tell(client, fault)
    this.leaving.push(client)
    this.schedule()
  }

  linkClosed(link: Link): void {
    this.leaving.push(link)
    this.schedule()
  }

  /** The primary has something for a link: a route or a leaf link, whichever has this number. */
  tellLink(link: number, told: RouteTold | LeafTold): void {
    this.routes?.tell(link, told as RouteTold)
    this.leafs?.tell(link, told as LeafTold)
  }

  forgetLink(link: Link): void {
    this.routes?.forget(link.id)
    this.leafs?.forget(link.id)
    if (this.links.delete(link.id)) this.endIfEmpty()
  }

  private forEachClient(act: (client: Client) => void): void {
    for (const client of this.clients.values()) if (!client.closing) client.attempt(() => act(client))
  }

  /** Closes up to `count` connections, the earliest ones. */
  evict(count: number, eviction: Eviction): void {
    this.wakeBehindRings()
    for (const client of this.clients.values()) {
      if (count <= 0) break
      if (client.closing) continue
      client.attempt(() => client.close(Faults[eviction]))
      count--
    }
  }

  /** A connection's socket is gone. */
  forget(client: Client): void {
    client.outbound.close()
    if (!this.clients.delete(client.id)) return
    this.records.gone(client)
    if (!this.uncounted.delete(client)) this.gauges.connectionClosed(this.index)
    this.endIfEmpty()
  }

  /** A shard that is to stop ends with its last connection. */
  endIfEmpty(): void {
    if (this.clients.size === 0 && this.links.size === 0 && this.arrivals.waiting === 0 && !this.gateway?.isBusy)
      this.onEmpty?.()
  }

  get openConnections(): number {
    let open = 0
    for (const client of this.clients.values()) if (!client.closing) open++
    return open
  }

  // ── The turn ──────────────────────────────────────────────────────────────────────────────────────────

  /** A read begins: what it publishes comes behind all that other shards' publishers have flushed. */
  beginRead(): void {
    this.beginWork()
    this.inbox.catchUp(false)
    this.router.outbox.readBegins(this.readBlock)
  }

  /**
   * A read, or a look into the rings, begins. If the loop was idle before it, nothing else is likely to come in this
   * turn, and the turn ends with the read; otherwise it ends when all reads of this round are done, so that a receiver
   * is written once.
   */
  beginWork(): void {
    this.wake()
    this.endsWithRead = this.nowMs - this.busyUntilMs > LOOP_IDLE_MS
    this.records.latency.readBegins(this.nowMs)
  }

  endRead(): void {
    attempt(this.bugMet, () => this.router.outbox.readEnds())
    if (this.endsWithRead) {
      this.endsWithRead = false
      this.flush()
    }
    this.busyUntilMs = this.clock.monotonicMs
  }

  get pings(): ShardTimers['pings'] {
    return this.timers.pings
  }

  get expiries(): ShardTimers['expiries'] {
    return this.timers.expiries
  }

  clockMs(): number {
    return this.clock.monotonicMs
  }

  /** Milliseconds since 1970 of an instant on this shard's monotonic clock. */
  wallClock(ms: number): number {
    return performance.timeOrigin + ms
  }

  /** Something else than a read or a frame makes the shard work: a timer, an answer from elsewhere. */
  wake(): void {
    this.router.outbox.empty()
    this.nowMs = this.clock.monotonicMs
    this.order.begin()
  }

  get systemAccount(): Account | undefined {
    return this.system?.account
  }

  groupLeftOut(queue: string, messages: number): void {
    const text = `Queue group ${JSON.stringify(queue)} at other servers misses messages: too many groups want them`
    this.log.complaint(text, undefined, 'queue groups', messages)
  }

  /** The same for what ends or answers something: it comes behind what other shards' publishers have flushed. */
  wakeBehindRings(): void {
    this.wake()
    this.catchUp()
  }

  mark(outbound: Outbound): void {
    this.marked.push(outbound)
    this.schedule()
  }

  schedule(): void {
    if (this.flushScheduled || this.endsWithRead) return
    this.flushScheduled = true
    setImmediate(() => {
      this.flushScheduled = false
      attempt(this.bugMet, () => this.flush())
    })
  }

  publish(): void {
    this.router.outbox.empty()
    for (const peer of this.peers) peer.link.publish()
  }

  extendPlan(plan: Plan, subject: string, origin: Origin): void {
    this.system?.extend(plan, subject)
    // The API is where a request was published: of the servers of a cluster, at one.
    if (origin !== Origin.route) this.jetstream?.extend(plan, subject)
  }

  /** Ends the turn. */
  flush(): void {
    this.router.outbox.empty()
    this.order.begin()
    let hasWritten = false
    attempt(this.bugMet, () => {
      hasWritten = this.router.delivery.endTurn()
      this.publish()
    })
    const { leaving } = this
    const marked = this.marked.splice(0, WRITES_A_TURN)
    for (const outbound of marked) {
      try {
        outbound.flush()
      } catch (error) {
        outbound.failed(error)
      }
    }
    // However many have something to be written, the loop turns: the others come next, before those marked meanwhile.
    if (this.marked.length > 0) this.schedule()
    this.records.latency.turnEnded(hasWritten || marked.length > 0, this.clock)
    if (leaving.length > 0) {
      this.leaving = []
      for (const client of leaving) client.attempt(() => client.release())
    }
  }

  // ── Other shards ──────────────────────────────────────────────────────────────────────────────────────

  addPeer(setup: PeerSetup): void {
    this.removePeer(setup.index)
    const peer = new ShardPeer(this, setup)
    this.peers.push(peer)
    this.feed?.introduce(peer)
    this.generations.advanceAll()
    this.inbox.drain()
  }

  removePeer(index: number): void {
    const at = this.peers.findIndex((peer) => peer.index === index)
    if (at < 0) return
    // What its publishers had flushed before is delivered.
    this.catchUp()
    const [peer] = this.peers.splice(at, 1)
    // Routes that name it are stale from here on; its link takes what comes until then, and lets it go.
    this.generations.advanceAll()
    peer.died()
    this.feed?.forget(index)
    this.tracing.forget(peer)
    this.forEachClient((client) => client.releaseForShard(index))
    attempt(this.bugMet, () => this.creditPublishers.releaseForShard(index))
  }

  opened({ publisher }: Frame, peer: ShardPeer): void {
    peer.publisher.id = publisher
    this.lastServed.turnTo(publisher, () => `cid:${publisher} of shard ${peer.index}`)
  }

  receive(run: Run, frame: Frame, peer: ShardPeer): void {
    const account = this.accounts.named(frame.account)
    if (frame.trace === 0) this.router.receive(run, account, frame, peer.publisher)
    else this.tracing.receive(run, account, frame, peer)
  }

  /** A bug that belongs to no connection. */
  readonly bugMet = (error: unknown): void => this.log.bug(error)

  /** Deals with everything that other shards' publishers have flushed by now. */
  catchUp(): void {
    this.router.outbox.apart(() => this.inbox.catchUp(true))
    this.router.delivery.endFanOut()
  }

  holdPublisher(connection: number, peer: number): void {
    this.publisherOf(connection)?.holdForShard(peer)
  }

  releasePublisher(connection: number, peer: number): void {
    this.publisherOf(connection)?.releaseForShard(peer)
  }

  private publisherOf(id: number): Client | CreditPublisher | undefined {
    return id < SERVER_ID ? this.creditPublishers.get(id) : this.clients.get(id)
  }

  // ── Changes ──────────────────────────────────────────────────────────────────────────────────────────

  /** INFO has changed: every client is told. */
  setIdentity(identity: ServerIdentity): void {
    this.wakeBehindRings()
    this.identity = identity
    this.turns.inPieces(this.clients.values(), Work.info, (client) => {
      if (!client.closing) client.attempt(() => client.identityChanged())
    })
  }

  /** New options are in force from now on. Resolves when the clients that they exclude have gone. */
  async setOptions(options: Options, tls: TlsOfPorts): Promise<void> {
    try {
      await this.goBy(options, tls)
    } catch (error) {
      this.bugMet(error)
    }
  }

  private async goBy(options: Options, tls: TlsOfPorts): Promise<void> {
    this.wakeBehindRings()
    const before = this.options
    this.options = options
    this.tls.configure(tls.client)
    this.webSockets?.secure.configure(tls.webSocket)
    this.gateway?.secure.configure(tls.http)
    this.leafs?.configure(tls.leaf)
    this.log.configure(options)
    this.timers.optionsChanged(options, before)
    this.forEachClient((client) => client.optionsChanged(options, before))
    await this.admission.optionsChanged(options, before)
    await this.leafs?.review()
  }

  /** Puts the clock forward, and does what has become due: PINGs, deadlines, ends of tokens and of messages. */
  advanceClock(ms: number): void {
    this.clock.advance(ms)
    this.wakeBehindRings()
    this.forEachClient((client) => client.clockAdvanced(ms))
    this.timers.catchUp()
    this.admission.clockAdvanced()
    this.jetstream?.advanceClock(ms)
  }

  // ── Answers and the end ───────────────────────────────────────────────────────────────────────────────

  /** Answers a query of the primary: at once, or part by part in the turns that come. Never throws. */
  answer(query: Query, taker: ReportTaker): void {
    this.wakeBehindRings()
    try {
      if (isLong(query)) {
        this.reports.add(longReport(this, query), taker)
        return
      }
      taker.part(report(this, query))
      taker.end(true)
    } catch (error) {
      this.bugMet(error)
      taker.end(false)
    }
  }

  claimsChanged(accounts: readonly string[]): void {
    attempt(this.bugMet, () => this.admission.claimsChanged(accounts))
  }

  tellSystem(messages: readonly SystemMessage[]): void {
    attempt(this.bugMet, () => this.system?.tell(messages))
  }

  /** Closes every connection and calls back when the last is gone, or when `graceMs` are over. */
  stop(graceMs: number, done: () => void): void {
    this.stopping = true
    this.wakeBehindRings()
    const timer = setTimeout(() => {
      for (const client of [...this.clients.values(), ...this.links.values()])
        attempt(this.bugMet, () => client.destroy())
      this.gateway?.cut()
    }, graceMs)
    this.onEmpty = () => {
      this.onEmpty = undefined
      clearTimeout(timer)
      this.timers.stop()
      this.records.stop()
      for (const peer of this.peers.splice(0)) peer.close()
      this.admission.close()
      this.hooks?.flush()
      attempt(this.bugMet, async () => {
        try {
          await this.jetstream?.close()
        } finally {
          attempt(this.bugMet, () => this.log.close())
          done()
        }
      })
    }
    this.webSockets?.stop()
    this.gateway?.stop()
    this.forEachClient((client) => client.close(Faults.shutdown))
    for (const link of this.links.values()) link.attempt(() => link.close(Faults.shutdown))
    this.flush()
    this.endIfEmpty()
  }
}
