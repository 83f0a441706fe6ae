// Long runs of random accounts:  src/node.sh test/model/account-fuzz.ts [--worlds N] [--seed S] [--workers N | --beside]
// `--beside` plays them on nats-server, which holds the model to account. Exit code 1 at the first difference, with the
// seed of the world; --worlds 1 --seed <that one> repeats it.

import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { AccountsBlock } from '../../src/options/blocks.ts'
import { peers } from '../support/peers.ts'
import { Random } from '../support/random.ts'
import { startNatsServer, startServer } from '../support/server.ts'
import { CLIENTS, playWorld } from './account-runner.ts'
import { configOf, randomWorld } from './account-world.ts'

const BATCH = 50
const PUBLISHES = 60

const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    workers: { type: 'string', default: '2' },
    beside: { type: 'boolean', default: false },
  },
})
const worlds = Number(values.worlds)
const firstSeed = Number(values.seed)

interface Running {
  readonly port: number
  close(): Promise<unknown>
}

async function start(accounts: AccountsBlock): Promise<Running> {
  if (!values.beside) return startServer({ workers: Number(values.workers), accounts })
  const directory = mkdtempSync(join(tmpdir(), 'heddle-'))
  const file = join(directory, 'accounts.conf')
  writeFileSync(file, `accounts: ${JSON.stringify(accounts, undefined, 1)}\n`)
  const program = await startNatsServer(peers.natsServer ?? 'nats-server', ['-c', file])
  rmSync(directory, { recursive: true })
  return { port: program.port, close: () => program.stop() }
}

process.stdout.write(`random accounts: ${worlds} worlds, --seed ${firstSeed}\n`)
let messages = 0
try {
  for (let done = 0; done < worlds; done += BATCH) {
    const randoms = Array.from({ length: Math.min(BATCH, worlds - done) }, (_, i) => new Random(firstSeed + done + i))
    const batch = randoms.map((random, i) => randomWorld(random, `W${i}`, CLIENTS))
    const server = await start(configOf(batch))
    for (const [i, world] of batch.entries()) messages += await playWorld(world, randoms[i], server.port, PUBLISHES)
    await server.close()
    process.stdout.write(`${done + batch.length} worlds, ${messages} messages\n`)
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(1)
}
