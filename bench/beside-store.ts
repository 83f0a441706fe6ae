// src/node.sh bench/beside-store.ts [--rounds N] [--requests N] [--server heddle|nats-server] [--workers N] [--bytes N]
//                                   [--compression s2]
//
// Requests of core NATS beside a stream that is written to as fast as one client can (`nats bench js pub`, 500
// on their way), all on the same shards. A stream in memory takes as much of the processor, and no disk: the ratio to
// it is what the disk costs others. Figures are medians of the rounds, in which the three take turns.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CLI } from './cli-load.ts'
import { closeGenerators, exchange } from './generators/pool.ts'
import { ROOT } from './measure.ts'
import { ServerProcess } from './server-process.ts'
import { DEFAULTS } from './setups.ts'
import { median } from './statistics.ts'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    requests: { type: 'string', default: '10000' },
    bytes: { type: 'string', default: '128' },
    server: { type: 'string', default: 'heddle' },
    workers: { type: 'string', default: '1' },
    compression: { type: 'string', default: 'none' },
  },
})

const WAYS = ['nothing', 'memory', 'file'] as const
type Way = (typeof WAYS)[number]
interface Seen {
  readonly p50Us: number
  readonly p99Us: number
  /** Messages a second that the stream took meanwhile. */
  readonly stored: number
}

const environment = { ...process.env, XDG_CONFIG_HOME: tmpdir() }
const program =
  flags.server === 'heddle'
    ? { command: `${ROOT}src/heddle.sh`, arguments: ['--workers', flags.workers] }
    : { command: `${ROOT}.peers/bin/nats-server`, arguments: [] }
const setup = {
  ...DEFAULTS,
  configuration: (folder: string) => `jetstream { store_dir: "${join(folder, 'streams')}" }\n`,
}

function nats(server: ServerProcess, ...words: readonly string[]): string {
  return execFileSync(CLI, ['--no-context', '-s', server.url, ...words], { env: environment, encoding: 'utf8' })
}

function stored(server: ServerProcess): number {
  const info = JSON.parse(nats(server, 'stream', 'info', 'S', '--json')) as { state: { last_seq: number } }
  return info.state.last_seq
}

async function requests(server: ServerProcess): Promise<{ p50Us: number; p99Us: number }> {
  const { endpoint } = server
  const generator = exchange({ endpoint, warmUp: 500, requests: Number(flags.requests), bytes: 16 })
  await generator.ready
  generator.tell({ kind: 'go' })
  return generator.done
}

async function look(way: Way): Promise<Seen> {
  const server = await ServerProcess.start(program, setup)
  try {
    if (way === 'nothing') return { ...(await requests(server)), stored: 0 }
    nats(
      server,
      ...['stream', 'add', 'S', '--subjects', 's.>', '--storage', way, '--defaults', '--max-msgs', '1000000'],
      ...(way === 'file' ? ['--compression', flags.compression] : []),
    )
    const bench = ['bench', 'js', 'pub', 's.x', '--stream', 'S', '--no-progress']
    const sizes = ['--msgs', '100000000', '--size', flags.bytes]
    const writer = spawn(CLI, ['--no-context', '-s', server.url, ...bench, ...sizes], {
      env: environment,
      stdio: 'ignore',
    })
    const ended = once(writer, 'exit')
    try {
      while (stored(server) < 20_000) await new Promise((resolve) => setTimeout(resolve, 20))
      const [from, fromMs] = [stored(server), performance.now()]
      const seen = await requests(server)
      return { ...seen, stored: ((stored(server) - from) * 1000) / (performance.now() - fromMs) }
    } finally {
      writer.kill('SIGKILL')
      await ended
    }
  } finally {
    await server.stop()
  }
}

const seen: Record<Way, Seen[]> = { nothing: [], memory: [], file: [] }
for (let round = 0; round < Number(flags.rounds); round++) {
  for (const way of round % 2 === 0 ? WAYS : WAYS.toReversed()) seen[way].push(await look(way))
}
await closeGenerators()
const middle = (way: Way, member: keyof Seen): number => median(seen[way].map((one) => one[member]))
for (const way of WAYS) {
  const ratio = median(seen[way].map((one, i) => one.p99Us / seen.memory[i].p99Us))
  process.stdout.write(
    `beside ${way.padEnd(8)} p50 ${middle(way, 'p50Us').toFixed(0).padStart(6)} µs  p99 ` +
      `${middle(way, 'p99Us').toFixed(0).padStart(6)} µs  p99 / memory ${ratio.toFixed(2)}  ` +
      `${middle(way, 'stored').toFixed(0)} messages/s\n`,
  )
}
