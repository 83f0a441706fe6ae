// Long random runs of stores beside their model:
//   src/node.sh test/jetstream/storage/store-fuzz.ts [--steps N] [--seed S] [--store NAME]
// NAME: memory, or a flavour of file-stores.ts; without it, all of them. Exit code 1 at the first difference, with the
// seed that repeats it.

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { MemoryStore } from '../../../src/jetstream/storage/memory-store.ts'
import { Random } from '../../support/random.ts'
import { FLAVOURS, StoreFolder } from './file-stores.ts'
import { StoreRun } from './store-model.ts'

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    store: { type: 'string' },
  },
})
const steps = Number(values.steps)
const random = (): Random => new Random(Number(values.seed))

async function playMemory(): Promise<void> {
  await new StoreRun(new MemoryStore(), random(), (s, h, p) => s + h + p + 16).play(steps)
}

async function playFile(name: string): Promise<void> {
  const folder = new StoreFolder(FLAVOURS[name])
  try {
    const run = new StoreRun(await folder.open(), random(), folder.sizeOf, async (store) => {
      await store.close()
      return folder.open()
    })
    await run.play(steps)
    await run.store.close()
    assert.deepEqual([folder.bugs, folder.losses, folder.troubles, folder.notes], [[], [], [], []])
  } finally {
    folder.remove()
  }
}

process.stdout.write(`stores: ${steps} steps, --seed ${values.seed}\n`)
for (const name of values.store === undefined ? ['memory', ...Object.keys(FLAVOURS)] : [values.store]) {
  await (name === 'memory' ? playMemory() : playFile(name))
  process.stdout.write(`${name}: agrees\n`)
}
