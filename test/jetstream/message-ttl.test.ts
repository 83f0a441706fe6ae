import { expect, test } from 'vitest'
import { NEVER_EXPIRES, readTtl } from '../../src/jetstream/message-ttl.ts'

test.each([
  ['', 0],
  ['1', 1],
  ['3600', 3600],
  ['007', 7],
  ['1s', 1],
  ['1500ms', 1],
  ['1h30m', 5400],
  ['never', NEVER_EXPIRES],
  ['Never', NEVER_EXPIRES],
])('%j is a time to live of %d seconds', (text, seconds) => {
  expect(readTtl(text)).toBe(seconds)
})

test.each(['0', '0s', '999ms', '-1', '-1h', '1.5', 'x', '1 s', 'ever', '9'.repeat(30)])('%j is none', (text) => {
  expect(readTtl(text)).toBeUndefined()
})
