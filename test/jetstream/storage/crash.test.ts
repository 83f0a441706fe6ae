// Processes that write to a store and are killed by SIGKILL; crash.ts does that at length.

import { expect, test } from 'vitest'
import { chooseSeed, Random } from '../../support/random.ts'
import { CRASH_FLAVOURS, CrashRun } from './crash-run.ts'

const seed = chooseSeed('crash.test.ts')

for (const flavour of CRASH_FLAVOURS) {
  test(`what was durable is there after kills (${flavour})`, async () => {
    const run = new CrashRun(flavour, new Random(seed))
    await run.play(3)
    expect(run.checked).toBeGreaterThan(0)
  })
}
