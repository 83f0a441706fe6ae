import { expect, test } from 'vitest'
import { isNotAfter, PublishOrder } from '../../src/mesh/publish-order.ts'

test('each piece of work that sends something has a number of its own, higher than all before it', () => {
  const one = new PublishOrder()
  const other = new PublishOrder(one.memory)
  const numbers = [one, other, other, one].map((order) => {
    order.begin()
    return order.current
  })
  expect(numbers).toEqual([1, 2, 3, 4])
  expect(one.latest).toBe(4)
})

test('all that one piece of work sends has the same number', () => {
  const one = new PublishOrder()
  const other = new PublishOrder(one.memory)
  const first = one.current
  expect(other.current).toBe(first + 1)
  expect(one.current).toBe(first)
})

test('work that sends nothing takes no number', () => {
  const order = new PublishOrder()
  for (let i = 0; i < 10; i++) order.begin()
  expect(order.latest).toBe(0)
})

test('numbers are compared rightly where they wrap', () => {
  const order = new PublishOrder()
  new Int32Array(order.memory)[0] = 0x7fff_ffff
  const before = order.latest
  const after = order.current
  expect(after).toBe(-0x8000_0000)
  expect([isNotAfter(before, after), isNotAfter(after, before), isNotAfter(after, after)]).toEqual([true, false, true])
})
