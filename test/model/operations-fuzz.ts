// Long runs of random operations beside nats-server:
//   src/node.sh test/model/operations-fuzz.ts [--operations N] [--seed S] [--workers N]
// Exit code 1 at the first difference, with the seed; where the two may differ, operations.ts says.

import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { peers } from '../support/peers.ts'
import { Random } from '../support/random.ts'
import { startCommand, startNatsServer } from '../support/server.ts'
import { CONFIG, compare, Trio } from './operations.ts'

const BATCH = 500

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    workers: { type: 'string', default: '1' },
  },
})
const directory = mkdtempSync(join(tmpdir(), 'heddle-'))
const file = join(directory, 'operations.conf')
writeFileSync(file, CONFIG)
const ours = await startCommand(['--workers', values.workers, '-c', file])
const theirs = await startNatsServer(peers.natsServer ?? 'nats-server', ['-c', file])
process.stdout.write(`random operations: ${values.operations}, --seed ${values.seed}\n`)
try {
  // Each batch has connections and a seed of its own, so that a failure is repeated in a moment.
  for (let done = 0, seed = Number(values.seed); done < Number(values.operations); done += BATCH, seed++) {
    const [a, b] = [await Trio.open(ours.port), await Trio.open(theirs.port)]
    await compare(a, b, new Random(seed), BATCH)
    await Promise.all([a.close(), b.close()])
    process.stdout.write(`${done + BATCH} operations, last seed ${seed}\n`)
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  await Promise.all([ours.stop(), theirs.stop()])
  rmSync(directory, { recursive: true })
  process.exit()
}
