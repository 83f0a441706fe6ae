import { expect, test } from 'vitest'
import { FullReceivers } from '../../src/net/full-receivers.ts'
import { chooseSeed, Random } from '../support/random.ts'

/** Counts how often it is looked at. */
class Receiver {
  static looks = 0
  isFull = true
  isStuck = false
  private waiter: (() => void) | undefined

  get isNearlyFull(): boolean {
    Receiver.looks++
    return this.isFull
  }

  whenRelieved(callback: () => void): void {
    this.waiter = callback
  }

  catchUp(): void {
    const { waiter } = this
    this.isFull = false
    this.waiter = undefined
    waiter?.()
  }
}

const COUNT = 1000

test('the last of many is waited for, in whatever order they catch up, and each is looked at a few times', () => {
  const seed = chooseSeed('full-receivers')
  const random = new Random(seed)
  const full = new FullReceivers()
  const left = Array.from({ length: COUNT }, () => new Receiver())
  for (const receiver of left) full.note(receiver)
  let isOver = false
  const look = (): void => {
    isOver = full.areGone(look)
  }
  look()
  while (left.length > 0) {
    expect(isOver, `seed ${seed}`).toBe(false)
    const [receiver] = left.splice(random.below(left.length), 1)
    receiver.catchUp()
  }
  expect([isOver, Receiver.looks < COUNT * 4]).toEqual([true, true])
})

test('one that takes nothing is waited for no more', () => {
  const full = new FullReceivers()
  const [one, other] = [new Receiver(), new Receiver()]
  for (const receiver of [one, other]) full.note(receiver)
  one.isStuck = true
  expect(full.areGone(() => undefined)).toBe(false)
  other.catchUp()
  expect(full.areGone(() => undefined)).toBe(true)
})
