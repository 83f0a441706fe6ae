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
import type { Client } from '../connection/client.ts'
import type { ClientOwner } from '../connection/owner.ts'
import { PermissionSets } from '../connection/rights.ts'
import type { HttpGatewayOwner } from '../http/http-gateway.ts'
import { Generations } from '../interest/generations.ts'
import { InterestWriter } from '../interest/writer.ts'
import type { JetStream } from '../jetstream/jetstream.ts'
import type { JetStreamMaker } from '../jetstream/load.ts'
import type { JetStreamOwner } from '../jetstream/owner.ts'
import { Log } from '../log/log.ts'
import { allocateBlock, type Block } from '../memory/block.ts'
import { ChunkPool } from '../memory/chunk-pool.ts'
import type { ReadonlyNumberMap } from '../memory/number-map.ts'
import type { Frame } from '../mesh/frame.ts'
import { Inbox, type InboxOwner } from '../mesh/inbox.ts'
import type { PeerSetup } from '../mesh/messages.ts'
import { PublishOrder } from '../mesh/publish-order.ts'
import { type PeerOwner, ShardPeer } from '../mesh/shard-peer.ts'
import type { Arrival } from '../net/handle.ts'
import type { Outbound } from '../net/outbound.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import { Origin, type Run } from '../protocol/run.ts'
import type { Link, LinkOwner } from '../remote/owner.ts'
import { Gauges } from '../reports/gauges.ts'
import type { LastServed } from '../reports/last-served.ts'
import { isLong, type Query } from '../reports/query.ts'
import { Records } from '../reports/records.ts'
import { longReport, report } from '../reports/report.ts'
import { ReportQueue, type ReportQueueOwner, type ReportTaker } from '../reports/report-queue.ts'
import type { RouterOwner } from '../routing/owner.ts'
import type { Plan } from '../routing/plan.ts'
import { Router } from '../routing/router.ts'
import { type CreditPublisher, CreditPublishers, SERVER_ID } from '../routing/server-publisher.ts'
import { Sublist } from '../routing/sublist.ts'
import { ServiceCalls } from '../services/service-calls.ts'
import type { SystemMessage } from '../system/contract.ts'
import { MessageSequence } from '../system/server-info.ts'
import { createShardSystem, type ShardSystem } from '../system/shard/shard-system.ts'
import type { ShardSetup, ToPrimary } from '../threads/messages.ts'
import { Questions } from '../threads/primary-rpc.ts'
import type { TlsOfPorts } from '../tls/tls-settings.ts'
import { Tracing } from '../tracing/tracing.ts'
import type { WebSocketsOwner } from '../websocket/websockets.ts'
import { Admission } from './admission.ts'
import { Arrivals } from './arrivals.ts'
import { type ConnectionParts, Connections } from './connections.ts'
import { HookEvents } from './hook-events.ts'
import { type LinkParts, ServerLinks } from './server-links.ts'
import { ShardTimers } from './shard-timers.ts'
import { TlsEntry } from './tls-entry.ts'

/** What is loaded where the options ask for it. */
export interface ShardParts extends ConnectionParts, LinkParts {
  readonly makeJetStream?: JetStreamMaker | undefined
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
  readonly connections: Connections
  /** To other servers. */
  readonly links: ServerLinks
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
  private marked: Outbound[] = []
  private leaving: (Client | Link)[] = []
  private flushScheduled = false
  private endsWithRead = false
  private busyUntilMs = 0
  readonly timers: ShardTimers
  private onEmpty: (() => void) | undefined

  /** `toPrimary` is for what only the primary can do; `parts` are those that not every server has. */
  constructor(setup: ShardSetup, toPrimary: (message: ToPrimary) => void, parts: ShardParts = {}) {
    this.index = setup.index
    this.options = setup.options
    this.identity = setup.identity
    this.seed = setup.seed
    const name = `shard ${setup.index}`
    this.log = new Log(setup.options, { name, opened: setup.logOpened, tell: toPrimary }, this.turns)
    this.generations = new Generations(setup.generations)
    const gauges = new Gauges(setup.gauges)
    this.order = new PublishOrder(setup.publishOrder)
    this.lastServed = gauges.lastServed(setup.index)
    this.records = new Records(this, gauges.counters(setup.index))
    this.writer = new InterestWriter(setup.region, this.generations, setup.seed)
    this.sublist = new Sublist(setup.region, this.writer)
    const { cluster, leafnodes } = setup.options
    const hasLeafs = leafnodes !== undefined
    this.abroad = { routes: cluster !== undefined, hubs: hasLeafs, leafs: hasLeafs }
    this.links = new ServerLinks(this, parts)
    this.sublist.watcher = this.links.feed
    this.router = new Router(this)
    this.serviceCalls = new ServiceCalls(this)
    this.accountConnections = new AccountConnections(setup.shards, setup.accountConnections)
    this.questions = new Questions(toPrimary)
    this.sequence = new MessageSequence(setup.systemSequence)
    this.system = createShardSystem(this, toPrimary)
    const tellHooks = (events: readonly HookEvent[]): void => toPrimary({ kind: 'hookEvents', events })
    this.hooks = setup.hooks.length === 0 ? undefined : new HookEvents(setup.hooks, tellHooks, this.bugMet)
    this.tls = new TlsEntry(this, setup.handshakeLimit)
    // Room for the longest cut line: verb, blanks, arguments, CR.
    this.readStart =
      Math.max(setup.options.maxControlLine, this.links.feed === undefined ? CONTROL_LINE_MAX : LINK_CONTROL_LINE_MAX) *
      2
    this.readBlock = allocateBlock(this.readStart + READ_BYTES)
    this.readBuffer = this.readBlock.bytes.subarray(this.readStart, this.readStart + READ_BYTES)
    this.connections = new Connections(this, gauges, parts, setup.tls)
    // It configures accounts, and with them what those connections want that there are.
    this.admission = new Admission(this, this.questions, setup)
    this.links.configure(setup.tls)
    this.timers = new ShardTimers(this, gauges)
    this.jetstream = setup.streams && parts.makeJetStream?.(this, setup.streams)
  }

  // ── Connections ───────────────────────────────────────────────────────────────────────────────────────

  /** Begins to serve a connection. */
  take(arrival: Arrival): void {
    this.wake()
    if (arrival.kind === 'route' || arrival.kind === 'leaf') this.links.take(arrival)
    else this.connections.take(arrival)
  }

  get clients(): ReadonlyNumberMap<Client> {
    return this.connections.clients
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

  /** A connection's socket is gone. */
  forget(client: Client): void {
    client.outbound.close()
    if (!this.connections.forget(client)) return
    this.records.gone(client)
    this.endIfEmpty()
  }

  forgetLink(link: Link): void {
    this.links.forget(link)
    this.endIfEmpty()
  }

  /** A shard that is to stop ends with its last connection. */
  endIfEmpty(): void {
    if (this.connections.isEmpty && this.links.size === 0 && this.arrivals.waiting === 0) this.onEmpty?.()
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

  /** Something else than a read or a frame makes the shard work: a timer, an answer from elsewhere. */
  wake(): void {
    this.router.outbox.empty()
    this.nowMs = this.clock.monotonicMs
    this.order.begin()
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

  // ── For its parts ─────────────────────────────────────────────────────────────────────────────────────

  extendPlan(plan: Plan, subject: string, origin: Origin): void {
    this.system?.extend(plan, subject)
    // The API is where a request was published: of the servers of a cluster, at one.
    if (origin !== Origin.route) this.jetstream?.extend(plan, subject)
  }

  groupLeftOut(queue: string, messages: number): void {
    const text = `Queue group ${JSON.stringify(queue)} at other servers misses messages: too many groups want them`
    this.log.complaint(text, undefined, 'queue groups', messages)
  }

  get systemAccount(): Account | undefined {
    return this.system?.account
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

  // ── Other shards ──────────────────────────────────────────────────────────────────────────────────────

  addPeer(setup: PeerSetup): void {
    this.removePeer(setup.index)
    const peer = new ShardPeer(this, setup)
    this.peers.push(peer)
    this.links.feed?.introduce(peer)
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
    this.links.feed?.forget(index)
    this.tracing.forget(peer)
    this.connections.each((client) => client.releaseForShard(index))
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
    this.connections.configure(tls)
    this.links.configure(tls)
    this.log.configure(options)
    this.timers.optionsChanged(options, before)
    this.connections.each((client) => client.optionsChanged(options, before))
    await this.admission.optionsChanged(options, before)
    await this.links.review()
  }

  /** Puts the clock forward, and does what has become due: PINGs, deadlines, ends of tokens and of messages. */
  advanceClock(ms: number): void {
    this.clock.advance(ms)
    this.wakeBehindRings()
    this.connections.each((client) => client.clockAdvanced(ms))
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
    this.wakeBehindRings()
    const timer = setTimeout(() => {
      this.connections.cut()
      this.links.cut()
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
    this.connections.stop(Faults.shutdown)
    this.links.stop(Faults.shutdown)
    this.flush()
    this.endIfEmpty()
  }
}
