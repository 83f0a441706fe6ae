// Kills servers while their streams are used, and checks what is left (run.ts):
//
//     src/node.sh test/jetstream/kills/kills.ts [--kills N] [--seed S] [--log FILE]      default: 200
//
// Ends with exit code 1 if something was lost, doubled, changed or skipped.

import { appendFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import build from '../../support/build.ts'
import { chooseSeed, Random } from '../../support/random.ts'
import { Kills, words } from './run.ts'

// Its shards run what was built.
build()

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string' }, log: { type: 'string' } },
})
const { log } = values
const seed = values.seed === undefined ? chooseSeed('kills') : Number(values.seed)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
say(`kills: ${values.kills}, --seed ${seed}`)
let tellMs = performance.now()
const report = await new Kills({
  kills: Number(values.kills),
  random: new Random(seed),
  onProgress: (now) => {
    if (performance.now() < tellMs) return
    tellMs += 20_000
    say(words(now))
  },
  ...(log === undefined ? {} : { onLog: (text: string) => appendFileSync(log, text) }),
}).run()
for (const fault of report.faults.slice(0, 50)) say(`FAULT: ${fault}`)
say(`${report.faults.length === 0 ? 'well' : 'FAILED'} (--seed ${seed}): ${words(report)}`)
process.exit(report.faults.length === 0 ? 0 : 1)
