import { expect, test } from 'vitest'
import { Duplicates } from '../../src/jetstream/duplicates.ts'

test('an id is known for as long as the window is, from the time of its message', () => {
  const ids = new Duplicates(100)
  ids.note('a', 1, 1000)
  ids.note('b', 2, 1050)
  expect([ids.find('a', 1099), ids.find('b', 1099)]).toEqual([1, 2])
  expect([ids.find('a', 1100), ids.find('b', 1100)]).toEqual([undefined, 2])
  expect(ids.find('b', 2000)).toBeUndefined()
  expect(ids.size).toBe(0)
})

test('without a window nothing is remembered', () => {
  const ids = new Duplicates(0)
  ids.note('a', 1, 1000)
  expect(ids.size).toBe(0)
})

test('ids of messages that could not be stored are forgotten', () => {
  const ids = new Duplicates(100)
  for (const [i, id] of ['a', 'b', 'c'].entries()) ids.note(id, i + 1, 1000)
  ids.forgetFrom(2)
  expect(['a', 'b', 'c'].map((id) => ids.find(id, 1000))).toEqual([1, undefined, undefined])
})
