// A short run; kills.ts is the long one, run.ts says what is checked.

import { expect, test } from 'vitest'
import { chooseSeed, Random } from '../../support/random.ts'
import { Kills, words } from './run.ts'

test('what was acknowledged outlives the process and its threads, and nothing is skipped or comes twice', async () => {
  const random = new Random(chooseSeed('kills'))
  let log = ''
  const report = await new Kills({
    kills: 6,
    random,
    onLog: (text) => {
      log = (log + text).slice(-20_000)
    },
  }).run()
  process.stderr.write(`kills: ${words(report)}\n`)
  if (report.faults.length > 0) process.stderr.write(log)
  expect({ seed: random.seed, faults: report.faults }).toEqual({ seed: random.seed, faults: [] })
  expect(report.stored).toBeGreaterThan(0)
}, 180_000)
