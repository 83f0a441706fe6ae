// No thread is replaced for the want of a processor:
// src/node.sh test/soak/overbooked.ts [--seconds 60] [--nice 19] [--group FOLDER]
// Ends with exit code 1 if one was, or if a message was lost. `--nice`: of the server, beside processes at 5; `--group`:
// a control group that gives the server as little as one likes.

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { overbook } from './overbook.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    nice: { type: 'string', default: '5' },
    group: { type: 'string' },
  },
})
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const report = await overbook({
  workers: 4,
  seconds: Number(values.seconds),
  busy: 10 * availableParallelism(),
  busyNice: 5,
  serverNice: Number(values.nice),
  group: values.group,
  freezes: 2,
  freezeMs: 4_000,
})
const { replaced, late, messages, faults, log } = report
say(`${replaced} threads replaced, ${late} times one was late, ${messages} messages`)
for (const fault of faults) say(`FAULT: ${fault}`)
if (replaced > 0) say(log)
process.exitCode = replaced === 0 && faults.length === 0 ? 0 : 1
