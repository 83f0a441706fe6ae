// Long random runs of stores beside their model:  src/node.sh test/jetstream/storage/store-fuzz.ts [--steps N] [--seed S]
// Exit code 1 at the first difference, with the seed that repeats it.

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { MemoryStore } from '../../../src/jetstream/storage/memory-store.ts'
import { Random } from '../../support/random.ts'
import { StoreRun } from './store-model.ts'

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
  },
})
const steps = Number(values.steps)

process.stdout.write(`stores: ${steps} steps, --seed ${values.seed}\n`)
const memory = new MemoryStore()
await new StoreRun(memory, new Random(Number(values.seed)), (s, h, p) => s + h + p + 16).play(steps)
process.stdout.write(`memory: agrees\n`)
