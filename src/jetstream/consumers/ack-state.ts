// What a consumer has delivered, and what of it is acknowledged: plain data and its rules. It knows no messages, no
// sockets and no clock: `nowMs` is milliseconds since 1970.
//
//     floor            delivered
//       │                  │
//     ──┴──[5]───[7][8]────┴──▶  sequences of the stream
//           │     │  │
//           │     │  └ due when its wait is over: in the order of deliveries, or, aside, in the wheel
//           │     └─── aside, in the queue: is delivered again before anything new
//           └───────── the oldest without acknowledgement; all before it are done with
//
// A message that was delivered as often as may be, and not acknowledged, is given up: nothing waits for it any more. A
// late acknowledgement still counts.

import assert from 'node:assert/strict'
import { type Timed, TimerWheel } from '../../base/timer-wheel.ts'
import { type Link, LinkedList } from './linked-list.ts'
import { NONE, UnacknowledgedMessages } from './unacknowledged.ts'

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

/** A message that is due at another time than its neighbours, or is to be delivered again. */
class Aside implements Timed {
  readonly seq: number
  dueMs = 0
  bucket: Timed[] | undefined = undefined
  place = 0
  /** Its place in the queue; undefined: it is not there. */
  queued: Link<Aside> | undefined

  constructor(seq: number) {
    this.seq = seq
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
  private readonly messages = new UnacknowledgedMessages()
  /** The latest delivery, and the highest sequence that was delivered. */
  private readonly latest: MutablePlace
  /** Everything up to here is done with. */
  private readonly done: MutablePlace
  /**
   * Most messages are due in the order in which they were delivered: their waits are over from the front on, those up
   * to `inOrderSeq` have been looked at, and the last is over at `inOrderMs`. The others have a wait of their own.
   */
  private inOrderSeq = 0
  private inOrderMs = Number.NEGATIVE_INFINITY
  /** The others, by sequence. */
  private readonly aside = new Map<number, Aside>()
  private readonly wheel: TimerWheel<Aside>
  /** What is delivered again. */
  private readonly queue = new LinkedList<Aside>()
  private again = 0
  /** Nothing is due before then. */
  private soonestMs = Number.POSITIVE_INFINITY
  /** Waits that begin now end at the next step, at the earliest. */
  private nextStepMs: number
  private readonly givenUp = new Set<number>()

  /** `next`: the sequence that is delivered first, at the earliest. */
  constructor(rules: AckRules, next: number, nowMs: number) {
    this.rules = rules
    this.latest = { consumer: 0, stream: next - 1 }
    this.done = { ...this.latest }
    this.wheel = new TimerWheel(STEP_MS, nowMs)
    this.nextStepMs = stepAfter(nowMs)
  }

  /** The latest delivery, and the highest sequence that was delivered, as they are just now. */
  get delivered(): Place {
    return this.latest
  }

  /** Everything up to here is done with, just now. */
  get floor(): Place {
    return this.done
  }

  /** Messages without acknowledgement. */
  get pending(): number {
    return this.messages.size
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
    let last = Math.max(0, this.inOrderMs)
    for (const { bucket, dueMs } of this.aside.values()) if (bucket !== undefined) last = Math.max(last, dueMs)
    return last
  }

  find(seq: number): Unacknowledged | undefined {
    const slot = this.messages.find(seq)
    return slot === NONE ? undefined : this.at(slot)
  }

  private at(slot: number): Unacknowledged {
    const { seqs, consumerSeqs, deliveries, sinceMs } = this.messages.columns
    return {
      seq: seqs[slot],
      consumerSeq: consumerSeqs[slot],
      deliveries: deliveries[slot],
      sinceMs: sinceMs[slot],
    }
  }

  /** Whether a message at or before the latest delivered one is still to be acknowledged. */
  isAwaited(seq: number): boolean {
    if (this.givenUp.has(seq)) return true
    return this.rules.policy === 'explicit' ? this.messages.find(seq) !== NONE : seq > this.done.stream
  }

  // ── Deliveries ────────────────────────────────────────────────────────────────────────────────────────

  /** A message is delivered for the first time. Answers the number of the delivery. */
  deliver(seq: number, nowMs: number): number {
    const { done, latest, messages } = this
    assert(seq > latest.stream, 'a message was delivered as new twice')
    latest.consumer++
    latest.stream = seq
    if (this.rules.policy === 'none') set(done, latest.consumer, seq)
    else {
      const slot = messages.add(seq, latest.consumer, 1, nowMs)
      const ms = this.waitAfter(1)
      this.beginWait(slot, ms > 0 ? nowMs + ms : Number.POSITIVE_INFINITY)
    }
    return latest.consumer
  }

  /** The message to be delivered again now; undefined: none. */
  get nextAgain(): Unacknowledged | undefined {
    const { first } = this.queue
    return first === undefined ? undefined : this.at(this.messages.find(first.item.seq))
  }

  /** The message that `nextAgain` is was delivered again. Answers the number of the delivery. */
  deliverAgain(nowMs: number): number {
    const { latest, messages, queue } = this
    assert(queue.first !== undefined, 'nothing is to be delivered again')
    const { item } = queue.first
    this.unqueue(item)
    const slot = messages.find(item.seq)
    const { deliveries, sinceMs } = messages.columns
    if (deliveries[slot]++ === 1) this.again++
    sinceMs[slot] = nowMs
    this.waitAnew(slot, nowMs)
    return ++latest.consumer
  }

  // ── Waits ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Milliseconds that a message waits which was delivered so often; 0: it does not. */
  private waitAfter(deliveries: number): number {
    const { backoffMs, waitMs } = this.rules
    return backoffMs.length === 0 ? waitMs : backoffMs[Math.min(deliveries, backoffMs.length) - 1]
  }

  /** The newest message waits, the first time; Infinity: for nothing. */
  private beginWait(slot: number, dueMs: number): void {
    const { columns } = this.messages
    columns.dueMs[slot] = Number.POSITIVE_INFINITY
    if (dueMs === Number.POSITIVE_INFINITY) return
    const stepMs = Math.max(Math.ceil(dueMs / STEP_MS) * STEP_MS, this.nextStepMs)
    if (stepMs < this.inOrderMs) this.waitAside(slot, dueMs)
    else {
      columns.dueMs[slot] = this.inOrderMs = stepMs
      this.soonestMs = Math.min(this.soonestMs, stepMs)
    }
  }

  /** The wait of a message begins anew. */
  private waitAnew(slot: number, nowMs: number): void {
    const ms = this.waitAfter(this.messages.columns.deliveries[slot])
    if (ms > 0) this.waitAside(slot, nowMs + ms)
    else this.wheel.remove(this.asideOf(slot))
  }

  /** A message waits for a time of its own. */
  private waitAside(slot: number, dueMs: number): void {
    const aside = this.asideOf(slot)
    aside.dueMs = dueMs
    this.soonestMs = Math.min(this.soonestMs, dueMs)
    this.wheel.add(aside, dueMs)
  }

  private asideOf(slot: number): Aside {
    const { dueMs, seqs } = this.messages.columns
    const seq = seqs[slot]
    let aside = this.aside.get(seq)
    if (aside === undefined) {
      dueMs[slot] = Number.POSITIVE_INFINITY
      aside = new Aside(seq)
      this.aside.set(seq, aside)
    }
    return aside
  }

  /** A message is to be delivered again. */
  private enqueue(slot: number): void {
    const aside = this.asideOf(slot)
    if (aside.queued !== undefined) return
    this.wheel.remove(aside)
    aside.queued = this.queue.append(aside)
  }

  private unqueue(aside: Aside): void {
    if (aside.queued !== undefined) this.queue.remove(aside.queued)
    aside.queued = undefined
  }

  /** All that is not acknowledged is delivered again, oldest first. */
  redeliverAll(): void {
    const { messages } = this
    for (let slot = messages.first; slot !== NONE; slot = messages.after(slot)) this.enqueue(slot)
  }

  /**
   * The waits that are over by now end: their messages are to be delivered again, oldest first. Answers those that were
   * delivered as often as may be, and are given up.
   */
  due(nowMs: number): Unacknowledged[] {
    const { messages, wheel } = this
    this.nextStepMs = Math.max(this.nextStepMs, stepAfter(nowMs))
    const due: number[] = []
    wheel.take(nowMs, ({ seq }) => due.push(seq))
    const nextMs = this.dueInOrder(nowMs, due)
    this.soonestMs = Math.min(nextMs, wheel.nextMs ?? Number.POSITIVE_INFINITY)
    due.sort((a, b) => a - b)
    const givenUp: Unacknowledged[] = []
    for (const seq of due) {
      const slot = messages.find(seq)
      if (this.isLast(slot)) givenUp.push(this.at(slot))
      else this.enqueue(slot)
    }
    for (const { seq } of givenUp) this.giveUp(messages.find(seq))
    return givenUp
  }

  /** Of those that are due in order, adds what is due by now to a list; answers when the next one is. */
  private dueInOrder(nowMs: number, due: number[]): number {
    const { messages } = this
    const { dueMs, seqs } = messages.columns
    for (let slot = messages.firstFrom(this.inOrderSeq + 1); slot !== NONE; slot = messages.after(slot)) {
      const isAside = dueMs[slot] === Number.POSITIVE_INFINITY
      if (!isAside && dueMs[slot] > nowMs) return dueMs[slot]
      if (!isAside) due.push(seqs[slot])
      this.inOrderSeq = seqs[slot]
    }
    return Number.POSITIVE_INFINITY
  }

  private isLast(slot: number): boolean {
    const { maxDeliver } = this.rules
    return maxDeliver > 0 && this.messages.columns.deliveries[slot] >= maxDeliver
  }

  private giveUp(slot: number): void {
    const seq = this.messages.columns.seqs[slot]
    this.drop(slot)
    this.givenUp.add(seq)
  }

  // ── What clients say ──────────────────────────────────────────────────────────────────────────────────

  /**
   * A message is acknowledged, or, by policy `all`, with it all that were delivered before; `consumerSeq`: the number
   * of its delivery. Answers the sequences that are done with by it.
   */
  acknowledge(seq: number, consumerSeq: number): number[] {
    if (this.rules.policy === 'all') return this.acknowledgeUpTo(seq, consumerSeq)
    const slot = this.messages.find(seq)
    if (slot === NONE) return this.givenUp.delete(seq) ? [seq] : []
    this.drop(slot)
    return [seq]
  }

  private acknowledgeUpTo(seq: number, consumerSeq: number): number[] {
    const { done, latest } = this
    if (seq <= done.stream || consumerSeq <= done.consumer) return []
    const acknowledged = this.dropUpTo(seq).map((message) => message.seq)
    for (const late of this.givenUp) {
      if (late > seq) continue
      this.givenUp.delete(late)
      acknowledged.push(late)
    }
    if (this.messages.size === 0) set(done, latest.consumer, latest.stream)
    else set(done, Math.min(consumerSeq, latest.consumer), Math.min(seq, latest.stream))
    return acknowledged
  }

  /**
   * A message is to be delivered again, at once or after a while. Answers whether it was given up instead; undefined:
   * it does not wait for an acknowledgement.
   */
  refuse(seq: number, nowMs: number, delayMs: number | undefined): boolean | undefined {
    const slot = this.messages.find(seq)
    if (slot === NONE) return undefined
    if (delayMs !== undefined) {
      this.unqueue(this.asideOf(slot))
      this.waitAside(slot, nowMs + delayMs)
    } else if (this.isLast(slot)) {
      this.giveUp(slot)
      return true
    } else this.enqueue(slot)
    return false
  }

  /** Its wait begins anew. */
  progress(seq: number, nowMs: number): void {
    const slot = this.messages.find(seq)
    if (slot !== NONE && this.asideOf(slot).queued === undefined) this.waitAnew(slot, nowMs)
  }

  /** Nobody waits for it any more, whoever says so. Answers what it was, if it was not acknowledged. */
  forget(seq: number): Unacknowledged | undefined {
    this.givenUp.delete(seq)
    const slot = this.messages.find(seq)
    if (slot === NONE) return undefined
    const message = this.at(slot)
    this.drop(slot)
    return message
  }

  private drop(slot: number): void {
    const { done, latest, messages } = this
    const { consumerSeqs, deliveries, dueMs, seqs } = messages.columns
    if (dueMs[slot] === Number.POSITIVE_INFINITY) this.forgetAside(seqs[slot])
    if (deliveries[slot] > 1) this.again--
    const wasOldest = slot === messages.first
    messages.remove(slot)
    if (!wasOldest) return
    const oldest = messages.first
    if (oldest !== NONE) {
      set(done, consumerSeqs[oldest] - 1, seqs[oldest] - 1)
      return
    }
    set(done, latest.consumer, latest.stream)
    this.inOrderSeq = 0
    this.inOrderMs = Number.NEGATIVE_INFINITY
  }

  private forgetAside(seq: number): void {
    const aside = this.aside.get(seq)
    if (aside === undefined) return
    this.wheel.remove(aside)
    this.unqueue(aside)
    this.aside.delete(seq)
  }

  /** Answers what of it was not acknowledged. */
  private dropUpTo(last: number): Unacknowledged[] {
    const { messages } = this
    const gone: Unacknowledged[] = []
    for (let slot = messages.first; slot !== NONE; slot = messages.first) {
      if (messages.columns.seqs[slot] > last) break
      gone.push(this.at(slot))
      this.drop(slot)
    }
    return gone
  }

  // ── Jumps ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Nothing before `next` is there any more. Answers what of it was not acknowledged. */
  skipTo(next: number): Unacknowledged[] {
    const { done, latest } = this
    const gone = this.dropUpTo(next - 1)
    for (const seq of this.givenUp) if (seq < next) this.givenUp.delete(seq)
    latest.stream = Math.max(latest.stream, next - 1)
    if (this.messages.size === 0) set(done, latest.consumer, latest.stream)
    else done.stream = Math.max(done.stream, next - 1)
    return gone
  }

  /** Nothing behind `last` was ever delivered after all. */
  cutTo(last: number): void {
    for (const seq of [...this.sequences()]) if (seq > last) this.forget(seq)
    for (const place of [this.latest, this.done]) place.stream = Math.min(place.stream, last)
    this.inOrderSeq = Math.min(this.inOrderSeq, last)
  }

  /** Everything begins anew, at `next`. */
  reset(next: number): void {
    this.dropUpTo(Number.POSITIVE_INFINITY)
    this.givenUp.clear()
    set(this.latest, 0, next - 1)
    set(this.done, 0, next - 1)
  }

  /** All sequences that it keeps something about, in no particular order. */
  *sequences(): Generator<number, undefined> {
    const { messages } = this
    for (let slot = messages.first; slot !== NONE; slot = messages.after(slot)) yield messages.columns.seqs[slot]
    yield* this.givenUp
  }

  snapshot(): AckSnapshot {
    const { aside, givenUp, messages } = this
    const pending: AckSnapshot['pending'][number][] = []
    for (let slot = messages.first; slot !== NONE; slot = messages.after(slot)) {
      const { seq, consumerSeq, deliveries, sinceMs } = this.at(slot)
      const inOrderMs = messages.columns.dueMs[slot]
      const dueMs = inOrderMs < Number.POSITIVE_INFINITY ? inOrderMs : dueOf(aside.get(seq))
      pending.push([seq, consumerSeq, deliveries, sinceMs, dueMs])
    }
    return { delivered: { ...this.latest }, floor: { ...this.done }, pending, givenUp: [...givenUp] }
  }

  /** Becomes what a snapshot says. What is due by then is due at the next step. */
  restore({ delivered, floor, pending, givenUp }: AckSnapshot): void {
    const { messages } = this
    set(this.latest, delivered.consumer, delivered.stream)
    let last = 0
    for (const [seq, consumerSeq, deliveries, sinceMs, dueMs] of pending) {
      // An archive may say anything.
      if (seq <= last) continue
      last = seq
      if (deliveries > 1) this.again++
      const slot = messages.add(seq, consumerSeq, deliveries, sinceMs)
      this.beginWait(slot, dueMs === NEVER_DUE ? Number.POSITIVE_INFINITY : dueMs)
    }
    set(this.done, floor.consumer, floor.stream)
    for (const seq of givenUp) this.givenUp.add(seq)
  }
}

interface MutablePlace {
  consumer: number
  stream: number
}

function set(place: MutablePlace, consumer: number, stream: number): void {
  place.consumer = consumer
  place.stream = stream
}

/** When a step ends that has not ended yet. */
function stepAfter(nowMs: number): number {
  return (Math.floor(nowMs / STEP_MS) + 1) * STEP_MS
}

/** As a snapshot says it. */
function dueOf(aside: Aside | undefined): number {
  if (aside === undefined) return NEVER_DUE
  if (aside.bucket !== undefined) return aside.dueMs
  return aside.queued === undefined ? NEVER_DUE : 0
}
