import { expect, test } from 'vitest'
import { WriteBacklog } from '../../src/jetstream/write-backlog.ts'

test('it is full when as many bytes wait as may, until they are durable', () => {
  const backlog = new WriteBacklog(1000, 100)
  backlog.took(1, 1, 60)
  expect(backlog.isFull).toBe(false)
  backlog.took(3, 2, 40)
  expect(backlog.isFull).toBe(true)
  backlog.settle(2)
  expect(backlog.isFull).toBe(false)
  backlog.took(5, 2, 60)
  expect(backlog.isFull).toBe(true)
  backlog.settle(5)
  expect(backlog.isFull).toBe(false)
})

test('it is full when as many messages wait as may, whatever their sequences are', () => {
  const backlog = new WriteBacklog(10, 1e9)
  backlog.took(1_000_000, 9, 1)
  expect(backlog.isFull).toBe(false)
  backlog.took(1_000_001, 1, 1)
  expect(backlog.isFull).toBe(true)
  backlog.settle(1_000_000)
  expect(backlog.isFull).toBe(false)
})

test('what could not be written waits no more', () => {
  const backlog = new WriteBacklog(10, 100)
  backlog.took(5, 5, 200)
  backlog.clear()
  expect(backlog.isFull).toBe(false)
  backlog.took(5, 5, 50)
  expect(backlog.isFull).toBe(false)
})
