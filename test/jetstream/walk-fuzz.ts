// Walks beside nats-server (walk.ts), at length:
//
//     src/node.sh test/jetstream/walk-fuzz.ts [walks] [seed of the first]      default: 100 walks of 100 steps

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peers } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { startNatsServer, startServer } from '../support/server.ts'
import { Walk } from './walk.ts'

const STEPS = 100
const walks = Number(process.argv[2] ?? 100)
const first = Number(process.argv[3] ?? chooseSeed('walk-fuzz'))
const folder = mkdtempSync(join(tmpdir(), 'heddle-walk-'))
const nats = await startNatsServer(peers.natsServer ?? '', ['-js', '-sd', join(folder, 'nats-server')])
const heddle = await startServer({ workers: 0, jetstream: { storeDir: join(folder, 'heddle') } })
let failed = 0
for (let i = 0; i < walks; i++) {
  const walk = await Walk.begin(new Random(first + i), [nats.port, heddle.port])
  try {
    await walk.play(STEPS)
  } catch (error) {
    failed++
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`)
  }
  await walk.end()
}
process.stdout.write(`${walks - failed} of ${walks} walks agree (seeds from ${first})\n`)
await heddle.close()
await nats.stop()
rmSync(folder, { recursive: true, force: true })
process.exit(failed === 0 ? 0 : 1)
