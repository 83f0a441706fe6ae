// A consumer, on the shard that owns its stream: it delivers the stream's messages, in order, to who listens or to who
// asks, and keeps what is acknowledged. All that it hears of ends up in its parts, and makes the pump go on.
//
//     stream ─▶ stored() ──┐                                      ┌─▶ deliver subject (push.ts)
//     $JS.ACK… ─▶ acks ────┼─▶ signal ─▶ pump.ts ─▶ outlet.ts ────┤
//     …MSG.NEXT… ─▶ pulls ─┘              ▲                       └─▶ requests that wait (pull.ts)
//                                         └── a receiver or a ring has caught up, a timer has fired

import { attempt } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import { byteString } from '../../subjects/byte-string.ts'
import { Alarm } from '../alarm.ts'
import type { Attached } from '../attached.ts'
import { nowMs } from '../clock.ts'
import type { JetStreamOwner } from '../owner.ts'
import type { Sender } from '../sender.ts'
import type { KeptConsumer } from '../storage/catalogue.ts'
import { SubjectFilter } from '../storage/subject-filter.ts'
import type { Stream } from '../stream.ts'
import { type AckRules, AckState, type Unacknowledged } from './ack-state.ts'
import type { AckOwner } from './acks.ts'
import { Advisories } from './advisories.ts'
import { type ConsumerConfig, filtersOf, isPull } from './config.ts'
import { Cursor } from './cursor.ts'
import { Hearing, prefixesOf } from './hearing.ts'
import { consumerInfo } from './info.ts'
import type { InterestWatch } from './interest-watch.ts'
import type { ConsumerKeeper } from './keeper.ts'
import { type ConsumerSnapshot, keptConsumer, type ListedConsumer } from './kept-consumer.ts'
import { Lifetime } from './lifetime.ts'
import type { ModeOwner } from './mode.ts'
import { Outlet } from './outlet.ts'
import { Pace } from './pace.ts'
import { Pull } from './pull.ts'
import { Pump } from './pump.ts'
import { Push } from './push.ts'
import { samplingOf } from './rules.ts'
import { type Start, startOf, whyNoReset } from './start.ts'

const NS_PER_MS = 1e6

/** What a consumer needs besides its stream. */
export interface ConsumerPlace {
  readonly watch: InterestWatch
  readonly keeper: ConsumerKeeper
  /** There is one more, or one less. */
  count(difference: 1 | -1): void
}

export class Consumer implements Attached, ModeOwner, AckOwner {
  readonly stream: Stream
  readonly name: string
  config: ConsumerConfig
  readonly createdUs: number
  readonly state: AckState
  readonly outlet: Outlet
  readonly advisories: Advisories
  readonly mode: Pull | Push
  readonly cursor: Cursor
  private readonly place: ConsumerPlace
  readonly pace: Pace
  readonly lifetime: Lifetime
  private readonly hearing: Hearing
  private readonly alarm: Alarm
  private readonly pump: Pump
  /** When a message was delivered last, and one acknowledged; 0: never. */
  lastDeliveryMs = 0
  lastAckMs = 0
  closed = false

  constructor(stream: Stream, listed: ListedConsumer, place: ConsumerPlace) {
    const { config } = listed
    const { owner, store } = stream
    this.stream = stream
    this.place = place
    this.name = listed.name
    this.config = config
    this.createdUs = listed.createdUs
    const filters = filtersOf(config).map(byteString)
    const start: Start = listed.state ?? startOf(config, store, filters, stream.config.max_msgs_per_subject === 1)
    this.cursor = new Cursor(store, new SubjectFilter(filters), start, listed.state === undefined)
    this.state = new AckState(rulesOf(config), start.next, nowMs())
    if (listed.state !== undefined) this.restore(listed.state)
    this.outlet = new Outlet(owner, stream.account)
    this.advisories = new Advisories({
      owner,
      sender: stream.sender,
      outlet: this.outlet,
      stream: stream.name,
      consumer: this.name,
    })
    const { acks, flow } = prefixesOf(stream.name, this.name)
    this.pace = new Pace(config, store.last)
    this.mode = isPull(config) ? new Pull(this) : new Push(this, place.watch, flow)
    this.lifetime = new Lifetime(this)
    this.hearing = new Hearing(this)
    this.alarm = new Alarm(owner, () => this.tick())
    this.pump = new Pump(this, acks)
    this.cursor.count()
  }

  /** Goes on where it was, with what the stream has of it. */
  private restore(snapshot: ConsumerSnapshot): void {
    const { state } = this
    const { store } = this.stream
    state.restore(snapshot)
    for (const seq of [...state.sequences()]) if (!store.has(seq)) state.forget(seq)
    this.goBack()
  }

  /** Where the stream has lost its end, what comes there now was never delivered. Returns whether anything was. */
  private goBack(): boolean {
    const { config, cursor, state, stream } = this
    const reach = Math.max(stream.store.last, config.opt_start_seq - 1)
    const isLost = state.delivered.stream > reach
    if (isLost) state.cutTo(reach)
    cursor.dropMissing()
    cursor.cutTo(reach)
    return isLost
  }

  get owner(): JetStreamOwner {
    return this.stream.owner
  }

  get sender(): Sender {
    return this.stream.sender
  }

  get burstBytes(): number {
    const { max_msg_size: size } = this.stream.config
    return size > 0 ? size : this.owner.options.maxPayload
  }

  /** Begins to hear acknowledgements and requests. Returns false if the index has no room for them. */
  listen(): boolean {
    const { mode, stream } = this
    if (!this.hearing.begin()) return false
    stream.attached.set(this.name, this)
    if (this.isListed) this.place.count(1)
    if (mode instanceof Push) mode.listen()
    this.signal()
    this.setAlarm()
    return true
  }

  /** Something has changed that may let it go on. */
  signal(): void {
    this.pump.signal()
  }

  get turnMs(): number {
    return this.pump.turnMs
  }

  /** Somebody asks for messages with an acknowledgement. */
  asked(body: Buffer, reply: string): void {
    if (this.mode instanceof Pull) this.mode.ask(body, reply)
  }

  // ── What the stream tells ─────────────────────────────────────────────────────────────────────────────

  stored(_first: number, last: number): void {
    this.cursor.stored(last)
    this.durable()
  }

  /** Most consumers of a stream want nothing of what comes, or nobody is there for it. */
  durable(): void {
    if (this.cursor.pending > 0 && this.mode.isReady) this.signal()
  }

  undone(): void {
    this.pump.forget()
    if (this.goBack()) this.changed()
    this.cursor.count()
  }

  leaving(seq: number): void {
    this.cursor.leaving(seq)
    const entry = this.state.forget(seq)
    if (entry === undefined) return
    this.lastAckMs = nowMs()
    this.changed()
    this.terminated(entry, 'Unacknowledged message was deleted')
  }

  purged(filter: string): void {
    const { cursor, state, stream } = this
    const { store } = stream
    const first = cursor.purged(filter)
    if (!cursor.hasList && first > 0) state.skipTo(first)
    for (const seq of [...state.sequences()]) if (!store.has(seq)) state.forget(seq)
    this.changed()
    this.signal()
  }

  wants(subject: Uint8Array): boolean {
    return this.cursor.filter.matches(subject)
  }

  needs(seq: number): boolean {
    const { cursor, state } = this
    return cursor.isMatch(seq) && (cursor.isAhead(seq) || state.isAwaited(seq))
  }

  reconfigured(): void {
    this.signal()
  }

  detached(why: 'deleted' | 'closed'): void {
    this.close(why)
  }

  // ── What clients say ──────────────────────────────────────────────────────────────────────────────────

  /** A message is done with; `isSampled`: it was acknowledged, which may be measured. */
  acknowledge(seq: number, consumerSeq: number, isSampled: boolean): void {
    const { state } = this
    const entry = isSampled && this.isSample() ? state.find(seq) : undefined
    if (entry !== undefined) {
      const delivery = { consumer_seq: consumerSeq, stream_seq: seq, deliveries: entry.deliveries }
      this.advisories.acknowledged(delivery, nowMs() - entry.sinceMs)
    }
    const done = state.acknowledge(seq, consumerSeq)
    this.lastAckMs = nowMs()
    this.lifetime.heard(this.lastAckMs)
    if (done.length === 0) return
    this.changed()
    for (const each of done) this.stream.retention.acknowledged(each)
    this.signal()
  }

  private isSample(): boolean {
    const { ack_policy: policy, sample_freq: frequency } = this.config
    return frequency !== '' && policy === 'explicit' && Math.random() * 100 < (samplingOf(frequency) ?? 0)
  }

  /** A message is to be delivered again. */
  refuse(seq: number, consumerSeq: number, deliveries: number, delayMs: number | undefined): void {
    const { state } = this
    const entry = state.find(seq)
    if (entry === undefined) return
    this.advisories.refused({ consumer_seq: consumerSeq, stream_seq: seq, deliveries })
    if (state.refuse(seq, nowMs(), delayMs) === true) this.gaveUp(entry)
    this.changed()
    this.signal()
    this.setAlarm()
  }

  /** Somebody works on a message. */
  progress(seq: number): void {
    this.state.progress(seq, nowMs())
    this.changed()
  }

  terminated(entry: Unacknowledged, reason: string): void {
    const { consumerSeq, deliveries, seq } = entry
    this.advisories.terminated({ consumer_seq: consumerSeq, stream_seq: seq, deliveries }, reason)
  }

  /** The sequence up to which something may be acknowledged. */
  get reached(): number {
    return Math.max(this.cursor.reached, this.state.delivered.stream)
  }

  /** Calls back when what was acknowledged so far is recorded; not at all, if it cannot be now. */
  whenRecorded(then: () => void): void {
    this.place.keeper.whenKept(this, (failure) => {
      if (failure === undefined) then()
    })
  }

  /** What is kept of it has changed. */
  changed(): void {
    this.place.keeper.noteChange(this)
  }

  private gaveUp({ deliveries, seq }: Unacknowledged): void {
    this.advisories.maxDeliveries(seq, deliveries)
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Sees to it that tick() is called when the first of all things is due. */
  setAlarm(): void {
    if (this.closed) return
    const { lifetime, mode, pace, state } = this
    this.alarm.set(Math.min(state.nextDueMs, mode.nextMs, pace.nextMs, lifetime.endMs))
  }

  /** What it waits for comes sooner. */
  clockAdvanced(): void {
    this.alarm.ringNow()
  }

  private tick(): void {
    const now = nowMs()
    if (this.pace.resume(now)) this.advisories.paused(false, this.config.pause_until)
    const givenUp = this.state.due(now)
    for (const entry of givenUp) this.gaveUp(entry)
    if (givenUp.length > 0) this.changed()
    this.mode.tick(now)
    if (this.lifetime.isOver(now)) {
      attempt(this.owner.bugMet, () => this.remove())
      return
    }
    this.signal()
    this.setAlarm()
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────

  /** Goes by another configuration, which has been checked. */
  configure(config: ConsumerConfig): void {
    const before = this.config
    this.config = config
    this.pace.configured(config)
    this.state.rules = rulesOf(config)
    if (filtersOf(before).join(' ') !== filtersOf(config).join(' ')) {
      this.cursor.filter = new SubjectFilter(filtersOf(config).map(byteString))
      this.pump.forget()
      this.cursor.count()
      this.stream.retention.interestChanged()
    }
    this.mode.configured(before)
    this.changed()
    this.signal()
    this.setAlarm()
  }

  /** Begins anew at a sequence; 0: behind what is acknowledged. Answers which, or why not. */
  reset(seq: number): number | string {
    const { config, state, stream } = this
    if (seq > 0) {
      const why = whyNoReset(config, stream.store, seq)
      if (why !== undefined) return why
    }
    const next = Math.max(1, seq === 0 ? state.floor.stream + 1 : seq)
    this.cursor.moveTo(next)
    this.pump.forget()
    state.reset(next)
    this.lastDeliveryMs = 0
    this.lastAckMs = 0
    this.changed()
    stream.retention.interestChanged()
    this.signal()
    return next
  }

  /** It is there no more, and nobody needs its messages. Resolves when it is gone from the disk. */
  remove(): Promise<void> {
    const { advisories, place, stream } = this
    this.close('deleted')
    advisories.deleted()
    stream.retention.interestChanged()
    return place.keeper.drop(this)
  }

  /** Hears and sends nothing any more. */
  close(why: 'deleted' | 'closed'): void {
    if (this.closed) return
    this.closed = true
    this.alarm.stop()
    this.hearing.end()
    if (this.stream.attached.delete(this.name) && this.isListed) this.place.count(-1)
    this.mode.close(why)
    this.outlet.close()
  }

  // ── What is told of it ────────────────────────────────────────────────────────────────────────────────

  /** The members of consumer info; `isListed`: without what the server says of itself in the metadata. */
  info(isListed = false): { readonly [member: string]: Json } {
    return consumerInfo(this, isListed)
  }

  /** One that serves a mirror or a source, for as long as that asks, is not shown. */
  get isListed(): boolean {
    return !this.config.direct
  }

  /** Whether it is there again after a restart. */
  get isKept(): boolean {
    return this.stream.id > 0 && !this.config.mem_storage && !this.config.direct
  }

  kept(): KeptConsumer {
    const { config, createdUs, name, stream } = this
    const state = { ...this.state.snapshot(), ...this.cursor.place }
    return keptConsumer(stream.id, { name, config, createdUs, state })
  }
}

function rulesOf(config: ConsumerConfig): AckRules {
  const { ack_policy: policy } = config
  return {
    policy: policy === 'flow_control' ? 'all' : policy,
    waitMs: config.ack_wait / NS_PER_MS,
    backoffMs: config.backoff.map((span) => span / NS_PER_MS),
    maxDeliver: config.max_deliver,
  }
}

/** The consumers of a stream that are shown, sorted by name. */
export function consumersOf({ attached }: Pick<Stream, 'attached'>): Consumer[] {
  const consumers = [...attached.values()].filter((each) => each instanceof Consumer && each.isListed) as Consumer[]
  return consumers.sort((a, b) => (a.name < b.name ? -1 : 1))
}
