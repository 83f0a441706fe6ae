// What a consumer has delivered, and what of it is acknowledged: plain data and its rules. It knows no messages, no
// sockets and no clock: `nowMs` is milliseconds since 1970.
//
//     floor            delivered
//       │                  │
//     ──┴──[5]───[7][8]────┴──▶  sequences of the stream
//           │     │  │
//           │     │  └ in the wheel: due when its wait is over
//           │     └─── in the queue: is delivered again before anything new
//           └───────── the oldest without acknowledgement; all before it are done with
//
// A message that was delivered as often as may be, and not acknowledged, is given up: nothing waits for it any more. A
// late acknowledgement still counts.

import assert from 'node:assert/strict'
import { type Timed, TimerWheel } from '../../base/timer-wheel.ts'
import { type Link, LinkedList } from './linked-list.ts'

/** How exact waits are. */
const STEP_MS = 10
/** In a snapshot: not by itself. */
const NEVER_DUE = -1

export interface AckRules {
  readonly policy: 'none' | 'explicit' | 'all'
  /** Until a message is delivered again; 0: it is not. */
  readonly waitMs: number
  /** The same after the first delivery, after the second and so on, the last for all others; empty: always the same. */
  readonly backoffMs: readonly number[]
  /** Deliveries of a message; -1: any number. */
  readonly maxDeliver: number
}

/** A place in the order of deliveries: the number of a delivery, and the sequence that was delivered. */
export interface Place {
  readonly consumer: number
  readonly stream: number
}

/** A message that was delivered and not acknowledged. */
export interface Unacknowledged {
  readonly seq: number
  /** The number of its first delivery. */
  readonly consumerSeq: number
  readonly deliveries: number
  /** When it was delivered last. */
  readonly sinceMs: number
}

class Entry implements Unacknowledged, Timed {
  readonly seq: number
  readonly consumerSeq: number
  deliveries: number
  sinceMs: number
  dueMs = 0
  bucket: Timed[] | undefined = undefined
  place = 0
  /** Its place among all, by sequence, and in the queue; undefined: it is not there. */
  link: Link<Entry> | undefined
  queued: Link<Entry> | undefined

  constructor(seq: number, consumerSeq: number, deliveries: number, sinceMs: number) {
    this.seq = seq
    this.consumerSeq = consumerSeq
    this.deliveries = deliveries
    this.sinceMs = sinceMs
  }
}

/** All of it, as it is kept on the disk. */
export interface AckSnapshot {
  readonly delivered: Place
  readonly floor: Place
  /** Of each message: sequence, number of its first delivery, deliveries, time of the last one, when it is due. */
  readonly pending: readonly (readonly [
    seq: number,
    consumerSeq: number,
    deliveries: number,
    sinceMs: number,
    dueMs: number,
  ])[]
  readonly givenUp: readonly number[]
}

export class AckState {
  rules: AckRules
  /** The latest delivery, and the highest sequence that was delivered. */
  delivered: Place
  /** Everything up to here is done with. */
  floor: Place
  private readonly entries = new Map<number, Entry>()
  /** The same, oldest first. */
  private readonly order = new LinkedList<Entry>()
  private readonly wheel: TimerWheel<Entry>
  /** What is delivered again. */
  private readonly queue = new LinkedList<Entry>()
  private again = 0
  /** Nothing is due before then. */
  private soonestMs = Number.POSITIVE_INFINITY
  private readonly givenUp = new Set<number>()

  /** `next`: the sequence that is delivered first, at the earliest. */
  constructor(rules: AckRules, next: number, nowMs: number) {
    this.rules = rules
    this.delivered = { consumer: 0, stream: next - 1 }
    this.floor = this.delivered
    this.wheel = new TimerWheel(STEP_MS, nowMs)
  }

  /** Messages without acknowledgement. */
  get pending(): number {
    return this.entries.size
  }

  /** Messages that are to be delivered again now. */
  get queued(): number {
    return this.queue.size
  }

  /** Messages that were delivered more than once, or given up. */
  get redelivered(): number {
    return this.again + this.givenUp.size
  }

  /** When due() has something to do, at the earliest; Infinity: not before something is delivered. */
  get nextDueMs(): number {
    return this.soonestMs
  }

  /** When the last of the waits that run now is over; 0: none runs. */
  get lastDueMs(): number {
    let last = 0
    for (const { dueMs } of this.entries.values()) last = Math.max(last, dueMs)
    return last
  }

  find(seq: number): Unacknowledged | undefined {
    return this.entries.get(seq)
  }

  /** Whether a message at or before the latest delivered one is still to be acknowledged. */
  isAwaited(seq: number): boolean {
    if (this.givenUp.has(seq)) return true
    return this.rules.policy === 'explicit' ? this.entries.has(seq) : seq > this.floor.stream
  }

  // ── Deliveries ────────────────────────────────────────────────────────────────────────────────────────

  /** A message is delivered for the first time. Answers the number of the delivery. */
  deliver(seq: number, nowMs: number): number {
    assert(seq > this.delivered.stream, 'a message was delivered as new twice')
    const consumer = this.delivered.consumer + 1
    this.delivered = { consumer, stream: seq }
    if (this.rules.policy === 'none') this.floor = this.delivered
    else this.wait(this.add(new Entry(seq, consumer, 1, nowMs)), nowMs)
    return consumer
  }

  /** The message to be delivered again now; undefined: none. */
  get nextAgain(): Unacknowledged | undefined {
    return this.queue.first?.item
  }

  /** The message that `nextAgain` is was delivered again. Answers the number of the delivery. */
  deliverAgain(nowMs: number): number {
    const entry = this.queue.first?.item
    assert(entry !== undefined, 'nothing is to be delivered again')
    this.unqueue(entry)
    if (entry.deliveries++ === 1) this.again++
    entry.sinceMs = nowMs
    this.wait(entry, nowMs)
    this.delivered = { consumer: this.delivered.consumer + 1, stream: this.delivered.stream }
    return this.delivered.consumer
  }

  private add(entry: Entry): Entry {
    entry.link = this.order.append(entry)
    this.entries.set(entry.seq, entry)
    return entry
  }

  private wait(entry: Entry, nowMs: number): void {
    const { backoffMs, waitMs } = this.rules
    const ms = backoffMs.length === 0 ? waitMs : backoffMs[Math.min(entry.deliveries, backoffMs.length) - 1]
    if (ms > 0) this.waitUntil(entry, nowMs + ms)
    else this.wheel.remove(entry)
  }

  private waitUntil(entry: Entry, dueMs: number): void {
    entry.dueMs = dueMs
    this.soonestMs = Math.min(this.soonestMs, dueMs)
    this.wheel.add(entry, dueMs)
  }

  private enqueue(entry: Entry): void {
    if (entry.queued !== undefined) return
    this.wheel.remove(entry)
    entry.queued = this.queue.append(entry)
  }

  private unqueue(entry: Entry): void {
    if (entry.queued !== undefined) this.queue.remove(entry.queued)
    entry.queued = undefined
  }

  /** All that is not acknowledged is delivered again, oldest first. */
  redeliverAll(): void {
    for (const entry of this.order) this.enqueue(entry)
  }

  /**
   * The waits that are over by now end: their messages are to be delivered again, oldest first. Answers those that were
   * delivered as often as may be, and are given up.
   */
  due(nowMs: number): Unacknowledged[] {
    const due: Entry[] = []
    this.wheel.take(nowMs, (entry) => due.push(entry))
    this.soonestMs = this.wheel.nextMs ?? Number.POSITIVE_INFINITY
    due.sort((a, b) => a.seq - b.seq)
    const givenUp: Entry[] = []
    for (const entry of due) {
      if (this.isLast(entry)) givenUp.push(entry)
      else this.enqueue(entry)
    }
    for (const entry of givenUp) this.giveUp(entry)
    return givenUp
  }

  private isLast({ deliveries }: Entry): boolean {
    return this.rules.maxDeliver > 0 && deliveries >= this.rules.maxDeliver
  }

  private giveUp(entry: Entry): void {
    this.drop(entry)
    this.givenUp.add(entry.seq)
  }

  // ── What clients say ──────────────────────────────────────────────────────────────────────────────────

  /**
   * A message is acknowledged, or, by policy `all`, with it all that were delivered before; `consumerSeq`: the number
   * of its delivery. Answers the sequences that are done with by it.
   */
  acknowledge(seq: number, consumerSeq: number): number[] {
    if (this.rules.policy === 'all') return this.acknowledgeUpTo(seq, consumerSeq)
    const entry = this.entries.get(seq)
    if (entry === undefined) return this.givenUp.delete(seq) ? [seq] : []
    this.drop(entry)
    return [seq]
  }

  private acknowledgeUpTo(seq: number, consumerSeq: number): number[] {
    if (seq <= this.floor.stream || consumerSeq <= this.floor.consumer) return []
    const done: number[] = []
    for (const entry of this.order) {
      if (entry.seq > seq) break
      this.drop(entry)
      done.push(entry.seq)
    }
    for (const late of this.givenUp) {
      if (late > seq) continue
      this.givenUp.delete(late)
      done.push(late)
    }
    const { consumer, stream } = this.delivered
    this.floor =
      this.order.first === undefined
        ? this.delivered
        : { consumer: Math.min(consumerSeq, consumer), stream: Math.min(seq, stream) }
    return done
  }

  /**
   * A message is to be delivered again, at once or after a while. Answers whether it was given up instead; undefined:
   * it does not wait for an acknowledgement.
   */
  refuse(seq: number, nowMs: number, delayMs: number | undefined): boolean | undefined {
    const entry = this.entries.get(seq)
    if (entry === undefined) return undefined
    if (delayMs !== undefined) {
      this.unqueue(entry)
      this.waitUntil(entry, nowMs + delayMs)
    } else if (this.isLast(entry)) {
      this.giveUp(entry)
      return true
    } else this.enqueue(entry)
    return false
  }

  /** Its wait begins anew. */
  progress(seq: number, nowMs: number): void {
    const entry = this.entries.get(seq)
    if (entry !== undefined && entry.queued === undefined) this.wait(entry, nowMs)
  }

  /** Nobody waits for it any more, whoever says so. Answers what it was, if it was not acknowledged. */
  forget(seq: number): Unacknowledged | undefined {
    this.givenUp.delete(seq)
    const entry = this.entries.get(seq)
    if (entry !== undefined) this.drop(entry)
    return entry
  }

  private drop(entry: Entry): void {
    const { link } = entry
    assert(link !== undefined, 'a message was done with twice')
    this.entries.delete(entry.seq)
    this.wheel.remove(entry)
    this.unqueue(entry)
    if (entry.deliveries > 1) this.again--
    this.order.remove(link)
    if (link.before !== undefined) return
    const oldest = link.after?.item
    this.floor = oldest === undefined ? this.delivered : { consumer: oldest.consumerSeq - 1, stream: oldest.seq - 1 }
  }

  // ── Jumps ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Nothing before `next` is there any more. Answers what of it was not acknowledged. */
  skipTo(next: number): Unacknowledged[] {
    const gone: Unacknowledged[] = []
    for (const entry of this.order) {
      if (entry.seq >= next) break
      this.drop(entry)
      gone.push(entry)
    }
    for (const seq of this.givenUp) if (seq < next) this.givenUp.delete(seq)
    if (this.delivered.stream < next - 1) this.delivered = { consumer: this.delivered.consumer, stream: next - 1 }
    const { consumer, stream } = this.floor
    if (this.order.first === undefined) this.floor = this.delivered
    else if (stream < next - 1) this.floor = { consumer, stream: next - 1 }
    return gone
  }

  /** Nothing behind `last` was ever delivered after all. */
  cutTo(last: number): void {
    for (const seq of [...this.sequences()]) if (seq > last) this.forget(seq)
    const cut = ({ consumer, stream }: Place): Place => ({ consumer, stream: Math.min(stream, last) })
    this.delivered = cut(this.delivered)
    this.floor = cut(this.floor)
  }

  /** Everything begins anew, at `next`. */
  reset(next: number): void {
    for (const entry of this.order) this.drop(entry)
    this.givenUp.clear()
    this.delivered = { consumer: 0, stream: next - 1 }
    this.floor = this.delivered
  }

  /** All sequences that it keeps something about, in no particular order. */
  *sequences(): Generator<number, undefined> {
    yield* this.entries.keys()
    yield* this.givenUp
  }

  snapshot(): AckSnapshot {
    const { delivered, floor } = this
    const pending: AckSnapshot['pending'][number][] = []
    for (const { seq, consumerSeq, deliveries, sinceMs, queued, bucket, dueMs } of this.order) {
      const isWaiting = bucket !== undefined
      pending.push([seq, consumerSeq, deliveries, sinceMs, isWaiting ? dueMs : queued === undefined ? NEVER_DUE : 0])
    }
    return { delivered, floor, pending, givenUp: [...this.givenUp] }
  }

  /** Becomes what a snapshot says. What is due by then is due at once. */
  restore({ delivered, floor, pending, givenUp }: AckSnapshot): void {
    this.delivered = delivered
    for (const [seq, consumerSeq, deliveries, sinceMs, dueMs] of pending) {
      const entry = new Entry(seq, consumerSeq, deliveries, sinceMs)
      if (deliveries > 1) this.again++
      this.add(entry)
      if (dueMs !== NEVER_DUE) this.waitUntil(entry, dueMs)
    }
    this.floor = floor
    for (const seq of givenUp) this.givenUp.add(seq)
  }
}
