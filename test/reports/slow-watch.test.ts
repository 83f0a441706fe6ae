import { expect, it } from 'vitest'
import type { Client } from '../../src/connection/client.ts'
import { SlowWatch } from '../../src/reports/slow-watch.ts'

/** As much of a connection as is looked at. */
class Receiver {
  readonly id = 1
  readonly options = { name: '', lang: '', version: '' }
  readonly account = { name: '$G' }
  readonly outbound = { pendingBytes: 1_000, waitingMs: 0 }
  readonly subscriptions = new Map(['old', 'new'].map((subject) => [subject, { subject, delivered: 0 }]))
  readonly startMs: number

  constructor(startMs: number) {
    this.startMs = startMs
  }

  give(subject: string, messages: number): void {
    const subscription = this.subscriptions.get(subject)
    if (subscription !== undefined) subscription.delivered += messages
  }

  get asClient(): Client {
    return this as unknown as Client
  }
}

function sweep(watch: SlowWatch, receiver: Receiver, fromMs: number, seconds: number): number {
  for (let s = 0; s < seconds; s++) {
    const nowMs = fromMs + s * 1_000
    watch.beginSweep(nowMs)
    watch.look(receiver.asClient, nowMs)
    watch.endSweep(nowMs)
  }
  return fromMs + seconds * 1_000
}

const subjects = (watch: SlowWatch): string[][] =>
  watch.report().map(({ top }) => top.map(({ subject, messages }) => `${subject} ${messages}`))

it('tells which subscriptions were given most lately, and not since an hour ago', () => {
  const watch = new SlowWatch(1_000_000, (ms) => ms)
  const receiver = new Receiver(0)
  receiver.give('old', 1_000_000)
  let nowMs = sweep(watch, receiver, 3_600_000, 1)
  receiver.give('old', 500)
  expect(subjects(watch)).toEqual([['old 500']])
  nowMs = sweep(watch, receiver, nowMs, 70)
  receiver.give('new', 20)
  receiver.give('old', 5)
  expect(subjects(watch)).toEqual([['new 20', 'old 5']])
})

it('does not tell of one that was closed at once what it was given long ago', () => {
  const watch = new SlowWatch(1_000_000, (ms) => ms)
  const [old, young] = [new Receiver(0), new Receiver(3_599_000)]
  for (const receiver of [old, young]) {
    receiver.give('old', 1_000_000)
    watch.cutOff(receiver.asClient, 'Slow Consumer (Pending Bytes)', 3_600_000)
  }
  expect(subjects(watch)).toEqual([[], ['old 1000000']])
})
