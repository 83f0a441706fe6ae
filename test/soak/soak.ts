// The soak as a command: node test/soak/soak.ts --seconds N --seed S [--workers W]
// Ends with exit code 1 if anything was lost, came twice, or came out of order.

import { parseArgs } from 'node:util'
import { chooseSeed, Random } from '../support/random.ts'
import { startServer } from '../support/server.ts'
import { Soak, words } from './run.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    workers: { type: 'string', default: '4' },
  },
})
const seed = values.seed === undefined ? chooseSeed('soak') : Number(values.seed)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
say(`soak: ${values.seconds} s, ${values.workers} workers, --seed ${seed}`)

const server = await startServer({ workers: Number(values.workers) })
const startMs = performance.now()
const soak = new Soak({
  port: server.port,
  seconds: Number(values.seconds),
  random: new Random(seed),
  onProgress: (report) => {
    const rss = Math.round(process.memoryUsage.rss() / 2 ** 20)
    say(`${((performance.now() - startMs) / 1000).toFixed(0)} s: ${words(report)}, ${rss} MiB`)
  },
})
const report = await soak.run()
await server.close()
for (const fault of report.faults) say(`FAULT: ${fault}`)
say(`${report.faults.length === 0 ? 'well' : 'FAILED'} (--seed ${seed}): ${words(report)}`)
process.exitCode = report.faults.length === 0 ? 0 : 1
