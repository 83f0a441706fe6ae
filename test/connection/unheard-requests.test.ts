import { expect, test } from 'vitest'
import { UnheardRequests } from '../../src/connection/unheard-requests.ts'

test('a request is unheard when it has reached nobody by any of its frames', () => {
  const requests = new UnheardRequests()
  expect(requests.add(7, 1, 3)).toBe(0)
  expect(requests.add(7, 1, 3)).toBe(0)
  expect(requests.add(7, 1, 3)).toBe(1)
})

test('a request that went out in one frame is unheard at once', () => {
  expect(new UnheardRequests().add(7, 4, 1)).toBe(4)
})

test('of several messages as many are told of as all frames have been told of', () => {
  const requests = new UnheardRequests()
  expect([requests.add(7, 3, 2), requests.add(7, 1, 2), requests.add(7, 2, 2)]).toEqual([1, 1, 1])
})

test('what is told of one request does not count for another', () => {
  const requests = new UnheardRequests()
  expect([requests.add(1, 1, 2), requests.add(2, 1, 2), requests.add(1, 1, 2)]).toEqual([0, 0, 1])
})

test('after many others that were delivered by some frame, the oldest is forgotten', () => {
  const requests = new UnheardRequests()
  requests.add(5_000, 1, 2)
  for (let i = 0; i < 1_000; i++) requests.add(i, 1, 2)
  expect(requests.add(5_000, 1, 2)).toBe(0)
  expect(requests.add(999, 1, 2)).toBe(1)
})
