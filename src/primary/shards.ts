// All shards of a server as the primary sees them: starts them and waits for them, replaces dead and stuck ones, and
// broadcasts changes to all of them. Which shard a client goes to is in clients.ts.

import { randomInt } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { AccountConnections } from '../accounts/account-connections.ts'
import type { HookEvent } from '../auth/hooks.ts'
import type { ServerKey } from '../auth/server-key.ts'
import { HEARTBEAT_MS, SHARD_START_MS, SPARE_DELAY_MS, THROTTLED_LOG_MS } from '../base/constants.ts'
import { attempt, guarded } from '../base/guarded.ts'
import { LoopClock } from '../base/loop-clock.ts'
import type { Handle } from '../base/node-private.ts'
import { transferObstacle } from '../base/node-version.ts'
import { ThreadWatch } from '../base/thread-watch.ts'
import { OptionError } from '../config/normalise.ts'
import { Generations } from '../interest/generations.ts'
import { accountKey } from '../interest/reader.ts'
import { createRegion } from '../interest/writer.ts'
import { apiError } from '../jetstream/errors.ts'
import type { StreamList } from '../jetstream/primary/stream-list.ts'
import type { LeafEvent, LeafVerdict } from '../leaf/contract.ts'
import type { Log } from '../log/log.ts'
import type { LogMessage } from '../log/sink.ts'
import { PublishOrder } from '../mesh/publish-order.ts'
import type { Arrival } from '../net/handle.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import { Gauges } from '../reports/gauges.ts'
import type { Query, ShardAnswers } from '../reports/query.ts'
import type { Report } from '../reports/rows.ts'
import type { ShardState } from '../reports/shard-state.ts'
import type { RouteEvent, RouteVerdict } from '../routes/contract.ts'
import type { SystemMessage } from '../system/contract.ts'
import { MessageSequence } from '../system/server-info.ts'
import type { LinkTold, ShardSetup } from '../threads/messages.ts'
import type { Answerers } from '../threads/primary-rpc.ts'
import { createHandshakeLimit, takeBlocked } from '../tls/rate-limit.ts'
import type { TlsOfPorts } from '../tls/tls-settings.ts'
import { askShards } from './ask-shards.ts'
import type { AuthResponder } from './auth-responder.ts'
import { Clients } from './clients.ts'
import type { Program } from './program.ts'
import { introduce, LocalShardHost, type ShardHost, type ShardObserver, WorkerShardHost } from './shard-host.ts'
import { isReady, isServing, replacementDelayMs, type Slot } from './shard-slot.ts'
import type { ShardThreads } from './shard-threads.ts'

/** What shards write to the log. */
type ShardsLog = Pick<Log, 'bug' | 'error' | 'info' | 'relay' | 'rotate' | 'warn'>

export class Shards implements ShardObserver {
  readonly clients: Clients
  /** Threads replaced so far. */
  restarts = 0

  private options: Options
  private identity: ServerIdentity
  private readonly threads: Pick<ShardThreads, 'take' | 'keepSpare' | 'endSpare'>
  private readonly log: ShardsLog
  private readonly logOpened: SharedArrayBuffer
  private readonly seed = randomInt(2 ** 31)
  private readonly generations = new Generations()
  private readonly gauges: Gauges
  private readonly accountConnections: AccountConnections
  readonly answerers: Answerers
  /** Numbers the messages about the server. */
  readonly sequence = new MessageSequence()
  private readonly publishOrder = new PublishOrder()
  /** Connections of accounts have opened or closed, and there is a subscriber for that. */
  onConnectionsChanged: (accounts: readonly string[]) => void = () => undefined
  private readonly mourners: ((shard: number) => void)[] = []
  /** What leaf links tell. */
  onLeaf: (event: LeafEvent) => LeafVerdict | undefined = () => undefined
  /** What routes tell. */
  onRoute: (event: RouteEvent) => RouteVerdict | undefined = () => undefined
  /** The list of all streams; undefined: there are none on this server. */
  streams: StreamList | undefined
  /** The TLS settings of new threads. */
  tls: TlsOfPorts = {}
  private readonly handshakeLimit = createHandshakeLimit()
  private readonly program: Pick<Program, 'names' | 'happened' | 'shardEnded'>
  private readonly key: ServerKey
  private readonly clock = new LoopClock()
  private readonly slots: Slot[] = []
  private watch: NodeJS.Timeout | undefined
  private throttled: NodeJS.Timeout | undefined
  private spareTimer: NodeJS.Timeout | undefined
  private introductions = Promise.resolve()
  private started = false
  private stopping = false

  /** `logOpened` says how often the log file was opened again; `onRelief`: connections that waited can be taken. */
  constructor(
    options: Options,
    identity: ServerIdentity,
    threads: Pick<ShardThreads, 'take' | 'keepSpare' | 'endSpare'>,
    log: ShardsLog,
    logOpened: SharedArrayBuffer,
    onRelief: () => void,
    authResponder: Pick<AuthResponder, 'answerers'>,
    program: Pick<Program, 'names' | 'happened' | 'shardEnded'>,
    system: Answerers['system'],
    key: ServerKey,
  ) {
    this.options = options
    this.identity = identity
    this.threads = threads
    this.log = log
    this.logOpened = logOpened
    this.gauges = new Gauges(Math.max(1, options.workers))
    this.clients = new Clients(options, this.slots, this.gauges, log, onRelief)
    this.accountConnections = new AccountConnections(Math.max(1, options.workers))
    const streams: Answerers['streams'] = async ({ question }) =>
      (await this.streams?.answer(question)) ?? { error: apiError(10076) }
    const route: Answerers['route'] = async ({ event }) => this.onRoute(event)
    const leaf: Answerers['leaf'] = async ({ event }) => this.onLeaf(event)
    this.answerers = { ...authResponder.answerers, system, streams, route, leaf }
    this.key = key
    this.program = program
  }

  // ── Start ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts the first shard. Resolves when it takes connections, rejects if it cannot; then stop() ends it. */
  async start(tls: TlsOfPorts): Promise<void> {
    this.tls = tls
    if (this.options.workers === 0) {
      const host = await LocalShardHost.create(this.setup(0), this, this.streams?.storage.service)
      this.addSlot(host)
      this.started = true
      if (this.stopping) await host.stop() // it was not there when the others were
      return
    }
    const obstacle = transferObstacle()
    if (obstacle !== undefined) throw new OptionError(obstacle)
    await this.startShard(0)
    this.watch = setInterval(
      guarded(this.bugMet, () => this.watchHeartbeats()),
      HEARTBEAT_MS,
    )
    this.throttled = setInterval(
      guarded(this.bugMet, () => this.tellThrottled()),
      THROTTLED_LOG_MS,
    )
    this.started = true
  }

  /**
   * Starts the other shards; each takes connections as soon as it knows the existing ones. As many start at once as
   * there are processors minus one, which is left to the serving ones. Resolves when all take connections. Rejects if
   * one cannot; then stop() ends them all.
   */
  async startOthers(): Promise<void> {
    const { workers } = this.options
    const startNext = async (): Promise<void> => {
      while (this.slots.length < workers && !this.stopping) await this.startShard(this.slots.length)
    }
    const atOnce = Math.max(1, availableParallelism() - 1)
    await Promise.all(Array.from({ length: Math.min(workers, atOnce) }, startNext))
    this.clients.started()
    this.planSpare()
  }

  /** Resolves when the shard takes connections. */
  private async startShard(index: number): Promise<void> {
    const host = this.startWorker(index)
    const slot = this.addSlot(host)
    await host.ready
    await this.join(host)
    if (host.dead) throw host.thread.error ?? new Error(`shard ${index} ended while it started`)
    slot.starting = false
    this.clients.relieve()
  }

  private addSlot(host: ShardHost): Slot {
    const slot = {
      host,
      starting: true,
      handed: 0,
      links: 0,
      failures: 0,
      bornMs: this.clock.nowMs,
      watch: new ThreadWatch(this.slots.length, this.gauges, this.clock),
    }
    this.slots.push(slot)
    return slot
  }

  private setup(index: number): ShardSetup {
    return {
      index,
      options: this.options,
      identity: this.identity,
      seed: this.seed,
      region: createRegion(this.options.maxInterestBytes),
      generations: this.generations.memory,
      gauges: this.gauges.memory,
      logOpened: this.logOpened,
      shards: Math.max(1, this.options.workers),
      accountConnections: this.accountConnections.memory,
      tls: this.tls,
      handshakeLimit: this.handshakeLimit,
      hooks: this.program.names,
      key: this.key,
      publishOrder: this.publishOrder.memory,
      systemSequence: this.sequence.memory,
      streams: this.streams?.ofShard(index),
      isReplacement: this.slots[index] !== undefined,
    }
  }

  private startWorker(index: number): WorkerShardHost {
    const host = new WorkerShardHost(this.threads.take(index), this.setup(index), this)
    this.streams?.storage.connect(host.takeStore)
    return host
  }

  readonly bugMet = (error: unknown): void => this.log.bug(error)

  onHookEvents(shard: number, events: readonly HookEvent[]): void {
    this.program.happened(shard, events)
  }

  onLog(message: LogMessage): void {
    if (message.kind === 'logFull') this.log.rotate()
    else this.log.relay(message)
  }

  // ── Links to other servers ────────────────────────────────────────────────────────────────────────────

  /** Hands a connection to another server to the shard with the fewest; undefined: none can take it at present. */
  takeLink(handle: Handle, kind: 'route' | 'leaf', order: object): { link: number; shard: number } | undefined {
    let picked: { slot: Slot; index: number } | undefined
    for (const [index, slot] of this.slots.entries()) {
      if (!isServing(slot) || this.stopping) continue
      if (picked === undefined || slot.links < picked.slot.links) picked = { slot, index }
    }
    if (picked === undefined) return undefined
    const { slot, index } = picked
    slot.links++
    const link = this.clients.nextId()
    // It counts among no connections of clients.
    slot.host.accept({ id: link, kind, handle, refused: true, order })
    return { link, shard: index }
  }

  /** A connection of a shard has turned out to be a link to another server. */
  linkCame(shard: number): void {
    this.slots[shard].links++
  }

  /** A link to another server is over. */
  linkEnded(shard: number): void {
    const slot = this.slots[shard]
    slot.links = Math.max(0, slot.links - 1)
  }

  tellLink(shard: number, link: number, told: LinkTold): void {
    this.slots[shard]?.host.tellLink(link, told)
  }

  /** Calls back with each shard that dies. */
  whenShardDies(callback: (shard: number) => void): void {
    this.mourners.push(callback)
  }

  onConnectionLost(host: WorkerShardHost, arrival: Arrival, why: string): void {
    const isLink = arrival.order !== undefined
    if (!isLink && this.clients.lost(host, arrival)) return
    this.log.error(`Error handing a connection over to shard ${host.index}: ${why}`)
    arrival.handle.close()
    if (arrival.kind === 'route') this.onRoute({ kind: 'ended', link: arrival.id })
    if (arrival.kind === 'leaf') this.onLeaf({ kind: 'ended', link: arrival.id, delayMs: 0 })
  }

  // ── Supervision ───────────────────────────────────────────────────────────────────────────────────────

  /** Whether at least one takes connections. */
  get serving(): boolean {
    return this.started && !this.stopping && this.slots.some(isReady)
  }

  /** Ends the thread of a shard at once. Throws RangeError if there is no such thread. */
  kill(index: number): void {
    const host = this.workerHosts().find((one) => one.index === index)
    if (host === undefined) throw new RangeError(`there is no worker thread ${index}`)
    host.thread.end()
  }

  onDeath(host: WorkerShardHost): void {
    this.streams?.storage.disconnect(host.takeStore)
    const slot = this.slots[host.index]
    if (this.stopping || slot.starting) return // startShard() fails by itself
    const { error } = host.thread
    const cause = error === undefined ? '' : `: ${error.stack ?? error.message}`
    const served = this.gauges.lastServed(host.index).text
    const last = served === '' ? '' : ` (last served: ${served})`
    this.log.error(`Shard ${host.index} died${last}${cause}`)
    // Now, and not when there is a replacement: its connections count no more, and others may wait for the table.
    this.gauges.reset(host.index)
    this.accountConnections.reset(host.index)
    this.streams?.shardDied(host.index)
    this.program.shardEnded('Shard Died', host.index)
    slot.handed = 0
    slot.links = 0
    for (const mourner of this.mourners) mourner(host.index)
    for (const other of this.workerHosts()) if (!other.dead) other.tell({ kind: 'peerGone', index: host.index })
    this.planReplacement(slot, host.index)
  }

  private planReplacement(slot: Slot, index: number): void {
    const delayMs = replacementDelayMs(slot, this.clock.nowMs)
    const again = (error: unknown): void => {
      this.bugMet(error)
      this.planReplacement(slot, index)
    }
    setTimeout(() => attempt(again, () => this.replace(slot, index)), delayMs).unref()
  }

  /** Starts a new thread in a dead one's place; it gets connections when all others know it. */
  private async replace(slot: Slot, index: number): Promise<void> {
    if (this.stopping) return
    this.restarts++
    const host = this.startWorker(index)
    slot.host = host
    slot.bornMs = this.clock.nowMs
    slot.watch.restart()
    const timer = setTimeout(() => host.thread.end(), SHARD_START_MS)
    try {
      await host.ready
    } catch {
      return // it died: onDeath tries again
    } finally {
      clearTimeout(timer)
    }
    await this.join(host)
    if (host.dead || this.stopping) return
    this.log.info(`Shard ${index} was replaced and serves again`)
    this.clients.relieve()
    this.planSpare()
  }

  /**
   * Makes a new thread one of those that take connections. One after the other, and only to shards that know each other
   * already: each pair is introduced once.
   */
  private join(host: WorkerShardHost): Promise<void> {
    const introduced = this.introductions.then(() => this.introduce(host))
    this.introductions = introduced.catch(() => undefined) // the next is another one
    return introduced
  }

  private async introduce(host: WorkerShardHost): Promise<void> {
    const others = this.workerHosts().filter((other) => other.isReady)
    await Promise.all(others.map((other) => introduce(host, other, this.options.workers)))
    host.isReady = !host.dead
  }

  /** With streams, which nobody else serves meanwhile, the next place whose thread dies is not to wait for another. */
  private planSpare(): void {
    if (this.streams === undefined || this.options.workers === 0 || this.stopping) return
    clearTimeout(this.spareTimer)
    this.spareTimer = setTimeout(
      guarded(this.bugMet, () => this.threads.keepSpare()),
      SPARE_DELAY_MS,
    ).unref()
  }

  private workerHosts(): WorkerShardHost[] {
    return this.slots.map((slot) => slot.host).filter((host) => host instanceof WorkerShardHost)
  }

  /** As nats-server says it, once a second. */
  private tellThrottled(): void {
    const blocked = takeBlocked(this.handshakeLimit)
    if (blocked > 0) this.log.warn(`Rejected ${blocked} connections due to TLS rate limiting`)
  }

  private watchHeartbeats(): void {
    this.clock.tick()
    for (const [index, { host, watch }] of this.slots.entries()) {
      if (!(host instanceof WorkerShardHost) || !host.isReady) continue
      host.thread.load.look()
      this.watchShard(index, host, watch)
    }
  }

  private watchShard(index: number, host: WorkerShardHost, watch: ThreadWatch): void {
    const silence = `${Math.round(watch.silentMs)} ms`
    switch (watch.look()) {
      case 'responsive':
        this.log.info(`Shard ${index} is responsive again`)
        this.clients.relieve()
        return
      case 'late':
        host.giveUpQueries()
        this.log.warn(`Shard ${index}: event loop blocked for ${silence}`)
        return
      case 'stuck':
        this.log.error(`Shard ${index} is stuck and is replaced: event loop blocked for ${silence}`)
        host.isReady = false
        host.giveUpQueries()
        host.thread.end()
        return
    }
  }

  // ── What all are told and asked ───────────────────────────────────────────────────────────────────────

  /** Resolves when all go by the new options; threads that come later are born with them. */
  async setOptions(options: Options, tls: TlsOfPorts): Promise<void> {
    this.options = options
    this.tls = tls
    this.clients.setOptions(options)
    await Promise.all(this.slots.map(({ host }) => host.setOptions(options, tls)))
  }

  /** What INFO says has changed. */
  setIdentity(identity: ServerIdentity): void {
    this.identity = identity
    for (const { host } of this.slots) host.setIdentity(identity)
  }

  /** Asks every shard, and waits for each until it has answered, died or stopped to turn its loop. */
  ask(query: Query): Promise<ShardAnswers> {
    return askShards(this.slots, query)
  }

  /** Queries every shard; returns the answers that came. */
  async query(query: Query): Promise<readonly Report[]> {
    return (await this.ask(query)).reports
  }

  /** Publishes in the system account, from a shard that lives. */
  tell(messages: readonly SystemMessage[]): void {
    const slot = this.slots.find(isServing) ?? this.slots.find(isReady)
    slot?.host.tellSystem(messages)
  }

  /** Of an account (a byte string), which may have so many less here. */
  connectionsElsewhere(account: string, count: number): void {
    this.accountConnections.setElsewhere(accountKey(account), count)
  }

  /** The tokens of these accounts are others, or gone. */
  claimsChanged(accounts: readonly string[]): void {
    for (const { host } of this.slots) host.claimsChanged(accounts)
  }

  /** In the order of the shards. */
  get states(): ShardState[] {
    return this.slots.map((slot, index) => ({
      state: !isReady(slot) ? 'down' : slot.watch.isLate ? 'late' : 'serving',
      counters: this.gauges.counters(index),
      region: slot.host.region,
    }))
  }

  /** Closes every connection, and ends the shards. */
  async stop(): Promise<void> {
    this.stopping = true
    clearInterval(this.watch)
    clearInterval(this.throttled)
    clearTimeout(this.spareTimer)
    const spareEnded = this.threads.endSpare()
    for (const { watch } of this.slots) watch.close()
    this.clients.stop()
    await Promise.all(this.slots.map((slot) => slot.host.stop()))
    await spareEnded
  }
}
