import { expect, it } from 'vitest'
import { REPLIES_MAX, ResponsePermits } from '../../src/auth/responses.ts'

function permits(max: number, expiresMs: number): { permits: ResponsePermits; wait(ms: number): void } {
  let now = 1000
  return {
    permits: new ResponsePermits({ maxMessages: max, expires: expiresMs }, () => now),
    wait: (ms) => {
      now += ms
    },
  }
}

it('allows as many answers as were granted, to what was delivered and nothing else', () => {
  const { permits: some } = permits(2, 1000)
  expect(some.mayRespond('r')).toBe(false)
  some.delivered('r')
  expect([1, 2, 3].map(() => some.mayRespond('r'))).toEqual([true, true, false])
  expect(some.mayRespond('s')).toBe(false)
})

it('allows answers for the time that was granted', () => {
  const { permits: some, wait } = permits(10, 1000)
  some.delivered('r')
  wait(1000)
  expect(some.mayRespond('r')).toBe(true)
  wait(1)
  expect(some.mayRespond('r')).toBe(false)
})

it('begins anew with each delivery', () => {
  const { permits: some, wait } = permits(1, 1000)
  some.delivered('r')
  wait(900)
  some.delivered('r')
  wait(900)
  expect([some.mayRespond('r'), some.mayRespond('r')]).toEqual([true, false])
})

it('takes negative numbers as no limit', () => {
  const { permits: some, wait } = permits(-1, -1)
  some.delivered('r')
  wait(10 ** 9)
  expect([1, 2, 3].map(() => some.mayRespond('r'))).toEqual([true, true, true])
})

it('allows nothing when none are granted', () => {
  const { permits: some } = permits(0, -1)
  some.delivered('r')
  expect(some.mayRespond('r')).toBe(false)
})

it('forgets what has expired, and the oldest when there are too many', () => {
  const { permits: some, wait } = permits(1, 1000)
  for (let i = 0; i < 100; i++) some.delivered(`r${i}`)
  wait(2000)
  some.delivered('last')
  expect(some.size).toBe(1)
  const { permits: forever } = permits(-1, -1)
  for (let i = 0; i <= REPLIES_MAX; i++) forever.delivered(`r${i}`)
  expect(forever.size).toBe(REPLIES_MAX)
  expect([forever.mayRespond('r0'), forever.mayRespond('r1')]).toEqual([false, true])
})
