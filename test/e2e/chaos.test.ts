// A short chaos run; test/chaos/chaos.ts is the long one, test/chaos/run.ts says what is checked.

import { expect, test } from 'vitest'
import { Chaos, words } from '../chaos/run.ts'
import { chooseSeed, Random } from '../support/random.ts'

test('freezes, deaths, reloads, floods and storms leave those alone who have no part in them', async () => {
  const random = new Random(chooseSeed('chaos'))
  let log = ''
  const report = await new Chaos({
    seconds: 8,
    random,
    freezeMaxMs: 1_500,
    onLog: (text) => {
      log = (log + text).slice(-20_000)
    },
  }).run()
  process.stderr.write(`chaos: ${words(report)}\n`)
  if (report.faults.length > 0) process.stderr.write(log)
  expect({ seed: random.seed, faults: report.faults }).toEqual({ seed: random.seed, faults: [] })
  expect(report.published).toBeGreaterThan(100)
  expect(report.reloads).toBeGreaterThan(0)
}, 180_000)
