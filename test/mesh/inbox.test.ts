// The order in which frames are taken from several rings, with rings of one number a frame.

import { expect, test } from 'vitest'
import { RING_TURN_BYTES } from '../../src/base/constants.ts'
import { Turns } from '../../src/base/turns.ts'
import { Inbox, type InboxRing } from '../../src/mesh/inbox.ts'
import { PublishOrder } from '../../src/mesh/publish-order.ts'
import { chooseSeed, Random } from '../support/random.ts'

const FRAME_BYTES = 100

class NumberRing implements InboxRing {
  paused = false
  isAsleep = false
  private readonly numbers: number[]
  private readonly taken: number[]
  private readonly bytes: number

  constructor(numbers: readonly number[], taken: number[], bytes = FRAME_BYTES) {
    this.numbers = [...numbers]
    this.taken = taken
    this.bytes = bytes
  }

  holdsFrameOf(work: number): boolean {
    return this.numbers.length > 0 && this.numbers[0] <= work
  }

  get nextNumber(): number {
    return this.numbers[0]
  }

  takeFrame(): number {
    this.taken.push(this.numbers.shift() as number)
    return this.bytes
  }

  sleep(): boolean {
    this.isAsleep = this.numbers.length === 0
    return this.isAsleep
  }
}

/** An inbox of such rings, and what has been taken. */
function inboxOf(latest: number, ...rings: (readonly number[])[]) {
  const taken: number[] = []
  const peers = rings.map((numbers) => new NumberRing(numbers, taken))
  return { peers, taken, inbox: inboxOver(latest, peers) }
}

function inboxOver(latest: number, peers: readonly InboxRing[], turns = new Turns()): Inbox {
  const order = new PublishOrder()
  new Int32Array(order.memory)[0] = latest
  const bugMet = (error: unknown): never => {
    throw error
  }
  return new Inbox({ peers, turns, order, bugMet, beginWork: () => order.begin(), endRead: () => undefined })
}

test('frames are taken by their numbers', () => {
  const { inbox, taken } = inboxOf(9, [1, 4, 5, 9], [2, 3, 8], [], [6, 7])
  inbox.catchUp(false)
  expect(taken).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('what was published after the look began waits for the next one: what it came behind may not have been seen', () => {
  const { inbox, taken } = inboxOf(5, [3, 6], [5, 7])
  inbox.catchUp(false)
  expect(taken).toEqual([3, 5])
})

test('a paused ring is left alone, unless it has to be caught up with', () => {
  const { inbox, taken, peers } = inboxOf(9, [1, 4], [2, 3])
  peers[0].paused = true
  inbox.catchUp(false)
  expect(taken).toEqual([2, 3])
  inbox.catchUp(true)
  expect(taken).toEqual([2, 3, 1, 4])
})

test('a ring that is paused by a frame gives no more', () => {
  const taken: number[] = []
  class PausingRing extends NumberRing {
    override takeFrame(): number {
      this.paused = taken.length === 1
      return super.takeFrame()
    }
  }
  inboxOver(9, [new PausingRing([1, 2, 3], taken)]).catchUp(false)
  expect(taken).toEqual([1, 2])
})

test('one look takes a turn of bytes, and the next goes on; then every ring sleeps', async () => {
  const taken: number[] = []
  const numbers = [1, 2, 3, 4]
  const rings = [new NumberRing(numbers, taken, RING_TURN_BYTES / 2), new NumberRing([], taken)]
  const turns = new Turns()
  inboxOver(9, rings, turns).drain()
  expect(taken).toEqual([1, 2])
  expect(rings.map(({ isAsleep }) => isAsleep)).toEqual([false, false])
  for (let i = 0; i < 10 && !rings[0].isAsleep; i++) await new Promise((resolve) => setImmediate(resolve))
  expect(taken).toEqual(numbers)
  expect(rings.map(({ isAsleep }) => isAsleep)).toEqual([true, true])
})

test('a frame that makes the inbox look again is dealt with once', () => {
  const taken: number[] = []
  class NestingRing extends NumberRing {
    override takeFrame(): number {
      inbox.catchUp(true)
      return super.takeFrame()
    }
  }
  const inbox = inboxOver(9, [new NestingRing([1, 2], taken)])
  inbox.catchUp(false)
  expect(taken).toEqual([1, 2])
})

test('any number of rings is taken in order', () => {
  const random = new Random(chooseSeed('inbox'))
  for (let round = 0; round < 200; round++) {
    const rings: number[][] = Array.from({ length: 1 + random.below(8) }, () => [])
    const count = random.below(60)
    for (let number = 1; number <= count; number++) rings[random.below(rings.length)].push(number)
    const latest = random.below(count + 1)
    const { inbox, taken } = inboxOf(latest, ...rings)
    inbox.catchUp(false)
    expect(taken).toEqual(Array.from({ length: latest }, (_, i) => i + 1))
  }
})
