// The connections of clients as the primary sees them: each is handed to a shard, where it stays, and is counted there
// while it is open. One whose shard dies at the last moment waits for another.

import type { OnBug } from '../base/guarded.ts'
import type { Handle } from '../base/node-private.ts'
import type { Arrival } from '../net/handle.ts'
import type { PipeEnd, PipeEvents } from '../net/pipe-end.ts'
import type { Options } from '../options/options.ts'
import type { Gauges } from '../reports/gauges.ts'
import type { Eviction } from '../threads/messages.ts'
import { Descriptors } from './descriptors.ts'
import { shuffled } from './lame-duck.ts'
import { Placement } from './placement.ts'
import type { WorkerShardHost } from './shard-host.ts'
import { isServing, type Slot } from './shard-slot.ts'

/** What clients go by. */
type ClientsOptions = Pick<Options, 'maxConnections' | 'placement'>

interface ClientsLog {
  readonly bug: OnBug
  error(text: string): void
}

export class Clients {
  totalConnections = 0
  /** Of the latest connection, be it a client's or a link to another server. */
  private latestId = 0
  private maxConnections: number
  private readonly slots: readonly Slot[]
  private readonly gauges: Pick<Gauges, 'openConnections'>
  private readonly log: ClientsLog
  /** Called when connections that waited can be taken. */
  private readonly onRelief: () => void
  private readonly descriptors: Descriptors
  private readonly placement: Placement<Slot>
  /** Connections whose shard died before they were handed over, and that no other could take yet. */
  private readonly stranded: Arrival[] = []
  private stopping = false

  /** `slots`: all shards; more may come. `gauges`: what these have counted off. */
  constructor(
    { maxConnections, placement }: ClientsOptions,
    slots: readonly Slot[],
    gauges: Pick<Gauges, 'openConnections'>,
    log: ClientsLog,
    onRelief: () => void,
  ) {
    this.maxConnections = maxConnections
    this.slots = slots
    this.gauges = gauges
    this.log = log
    this.onRelief = onRelief
    this.descriptors = new Descriptors(log)
    this.placement = new Placement(placement)
  }

  /** Those that come from now on go by these. */
  setOptions({ maxConnections, placement }: ClientsOptions): void {
    this.maxConnections = maxConnections
    this.placement.policy = placement
  }

  /** The server has started: the files that are open now, beside those of clients, stay open. */
  started(): void {
    this.descriptors.started(this.openConnections)
  }

  // ── Hand-over ─────────────────────────────────────────────────────────────────────────────────────────

  /** Numbers the next connection, be it a client's or a link to another server. */
  nextId(): number {
    return ++this.latestId
  }

  /** Hands a connection to the next shard. Returns false if none can take it at present. */
  take(handle: Handle, kind: Arrival['kind']): boolean {
    try {
      return this.hand(handle, kind)
    } catch (error) {
      this.log.bug(error)
      handle.close()
      return true
    }
  }

  private hand(handle: Handle, kind: Arrival['kind']): boolean {
    const slot = this.pickSlot()
    if (slot === undefined) return false
    const { openConnections } = this
    const verdict = this.descriptors.judge(openConnections)
    if (verdict === 'close') {
      handle.close()
      return true
    }
    const refused = verdict === 'refuse' || openConnections >= this.maxConnections
    this.totalConnections++
    this.give(slot, { id: this.nextId(), kind, handle, refused })
    return true
  }

  /** Makes a connection within the process, to the next shard; undefined if none can take it at present. */
  connect(events: PipeEvents): PipeEnd | undefined {
    const slot = this.pickSlot()
    if (slot === undefined) return undefined
    const refused = this.openConnections >= this.maxConnections
    this.totalConnections++
    if (!refused) slot.handed++
    return slot.host.connect({ id: this.nextId(), refused }, events)
  }

  private give(slot: Slot, arrival: Arrival): void {
    if (!arrival.refused) slot.handed++
    slot.host.accept(arrival)
  }

  /** A shard for the next connection. */
  private pickSlot(): Slot | undefined {
    return this.stopping ? undefined : this.placement.pick(this.slots, isServing)
  }

  /** One could not be handed to `host`. Returns whether another shard takes it, as soon as one can. */
  lost(host: WorkerShardHost, arrival: Arrival): boolean {
    const slot = this.slots[host.index]
    if (!arrival.refused && slot?.host === host && !host.dead) slot.handed--
    if (!host.dead || this.stopping) return false
    this.stranded.push(arrival)
    this.relieve()
    return true
  }

  /** Shards can take connections again. */
  relieve(): void {
    for (const arrival of this.stranded.splice(0)) {
      const slot = this.pickSlot()
      if (slot === undefined) this.stranded.push(arrival)
      else this.give(slot, arrival)
    }
    this.onRelief()
  }

  /** Takes no more, and closes those that wait for a shard. */
  stop(): void {
    this.stopping = true
    for (const { handle } of this.stranded.splice(0)) handle.close()
  }

  // ── Those that are open ───────────────────────────────────────────────────────────────────────────────

  get openConnections(): number {
    return this.slots.reduce((sum, _, index) => sum + this.connectionsOf(index), 0)
  }

  private connectionsOf(index: number): number {
    return this.gauges.openConnections(index, this.slots[index].handed)
  }

  /** The shard of each open connection, in random order. */
  shuffledConnections(): number[] {
    return shuffled(this.slots.flatMap((_, index) => Array<number>(Math.max(0, this.connectionsOf(index))).fill(index)))
  }

  /** Closes one connection on each of the shards named; a shard may be named several times. */
  evict(shards: readonly number[], eviction: Eviction): void {
    for (const [index, { host }] of this.slots.entries()) {
      const count = shards.filter((shard) => shard === index).length
      if (count > 0) host.evict(count, eviction)
    }
  }
}
