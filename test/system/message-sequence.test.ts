// The numbers of what the server tells of itself, over all its threads.

import { expect, test } from 'vitest'
import { MessageSequence } from '../../src/system/server-info.ts'

test('every thread takes the next number', () => {
  const one = new MessageSequence()
  const other = new MessageSequence(one.memory)
  expect([one.next(), other.next(), one.next()]).toEqual([1, 2, 3])
})

test.each([2 ** 31 - 1, 2 ** 32 - 1, 2 ** 40])('it goes on beyond %i', (number) => {
  const sequence = new MessageSequence()
  new BigInt64Array(sequence.memory)[0] = BigInt(number)
  expect([sequence.next(), sequence.next()]).toEqual([number + 1, number + 2])
})
