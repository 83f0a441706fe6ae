// A consumer, on the shard that owns its stream: it delivers the stream's messages, in order, to who listens or to who
// asks, and keeps what is acknowledged.
//
//     stream ─▶ stored() ──┐                                     ┌─▶ deliver subject (push.ts)
//     $JS.ACK… ─▶ acks ────┼─▶ signal ─▶ pump: pick, load, send ─┤
//     …MSG.NEXT… ─▶ pulls ─┘              ▲                      └─▶ requests that wait (pull.ts)
//                                         └── a receiver or a ring has caught up, a timer has fired
//
// All that makes it go on only signals; the pump runs once a turn, and for no longer than its part of it.

import { API_LEVEL, NATS_VERSION } from '../../base/constants.ts'
import { attempt, guarded } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import { allocateBlock } from '../../memory/block.ts'
import type { Run } from '../../protocol/run.ts'
import { InternalSubscription } from '../../routing/subscription.ts'
import { byteString, properText } from '../../subjects/byte-string.ts'
import { covers, overlap } from '../../subjects/filter.ts'
import type { Attached } from '../attached.ts'
import { nowMs, timeText } from '../clock.ts'
import { Header, withHeaders } from '../message-headers.ts'
import type { JetStreamOwner } from '../owner.ts'
import type { Sender } from '../sender.ts'
import { shortHash } from '../short-hash.ts'
import type { KeptConsumer } from '../storage/catalogue.ts'
import { StoredMessage } from '../storage/store.ts'
import { SubjectFilter } from '../storage/subject-filter.ts'
import type { Stream } from '../stream.ts'
import { type AckRules, type AckSnapshot, AckState, type Place, type Unacknowledged } from './ack-state.ts'
import { AckHandler, type AckOwner } from './acks.ts'
import { Advisories } from './advisories.ts'
import { type ConsumerConfig, filtersOf, isPull, shownConsumerConfig } from './config.ts'
import { Cursor } from './cursor.ts'
import type { InterestWatch } from './interest-watch.ts'
import type { ConsumerKeeper } from './keeper.ts'
import type { ModeOwner } from './mode.ts'
import { Outgoing } from './outgoing.ts'
import { Outlet } from './outlet.ts'
import { Pull } from './pull.ts'
import { Push } from './push.ts'
import { samplingOf } from './rules.ts'
import { type Start, startOf } from './start.ts'

const NS_PER_MS = 1e6
const US_PER_MS = 1000
const TIMER_MAX_MS = 2 ** 31 - 1
/** Messages below this gap follow each other at once when they are replayed. */
const REPLAY_MIN_MS = 1
/** Consumers that are asked for messages live up to so much longer than they must. */
const JITTER_MS = { min: 100, span: 900 }

const NO_MESSAGE = new StoredMessage(0, 0, allocateBlock(0), 0, 0, 0, 0)

/** What is kept of a consumer. */
export interface ListedConsumer {
  /** The configuration may leave it out. */
  readonly name: string
  readonly config: ConsumerConfig
  readonly createdUs: number
  /** Undefined: it is new. */
  readonly state: ConsumerSnapshot | undefined
}

export interface ConsumerSnapshot extends AckSnapshot, Start {}

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
  private readonly entries: InternalSubscription[] = []
  /** `$JS.ACK.<stream>.<consumer>.` */
  private readonly ackPrefix: string
  /** The sequence that was looked for last, and what was found; 0: nothing that is to be used again. */
  private loadedSeq = 0
  private loaded: StoredMessage | undefined
  private isLoading = false
  /** The latest message that was sent. */
  private outgoing: Outgoing | undefined
  private isSignalled = false
  private alarm: NodeJS.Timeout | undefined
  private alarmMs = Number.POSITIVE_INFINITY
  /** Messages are held until then, for the sake of their rate. */
  private notBeforeMs = 0
  /** Nothing is delivered until then; 0: there is no pause. */
  private pausedUntilMs = 0
  private readonly replay: { until: number; lastUs: number } | undefined
  turnMs = 0
  private lastDeliveryMs = 0
  private lastAckMs = 0
  /** Without a listener since then it is deleted. */
  private inactiveMs: number
  private readonly jitterMs = JITTER_MS.min + Math.random() * JITTER_MS.span
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
    const names = `${byteString(stream.name)}.${byteString(this.name)}`
    this.ackPrefix = `$JS.ACK.${names}.`
    this.inactiveMs = nowMs()
    this.notePause()
    if (config.replay_policy === 'original') this.replay = { until: store.last, lastUs: 0 }
    this.mode = isPull(config) ? new Pull(this) : new Push(this, place.watch, `$JS.FC.${names}.`)
    this.cursor.count()
  }

  /** Goes on where it was, with what the stream has of it. */
  private restore(snapshot: ConsumerSnapshot): void {
    const { state } = this
    const { store } = this.stream
    state.restore(snapshot)
    for (const seq of [...state.sequences()]) if (!store.has(seq)) state.forget(seq)
    this.cursor.dropMissing()
    // Where the stream has lost its end, what comes there now was never delivered.
    const reach = Math.max(store.last, this.config.opt_start_seq - 1)
    if (state.delivered.stream > reach) state.cutTo(reach)
    this.cursor.cutTo(reach)
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
    const { owner, stream } = this
    const place = `${byteString(stream.name)}.${byteString(this.name)}`
    const longPlace = `${byteString(stream.domain || '_')}.${shortHash(properText(stream.account.name))}.${place}`
    const heard: [subject: string, handle: (run: Run) => void][] = [
      [`$JS.API.CONSUMER.MSG.NEXT.${place}`, (run) => this.pulled(run)],
    ]
    const { config, mode } = this
    // Otherwise nobody answers to acknowledgements.
    if (config.ack_policy !== 'none') {
      const [acks, longAcks] = [place, longPlace].map((each) => new AckHandler(this, `$JS.ACK.${each}.`.length))
      heard.push([`${this.ackPrefix}*.*.*.*.*`, (run) => acks.take(run)])
      heard.push([`$JS.ACK.${longPlace}.*.*.*.*.>`, (run) => longAcks.take(run)])
    }
    if (mode instanceof Push) {
      for (const each of [place, longPlace]) heard.push([`$JS.FC.${each}.*`, (run) => mode.answered(run)])
    }
    for (const [subject, handle] of heard) {
      const entry = new InternalSubscription(stream.account, subject, handle)
      if (!owner.sublist.insert(entry)) {
        owner.sublist.removeAll(this.entries)
        return false
      }
      this.entries.push(entry)
    }
    stream.attached.set(this.name, this)
    if (this.isListed) this.place.count(1)
    if (mode instanceof Push) mode.listen()
    this.signal()
    this.setAlarm()
    return true
  }

  private pulled(run: Run): void {
    if (this.mode instanceof Pull) this.mode.take(run)
    else this.mode.refusePull(run)
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
    const first = this.firstAfter(filter)
    cursor.purged(first)
    if (!cursor.hasList && first > 0) state.skipTo(first)
    for (const seq of [...state.sequences()]) if (!store.has(seq)) state.forget(seq)
    this.changed()
    this.signal()
  }

  /** The first sequence that may be delivered when messages that match have been purged; 0: any, as before. */
  private firstAfter(filter: string): number {
    const { store } = this.stream
    const own = filtersOf(this.config).map(byteString)
    if (filter === '') return Math.max(1, store.first)
    // All that it wants has been purged, but for what was kept.
    if (own.length > 0 && own.every((one) => covers(filter, one))) {
      return store.next(new SubjectFilter([filter]), 1) || store.last + 1
    }
    return own.length === 0 || own.some((one) => overlap(one, filter)) ? Math.max(1, store.first) : 0
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
    this.inactiveMs = this.lastAckMs
    if (done.length === 0) return
    this.changed()
    for (const each of done) this.stream.acknowledged(each)
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

  private changed(): void {
    this.place.keeper.noteChange(this)
  }

  private gaveUp({ deliveries, seq }: Unacknowledged): void {
    this.advisories.maxDeliveries(seq, deliveries)
  }

  // ── The pump ──────────────────────────────────────────────────────────────────────────────────────────

  /** Something has changed that may let it go on. */
  signal(): void {
    if (this.isSignalled || this.closed) return
    this.isSignalled = true
    const { owner } = this.stream
    owner.turns.wait(() => {
      this.isSignalled = false
      attempt(owner.bugMet, () => {
        owner.wake()
        this.pump()
      })
    })
  }

  private pump(): void {
    const { turns } = this.owner
    this.turnMs = nowMs()
    while (!this.closed && this.mode.isReady && !this.isLoading) {
      if (turns.isOver) {
        this.signal()
        break
      }
      if (this.outlet.congested) {
        this.outlet.whenRelieved(this.relieved)
        break
      }
      if (this.isPaused) {
        this.mode.caughtUp()
        break
      }
      if (!this.step()) break
    }
    this.setAlarm()
  }

  private readonly relieved = (): void => this.signal()

  get isPaused(): boolean {
    return this.pausedUntilMs > 0 && this.pausedUntilMs > nowMs()
  }

  private notePause(): void {
    const { pause_until: until } = this.config
    this.pausedUntilMs = until === '' ? 0 : Date.parse(until)
    if (!this.isPaused) this.pausedUntilMs = 0
  }

  /** Delivers one message; returns false if there is none, or none may be delivered now. */
  private step(): boolean {
    const again = this.state.nextAgain
    if (again === undefined && this.isFull) return false
    const seq = again?.seq ?? this.cursor.find()
    if (seq === 0) {
      this.mode.caughtUp()
      return false
    }
    const message = this.load(seq)
    if (message === 'later') return false
    if (message === undefined) {
      this.skip(seq, again)
      return true
    }
    return this.mayPass(message) && this.deliver(message, again)
  }

  /** As much as may be is without acknowledgement: nothing new is delivered. */
  get isFull(): boolean {
    const { max_ack_pending: most } = this.config
    return most > 0 && this.state.pending >= most
  }

  /** A message, from the stream or from the latest look at it. */
  private load(seq: number): StoredMessage | undefined | 'later' {
    if (this.loadedSeq === seq) return this.loaded
    const found = this.stream.store.load(seq)
    if (!(found instanceof Promise)) {
      this.noteLoaded(seq, found)
      return found
    }
    const { owner } = this.stream
    this.isLoading = true
    const loaded = found.then((message) => {
      this.isLoading = false
      this.noteLoaded(seq, message)
      this.signal()
    })
    attempt(owner.bugMet, () => loaded)
    return 'later'
  }

  private noteLoaded(seq: number, message: StoredMessage | undefined): void {
    this.loadedSeq = seq
    this.loaded = message
  }

  /** A message cannot be had: it is gone, or damaged. */
  private skip(seq: number, again: Unacknowledged | undefined): void {
    this.noteLoaded(0, undefined)
    if (again === undefined) this.cursor.passed(seq)
    else {
      this.state.forget(seq)
      this.terminated(again, 'Unacknowledged message was deleted')
    }
    this.changed()
  }

  /** Whether a message may leave already, by the pace at which they are replayed, and by the rate limit. */
  private mayPass(message: StoredMessage): boolean {
    const now = this.turnMs
    const { replay } = this
    if (replay !== undefined && this.notBeforeMs === 0 && message.seq <= replay.until && replay.lastUs > 0) {
      const gapMs = (message.timeUs - replay.lastUs) / US_PER_MS
      if (gapMs > REPLAY_MIN_MS) this.notBeforeMs = now + gapMs
    }
    if (this.notBeforeMs > now) return false
    return this.mode.isReady
  }

  private deliver(message: StoredMessage, again: Unacknowledged | undefined): boolean {
    const { config, state, stream } = this
    const { seq, timeUs } = message
    const now = this.turnMs
    this.outgoing ??= new Outgoing(NO_MESSAGE, this.ackPrefix)
    const { outgoing } = this
    outgoing.message = message
    outgoing.headers = config.headers_only ? withSize(message) : undefined
    outgoing.hasPayload = !config.headers_only
    outgoing.deliveries = again === undefined ? 1 : again.deliveries + 1
    outgoing.consumerSeq = state.delivered.consumer + 1
    outgoing.pending = again === undefined ? this.cursor.pending - 1 : this.cursor.pending
    this.notBeforeMs = 0
    const isSent = this.mode.send(outgoing)
    // It would keep the page that the message lies in.
    outgoing.message = NO_MESSAGE
    if (!isSent) return false
    this.noteLoaded(0, undefined)
    this.inactiveMs = now
    if (this.replay !== undefined) this.replay.lastUs = timeUs
    this.lastDeliveryMs = now
    if (again !== undefined) state.deliverAgain(now)
    else {
      state.deliver(seq, now)
      this.cursor.passed(seq)
    }
    this.changed()
    if (config.ack_policy === 'none') stream.acknowledged(seq)
    return true
  }

  /** Nothing leaves before then. */
  holdUntil(ms: number): void {
    this.notBeforeMs = ms
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Sees to it that tick() is called when the first of all things is due. */
  setAlarm(): void {
    if (this.closed) return
    const dueMs = Math.min(
      this.state.nextDueMs,
      this.mode.nextMs,
      this.pausedUntilMs === 0 ? Number.POSITIVE_INFINITY : this.pausedUntilMs,
      this.notBeforeMs === 0 ? Number.POSITIVE_INFINITY : this.notBeforeMs,
      this.deletedAtMs,
    )
    // One that comes too soon sets the next one.
    if (dueMs >= this.alarmMs) return
    clearTimeout(this.alarm)
    this.alarmMs = dueMs
    const { owner } = this.stream
    const waitMs = Math.min(Math.max(1, Math.ceil(dueMs - nowMs())), TIMER_MAX_MS)
    this.alarm = setTimeout(
      guarded(owner.bugMet, () => this.tick()),
      waitMs,
    ).unref()
  }

  /** What it waits for comes sooner. */
  clockAdvanced(): void {
    clearTimeout(this.alarm)
    this.tick()
  }

  private tick(): void {
    const { owner } = this.stream
    const now = nowMs()
    this.alarm = undefined
    this.alarmMs = Number.POSITIVE_INFINITY
    owner.wake()
    if (this.pausedUntilMs !== 0 && this.pausedUntilMs <= now) this.resumed()
    const givenUp = this.state.due(now)
    for (const entry of givenUp) this.gaveUp(entry)
    if (givenUp.length > 0) this.changed()
    this.mode.tick(now)
    if (now >= this.deletedAtMs && !this.isStillUsed(now)) {
      attempt(owner.bugMet, () => this.remove())
      return
    }
    this.signal()
    this.setAlarm()
  }

  /** Whether somebody listens after all, or may still be at work on what he was given. */
  private isStillUsed(now: number): boolean {
    this.inactiveMs = this.mode.isListened() ? now : Math.min(now, Math.max(this.inactiveMs, this.state.lastDueMs))
    return now < this.deletedAtMs
  }

  /** How long it lives without a listener; 0: for ever. */
  private get thresholdMs(): number {
    const { config } = this
    const ms = config.inactive_threshold / NS_PER_MS
    return ms > 0 && isPull(config) ? ms + this.jitterMs : ms
  }

  private get deletedAtMs(): number {
    const { thresholdMs } = this
    return thresholdMs === 0 ? Number.POSITIVE_INFINITY : this.inactiveMs + thresholdMs
  }

  /** Somebody has shown that he is there. */
  heard(): void {
    this.inactiveMs = nowMs()
  }

  private resumed(): void {
    this.pausedUntilMs = 0
    this.advisories.paused(false, this.config.pause_until)
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────

  /** Goes by another configuration, which has been checked. */
  configure(config: ConsumerConfig): void {
    const before = this.config
    this.config = config
    this.notePause()
    this.state.rules = rulesOf(config)
    if (filtersOf(before).join(' ') !== filtersOf(config).join(' ')) {
      this.cursor.filter = new SubjectFilter(filtersOf(config).map(byteString))
      this.noteLoaded(0, undefined)
      this.cursor.count()
      this.stream.interestChanged()
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
      const why = this.whyNoReset(config, seq)
      if (why !== undefined) return why
    }
    const next = Math.max(1, seq === 0 ? state.floor.stream + 1 : seq)
    this.cursor.moveTo(next)
    this.noteLoaded(0, undefined)
    state.reset(next)
    this.lastDeliveryMs = 0
    this.lastAckMs = 0
    this.changed()
    stream.interestChanged()
    this.signal()
    return next
  }

  private whyNoReset(config: ConsumerConfig, seq: number): string | undefined {
    switch (config.deliver_policy) {
      case 'all':
        return undefined
      case 'by_start_sequence':
        return seq < config.opt_start_seq ? 'below start seq' : undefined
      case 'by_start_time':
        return seq < startOf(config, this.stream.store, [], false).next ? 'below start time' : undefined
      default:
        return 'not allowed'
    }
  }

  /** It is there no more, and nobody needs its messages. Resolves when it is gone from the disk. */
  remove(): Promise<void> {
    const { advisories, place, stream } = this
    this.close('deleted')
    advisories.deleted()
    stream.interestChanged()
    return place.keeper.drop(this)
  }

  /** Hears and sends nothing any more. */
  close(why: 'deleted' | 'closed'): void {
    if (this.closed) return
    this.closed = true
    clearTimeout(this.alarm)
    this.owner.sublist.removeAll(this.entries)
    if (this.stream.attached.delete(this.name) && this.isListed) this.place.count(-1)
    this.mode.close(why)
    this.outlet.close()
  }

  // ── What is told of it ────────────────────────────────────────────────────────────────────────────────

  /** The members of consumer info; `isListed`: without what the server says of itself in the metadata. */
  info(isListed = false): { readonly [member: string]: Json } {
    const { config, mode, state, stream } = this
    const pull = mode instanceof Pull ? mode : undefined
    const now = nowMs()
    const { isPaused: paused, pausedUntilMs } = this
    const shown = shownConsumerConfig(config)
    const ofServer = isListed ? {} : { '_nats.ver': NATS_VERSION, '_nats.level': String(API_LEVEL) }
    const metadata = { ...config.metadata, ...ofServer }
    return {
      stream_name: stream.name,
      name: this.name,
      created: timeText(this.createdUs),
      config: { ...shown, metadata: Object.fromEntries(Object.entries(metadata).sort()) },
      delivered: shownPlace(state.delivered, this.lastDeliveryMs),
      ack_floor: shownPlace(state.floor, this.lastAckMs),
      num_ack_pending: state.pending,
      num_redelivered: config.max_deliver === 1 ? 0 : state.redelivered,
      num_waiting: pull?.countWaiting() ?? 0,
      num_pending: this.cursor.pending,
      push_bound: (mode instanceof Push && mode.isListened()) || undefined,
      paused: paused || undefined,
      pause_remaining: paused ? Math.round((pausedUntilMs - now) * NS_PER_MS) : undefined,
      ts: timeText(Math.floor(now * US_PER_MS)),
      priority_groups: pull?.groups,
    }
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
    const state: ConsumerSnapshot = { ...this.state.snapshot(), ...this.cursor.place }
    const listed: Omit<ListedConsumer, 'name'> = { config, createdUs, state }
    return { stream: stream.id, name, kept: JSON.stringify(listed) }
  }
}

/** The headers of a message whose payload is left out. */
function withSize({ headers, payloadStart, end }: StoredMessage): Buffer {
  return withHeaders(headers, [[Header.messageSize, end - payloadStart]])
}

function shownPlace({ consumer, stream }: Place, lastMs: number): Json {
  return {
    consumer_seq: consumer,
    stream_seq: stream,
    last_active: lastMs === 0 ? undefined : timeText(Math.floor(lastMs * US_PER_MS)),
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
