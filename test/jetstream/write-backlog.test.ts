import { expect, test } from 'vitest'
import { WriteBacklog } from '../../src/jetstream/write-backlog.ts'

test('it is full when as many bytes wait as may, until they are durable', () => {
  const backlog = new WriteBacklog(1000, 100, 0)
  backlog.took(1, 60)
  expect(backlog.isFull).toBe(false)
  backlog.took(3, 40)
  expect(backlog.isFull).toBe(true)
  backlog.settle(2)
  expect(backlog.isFull).toBe(false)
  backlog.took(5, 60)
  expect(backlog.isFull).toBe(true)
  backlog.settle(5)
  expect(backlog.isFull).toBe(false)
})

test('it is full when as many messages wait as may', () => {
  const backlog = new WriteBacklog(10, 1e9, 100)
  backlog.took(109, 1)
  expect(backlog.isFull).toBe(false)
  backlog.took(110, 1)
  expect(backlog.isFull).toBe(true)
})

test('what could not be written waits no more', () => {
  const backlog = new WriteBacklog(10, 100, 0)
  backlog.took(5, 200)
  backlog.clear(0)
  expect(backlog.isFull).toBe(false)
  backlog.took(5, 50)
  expect(backlog.isFull).toBe(false)
})
