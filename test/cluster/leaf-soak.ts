// A hub with two leaf nodes under numbered traffic, for long:
//
//     src/node.sh test/cluster/leaf-soak.ts [--seconds 600] [--seed S] [--kinds heddle,nats-server,heddle]
//
// `--kinds`: what the hub and the two leaf nodes are. Exit code 1 at the first message too many or too few.

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Random } from '../support/random.ts'
import { soakLeafs } from './leaf-soaker.ts'
import { heddle, NATS_SERVER } from './servers.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, kinds: { type: 'string' } },
})
const seed = Number(values.seed ?? randomInt(1, 2 ** 31))
const names = (values.kinds ?? 'heddle,nats-server,heddle').split(',')
const [hub, one, other] = names.map((name) => (name === 'nats-server' ? NATS_SERVER : heddle(2)))
process.stdout.write(`leaf soak: ${names.join(', ')}, --seed ${seed}\n`)
try {
  const tell = (text: string): void => void process.stdout.write(`${text}\n`)
  const totals = await soakLeafs([hub, one, other], new Random(seed), Number(values.seconds ?? 600), tell)
  process.stdout.write(`${JSON.stringify(totals)}\n`)
  process.exit(0)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(1)
}
