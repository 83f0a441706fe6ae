// The primary thread: listens, starts the shards and waits for them, hands them the connections, replaces those that
// die, adds up their counters, and stops everything in order. It never reads a client's bytes.

import { randomInt } from 'node:crypto'
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { createServer as createServerKey } from '@nats-io/nkeys'
import { GLOBAL_ACCOUNT } from './accounts/account.ts'
import { type AccountSettings, plainAccount } from './accounts/settings.ts'
import {
  HEARTBEAT_MS,
  HEDDLE_VERSION,
  LISTEN_BACKLOG,
  NATS_VERSION,
  RESTART_BACKOFF_MAX_MS,
  SHARD_ANSWER_MS,
  SHARD_LATE_MS,
  SHARD_STUCK_MS,
} from './constants.ts'
import { type Counters, Gauges } from './gauges.ts'
import { transferObstacle } from './handoff.ts'
import { Generations } from './interest/generations.ts'
import { createRegion } from './interest/writer.ts'
import { createLog, type Log } from './log.ts'
import type { Arrival, Query, ShardSetup } from './messages.ts'
import { Monitor } from './monitor/monitor.ts'
import { OptionError, type Options } from './options.ts'
import type { ServerIdentity } from './protocol/handshake.ts'
import {
  introduce,
  LocalShardHost,
  SHARD_ENTRY,
  type ShardHost,
  type ShardHostOwner,
  WorkerShardHost,
} from './shard-host.ts'
import type { Report } from './stats.ts'

/** What the primary remembers of a slot while threads come and go in it. */
interface Slot {
  host: ShardHost
  /** Connections handed to the thread that is there now. */
  handed: number
  /** Deaths in a row before the thread became ready. */
  failures: number
  lastBeat: number
  lastBeatMs: number
  late: boolean
}

/** What is known of a shard without asking it. */
export interface ShardState {
  /** `down` while there is no thread in its place that serves, `late` while the thread does not turn its loop. */
  readonly state: 'serving' | 'late' | 'down'
  readonly counters: Counters
  /** Its part of the shared index. */
  readonly region: SharedArrayBuffer
}

export class Primary implements ShardHostOwner {
  readonly options: Options
  readonly log: Log
  readonly startedAt = Date.now()
  identity: ServerIdentity
  totalConnections = 0
  /** What is configured of accounts. */
  readonly accounts: readonly AccountSettings[] = [plainAccount(GLOBAL_ACCOUNT)]
  /** Threads replaced so far. */
  restarts = 0

  private readonly entry: URL
  private readonly seed = randomInt(2 ** 31)
  private readonly generations = new Generations()
  private readonly gauges: Gauges
  private readonly slots: Slot[] = []
  private listener: TcpServer | undefined
  private monitor: Monitor | undefined
  private watch: NodeJS.Timeout | undefined
  private nextSlot = 0
  private introductions = Promise.resolve()
  private closed: Promise<void> | undefined
  /** Accepted while no shard could take them. */
  private waiting: Socket[] = []

  /** `entry` is the file that a worker thread runs. */
  constructor(options: Options, entry: URL = SHARD_ENTRY) {
    this.options = options
    this.entry = entry
    this.log = createLog(options)
    this.gauges = new Gauges(Math.max(1, options.workers))
    const serverId = createServerKey().getPublicKey()
    this.identity = {
      serverId,
      serverName: options.name === '' ? serverId : options.name,
      host: options.host,
      port: options.port,
      maxPayload: options.maxPayload,
    }
  }

  // ── Start ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when clients are served. Rejects, with everything closed again, if that cannot be. */
  async start(): Promise<void> {
    const { log, identity, options } = this
    log.info('Starting heddle')
    log.info(`  Version:  ${NATS_VERSION} (heddle ${HEDDLE_VERSION}, node ${process.versions.node})`)
    log.info(`  Name:     ${identity.serverName}`)
    log.info(`  ID:       ${identity.serverId}`)
    try {
      await this.startShards()
      this.goOnUnlessClosing()
      if (options.monitorPort !== undefined) {
        this.monitor = new Monitor(this)
        await this.monitor.listen(options.host, options.monitorPort)
        log.info(`Starting http monitor on ${hostPort(options.host, this.monitor.port)}`)
      }
      this.goOnUnlessClosing()
      await this.listen()
      this.goOnUnlessClosing()
    } catch (error) {
      await this.close()
      throw error
    }
    log.info(`Listening for client connections on ${hostPort(options.host, this.identity.port)}`)
    log.info('Server is ready')
  }

  private goOnUnlessClosing(): void {
    if (this.closing) throw new Error('the server was stopped while it started')
  }

  private async startShards(): Promise<void> {
    const { workers } = this.options
    if (workers === 0) {
      this.addSlot(new LocalShardHost(this.shardSetup(0), this))
      return
    }
    const obstacle = transferObstacle()
    if (obstacle !== undefined) throw new OptionError(obstacle)
    const hosts = Array.from({ length: workers }, (_, index) => this.startWorker(index))
    for (const host of hosts) this.addSlot(host)
    await Promise.all(hosts.map((host) => host.ready))
    const pairs = hosts.flatMap((a, i) => hosts.slice(i + 1).map((b) => introduce(a, b, workers)))
    await Promise.all(pairs)
    for (const host of hosts) host.isReady = !host.dead
    this.watch = setInterval(() => this.watchHeartbeats(), HEARTBEAT_MS)
  }

  private addSlot(host: ShardHost): void {
    this.slots.push({ host, handed: 0, failures: 0, lastBeat: 0, lastBeatMs: performance.now(), late: false })
  }

  private shardSetup(index: number): ShardSetup {
    return {
      index,
      options: this.options,
      identity: this.identity,
      seed: this.seed,
      region: createRegion(this.options.maxInterestBytes),
      generations: this.generations.memory,
      gauges: this.gauges.memory,
    }
  }

  private startWorker(index: number): WorkerShardHost {
    return new WorkerShardHost(this.entry, this.shardSetup(index), this)
  }

  private listen(): Promise<void> {
    const listener = createTcpServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true })
    this.listener = listener
    listener.on('connection', (socket) => this.listenerOnConnection(socket))
    return new Promise((resolve, reject) => {
      listener.once('error', reject)
      const port = this.options.port === -1 ? 0 : this.options.port
      listener.listen({ host: this.options.host, port, backlog: LISTEN_BACKLOG }, () => {
        listener.off('error', reject)
        listener.on('error', (error) => this.log.error(`Error accepting connections: ${error.message}`))
        this.identity = { ...this.identity, port: (listener.address() as AddressInfo).port }
        for (const { host } of this.slots) host.setIdentity(this.identity)
        // Those that died since they became ready were left to this moment.
        for (const host of this.workerHosts()) if (host.dead) this.shardDied(host)
        resolve()
      })
    })
  }

  // ── Connections ───────────────────────────────────────────────────────────────────────────────────────

  private listenerOnConnection(socket: Socket): void {
    const slot = this.pickSlot()
    if (slot !== undefined) this.hand(slot, socket)
    else if (this.closing) socket.destroy()
    else if (this.waiting.length < LISTEN_BACKLOG) this.waiting.push(socket)
    else socket.destroy()
  }

  private hand(slot: Slot, socket: Socket): void {
    const refused = this.openConnections >= this.options.maxConnections
    this.totalConnections++
    if (!refused) slot.handed++
    slot.host.accept({ id: this.totalConnections, socket, refused })
  }

  connectionLost(host: ShardHost, { socket, refused }: Arrival, why: string): void {
    const slot = this.slots[host.index]
    if (!refused && slot?.host === host) slot.handed--
    this.log.error(`A connection could not be handed over: ${why}`)
    socket.destroy()
  }

  /** Round robin over the shards that are ready and turn their loop. */
  private pickSlot(): Slot | undefined {
    const { slots } = this
    for (let tried = 0; tried < slots.length; tried++) {
      const slot = slots[this.nextSlot]
      this.nextSlot = (this.nextSlot + 1) % slots.length
      if (isReady(slot) && !slot.late && !this.closing) return slot
    }
    return undefined
  }

  get openConnections(): number {
    return this.slots.reduce((sum, slot, index) => sum + slot.handed - this.gauges.closedConnections(index), 0)
  }

  // ── Supervision ───────────────────────────────────────────────────────────────────────────────────────

  shardDied(host: WorkerShardHost): void {
    if (this.closing) return
    const slot = this.slots[host.index]
    if (slot === undefined || this.listener === undefined) return // start() fails by itself
    const cause = host.error === undefined ? '' : `: ${host.error.stack ?? host.error.message}`
    this.log.error(`Shard ${host.index} died${cause}`)
    for (const other of this.workerHosts()) if (!other.dead) other.tell({ kind: 'peerGone', index: host.index })
    const delay = slot.failures === 0 ? 0 : Math.min(RESTART_BACKOFF_MAX_MS, 100 * 2 ** slot.failures)
    slot.failures++
    setTimeout(() => void this.replace(slot, host.index), delay).unref()
  }

  /** Starts a new thread in a dead one's place; it gets connections when all others know it. */
  private async replace(slot: Slot, index: number): Promise<void> {
    if (this.closing) return
    this.restarts++
    this.gauges.reset(index)
    const host = this.startWorker(index)
    slot.host = host
    slot.handed = 0
    slot.late = false
    slot.lastBeatMs = performance.now()
    const timer = setTimeout(() => void host.worker.terminate(), SHARD_STUCK_MS)
    try {
      await host.ready
    } catch {
      return // it died: shardDied tries again
    } finally {
      clearTimeout(timer)
    }
    // One after the other, and only to those who know each other already: each pair is introduced once.
    this.introductions = this.introductions.then(() => this.introduce(host))
    await this.introductions
    if (host.dead || this.closing) return
    slot.failures = 0
    this.log.info(`Shard ${index} was replaced`)
    this.handWaiting()
  }

  private handWaiting(): void {
    for (const socket of this.waiting.splice(0)) this.listenerOnConnection(socket)
  }

  /** Makes a new thread and all that are ready known to each other, and it one of them. */
  private async introduce(host: WorkerShardHost): Promise<void> {
    const others = this.workerHosts().filter((other) => other.isReady)
    await Promise.all(others.map((other) => introduce(host, other, this.options.workers)))
    host.setIdentity(this.identity)
    host.isReady = !host.dead
  }

  private workerHosts(): WorkerShardHost[] {
    return this.slots.map((slot) => slot.host).filter((host) => host instanceof WorkerShardHost)
  }

  private watchHeartbeats(): void {
    const nowMs = performance.now()
    for (const [index, slot] of this.slots.entries()) {
      if (!(slot.host instanceof WorkerShardHost) || !slot.host.isReady) continue
      const beat = this.gauges.heartbeat(index)
      if (beat !== slot.lastBeat) {
        if (slot.late) this.log.info(`Shard ${index} turns again`)
        slot.lastBeat = beat
        slot.lastBeatMs = nowMs
        slot.late = false
        this.handWaiting()
        continue
      }
      const silentMs = nowMs - slot.lastBeatMs
      if (silentMs > SHARD_STUCK_MS) {
        this.log.error(`Shard ${index} has been stuck for ${Math.round(silentMs)} ms and is replaced`)
        slot.lastBeatMs = nowMs
        void slot.host.worker.terminate()
      } else if (silentMs > SHARD_LATE_MS && !slot.late) {
        slot.late = true
        this.log.warn(`Shard ${index} has not turned its loop for ${Math.round(silentMs)} ms`)
      }
    }
  }

  // ── Answers ───────────────────────────────────────────────────────────────────────────────────────────

  /** Asks every shard; the answers of those that are alive and not stuck. */
  async query(query: Query): Promise<Report[]> {
    const { promise: tooLate, resolve: giveUp } = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => giveUp(undefined), SHARD_ANSWER_MS)
    const turning = this.slots.filter(({ late }) => !late)
    const reports = await Promise.all(turning.map(({ host }) => Promise.race([host.query(query), tooLate])))
    clearTimeout(timer)
    return reports.filter((report) => report !== undefined)
  }

  /** In the order of the shards. */
  get shardStates(): ShardState[] {
    return this.slots.map((slot, index) => ({
      state: !isReady(slot) ? 'down' : slot.late ? 'late' : 'serving',
      counters: this.gauges.counters(index),
      region: slot.host.region,
    }))
  }

  /** Whether clients are let in: false while starting and stopping, and while every shard is being replaced. */
  get serving(): boolean {
    return !this.closing && this.listener?.listening === true && this.slots.some(isReady)
  }

  get monitorPort(): number | undefined {
    return this.monitor?.port
  }

  // ── Stop ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Stops listening, closes every connection, ends the shards. */
  close(): Promise<void> {
    this.closed ??= this.shutDown()
    return this.closed
  }

  private get closing(): boolean {
    return this.closed !== undefined
  }

  private async shutDown(): Promise<void> {
    // Whatever is under way looks at `closing`, which holds from the next turn on.
    await Promise.resolve()
    this.log.info('Initiating Shutdown...')
    clearInterval(this.watch)
    this.listener?.close()
    for (const socket of this.waiting.splice(0)) socket.destroy()
    await Promise.all(this.slots.map((slot) => slot.host.stop()))
    await this.monitor?.close()
    this.log.info('Server Exiting..')
  }
}

function isReady(slot: Slot): boolean {
  return !(slot.host instanceof WorkerShardHost) || slot.host.isReady
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
