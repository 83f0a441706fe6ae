// A short version of test/soak/overbooked.ts.

import { expect, test } from 'vitest'
import { SHARD_STUCK_MS } from '../../src/base/constants.ts'
import { overbook } from '../soak/overbook.ts'

test('no shard is replaced for the want of a processor, nor after a freeze', async () => {
  const terms = { workers: 2, seconds: 4, busy: 12, busyNice: 10, serverNice: 19, freezes: 1 }
  const { replaced, late, messages, faults } = await overbook({ ...terms, freezeMs: SHARD_STUCK_MS + 500 })
  process.stderr.write(`an overbooked server: ${late} times a shard was late, ${messages} messages\n`)
  expect(faults).toEqual([])
  expect(replaced).toBe(0)
  expect(messages).toBeGreaterThan(0)
}, 60_000)
