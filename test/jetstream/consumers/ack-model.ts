// A naive model of what a consumer has delivered and what is acknowledged: lists, gone through from the first to the
// last. A random walk takes the same steps with it and with AckState, and compares all that can be seen.

import assert from 'node:assert/strict'
import { type AckRules, type AckSnapshot, AckState, type Place } from '../../../src/jetstream/consumers/ack-state.ts'
import type { Random } from '../../support/random.ts'

/** Waits of the state end in steps of so much. */
const STEP_MS = 10

interface Item {
  readonly seq: number
  readonly consumerSeq: number
  deliveries: number
  /** When it is delivered again; undefined: not by itself. */
  dueMs: number | undefined
}

class AckModel {
  rules: AckRules
  delivered: Place
  floor: Place
  items: Item[] = []
  queue: Item[] = []
  givenUp: number[] = []

  constructor(rules: AckRules, next: number) {
    this.rules = rules
    this.delivered = { consumer: 0, stream: next - 1 }
    this.floor = this.delivered
  }

  private waitFor({ deliveries }: Item): number {
    const { backoffMs, waitMs } = this.rules
    return backoffMs.length === 0 ? waitMs : (backoffMs[deliveries - 1] ?? backoffMs[backoffMs.length - 1])
  }

  private wait(item: Item, nowMs: number): void {
    const ms = this.waitFor(item)
    item.dueMs = ms === 0 ? undefined : nowMs + ms
  }

  deliver(seq: number, nowMs: number): void {
    this.delivered = { consumer: this.delivered.consumer + 1, stream: seq }
    if (this.rules.policy === 'none') {
      this.floor = this.delivered
      return
    }
    const item: Item = { seq, consumerSeq: this.delivered.consumer, deliveries: 1, dueMs: undefined }
    this.wait(item, nowMs)
    this.items.push(item)
  }

  deliverAgain(nowMs: number): void {
    const [item] = this.queue.splice(0, 1)
    item.deliveries++
    this.wait(item, nowMs)
    this.delivered = { consumer: this.delivered.consumer + 1, stream: this.delivered.stream }
  }

  enqueue(item: Item): void {
    if (this.queue.includes(item)) return
    item.dueMs = undefined
    this.queue.push(item)
  }

  private isLast({ deliveries }: Item): boolean {
    return this.rules.maxDeliver > 0 && deliveries >= this.rules.maxDeliver
  }

  due(nowMs: number): number[] {
    const due = this.items.filter(({ dueMs }) => dueMs !== undefined && dueMs <= nowMs)
    const last = due.filter((item) => this.isLast(item))
    for (const item of due) if (!last.includes(item)) this.enqueue(item)
    for (const item of last) this.giveUp(item)
    return last.map(({ seq }) => seq)
  }

  private giveUp(item: Item): void {
    this.drop(item)
    this.givenUp.push(item.seq)
  }

  acknowledge(seq: number, consumerSeq: number): number[] {
    if (this.rules.policy === 'all') {
      if (seq <= this.floor.stream || consumerSeq <= this.floor.consumer) return []
      const done = this.items.filter((item) => item.seq <= seq)
      for (const item of done) this.drop(item)
      const late = this.givenUp.filter((each) => each <= seq)
      this.givenUp = this.givenUp.filter((each) => each > seq)
      const { consumer, stream } = this.delivered
      this.floor =
        this.items.length === 0
          ? this.delivered
          : { consumer: Math.min(consumer, consumerSeq), stream: Math.min(stream, seq) }
      return [...done.map((item) => item.seq), ...late]
    }
    const item = this.items.find((each) => each.seq === seq)
    if (item !== undefined) this.drop(item)
    else if (!this.givenUp.includes(seq)) return []
    this.givenUp = this.givenUp.filter((each) => each !== seq)
    return [seq]
  }

  refuse(seq: number, nowMs: number, delayMs: number | undefined): boolean | undefined {
    const item = this.items.find((each) => each.seq === seq)
    if (item === undefined) return undefined
    if (delayMs !== undefined) {
      this.queue = this.queue.filter((each) => each !== item)
      item.dueMs = nowMs + Math.max(STEP_MS, delayMs)
    } else if (this.isLast(item)) {
      this.giveUp(item)
      return true
    } else this.enqueue(item)
    return false
  }

  progress(seq: number, nowMs: number): void {
    const item = this.items.find((each) => each.seq === seq)
    if (item !== undefined && !this.queue.includes(item)) this.wait(item, nowMs)
  }

  forget(seq: number): boolean {
    this.givenUp = this.givenUp.filter((each) => each !== seq)
    const item = this.items.find((each) => each.seq === seq)
    if (item !== undefined) this.drop(item)
    return item !== undefined
  }

  private drop(item: Item): void {
    const wasOldest = this.items[0] === item
    this.items = this.items.filter((each) => each !== item)
    this.queue = this.queue.filter((each) => each !== item)
    const [oldest] = this.items
    if (!wasOldest) return
    this.floor = oldest === undefined ? this.delivered : { consumer: oldest.consumerSeq - 1, stream: oldest.seq - 1 }
  }

  skipTo(next: number): number[] {
    const gone = this.items.filter(({ seq }) => seq < next)
    for (const item of gone) this.drop(item)
    this.givenUp = this.givenUp.filter((seq) => seq >= next)
    if (this.delivered.stream < next - 1) this.delivered = { ...this.delivered, stream: next - 1 }
    if (this.items.length === 0) this.floor = this.delivered
    else this.floor = { consumer: this.floor.consumer, stream: Math.max(this.floor.stream, next - 1) }
    return gone.map(({ seq }) => seq)
  }

  cutTo(last: number): void {
    for (const { seq } of this.items) if (seq > last) this.forget(seq)
    this.givenUp = this.givenUp.filter((seq) => seq <= last)
    const cut = ({ consumer, stream }: Place): Place => ({ consumer, stream: Math.min(stream, last) })
    this.delivered = cut(this.delivered)
    this.floor = cut(this.floor)
  }

  reset(next: number): void {
    this.items = []
    this.queue = []
    this.givenUp = []
    this.delivered = { consumer: 0, stream: next - 1 }
    this.floor = this.delivered
  }

  /** After a restart, what waited to be delivered again is due at once. */
  restarted(nowMs: number): void {
    for (const item of this.queue) item.dueMs = nowMs + STEP_MS
    for (const item of this.items) if (item.dueMs !== undefined) item.dueMs = Math.max(item.dueMs, nowMs + STEP_MS)
    this.queue = []
  }
}

const RULES: readonly AckRules[] = [
  { policy: 'explicit', waitMs: 200, backoffMs: [], maxDeliver: -1 },
  { policy: 'explicit', waitMs: 50, backoffMs: [], maxDeliver: 3 },
  { policy: 'explicit', waitMs: 10, backoffMs: [10, 100, 400], maxDeliver: 6 },
  { policy: 'all', waitMs: 200, backoffMs: [], maxDeliver: 2 },
  { policy: 'all', waitMs: 0, backoffMs: [], maxDeliver: -1 },
  { policy: 'none', waitMs: 0, backoffMs: [], maxDeliver: -1 },
]

/** Takes so many random steps with both, and compares them after each. */
export function walk(random: Random, steps: number): void {
  const rules = random.pick(RULES)
  let nowMs = 1_000_000
  let state = new AckState(rules, 1, nowMs)
  const model = new AckModel(rules, 1)
  const near = (): number => {
    const { items } = model
    return items.length > 0 && random.chance(0.8) ? random.pick(items).seq : random.below(model.delivered.stream + 5)
  }
  for (let step = 0; step < steps; step++) {
    const chance = random.below(100)
    if (chance < 30) {
      const seq = model.delivered.stream + 1 + (random.chance(0.2) ? random.below(5) : 0)
      model.deliver(seq, nowMs)
      state.deliver(seq, nowMs)
    } else if (chance < 45) {
      if (state.nextAgain !== undefined) {
        model.deliverAgain(nowMs)
        state.deliverAgain(nowMs)
      }
    } else if (chance < 65) {
      const seq = near()
      const consumerSeq = random.below(model.delivered.consumer + 3)
      assert.deepEqual(state.acknowledge(seq, consumerSeq), model.acknowledge(seq, consumerSeq))
    } else if (chance < 75) {
      const seq = near()
      const delayMs = random.chance(0.5) ? undefined : random.below(30) * STEP_MS
      assert.equal(state.refuse(seq, nowMs, delayMs), model.refuse(seq, nowMs, delayMs))
    } else if (chance < 80) {
      const seq = near()
      model.progress(seq, nowMs)
      state.progress(seq, nowMs)
    } else if (chance < 83) {
      const seq = near()
      assert.equal(state.forget(seq) !== undefined, model.forget(seq))
    } else if (chance < 98) {
      nowMs += random.below(8) * STEP_MS
      assert.deepEqual(
        state.due(nowMs).map(({ seq }) => seq),
        model.due(nowMs),
      )
    } else if (chance < 99) {
      const next = random.below(model.delivered.stream + 10) + 1
      assert.deepEqual(
        state.skipTo(next).map(({ seq }) => seq),
        model.skipTo(next),
      )
    } else if (random.chance(0.3)) {
      const last = Math.max(0, model.delivered.stream - random.below(10))
      model.cutTo(last)
      state.cutTo(last)
    } else if (random.below(10) === 0) {
      const next = random.below(50) + 1
      model.reset(next)
      state.reset(next)
    } else if (random.chance(0.5)) {
      for (const item of model.items) model.enqueue(item)
      state.redeliverAll()
    } else {
      const snapshot = JSON.parse(JSON.stringify(state.snapshot())) as AckSnapshot
      state = new AckState(rules, 1, nowMs)
      state.restore(snapshot)
      model.restarted(nowMs)
    }
    compare(state, model)
  }
}

function compare(state: AckState, model: AckModel): void {
  const { pending, givenUp } = state.snapshot()
  const { delivered, floor, items, queue } = model
  assert.deepEqual([state.delivered, state.floor], [delivered, floor])
  const seen = pending.map(([seq, consumerSeq, deliveries]) => ({ seq, consumerSeq, deliveries }))
  assert.deepEqual(
    seen,
    items.map(({ seq, consumerSeq, deliveries }) => ({ seq, consumerSeq, deliveries })),
  )
  assert.deepEqual(givenUp, model.givenUp)
  assert.deepEqual([state.pending, state.queued], [items.length, queue.length])
  assert.equal(state.nextAgain?.seq, queue[0]?.seq)
  assert.equal(state.redelivered, items.filter(({ deliveries }) => deliveries > 1).length + givenUp.length)
  assert.ok(items.every(({ dueMs = Number.POSITIVE_INFINITY }) => state.nextDueMs <= dueMs))
}
