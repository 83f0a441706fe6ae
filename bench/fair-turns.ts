// What one client that floods costs the others of its shard: how long a PING takes that another client sends.
//
//     src/node.sh bench/fair-turns.ts [--seconds N] [--only TEXT] [--peer PATH] [--heddle FOLDER]
//
// Heddle with one shard and nats-server in turn, a fresh process for each flood. The PINGs come every few milliseconds
// from a connection that does nothing else. --heddle names the sources of another version to measure, '' none.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { FLOODS, type Flood } from './floods.ts'
import type { FlooderTask } from './generators/flooder.ts'
import { ROOT } from './measure.ts'
import { type Program, ServerProcess } from './server-process.ts'
import { percentile } from './statistics.ts'

const PROBE_GAP_MS = 2
/** The server has compiled what it needs by then. */
const WARM_UP_MS = 500

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    peer: { type: 'string', default: `${ROOT}.peers/bin/nats-server` },
    heddle: { type: 'string', default: ROOT },
  },
})

interface Figures {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly mostMs: number
  /** Operations a second of the flood, and the server's processor time for each, in microseconds. */
  readonly rate: number
  readonly cpuUs: number
}

/** A connection that sends a PING and waits for its PONG, again and again. */
class Prober {
  readonly roundTripsMs: number[] = []
  private readonly socket: Socket
  private waiter: (() => void) | undefined
  private fail: (error: Error) => void = () => undefined
  private rest = ''

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.setEncoding('latin1').on('data', (text: string) => this.read(text))
    this.socket.on('close', () => this.fail(new Error('the server closed the connection that sends PINGs')))
    this.socket.on('error', () => undefined)
    this.socket.write('CONNECT {"verbose":false}\r\n')
  }

  private read(text: string): void {
    const lines = (this.rest + text).split('\r\n')
    this.rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === 'PONG') this.waiter?.()
      else if (line === 'PING') this.socket.write('PONG\r\n')
    }
  }

  async ping(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.waiter = resolve
    this.fail = reject
    const startMs = performance.now()
    this.socket.write('PING\r\n')
    await promise
    this.roundTripsMs.push(performance.now() - startMs)
  }

  close(): void {
    this.fail = () => undefined
    this.socket.destroy()
  }
}

async function measure(program: Program, flood: Flood): Promise<Figures> {
  const server = await ServerProcess.start(program, flood.setup)
  const { port } = server.endpoint
  const { text, operations } = flood.cycle()
  const taken = new SharedArrayBuffer(4)
  const task: FlooderTask = {
    port,
    hello: `CONNECT ${JSON.stringify({ verbose: false, ...flood.connect })}\r\n${flood.prelude}`,
    cycle: Buffer.from(text, 'latin1'),
    operations,
    cycles: flood.cycles,
    taken,
  }
  const prober = new Prober(port)
  await prober.ping()
  const flooder = new Worker(new URL('generators/flooder.ts', import.meta.url), { workerData: task })
  try {
    await once(flooder, 'message')
    const probe = async (ms: number): Promise<void> => {
      const endMs = performance.now() + ms
      while (performance.now() < endMs) {
        await prober.ping()
        await pause(PROBE_GAP_MS)
      }
    }
    await probe(WARM_UP_MS)
    prober.roundTripsMs.length = 0
    const count = new Int32Array(taken)
    server.begin()
    const [before, beganMs] = [Atomics.load(count, 0), performance.now()]
    await probe(Number(flags.seconds) * 1000)
    const done = Atomics.load(count, 0) - before
    const rate = (done * 1000) / (performance.now() - beganMs)
    const cpuUs = (server.cpuMs * 1000) / done
    const sorted = prober.roundTripsMs.toSorted((a, b) => a - b)
    return {
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      mostMs: sorted.at(-1) as number,
      rate,
      cpuUs,
    }
  } finally {
    prober.close()
    await flooder.terminate()
    await server.stop()
  }
}

const programs: readonly (readonly [string, Program])[] = [
  ...(flags.heddle === ''
    ? []
    : [['Heddle', { command: `${flags.heddle}/src/heddle.sh`, arguments: ['--workers', '1'] }] as const]),
  ...(flags.peer === '' ? [] : [['nats-server', { command: flags.peer, arguments: [] }] as const]),
]
process.stdout.write(
  '| flood | server | PING p50, ms | p99, ms | most, ms | flood, operations a second | CPU each, µs |\n',
)
process.stdout.write('| --- | --- | --- | --- | --- | --- | --- |\n')
for (const flood of FLOODS) {
  if (!flood.name.includes(flags.only)) continue
  for (const [name, program] of programs) {
    const row = await measure(program, flood).then(
      ({ p50Ms, p99Ms, mostMs, rate, cpuUs }) =>
        `${p50Ms.toFixed(2)} | ${p99Ms.toFixed(2)} | ${mostMs.toFixed(1)} | ${Math.round(rate).toLocaleString('en')} | ${cpuUs.toFixed(2)} |`,
      (error: unknown) => `${error instanceof Error ? error.message : error} | | | | |`,
    )
    process.stdout.write(`| ${flood.name} | ${name} | ${row}\n`)
  }
}
