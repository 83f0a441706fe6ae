// Long runs of processes that write to stores and are killed:
//   src/node.sh test/jetstream/storage/crash.ts [--rounds N] [--seed S] [--flavour NAME]
// Exit code 1 at the first message that is lost, changed, or there again.

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Random } from '../../support/random.ts'
import { CRASH_FLAVOURS, CrashRun } from './crash-run.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    flavour: { type: 'string' },
  },
})
const flavours = values.flavour === undefined ? CRASH_FLAVOURS : [values.flavour]
const rounds = Math.ceil(Number(values.rounds) / flavours.length)

process.stdout.write(`crashes: ${rounds} a flavour, --seed ${values.seed}\n`)
for (const flavour of flavours) {
  const run = new CrashRun(flavour, new Random(Number(values.seed)))
  await run.play(rounds)
  process.stdout.write(`${flavour}: ${rounds} kills, ${run.checked} messages checked\n`)
}
