// The client beside @nats-io/transport-node (nats.js 3) and nats 2 (nats.js 2), on Heddle and on nats-server:
//
//     src/node.sh bench/client.ts [--only TEXT] [--rounds N] [--scale X] [--bytes N] [--server heddle|nats-server]
//                                 [--peer PATH] [--json FILE]
//
// --only takes the loads whose name has the text in it. Each library runs in a process of its own, and they take turns;
// figures are medians of the rounds. Ratios are Heddle's client / the other: a higher rate is better, a lower CPU. Loads
// in process have the server in the process of the client, with `workers: 0`, and its processor time in that. Loads of
// streams are those of @nats-io/jetstream and @nats-io/kv, over `heddle/nats-core` and over nats.js 3. Beside one
// request in flight are sockets without a client (client-floor.ts): the floor for all of them.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type ClientLoad, IN_PROCESS, LOADS, type Measured, SOCKETS } from './client-loads.ts'
import { STREAM_LOADS } from './client-stream-loads.ts'
import { type Program, ServerProcess } from './server-process.ts'
import { median } from './statistics.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OWN = 'heddle'
/** Microseconds that a request in process may take. */
const IN_PROCESS_AIM_US = 20
const RATE_AIM = 2
const CPU_AIM = 0.6

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    bytes: { type: 'string', default: '16' },
    server: { type: 'string', default: '' },
    peer: { type: 'string', default: `${ROOT}.peers/bin/nats-server` },
    json: { type: 'string' },
  },
})

const folder = mkdtempSync(join(tmpdir(), 'heddle-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true }))

const SERVERS = [
  { name: OWN, program: { command: `${ROOT}src/heddle.sh`, arguments: ['-js', '-sd', join(folder, OWN)] } },
  { name: 'nats-server', program: { command: flags.peer, arguments: ['-js', '-sd', join(folder, 'nats-server')] } },
].filter(({ name }) => name.startsWith(flags.server))

const STARTS_MAX = 3

/** Starts a server. Somebody else may take its port before it does: then it is tried again. */
async function start(program: Program, attempt = 1): Promise<ServerProcess> {
  try {
    return await ServerProcess.start(program)
  } catch (error) {
    if (attempt === STARTS_MAX) throw error
    return start(program, attempt + 1)
  }
}

async function run(library: string, load: ClientLoad, url: string): Promise<Measured> {
  const count = Math.max(100, Math.round(load.messages * Number(flags.scale)))
  const child = spawn(
    process.execPath,
    [`${ROOT}bench/client-worker.ts`, library, load.name, `${count}`, flags.bytes, url],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await once(child, 'close')
  return JSON.parse(output) as Measured
}

interface Row {
  readonly server: string
  readonly load: string
  readonly library: string
  readonly runs: readonly Measured[]
}

function middle(runs: readonly Measured[], member: keyof Measured): number {
  return median(runs.map((one) => one[member] ?? Number.NaN))
}

/** Each round's own against the other's of the same round. */
function ratio(own: Row, other: Row, member: keyof Measured): number {
  return median(own.runs.map((one, i) => (one[member] ?? Number.NaN) / (other.runs[i][member] ?? Number.NaN)))
}

function line(cells: readonly (string | number)[]): void {
  const widths = [12, 31, 17, 12, 8, 8, 8, 12, 12]
  const texts = cells.map((cell, i) => (i < 3 ? `${cell}`.padEnd(widths[i]) : `${cell}`.padStart(widths[i])))
  process.stdout.write(`${texts.join(' ')}\n`)
}

const rows: Row[] = []
const loads = [...LOADS, ...STREAM_LOADS].filter(({ name }) => name.includes(flags.only))
line(['server', 'load', 'client', 'rate /s', 'CPU µs', 'p50 µs', 'p99 µs', 'rate ratio', 'CPU ratio'])
for (const { name: server, program } of SERVERS) {
  const running = await start(program)
  try {
    for (const load of loads) {
      const { libraries = SOCKETS } = load
      if (libraries === IN_PROCESS && server !== OWN) continue
      const runs = libraries.map((): Measured[] => [])
      for (let round = 0; round < Number(flags.rounds); round++) {
        const turn = [...libraries.entries()]
        for (const [i, library] of round % 2 === 0 ? turn : turn.toReversed()) {
          runs[i].push(await run(library, load, running.url))
        }
      }
      const results = libraries.map((library, i): Row => ({ server, load: load.name, library, runs: runs[i] }))
      rows.push(...results)
      for (const row of results) {
        const isOwn = row === results[0]
        const [rates, cpus] = [ratio(results[0], row, 'rate'), ratio(results[0], row, 'cpuUs')]
        line([
          server,
          load.name,
          row.library,
          Math.round(middle(row.runs, 'rate')),
          middle(row.runs, 'cpuUs').toFixed(2),
          ...(['p50Us', 'p99Us'] as const).map((member) =>
            Number.isNaN(middle(row.runs, member)) ? '' : middle(row.runs, member).toFixed(0),
          ),
          isOwn ? '' : `${rates.toFixed(2)}${rates >= RATE_AIM ? '' : ' *'}`,
          isOwn ? '' : `${cpus.toFixed(2)}${cpus <= CPU_AIM ? '' : ' *'}`,
        ])
      }
      if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify(rows, undefined, 1))
    }
  } finally {
    await running.stop()
  }
}
process.stdout.write(
  `* short of the aim: rate ≥ ${RATE_AIM}, CPU ≤ ${CPU_AIM}; a request in process is to take ≤ ${IN_PROCESS_AIM_US} µs\n`,
)
