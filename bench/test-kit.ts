// How long a test waits for a server: with heddle/test, and with nats-server as a child process. Each start is measured
// to the first PONG of a client by TCP, each end until the server is gone. `first` is the first one in a new process
// and includes the load of the code; `later` are those that follow in it. `src/node.sh bench/test-kit.ts [ROUNDS]`,
// after `npm run build`.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type * as kit from '../src/test-kit/index.ts'
import { median } from './statistics.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const KIT = join(ROOT, 'dist/src/test-kit/index.cjs')
const NATS_SERVER = join(ROOT, '.peers', 'bin', 'nats-server')
const LATER = 5

/** Milliseconds. */
interface Times {
  readonly first: number
  readonly later: number[]
  readonly ends: number[]
}

interface Started {
  readonly port: number
  end(): Promise<void>
}

/** Ways to a server, by the words of the table. */
const WAYS: Readonly<Record<string, () => Promise<Started>>> = {
  'heddle/test': () => startKit(0),
  'heddle/test, workers: 1': () => startKit(1),
  'nats-server, child process': startNatsServer,
}

async function startKit(workers: number): Promise<Started> {
  const { createTestServer } = (await import(KIT)) as typeof kit
  const server = await createTestServer({ workers })
  return { port: server.port, end: () => server.close() }
}

async function startNatsServer(): Promise<Started> {
  const child = spawn(NATS_SERVER, ['-a', '127.0.0.1', '-p', '-1'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const gone = once(child, 'exit')
  return {
    port: await listeningPort(child.stderr),
    end: async () => {
      child.kill('SIGTERM')
      await gone
    },
  }
}

async function listeningPort(log: Readable): Promise<number> {
  let text = ''
  for await (const chunk of log.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    const [, port] = /client connections on \S*:(\d+)/.exec(text) ?? []
    if (port !== undefined) {
      log.resume()
      return Number(port)
    }
  }
  throw new Error(`nats-server ended: ${text}`)
}

/** Resolves when a client has been answered. */
async function answered(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write('CONNECT {"verbose":false}\r\nPING\r\n')
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    if (text.includes('PONG')) return
  }
  throw new Error(`the server ended the connection: ${text}`)
}

/** What one process measures. */
async function measure(way: string): Promise<Times> {
  const starts: number[] = []
  const ends: number[] = []
  for (let i = 0; i <= LATER; i++) {
    const startMs = performance.now()
    const { port, end } = await WAYS[way]()
    await answered(port)
    const readyMs = performance.now()
    await end()
    starts.push(readyMs - startMs)
    ends.push(performance.now() - readyMs)
  }
  const [first, ...later] = starts
  return { first, later, ends }
}

const [mode = '11', way = ''] = process.argv.slice(2)
if (mode === 'measure') {
  process.stdout.write(JSON.stringify(await measure(way)))
} else {
  const times = new Map<string, Times[]>(Object.keys(WAYS).map((name) => [name, []]))
  // In turn, so that what else the machine does meets all of them alike.
  for (let round = 0; round < Number(mode); round++) {
    for (const [name, all] of times) {
      const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), 'measure', name])
      all.push(JSON.parse(stdout) as Times)
    }
  }
  process.stdout.write(`${'median of ms'.padEnd(28)}${['first', 'later', 'end'].map((s) => s.padStart(9)).join('')}\n`)
  for (const [name, all] of times) {
    const columns = [all.map(({ first }) => first), all.flatMap(({ later }) => later), all.flatMap(({ ends }) => ends)]
    process.stdout.write(`${name.padEnd(28)}${columns.map((one) => median(one).toFixed(1).padStart(9)).join('')}\n`)
  }
}
