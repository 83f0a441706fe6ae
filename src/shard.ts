// One thread's world: its connections, its subscriptions, its way to the other shards, and the turn of its loop.
//
//   turn:  reads, ring frames → operations → deliveries queued, receivers marked
//          end of turn: frames for other shards published, each marked receiver written once, closed ones released

import { Accounts } from './accounts/account.ts'
import { ServiceCalls } from './accounts/service-calls.ts'
import { Agenda } from './agenda.ts'
import { Client } from './client.ts'
import { CONTROL_LINE_MAX, HEARTBEAT_MS, LOOP_IDLE_MS, READ_BYTES } from './constants.ts'
import { CloseReason, type Fault, Faults } from './errors.ts'
import type { Frame } from './frame.ts'
import { type Counters, Gauges } from './gauges.ts'
import { adopt } from './handoff.ts'
import { Generations } from './interest/generations.ts'
import { InterestWriter } from './interest/writer.ts'
import { createLog, type Log } from './log.ts'
import { allocateBlock, type Block } from './memory/block.ts'
import { ChunkPool } from './memory/chunk-pool.ts'
import type { Arrival, PeerSetup, Query, ShardSetup } from './messages.ts'
import { Incidents } from './monitor/shard/incidents.ts'
import { LatencySampler } from './monitor/shard/latency.ts'
import { LoadMeter } from './monitor/shard/load-meter.ts'
import { SlowWatch } from './monitor/shard/slow-watch.ts'
import type { Options } from './options.ts'
import type { Outbound, OutboundOwner } from './outbound.ts'
import { Peer, type PeerOwner } from './peer.ts'
import type { ServerIdentity } from './protocol/handshake.ts'
import type { Run } from './protocol/run.ts'
import { Router } from './router.ts'
import { type ConnectionRow, connectionRow, type Report, report, TrafficTotals } from './stats.ts'
import { Sublist, Subscription } from './subjects/sublist.ts'

const SWEEP_MAX_MS = 1000
const PING_STEP_MAX_MS = 100
const STEP_MIN_MS = 10

export class Shard implements OutboundOwner, PeerOwner {
  readonly index: number
  readonly options: Options
  readonly log: Log
  readonly seed: number
  readonly pool = new ChunkPool()
  readonly generations: Generations
  readonly accounts = new Accounts()
  readonly sublist: Sublist
  readonly serviceCalls: ServiceCalls
  readonly router: Router
  readonly peers: Peer[] = []
  readonly clients = new Map<number, Client>()
  /** When each connection's next PING is due. */
  readonly pings: Agenda<Client>
  identity: ServerIdentity

  /** All sockets of the shard read into this one, from readStart on; before it there is room for a cut line. */
  readonly readBlock: Block
  readonly readStart: number
  private readonly readBuffer: Buffer

  nowMs = performance.now()
  readonly bornMs = this.nowMs
  readonly counters: Counters
  readonly closedConnections: ConnectionRow[] = []
  readonly incidents = new Incidents()
  readonly latency = new LatencySampler()
  readonly slowWatch: SlowWatch
  /** Only where there are pages that show it. */
  readonly load: LoadMeter | undefined

  private readonly writer: InterestWriter
  private readonly gauges: Gauges
  private marked: Outbound[] = []
  private leaving: Client[] = []
  /** Connections too many: the primary does not count them. */
  private readonly refused = new Set<Client>()
  private flushScheduled = false
  private endsWithRead = false
  private busyUntilMs = 0
  private readonly sweepTimer: NodeJS.Timeout
  private readonly pingTimer: NodeJS.Timeout
  private readonly heartbeatTimer: NodeJS.Timeout
  private onEmpty: (() => void) | undefined
  private stopping = false

  constructor(setup: ShardSetup) {
    this.index = setup.index
    this.options = setup.options
    this.identity = setup.identity
    this.seed = setup.seed
    this.log = createLog(setup.options)
    this.generations = new Generations(setup.generations)
    this.gauges = new Gauges(setup.gauges)
    this.counters = this.gauges.counters(setup.index)
    this.slowWatch = new SlowWatch(setup.options.maxPending, (ms) => this.wallClock(ms))
    this.load = setup.options.monitorPort === undefined ? undefined : new LoadMeter()
    this.writer = new InterestWriter(setup.region, this.generations, setup.seed)
    this.sublist = new Sublist(setup.region, this.writer)
    this.router = new Router(this)
    this.serviceCalls = new ServiceCalls(this)
    // Room for the longest cut line: verb, blanks, arguments, CR.
    this.readStart = Math.max(setup.options.maxControlLine, CONTROL_LINE_MAX) * 2
    this.readBlock = allocateBlock(this.readStart + READ_BYTES)
    this.readBuffer = this.readBlock.bytes.subarray(this.readStart, this.readStart + READ_BYTES)
    const step = (span: number, max: number): number => Math.min(max, Math.max(STEP_MIN_MS, span / 4))
    this.sweepTimer = setInterval(() => this.sweep(), step(setup.options.writeDeadline, SWEEP_MAX_MS))
    const pingStepMs = step(setup.options.pingInterval, PING_STEP_MAX_MS)
    this.pings = new Agenda(pingStepMs, this.nowMs)
    this.pingTimer = setInterval(() => this.ping(), pingStepMs)
    this.heartbeatTimer = setInterval(() => this.beat(), HEARTBEAT_MS)
    this.gauges.beat(this.index)
  }

  // ── Connections ───────────────────────────────────────────────────────────────────────────────────────

  /** Takes over a connection. */
  accept({ id, socket: arrived, refused }: Arrival): void {
    this.nowMs = performance.now()
    let client: Client | undefined
    const socket = adopt(arrived, this.readBuffer, (bytes) => client?.socketOnRead(bytes))
    if (socket === undefined) {
      if (!refused) this.gauges.connectionClosed(this.index)
      return
    }
    client = new Client(this, id, socket)
    this.clients.set(id, client)
    if (refused) this.refused.add(client)
    client.start(refused ? Faults.connections : this.stopping ? Faults.shutdown : undefined)
  }

  /** A connection began to close: it is released at the end of the turn. */
  closed(client: Client, fault: Fault): void {
    if (fault.reason === CloseReason.slowConsumerPending || fault.reason === CloseReason.slowConsumerDeadline) {
      this.counters.slowConsumer()
      client.account.counters.slowConsumers++
      this.slowWatch.cutOff(client, fault.reason, this.nowMs)
      this.log.info(`${client.label} - ${fault.reason}`)
    } else if (fault.reason === CloseReason.staleConnection) this.counters.staleConnection()
    this.incidents.closed(client, fault.reason, this.wallClock(this.nowMs))
    this.leaving.push(client)
    this.schedule()
  }

  /** A connection's socket is gone. */
  forget(client: Client): void {
    if (!this.clients.delete(client.id)) return
    client.account.counters.closed.add(client)
    const { maxClosedClients } = this.options
    if (maxClosedClients > 0) {
      this.closedConnections.push(connectionRow(this, client, true))
      if (this.closedConnections.length > maxClosedClients) this.closedConnections.shift()
    }
    if (!this.refused.delete(client)) this.gauges.connectionClosed(this.index)
    if (this.clients.size === 0 && this.onEmpty !== undefined) this.onEmpty()
  }

  get openConnections(): number {
    let open = 0
    for (const client of this.clients.values()) if (!client.closing) open++
    return open
  }

  get interestBytes(): number {
    return this.writer.usedBytes
  }

  /** The sid of a client's own plain subscription that matches a subject (byte string). */
  plainSidOf(client: Client, subject: string): string | undefined {
    const bytes = Buffer.from(subject, 'latin1')
    let sid: string | undefined
    this.sublist.match(
      client.account,
      bytes,
      0,
      bytes.length,
      (entry) => {
        if (entry instanceof Subscription && entry.client === client) sid ??= entry.sid
      },
      () => undefined,
    )
    return sid
  }

  /** A subscription is to be delivered to in another way: routes that name it are stale. */
  subscriptionChanged(subscription: Subscription): void {
    const bytes = Buffer.from(subscription.subject, 'latin1')
    this.generations.advance(this.generations.bucketOf(bytes, 0, bytes.length))
  }

  // ── The turn ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A read begins. If the loop was idle before it, nothing else is likely to come in this turn, and the turn ends
   * with the read; otherwise it ends when all reads of this round are done, so that a receiver is written once.
   */
  beginRead(): void {
    this.nowMs = performance.now()
    this.endsWithRead = this.nowMs - this.busyUntilMs > LOOP_IDLE_MS
    this.latency.readBegins(this.nowMs)
  }

  endRead(): void {
    if (this.endsWithRead) {
      this.endsWithRead = false
      this.flush()
    }
    this.busyUntilMs = performance.now()
  }

  clockMs(): number {
    return performance.now()
  }

  /** Milliseconds since 1970 of an instant on this shard's monotonic clock. */
  wallClock(ms: number): number {
    return performance.timeOrigin + ms
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
      this.flush()
    })
  }

  publish(): void {
    for (const peer of this.peers) peer.link.publish()
  }

  /** Ends the turn. */
  flush(): void {
    this.router.endTurn()
    this.publish()
    const { marked, leaving } = this
    if (marked.length > 0) {
      this.marked = []
      for (const outbound of marked) outbound.flush()
    }
    this.latency.turnEnded(marked.length > 0)
    if (leaving.length > 0) {
      this.leaving = []
      for (const client of leaving) client.release()
    }
  }

  private beat(): void {
    this.gauges.beat(this.index)
    this.addUpTraffic()
  }

  /** Brings the shared counters up to date. */
  addUpTraffic(): void {
    const traffic = new TrafficTotals()
    for (const { counters } of this.accounts.values()) traffic.add(counters.closed)
    for (const client of this.clients.values()) traffic.add(client)
    this.counters.setTraffic(traffic)
  }

  private ping(): void {
    this.nowMs = performance.now()
    this.pings.take(this.nowMs, (client) => client.pingDue(this.nowMs))
  }

  private sweep(): void {
    this.nowMs = performance.now()
    this.slowWatch.beginSweep(this.nowMs)
    for (const client of this.clients.values()) {
      this.slowWatch.look(client, this.nowMs)
      client.sweep(this.nowMs)
    }
    this.slowWatch.endSweep(this.nowMs)
    this.router.planner.cache.sweep()
    this.serviceCalls.sweep()
  }

  // ── Other shards ──────────────────────────────────────────────────────────────────────────────────────

  addPeer(setup: PeerSetup): void {
    this.removePeer(setup.index)
    this.peers.push(new Peer(this, setup))
    this.generations.advanceAll()
  }

  removePeer(index: number): void {
    const at = this.peers.findIndex((peer) => peer.index === index)
    if (at < 0) return
    const [peer] = this.peers.splice(at, 1)
    // Routes that name it are stale from here on; its link takes what comes until then, and lets it go.
    this.generations.advanceAll()
    // What its publishers had flushed before it died is delivered.
    peer.catchUp()
    peer.close()
    for (const client of this.clients.values()) client.releaseForShard(index)
  }

  receive(run: Run, frame: Frame, peer: Peer): void {
    peer.publisher.id = frame.publisher
    this.router.receive(run, this.accounts.named(frame.account), frame, peer.publisher)
  }

  bugMet(error: unknown): void {
    this.log.error(`A frame was lost: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }

  /** Deals with everything that other shards' publishers have flushed by now. */
  catchUp(): void {
    for (const peer of this.peers) peer.catchUp()
  }

  holdPublisher(connection: number, peer: number): void {
    this.clients.get(connection)?.holdForShard(peer)
  }

  releasePublisher(connection: number, peer: number): void {
    this.clients.get(connection)?.releaseForShard(peer)
  }

  // ── Answers and the end ───────────────────────────────────────────────────────────────────────────────

  report(query: Query): Report {
    this.nowMs = performance.now()
    return report(this, query)
  }

  /** Closes every connection and calls back when the last is gone, or when `graceMs` are over. */
  stop(graceMs: number, done: () => void): void {
    this.stopping = true
    this.nowMs = performance.now()
    const timer = setTimeout(() => {
      for (const client of this.clients.values()) client.destroy()
    }, graceMs)
    this.onEmpty = () => {
      clearTimeout(timer)
      clearInterval(this.sweepTimer)
      clearInterval(this.pingTimer)
      clearInterval(this.heartbeatTimer)
      this.load?.stop()
      for (const peer of this.peers.splice(0)) peer.close()
      done()
    }
    for (const client of this.clients.values()) client.close(Faults.shutdown)
    this.flush()
    if (this.clients.size === 0) this.onEmpty()
  }
}
