// A short soak; test/soak/soak.ts is the long one, test/soak/run.ts says what is checked.

import { expect, test } from 'vitest'
import { Soak, words } from '../soak/run.ts'
import { ownServer } from '../support/harness.ts'
import { chooseSeed, Random } from '../support/random.ts'

test.each([
  [4, 5],
  [0, 2],
])(
  'nothing is lost, doubled or reordered: %i workers, %i seconds',
  async (workers, seconds) => {
    const server = await ownServer({ workers })
    const random = new Random(chooseSeed('soak'))
    const report = await new Soak({ port: server.port, seconds, random }).run()
    process.stderr.write(`soak with ${workers} workers: ${words(report)}\n`)
    expect({ seed: random.seed, faults: report.faults }).toEqual({ seed: random.seed, faults: [] })
    expect(report.plainDeliveries).toBeGreaterThan(1000)
    expect(report.queueDeliveries).toBeGreaterThan(100)
    expect(report.connections).toBeGreaterThan(24)
  },
  60_000,
)
