// The map by number, against the language's own.

import { expect, test } from 'vitest'
import { NumberMap } from '../../src/memory/number-map.ts'
import { chooseSeed, Random } from '../support/random.ts'

interface Item {
  readonly key: number
}

test('it holds what a Map holds, in the same order', () => {
  const random = new Random(chooseSeed('number-map.test.ts'))
  const map = new NumberMap<Item>()
  const model = new Map<number, Item>()
  for (let step = 0; step < 50_000; step++) {
    // It grows and shrinks in turn.
    const growth = Math.floor(step / 5_000) % 2 === 0 ? 0.6 : 0.4
    const key = random.below(2_000) * (random.chance(0.1) ? 2 ** 31 : 4)
    if (random.chance(growth)) {
      const item = { key }
      map.set(key, item)
      model.set(key, item)
    } else expect(map.delete(key)).toBe(model.delete(key))
    expect(map.get(key)).toBe(model.get(key))
    expect(map.has(key)).toBe(model.has(key))
    expect(map.size).toBe(model.size)
    if (step % 500 === 0) expect([...map.values()]).toEqual([...model.values()])
  }
})

test('whoever goes through it misses none that stays, and meets none that has gone, whatever comes meanwhile', () => {
  const map = new NumberMap<Item>()
  for (let key = 0; key < 100; key++) map.set(key, { key })
  const met: number[] = []
  for (const { key } of map.values()) {
    met.push(key)
    if (key >= 100) continue
    // So many come and go that its arrays are made anew several times.
    for (let other = 1_000; other < 1_050; other++) map.set(other, { key: other })
    for (let other = 1_000; other < 1_050; other++) map.delete(other)
    map.delete(key + 1)
  }
  expect(met.filter((key) => key < 100)).toEqual(Array.from({ length: 50 }, (_, i) => 2 * i))
  expect(new Set(met).size).toBe(met.length)
})

test('what is deleted while one stands at it is not met again', () => {
  const map = new NumberMap<Item>()
  for (let key = 0; key < 10; key++) map.set(key, { key })
  const met: number[] = []
  for (const { key } of map.values()) {
    met.push(key)
    for (let other = 0; other < 10; other++) map.delete(other)
  }
  expect(met).toEqual([0])
  expect(map.size).toBe(0)
})
