// A shard as the primary sees it: a worker thread, or the same thread for `workers: 0`.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Unpackr } from 'msgpackr'
import type { HookEvent } from '../auth/hooks.ts'
import { SHUTDOWN_GRACE_MS } from '../base/constants.ts'
import { attempt, guarded, type OnBug } from '../base/guarded.ts'
import type { StoreService } from '../jetstream/storage/store-service.ts'
import type { LogMessage } from '../log/sink.ts'
import { createRing } from '../memory/ring.ts'
import type { PeerSetup } from '../mesh/messages.ts'
import type { Arrival, PipeArrival } from '../net/handle.ts'
import type { Pipe } from '../net/pipe.ts'
import { LocalPipeEnd, type PipeEnd, type PipeEvents } from '../net/pipe-end.ts'
import { createCounters, PortEnd } from '../net/port-pipe.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { Query } from '../reports/query.ts'
import { joinParts, nextTurn } from '../reports/report-parts.ts'
import type { Report } from '../reports/rows.ts'
import type { SystemMessage } from '../system/contract.ts'
import { handOver } from '../threads/handoff.ts'
import type { Eviction, FromShard, LinkTold, ShardSetup, ToPrimary, ToShard } from '../threads/messages.ts'
import { type Answerers, type AnswerMessage, QuestionDesk } from '../threads/primary-rpc.ts'
import type { TlsOfPorts } from '../tls/tls-settings.ts'
import type { ShardThread } from './shard-threads.ts'

export interface ShardHost {
  readonly index: number
  /** Its part of the shared index. */
  readonly region: SharedArrayBuffer
  /** Resolves when the shard takes connections. */
  readonly ready: Promise<void>
  /** It takes connections, and knows the others. */
  readonly isReady: boolean
  /** The share of the latest interval in which its thread was busy, 0 to 1. */
  readonly busy: number
  accept(arrival: Arrival): void
  /** A connection within the process: its end here. */
  connect(arrival: PipeArrival, events: PipeEvents): PipeEnd
  setIdentity(identity: ServerIdentity): void
  /** Resolves when the shard goes by the new options, or has died. */
  setOptions(options: Options, tls: TlsOfPorts): Promise<void>
  evict(count: number, eviction: Eviction): void
  /** Publishes in the system account. */
  tellSystem(messages: readonly SystemMessage[]): void
  /** The tokens of these accounts are others, or gone. */
  claimsChanged(accounts: readonly string[]): void
  /** Something for a link to another server. */
  tellLink(link: number, told: LinkTold): void
  /** Resolves with undefined if the shard does not answer: it dies, is given up, or cannot make the report. */
  query(query: Query): Promise<Report | undefined>
  /** Closes its connections and ends it. */
  stop(): Promise<void>
}

/** What a host tells its owner. */
export interface ShardObserver {
  /** A worker thread has ended, for whatever reason; once. */
  onDeath(host: WorkerShardHost): void
  onLog(message: LogMessage): void
  /** Connections of these accounts have opened or closed, and there is a subscriber for that. */
  onConnectionsChanged(accounts: readonly string[]): void
  /** The responders for what its shard asks. */
  readonly answerers: Answerers
  /** What clients of a shard did, for the embedding program. */
  onHookEvents(shard: number, events: readonly HookEvent[]): void
  /** A bug was met. */
  readonly bugMet: OnBug
  /** A connection that it was given could not be handed over. */
  onConnectionLost(host: WorkerShardHost, arrival: Arrival, why: string): void
}

/** A shard on the calling thread. */
interface LocalShard {
  readonly index: number
  readonly arrivals: { add(arrival: Arrival): void }
  readonly connections: {
    takePipe(arrival: PipeArrival, open: (readBuffer: Buffer, onRead: (bytes: number) => void) => Pipe): void
    evict(count: number, eviction: Eviction): void
  }
  readonly links: { tell(link: number, told: LinkTold): void }
  readonly questions: { receive(answer: AnswerMessage): void }
  setIdentity(identity: ServerIdentity): void
  setOptions(options: Options, tls: TlsOfPorts): Promise<void>
  tellSystem(messages: readonly SystemMessage[]): void
  claimsChanged(accounts: readonly string[]): void
  answer(query: Query, taker: { part(part: Report): void; end(complete: boolean): void }): void
  stop(graceMs: number, done: () => void): void
}

/** Everything on the calling thread. */
export class LocalShardHost implements ShardHost {
  readonly index: number
  readonly region: SharedArrayBuffer
  readonly ready = Promise.resolve()
  readonly isReady = true
  /** There is no other one to choose. */
  readonly busy = 0
  private readonly shard: LocalShard

  /** Loads the code of a shard, which no primary with worker threads needs. */
  static async create(
    setup: ShardSetup,
    observer: ShardObserver,
    store: StoreService | undefined,
  ): Promise<LocalShardHost> {
    const { createShard } = await import('../shard/create-shard.ts')
    const desk = new QuestionDesk(observer.answerers, (answer) => shard.questions.receive(answer), observer.bugMet)
    const toPrimary = (message: ToPrimary): void => {
      if (message.kind === 'ask' || message.kind === 'withdraw') desk.receive(message)
      else if (message.kind === 'connectionsChanged') observer.onConnectionsChanged(message.accounts)
      else if (message.kind === 'hookEvents') observer.onHookEvents(setup.index, message.events)
      else observer.onLog(message)
    }
    const shard: LocalShard = await createShard(setup, toPrimary, store)
    return new LocalShardHost(shard, setup.region)
  }

  private constructor(shard: LocalShard, region: SharedArrayBuffer) {
    this.index = shard.index
    this.region = region
    this.shard = shard
  }

  accept(arrival: Arrival): void {
    this.shard.arrivals.add(arrival)
  }

  connect(arrival: PipeArrival, events: PipeEvents): PipeEnd {
    const end = new LocalPipeEnd(events)
    this.shard.connections.takePipe(arrival, (readBuffer, onRead) => end.connect(readBuffer, onRead))
    return end
  }

  setIdentity(identity: ServerIdentity): void {
    this.shard.setIdentity(identity)
  }

  setOptions(options: Options, tls: TlsOfPorts): Promise<void> {
    return this.shard.setOptions(options, tls)
  }

  evict(count: number, eviction: Eviction): void {
    this.shard.connections.evict(count, eviction)
  }

  tellSystem(messages: readonly SystemMessage[]): void {
    this.shard.tellSystem(messages)
  }

  claimsChanged(accounts: readonly string[]): void {
    this.shard.claimsChanged(accounts)
  }

  tellLink(link: number, told: LinkTold): void {
    this.shard.links.tell(link, told)
  }

  query(query: Query): Promise<Report | undefined> {
    const parts: Report[] = []
    return new Promise((resolve) => {
      const end = (complete: boolean): void => resolve(complete ? joinParts(query, parts) : undefined)
      this.shard.answer(query, { part: (part) => parts.push(part), end })
    })
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.shard.stop(SHUTDOWN_GRACE_MS, resolve))
  }
}

/** A question to a worker thread, and what it has answered so far. */
interface PendingQuery {
  readonly query: Query
  readonly parts: Uint8Array[]
  readonly resolve: (report: Report | undefined) => void
}

/** A worker thread. */
export class WorkerShardHost implements ShardHost {
  readonly index: number
  readonly region: SharedArrayBuffer
  readonly ready: Promise<void>
  readonly thread: ShardThread
  isReady = false
  dead = false

  private readonly observer: ShardObserver
  private readonly queries = new Map<number, PendingQuery>()
  private readonly joins = new Map<number, () => void>()
  /** Options sent and not taken yet, oldest first. */
  private readonly pendingOptions: (() => void)[] = []
  private nextQuery = 1
  private unpackr: Unpackr | undefined
  /** Accepted in this turn: one message, and one wake-up of the shard, takes them all. */
  private arrivals: Arrival[] = []

  /** Makes the thread a shard. */
  constructor(thread: ShardThread, setup: ShardSetup, observer: ShardObserver) {
    this.observer = observer
    this.index = setup.index
    this.region = setup.region
    this.thread = thread
    const { promise: ready, resolve: becomeReady, reject: failReady } = Promise.withResolvers<void>()
    this.ready = ready
    this.ready.catch(() => undefined) // the code that awaits it handles it
    const reply = (answer: AnswerMessage): void => {
      if (!this.dead) this.tell(answer)
    }
    const desk = new QuestionDesk(observer.answerers, reply, observer.bugMet)
    const workerOnMessage = (message: FromShard): unknown => {
      switch (message.kind) {
        case 'ready':
          becomeReady()
          return
        case 'joined':
          this.joins.get(message.index)?.()
          this.joins.delete(message.index)
          return
        case 'applied':
          this.pendingOptions.shift()?.()
          return
        case 'logFull':
        case 'logLine':
          observer.onLog(message)
          return
        case 'ask':
        case 'withdraw':
          desk.receive(message)
          return
        case 'connectionsChanged':
          observer.onConnectionsChanged(message.accounts)
          return
        case 'hookEvents':
          observer.onHookEvents(this.index, message.events)
          return
        case 'reportPart':
          this.queries.get(message.id)?.parts.push(message.part)
          return
        case 'reportEnd':
          return this.answer(message.id, message.complete)
      }
    }
    thread.worker.on('message', guarded(observer.bugMet, workerOnMessage))
    const threadOnExit = (): void => {
      this.dead = true
      this.isReady = false
      desk.close()
      failReady(thread.error ?? new Error(`shard ${this.index} ended before it was ready`))
      this.giveUpQueries()
      for (const join of this.joins.values()) join()
      this.joins.clear()
      for (const applied of this.pendingOptions.splice(0)) applied()
      observer.onDeath(this)
    }
    attempt(observer.bugMet, () => thread.exited.then(threadOnExit))
    this.tell({ kind: 'setup', setup })
  }

  get busy(): number {
    return this.thread.load.busy
  }

  tell(message: ToShard, transfer: MessagePort[] = []): void {
    this.thread.worker.postMessage(message, transfer)
  }

  connect(arrival: PipeArrival, events: PipeEvents): PipeEnd {
    const { port1, port2 } = new MessageChannel()
    const counters = createCounters()
    this.tell({ kind: 'pipe', arrival, port: port2, counters }, [port2])
    return new PortEnd(port1, counters, events)
  }

  /** Gives the shard its port to the store thread. */
  readonly takeStore = (port: MessagePort, stuckCall?: number): void => {
    if (!this.dead) this.tell({ kind: 'store', port, stuckCall }, [port])
  }

  accept(arrival: Arrival): void {
    if (this.arrivals.push(arrival) === 1) setImmediate(() => this.handOverArrivals())
  }

  private handOverArrivals(): void {
    const { arrivals } = this
    this.arrivals = []
    try {
      this.handOver(arrivals)
    } catch {
      // One cannot go, perhaps because its peer has left: the others can.
      for (const arrival of arrivals) {
        try {
          this.handOver([arrival])
        } catch (error) {
          const { observer } = this
          attempt(observer.bugMet, () => observer.onConnectionLost(this, arrival, textOf(error)))
        }
      }
    }
  }

  private handOver(arrivals: readonly Arrival[]): void {
    // A thread that has ended would take them and say nothing.
    if (this.dead) throw new Error('the shard has died')
    handOver(this.thread.worker, arrivals)
  }

  setIdentity(identity: ServerIdentity): void {
    this.tell({ kind: 'identity', identity })
  }

  setOptions(options: Options, tls: TlsOfPorts): Promise<void> {
    if (this.dead) return Promise.resolve()
    return new Promise((resolve) => {
      this.pendingOptions.push(resolve)
      this.tell({ kind: 'options', options, tls })
    })
  }

  evict(count: number, eviction: Eviction): void {
    if (!this.dead) this.tell({ kind: 'evict', count, eviction })
  }

  tellSystem(messages: readonly SystemMessage[]): void {
    if (!this.dead) this.tell({ kind: 'tell', messages })
  }

  claimsChanged(accounts: readonly string[]): void {
    if (!this.dead) this.tell({ kind: 'claims', accounts })
  }

  tellLink(link: number, told: LinkTold): void {
    if (!this.dead) this.tell({ kind: 'link', link, told })
  }

  query(query: Query): Promise<Report | undefined> {
    if (this.dead) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const id = this.nextQuery++
      this.queries.set(id, { query, parts: [], resolve })
      this.tell({ kind: 'query', id, query })
    })
  }

  private async answer(id: number, complete: boolean): Promise<void> {
    const pending = this.queries.get(id)
    if (pending === undefined) return // given up
    const { query, parts, resolve } = pending
    let report: Report | undefined
    try {
      // Loaded when first wanted: a start has no time for it.
      const { Unpackr } = await import('msgpackr')
      this.unpackr ??= new Unpackr()
      const reports: Report[] = []
      for (const part of parts) {
        // A long answer is read over several turns: the primary has connections to accept.
        if (reports.length > 0) await nextTurn()
        reports.push(this.unpackr.unpack(part) as Report)
      }
      if (complete) report = joinParts(query, reports)
    } finally {
      resolve(report)
      this.queries.delete(id)
    }
  }

  /** Callers that wait for answers of this shard wait no longer. */
  giveUpQueries(): void {
    for (const { resolve } of this.queries.values()) resolve(undefined)
    this.queries.clear()
  }

  /** Makes a peer known to the shard; resolves when it is, or when the shard has died. */
  join(peer: PeerSetup): Promise<void> {
    if (this.dead) return Promise.resolve()
    return new Promise((resolve) => {
      this.joins.set(peer.index, resolve)
      this.tell({ kind: 'peer', peer }, [peer.port])
    })
  }

  stop(): Promise<void> {
    if (!this.dead) this.tell({ kind: 'stop' })
    const timer = setTimeout(() => this.thread.end(), 2 * SHUTDOWN_GRACE_MS)
    return this.thread.exited.finally(() => clearTimeout(timer))
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Makes two shards known to each other: a ring each way, and a port for the doorbell. */
export async function introduce(a: WorkerShardHost, b: WorkerShardHost, shards: number): Promise<void> {
  const ringAB = createRing(shards)
  const ringBA = createRing(shards)
  const { port1, port2 } = new MessageChannel()
  await Promise.all([
    a.join({ index: b.index, region: b.region, ringOut: ringAB, ringIn: ringBA, port: port1 }),
    b.join({ index: a.index, region: a.region, ringOut: ringBA, ringIn: ringAB, port: port2 }),
  ])
}
