// Messages that end by their age: that of the stream, and what they say themselves (message-ttl.ts). Where the stream
// wants it, the last message of a subject that ends so leaves a marker.
//
// Ends are in a heap, by time. A message that was removed otherwise stays in it until its time comes, and is then not
// found any more.

import { goDuration } from '../base/go-format.ts'
import { attempt } from '../base/guarded.ts'
import { clockUs } from './clock.ts'
import { Header, headerBlock, readHeaders } from './message-headers.ts'
import { NEVER_EXPIRES, readTtl } from './message-ttl.ts'
import type { JetStreamOwner } from './owner.ts'
import type { StoredMessage, StreamStore } from './storage/store.ts'
import type { StreamConfig } from './stream-config.ts'

const US_PER_MS = 1000
const US_PER_S = 1_000_000
const NS_PER_US = 1000
/** Timers of Node take no longer spans. */
const TIMER_MAX_MS = 2 ** 31 - 1
const NOTHING = Buffer.alloc(0)
/** What is said of a message that a marker stands for. */
const REASON = 'MaxAge'
const PURGED = 'PURGE'

/** The stream, as far as ends of messages need it. */
export interface ExpiringStream {
  readonly owner: Pick<JetStreamOwner, 'bugMet' | 'wake'>
  readonly config: StreamConfig
  readonly store: StreamStore
  readonly closed: boolean
  remove(seq: number, erase: boolean): boolean
  /** Messages have been stored behind this sequence. */
  appended(before: number): void
}

export class Expiry {
  private readonly stream: ExpiringStream
  private readonly ends = new Ends()
  /** Messages that the age of the stream does not end. */
  private readonly immortal = new Set<number>()
  private timer: NodeJS.Timeout | undefined
  private dueUs = Number.POSITIVE_INFINITY
  private isRunning = false

  constructor(stream: ExpiringStream) {
    this.stream = stream
  }

  /** A message was stored. `ttl`: seconds; 0: it says nothing. */
  stored(seq: number, timeUs: number, ttl: number): void {
    if (ttl === NEVER_EXPIRES) this.immortal.add(seq)
    else if (ttl > 0) this.ends.add(seq, timeUs + ttl * US_PER_S)
  }

  /** Reads again what messages say that were stored before. */
  recall(message: StoredMessage): void {
    const ttl = message.headers.length === 0 ? undefined : readHeaders(message.headers).get(Header.ttl)
    if (ttl !== undefined) this.stored(message.seq, message.timeUs, readTtl(ttl) ?? 0)
  }

  /** Messages from `first` on were not stored after all: others may get their sequences. */
  undo(first: number): void {
    this.ends.removeFrom(first)
    for (const seq of this.immortal) if (seq >= first) this.immortal.delete(seq)
  }

  stop(): void {
    clearTimeout(this.timer)
  }

  /** What it waits for comes sooner. */
  clockAdvanced(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.keep()
  }

  /** Removes what has ended, and waits for what ends next. */
  keep(): void {
    const { config, owner } = this.stream
    // Nothing ends.
    if (config.max_age === 0 && this.ends.size === 0 && this.timer === undefined) return
    if (!this.isRunning) attempt(owner.bugMet, () => this.run())
  }

  private run(): unknown {
    const { closed, config, owner } = this.stream
    if (closed) return undefined
    const leavesMarkers = config.subject_delete_marker_ttl > 0
    const nowUs = clockUs()
    for (let seq = this.nextEnded(nowUs); seq > 0; seq = this.nextEnded(nowUs)) {
      if (!leavesMarkers) {
        this.stream.remove(seq, false)
        continue
      }
      this.isRunning = true
      const going = this.end(seq).finally(() => {
        this.isRunning = false
      })
      return going.then(() => {
        owner.wake()
        this.run()
      })
    }
    this.arm(nowUs)
    return undefined
  }

  /** A message whose time is over; 0: there is none. */
  private nextEnded(nowUs: number): number {
    const { config, store } = this.stream
    while (this.ends.size > 0) {
      const seq = this.ends.first
      if (store.has(seq)) {
        if (this.ends.firstUs <= nowUs) return seq
        break
      }
      this.ends.takeFirst()
    }
    if (config.max_age === 0 || store.messages === 0) return 0
    const oldest = this.oldest()
    if (oldest === 0) return 0
    const timeUs = store.entry(oldest)?.timeUs ?? nowUs
    return timeUs + config.max_age / NS_PER_US <= nowUs ? oldest : 0
  }

  /** The first message that the age of the stream may end. */
  private oldest(): number {
    const { store } = this.stream
    let seq = store.first
    while (seq <= store.last && (this.immortal.has(seq) || !store.has(seq))) {
      if (!store.has(seq)) this.immortal.delete(seq)
      seq++
    }
    return seq > store.last ? 0 : seq
  }

  /** Removes a message; leaves a marker if it was the last of its subject, and no marker itself. */
  private async end(seq: number): Promise<void> {
    const { config, owner, store } = this.stream
    const message = await store.load(seq)
    if (message === undefined || this.stream.closed) return
    owner.wake()
    const headers = readHeaders(message.headers)
    const subject = Buffer.from(message.subject)
    if (!this.stream.remove(seq, false)) return
    if (store.subject(subject) !== undefined) return
    if (headers.has(Header.markerReason) || headers.get(Header.kvOperation) === PURGED) return
    const { last } = store
    const nowUs = Math.max(clockUs(), store.lastTimeUs)
    const block = headerBlock([
      [Header.markerReason, REASON],
      [Header.ttl, goDuration(config.subject_delete_marker_ttl)],
      [Header.rollup, 'sub'],
    ])
    const marker = store.append(nowUs, subject, block, NOTHING)
    this.stored(marker, nowUs, Math.floor(config.subject_delete_marker_ttl / NS_PER_US / US_PER_S))
    this.stream.appended(last)
  }

  private arm(nowUs: number): void {
    const { config, owner, store } = this.stream
    let dueUs = this.ends.firstUs
    if (config.max_age > 0 && store.messages > 0) {
      const timeUs = store.entry(this.oldest())?.timeUs ?? Number.POSITIVE_INFINITY
      dueUs = Math.min(dueUs, timeUs + config.max_age / NS_PER_US)
    }
    if (this.timer !== undefined && this.dueUs <= dueUs) return
    clearTimeout(this.timer)
    this.timer = undefined
    this.dueUs = dueUs
    if (dueUs === Number.POSITIVE_INFINITY) return
    const waitMs = Math.max(1, Math.ceil((dueUs - nowUs) / US_PER_MS))
    const ring = (): void => {
      this.timer = undefined
      owner.wake()
      this.keep()
    }
    this.timer = setTimeout(ring, Math.min(waitMs, TIMER_MAX_MS)).unref()
  }
}

/** A heap of sequences by the times of their ends. */
class Ends {
  private readonly sequences: number[] = []
  private readonly times: number[] = []

  get size(): number {
    return this.sequences.length
  }

  get first(): number {
    return this.sequences[0]
  }

  /** Infinity: there is none. */
  get firstUs(): number {
    return this.times.length === 0 ? Number.POSITIVE_INFINITY : this.times[0]
  }

  add(seq: number, timeUs: number): void {
    let at = this.sequences.push(seq) - 1
    this.times.push(timeUs)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.times[parent] <= timeUs) break
      this.swap(at, parent)
      at = parent
    }
  }

  removeFrom(first: number): void {
    const kept = this.sequences.map((seq, i) => [seq, this.times[i]] as const).filter(([seq]) => seq < first)
    this.sequences.length = 0
    this.times.length = 0
    for (const [seq, timeUs] of kept) this.add(seq, timeUs)
  }

  takeFirst(): void {
    const last = this.sequences.length - 1
    this.swap(0, last)
    this.sequences.pop()
    this.times.pop()
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < last && this.times[child] < this.times[least]) least = child
      }
      if (least === at) return
      this.swap(at, least)
      at = least
    }
  }

  private swap(a: number, b: number): void {
    const { sequences, times } = this
    const seq = sequences[a]
    const time = times[a]
    sequences[a] = sequences[b]
    times[a] = times[b]
    sequences[b] = seq
    times[b] = time
  }
}
