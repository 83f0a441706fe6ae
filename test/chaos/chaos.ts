// The chaos run as a command: src/node.sh test/chaos/chaos.ts --seconds N --seed S [--log FILE]
// Ends with exit code 1 if a client that had no part in it lost a message, got one twice or out of order, or lost its
// connection; in runs of five minutes and more, also if resident memory grew.

import { appendFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import build from '../support/build.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { Chaos, growth, words } from './run.ts'

/** Resident memory of the last fifth of a run, compared with that of the second. */
const GROWTH_MAX = 1.15
/** Shorter runs end before memory has settled. */
const GROWTH_SECONDS_MIN = 300

// Its shards run what was built.
build()

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string' },
    log: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const seed = values.seed === undefined ? chooseSeed('chaos') : Number(values.seed)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
say(`chaos: ${seconds} s, --seed ${seed}`)
const startMs = performance.now()
let tellMs = startMs
const { log } = values
const report = await new Chaos({
  seconds,
  random: new Random(seed),
  freezeMaxMs: 5_000,
  onProgress: (now) => {
    if (performance.now() < tellMs) return
    tellMs += 10_000
    say(`${((performance.now() - startMs) / 1000).toFixed(0)} s: ${words(now)}`)
  },
  ...(log === undefined ? {} : { onLog: (text: string) => appendFileSync(log, text) }),
}).run()
if (seconds >= GROWTH_SECONDS_MIN && growth(report) > GROWTH_MAX) {
  report.faults.push(`resident memory grew to ${growth(report).toFixed(2)} of what it was`)
}
for (const fault of report.faults) say(`FAULT: ${fault}`)
say(`${report.faults.length === 0 ? 'well' : 'FAILED'} (--seed ${seed}): ${words(report)}`)
say(`resident memory, last fifth of the run by second fifth: ${growth(report).toFixed(2)}`)
process.exit(report.faults.length === 0 ? 0 : 1)
