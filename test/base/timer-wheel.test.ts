// The timer wheel, against a plain list of what is due when.

import { expect, test } from 'vitest'
import { type Timed, TimerWheel } from '../../src/base/timer-wheel.ts'
import { chooseSeed, Random } from '../support/random.ts'

const STEP_MS = 10

/** Items by their names: an item itself knows where it is in its wheel. */
class Wheel<Name> {
  private readonly wheel: TimerWheel<Timed & { readonly name: Name }>
  private readonly items = new Map<Name, Timed & { readonly name: Name }>()

  constructor(stepMs: number, nowMs: number) {
    this.wheel = new TimerWheel(stepMs, nowMs)
  }

  get size(): number {
    return this.wheel.size
  }

  private item(name: Name): Timed & { readonly name: Name } {
    const item = this.items.get(name) ?? { name, bucket: undefined, place: 0 }
    this.items.set(name, item)
    return item
  }

  add(name: Name, dueMs: number): void {
    this.wheel.add(this.item(name), dueMs)
  }

  remove(name: Name): void {
    this.wheel.remove(this.item(name))
  }

  take(nowMs: number, callback: (name: Name) => void): void {
    this.wheel.take(nowMs, ({ name }) => callback(name))
  }
}

test('items come up at most a step after they are due, each once, as a plain list has them', () => {
  const random = new Random(chooseSeed('timer-wheel.test.ts'))
  const wheel = new Wheel<number>(STEP_MS, 0)
  const due = new Map<number, number>()
  let nowMs = 0
  for (let step = 0; step < 20_000; step++) {
    const item = random.below(200)
    const what = random.next()
    if (what < 0.5) {
      // Now and then in the past, now and then in a year.
      const dueMs = nowMs + (random.chance(0.01) ? 365 * 86_400_000 : random.below(500) - 50)
      wheel.add(item, dueMs)
      due.set(item, Math.max(dueMs, nowMs))
    } else if (what < 0.7) {
      wheel.remove(item)
      due.delete(item)
    } else {
      nowMs += random.below(40)
      wheel.take(nowMs, (taken) => {
        expect(due.get(taken)).toBeLessThanOrEqual(nowMs)
        expect(due.delete(taken)).toBe(true)
      })
      for (const dueMs of due.values()) expect(dueMs).toBeGreaterThan(nowMs - 2 * STEP_MS)
    }
    expect(wheel.size).toBe(due.size)
  }
})

test('what a callback removes does not come up, though it was due in the same step', () => {
  const wheel = new Wheel<string>(STEP_MS, 0)
  wheel.add('a', 15)
  wheel.add('b', 15)
  const taken: string[] = []
  wheel.take(20, (item) => {
    taken.push(item)
    wheel.remove(item === 'a' ? 'b' : 'a')
  })
  expect(taken).toHaveLength(1)
  expect(wheel.size).toBe(0)
})

test('what a callback adds comes up in a later call, even if it is due already', () => {
  const wheel = new Wheel<string>(STEP_MS, 0)
  wheel.add('a', 5)
  const taken: string[] = []
  const take = (item: string): void => {
    taken.push(item)
    wheel.add(item, 0)
  }
  wheel.take(10, take)
  expect(taken).toEqual(['a'])
  wheel.take(20, take)
  expect(taken).toEqual(['a', 'a'])
})

test('a step that was long ago is made up for in order: the process stood still', () => {
  const wheel = new Wheel<string>(STEP_MS, 0)
  wheel.add('late', 60_000)
  wheel.add('early', 30_000)
  const taken: string[] = []
  wheel.take(3_600_000, (item) => taken.push(item))
  expect(taken).toEqual(['early', 'late'])
})

test('a clock that is put forward by a thousand years costs no more than what is in the wheel', () => {
  const wheel = new Wheel<string>(100, 0)
  wheel.add('late', 5_000)
  wheel.add('soon', 200)
  wheel.add('gone', 300)
  wheel.remove('gone')
  const years = 1000 * 365 * 24 * 60 * 60_000
  wheel.add('later', 2 * years)
  const taken: string[] = []
  wheel.take(years, (item) => taken.push(item))
  expect(taken).toEqual(['soon', 'late'])
  expect(wheel.size).toBe(1)
  wheel.add('next', years + 50)
  wheel.take(years + 100, (item) => taken.push(item))
  expect(taken).toEqual(['soon', 'late', 'next'])
  wheel.take(2 * years, (item) => taken.push(item))
  expect(taken).toEqual(['soon', 'late', 'next', 'later'])
})

test('what a callback throws costs its own item: the others come up in the next call', () => {
  const wheel = new Wheel<string>(STEP_MS, 0)
  for (const item of ['a', 'b', 'c']) wheel.add(item, 15)
  wheel.add('d', 25)
  const taken: string[] = []
  const take = (item: string): void => {
    taken.push(item)
    if (item === 'b') throw new Error('a bug')
  }
  expect(() => wheel.take(40, take)).toThrow('a bug')
  expect(wheel.size).toBe(2)
  wheel.take(60, take)
  expect(taken.toSorted()).toEqual(['a', 'b', 'c', 'd'])
})
