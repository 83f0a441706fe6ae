// Soaks mixed clusters: `src/node.sh test/cluster/soak.ts [--minutes 10] [--seed N] [nats,2,1 …]`.

import { parseArgs } from 'node:util'
import { Random } from '../support/random.ts'
import type { Kind } from './cluster.ts'
import { soak } from './soaking.ts'

const { values, positionals } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
  allowPositionals: true,
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const mixes = (positionals.length > 0 ? positionals : ['nats,2,1', '2,nats,nats', '1,2,1']).map((text) =>
  text.split(',').map((kind): Kind => (kind === 'nats' ? 'nats' : Number(kind))),
)
const eachMs = (Number(values.minutes) * 60_000) / mixes.length
process.stdout.write(`seed ${seed}\n`)
const random = new Random(seed)
for (const kinds of mixes) {
  const endMs = performance.now() + eachMs
  const outcome = await soak(kinds, random, { isOver: () => performance.now() > endMs, messages: 2000 })
  process.stdout.write(`${kinds.join(',')}: ${JSON.stringify(outcome)}\n`)
}
process.exit(0)
