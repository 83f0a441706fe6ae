// A stream, on the shard that owns it: it hears its subjects like any subscriber, stores what comes, and keeps to its
// limits. What publishers send is in publishing.ts, how a message is judged in storing.ts; requests about a stream are
// in stream-api.ts, and what is told of it in stream-info.ts.
//
//     interest index ─▶ take(run) ─▶ Publishing ─▶ store ─┬─▶ limits: the oldest go
//                                                         ├─▶ attached: consumers are told
//                                                         └─▶ durable ─▶ acknowledgements

import type { Account } from '../accounts/account.ts'
import { type Run, replyOf } from '../protocol/run.ts'
import { InternalSubscription } from '../routing/subscription.ts'
import { byteString } from '../subjects/byte-string.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { tellAbandoned } from './advisories.ts'
import type { Attached } from './attached.ts'
import type { Abandoned, BatchLimits } from './batches.ts'
import { clockUs, timeText } from './clock.ts'
import type { ConsumerKeeper } from './consumers/keeper.ts'
import type { ListedStream } from './contract.ts'
import { DirectGet } from './direct-get.ts'
import { Duplicates } from './duplicates.ts'
import { type ApiError, apiError } from './errors.ts'
import { Expiry } from './expiry.ts'
import { Header, readHeaders } from './message-headers.ts'
import type { JetStreamOwner } from './owner.ts'
import { Publishing } from './publishing.ts'
import { Retention } from './retention.ts'
import type { ScheduleTimer } from './schedules/schedule-timer.ts'
import { Schedules } from './schedules/schedules.ts'
import { Sender } from './sender.ts'
import { shortHash } from './short-hash.ts'
import { Following } from './sources/following.ts'
import type { KeptConsumer } from './storage/catalogue.ts'
import type { StreamStore } from './storage/store.ts'
import { SubjectFilter } from './storage/subject-filter.ts'
import { type Adopted, Storing } from './storing.ts'
import type { StreamConfig } from './stream-config.ts'
import type { Usage } from './usage.ts'
import { WriteBacklog } from './write-backlog.ts'

const NS_PER_US = 1000
const NO_LIMITS = { max_msgs: -1, max_bytes: -1 }
const ALL = new SubjectFilter()

/** What the stream needs besides its shard. */
export interface StreamPlace {
  readonly owner: JetStreamOwner
  readonly account: Account
  /** What its account uses, and what the whole server does. */
  readonly usages: readonly Usage[]
  readonly scheduleTimer: ScheduleTimer
  /** Bytes that may still be stored. */
  roomOfAccount(storage: 'memory' | 'file'): number
  roomOfServer(storage: 'memory' | 'file'): number
}

export class Stream {
  readonly owner: JetStreamOwner
  readonly account: Account
  readonly sender: Sender
  config: StreamConfig
  readonly createdUs: number
  /** Names its folder; 0: it has none. */
  readonly id: number
  readonly store: StreamStore
  readonly duplicates: Duplicates
  readonly acknowledgements: Acknowledgements
  readonly expiry: Expiry
  readonly retention: Retention
  readonly schedules: Schedules
  /** Consumers, by name. */
  readonly attached = new Map<string, Attached>()
  private readonly place: StreamPlace
  readonly storing: Storing
  private readonly publishing: Publishing
  private readonly backlog: WriteBacklog
  private readonly directGet: DirectGet
  /** Answers in the place of the origin that it mirrors, in another domain or account. */
  private originGet: DirectGet | undefined
  /** Undefined: other streams are not followed yet. */
  following: Following | undefined
  private entries: InternalSubscription[] = []
  /** What the usage counts for it. */
  private countedBytes = 0
  private countedMessages = 0
  closed = false

  /** `store` has been opened; recall() comes before the stream listens. */
  constructor(place: StreamPlace, listed: ListedStream, store: StreamStore) {
    const { owner, account } = place
    this.place = place
    this.owner = owner
    this.account = account
    this.sender = new Sender(owner, account)
    this.config = listed.config
    this.createdUs = listed.createdUs
    this.duplicates = new Duplicates(windowUs(listed.config))
    this.acknowledgements = new Acknowledgements(this.sender)
    this.id = listed.id
    this.store = store
    if (this.store.last === 0 && listed.config.first_seq > 1) this.store.skipTo(listed.config.first_seq, 0)
    this.schedules = new Schedules(this, place.scheduleTimer)
    this.storing = new Storing(this)
    this.publishing = new Publishing(this)
    const { maxBufferedBytes = 0, maxBufferedMessages = 0 } = owner.options.jetstream ?? {}
    this.backlog = new WriteBacklog(maxBufferedMessages, maxBufferedBytes)
    this.directGet = new DirectGet(this, this.config.name)
    this.expiry = new Expiry(this)
    this.retention = new Retention(this)
    for (const usage of place.usages) usage.add(owner.index, 'streams', 1)
  }

  get name(): string {
    return this.config.name
  }

  /** Tells it from another one that had its name. */
  get identity(): string {
    return shortHash(timeText(this.createdUs))
  }

  /** Begins to hear its subjects. Returns false if the index has no room for them. */
  listen(): boolean {
    const { account, config, owner } = this
    const take = (run: Run): void => this.take(run)
    const before = this.entries
    const subjects = config.subjects.map(byteString)
    this.entries = []
    for (const subject of subjects) {
      const known = before.find((entry) => entry.subject === subject)
      const entry = known ?? new InternalSubscription(account, subject, take)
      if (known === undefined && !owner.sublist.insert(entry)) return false
      this.entries.push(entry)
    }
    owner.sublist.removeAll(before.filter((entry) => !this.entries.includes(entry)))
    return this.directGet.configure(config.allow_direct)
  }

  /** Whether a subject (byte string) is one of its own. */
  hasSubject(subject: string): boolean {
    return this.entries.some((entry) => new SubjectFilter([entry.subject]).matches(Buffer.from(subject, 'latin1')))
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────

  private take(run: Run): void {
    if (this.closed) return
    if (this.backlog.isFull) {
      this.publishing.refuse(replyOf(run), run.count)
      return
    }
    const { last } = this.store
    this.publishing.takeRun(run)
    this.appended(last, run.size * run.count)
  }

  /** Stores a message that the server makes. Answers whether it could. */
  produce(subject: Buffer, headers: Buffer, payload: Buffer): boolean {
    return this.storing.produce(subject, headers, payload)
  }

  /** Messages have been stored behind `before`: limits, consumers and publishers have their due. */
  appended(before: number, bytes = 0): void {
    const { last } = this.store
    if (last > before) {
      if (this.store.durable < last) this.backlog.took(last, last - before, bytes)
      this.keepLimits()
      for (const each of this.attached.values()) each.stored(before + 1, last)
    }
    this.settle()
  }

  private settle(): void {
    this.backlog.settle(this.store.durable)
    this.acknowledgements.settle(this.store.durable)
    for (const each of this.attached.values()) each.durable()
    this.following?.durable()
  }

  /** What the limits of its account or of the server say against so many bytes more. */
  whyNoRoom(bytes: number): ApiError | undefined {
    const { storage } = this.config
    if (bytes > this.place.roomOfServer(storage)) return apiError(10023)
    return bytes > this.place.roomOfAccount(storage) ? apiError(10002) : undefined
  }

  get batchLimits(): BatchLimits {
    return this.owner.options.jetstream?.limits.batch ?? { perStream: 0, fastPerStream: 0, messages: 0, timeout: 0 }
  }

  abandoned(batch: string, why: Abandoned): void {
    this.owner.wake()
    tellAbandoned(this.sender, this.name, batch, why, this.domain)
  }

  get domain(): string {
    return this.owner.options.jetstream?.domain ?? ''
  }

  // ── Other streams ─────────────────────────────────────────────────────────────────────────────────────

  /** Begins to follow its mirror or its sources. `kept`: what was kept of those. */
  follow(keeper: ConsumerKeeper, kept: KeptConsumer | undefined): void {
    this.following = new Following(this, keeper, kept)
  }

  /** Stores a message of another stream, or says why not. `subject`: byte string; the bytes are copied. */
  adopt(subject: string, headers: Buffer, payload: Buffer, adopted: Adopted): ApiError | undefined {
    const { last } = this.store
    const error = this.storing.adopt({ subject: Buffer.from(subject, 'latin1'), headers, payload }, adopted)
    if (error === undefined) this.appended(last, headers.length + payload.length)
    return error
  }

  /** Resolves when a message on a subject (byte string) can be adopted; undefined: it can. */
  readyToAdopt(subject: string): Promise<void> | undefined {
    return this.storing.readyToAdopt(Buffer.from(subject, 'latin1'))
  }

  mirrorCaughtUp(): void {
    const { mirror, mirror_direct: isOn, name } = this.config
    if (!isOn || mirror?.external === undefined || mirror.name === name) return
    this.originGet ??= new DirectGet(this, mirror.name)
    this.originGet.configure(true)
  }

  // ── What goes ─────────────────────────────────────────────────────────────────────────────────────────

  /** Removes a message; returns whether it was there. */
  remove(seq: number, erase: boolean): boolean {
    if (!this.store.has(seq)) return false
    for (const each of this.attached.values()) each.leaving(seq)
    this.store.remove(seq, erase)
    this.schedules.removed(seq)
    this.count()
    return true
  }

  /** Returns how many messages went. `filter`: byte string, empty: on any subject. `below`, `keep`: 0 means all. */
  purge(filter: string, below: number, keep: number): number {
    const { store } = this
    const purged = store.purge({
      ...(filter === '' ? {} : { filter: new SubjectFilter([filter]) }),
      ...(below > 0 ? { below } : {}),
      ...(keep > 0 ? { keep } : {}),
    })
    if (filter === '' && below > store.last + 1) store.skipTo(below, 0)
    this.schedules.purged(filter)
    this.count()
    for (const each of this.attached.values()) each.purged(filter)
    return purged
  }

  /** Removes what exceeds the limits, oldest first. */
  keepLimits(): void {
    const { config, store } = this
    // Who discards new messages keeps the old ones, also when the limits become tighter.
    const { max_bytes: bytes, max_msgs: messages } = config.discard === 'old' ? config : NO_LIMITS
    if (messages > 0) while (store.messages > messages) this.removeFirst()
    if (bytes > 0) while (store.bytes > bytes) this.removeFirst()
    this.expiry.keep()
    this.count()
  }

  private removeFirst(): void {
    const { first } = this.store
    for (const each of this.attached.values()) each.leaving(first)
    this.store.remove(first, false)
    this.schedules.removed(first)
  }

  /** Of one subject, the newest that its limit allows are kept. */
  keepSubjectLimit(subject: Uint8Array): void {
    const { store, config } = this
    if (config.max_msgs_per_subject <= 0) return
    const most = config.max_msgs_per_subject
    for (let seq = store.surplus(subject, most); seq > 0; seq = store.surplus(subject, most)) this.remove(seq, false)
  }

  /** Brings the usage of its account up to date. */
  private count(): void {
    this.countTo(this.store.bytes, this.store.messages)
  }

  private countTo(bytes: number, messages: number): void {
    const { countedBytes, countedMessages, owner, place } = this
    if (bytes === countedBytes && messages === countedMessages) return
    this.countedBytes = bytes
    this.countedMessages = messages
    for (const usage of place.usages) {
      usage.add(owner.index, this.config.storage, bytes - countedBytes)
      usage.add(owner.index, 'messages', messages - countedMessages)
    }
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────

  /** Goes by another configuration, which has been checked. Returns false if the index has no room for its subjects. */
  reconfigure(config: StreamConfig): boolean {
    const before = this.config
    this.config = config
    if (!this.listen()) return false
    this.duplicates.windowUs = windowUs(config)
    this.storing.reconfigured()
    this.publishing.reconfigured()
    // The oldest of all go first, then those of subjects that still have too many.
    this.keepLimits()
    if (config.max_msgs_per_subject > 0 && config.max_msgs_per_subject !== before.max_msgs_per_subject) {
      for (const { subject } of [...this.store.subjects(ALL)]) this.keepSubjectLimit(Buffer.from(subject))
    }
    for (const each of this.attached.values()) each.reconfigured()
    if (!config.mirror_direct) this.originGet?.close()
    this.following?.reconfigured()
    return true
  }

  /** Hears nothing any more. What it has stored stays, unless it is `deleted`. */
  async close(why: 'deleted' | 'closed'): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.expiry.stop()
    this.schedules.close()
    this.publishing.close()
    this.owner.sublist.removeAll(this.entries)
    this.directGet.close()
    this.originGet?.close()
    this.following?.close(why)
    this.entries = []
    for (const each of this.attached.values()) each.detached(why)
    this.attached.clear()
    for (const usage of this.place.usages) usage.add(this.owner.index, 'streams', -1)
    this.countTo(0, 0)
    await (why === 'deleted' ? this.store.abandon() : this.store.close())
  }

  // ── What the store tells ──────────────────────────────────────────────────────────────────────────────

  becameDurable(): void {
    this.owner.wake()
    this.settle()
  }

  /** Appends from `first` on could not be written, and are undone. */
  failed(first: number): void {
    this.owner.wake()
    this.storing.undo(first)
    this.publishing.undo(first)
    this.backlog.clear()
    this.expiry.undo(first)
    this.schedules.purged('')
    for (const each of this.attached.values()) each.undone()
    this.following?.undone()
    this.count()
  }

  /** Messages were found damaged: they are gone. */
  lost(): void {
    this.schedules.purged('')
    for (const each of this.attached.values()) each.undone()
    this.count()
  }

  /** Knows again what stored messages say: ids within the window, and when messages end. */
  async recall(): Promise<void> {
    const { config, duplicates, expiry, store } = this
    const from = config.allow_msg_ttl ? store.first : store.firstAtOrAfter(clockUs() - duplicates.windowUs)
    // All of this is in headers.
    for (let seq = store.nextWithHeaders(from); seq > 0; seq = store.nextWithHeaders(seq + 1)) {
      const soon = store.load(seq)
      const message = soon instanceof Promise ? await soon : soon
      if (message === undefined) continue
      const id = message.headers.length === 0 ? undefined : readHeaders(message.headers).get(Header.messageId)
      if (seq === store.last) this.storing.lastId = id ?? ''
      if (id !== undefined && id !== '') duplicates.note(id, seq, message.timeUs)
      if (config.allow_msg_ttl) expiry.recall(message)
    }
    await this.schedules.recall()
    this.keepLimits()
  }
}

function windowUs({ duplicate_window: window }: StreamConfig): number {
  return window / NS_PER_US
}
