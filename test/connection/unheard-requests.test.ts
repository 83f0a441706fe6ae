import { expect, test } from 'vitest'
import { UnheardRequests } from '../../src/connection/unheard-requests.ts'

test('a request is unheard when all shards that it went to have said so', () => {
  const requests = new UnheardRequests()
  expect(requests.add('r', 1, 3)).toBe(0)
  expect(requests.add('r', 1, 3)).toBe(0)
  expect(requests.add('r', 1, 3)).toBe(1)
})

test('a request that went to one shard is unheard at once', () => {
  expect(new UnheardRequests().add('r', 4, 1)).toBe(4)
})

test('what shards say of several messages is told of as many as all have said it of', () => {
  const requests = new UnheardRequests()
  expect([requests.add('r', 3, 2), requests.add('r', 1, 2), requests.add('r', 2, 2)]).toEqual([1, 1, 1])
})

test('requests with other reply subjects have nothing to do with each other', () => {
  const requests = new UnheardRequests()
  expect([requests.add('a', 1, 2), requests.add('b', 1, 2), requests.add('a', 1, 2)]).toEqual([0, 0, 1])
})

test('after many others that some shard has delivered, the oldest is forgotten', () => {
  const requests = new UnheardRequests()
  requests.add('old', 1, 2)
  for (let i = 0; i < 1_000; i++) requests.add(`${i}`, 1, 2)
  expect(requests.add('old', 1, 2)).toBe(0)
  expect(requests.add('999', 1, 2)).toBe(1)
})
