// How long a start takes, from the start of the process: to the first connect that is taken, to INFO, to the first
// PONG, and to the ready line; and how long the first request and its answer take then. A bare Node with one worker
// thread and a listening socket is the floor. `src/node.sh bench/start-up.ts [ROUNDS]`, after `npm run build`.

import { spawn } from 'node:child_process'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const HEDDLE = join(ROOT, 'src', 'heddle.sh')
const NATS_SERVER = join(ROOT, '.peers', 'bin', 'nats-server')

/** Not at once: whoever asks without a pause takes a processor from the server that starts. */
const RETRY_MS = 1

const COLUMNS = ['connect', 'INFO', 'PONG', 'ready', 'request'] as const
/** Milliseconds by column. */
type Times = Readonly<Record<(typeof COLUMNS)[number], number>>

/** What a Node program of this shape takes at least. */
const BARE = `
  const { Worker } = require('node:worker_threads')
  const worker = new Worker("require('node:worker_threads').parentPort.on('message', () => 0).postMessage('')", { eval: true })
  const [host, port] = [process.argv[2], Number(process.argv[4])]
  worker.once('message', () => require('node:net').createServer((socket) => {
    socket.on('data', () => socket.write('PONG\\r\\nok\\r\\n')).on('error', () => 0).write('INFO {}\\r\\n')
  }).listen(port, host, () => process.stderr.write('Server is ready\\n')))
  process.on('SIGINT', () => process.exit(0))
`

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Tries again and again until a server listens. */
function firstConnect(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const attempt = (): void => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('connect', () => {
        // While nobody listens, the system may give the attempt this port as its own: then it has met itself.
        if (socket.localPort !== port) return resolve(socket)
        socket.destroy()
        attempt()
      })
      socket.once('error', () => setTimeout(attempt, RETRY_MS))
    }
    attempt()
  })
}

/** Resolves, with the time, when `text` has come. */
function heard(socket: Readable, text: string): Promise<number> {
  return new Promise((resolve) => {
    let log = ''
    socket.on('data', (bytes: Buffer) => {
      log += bytes
      if (log.includes(text)) resolve(performance.now())
    })
  })
}

async function measure(file: string, args: readonly string[]): Promise<Times> {
  const port = await freePort()
  const startMs = performance.now()
  const child = spawn(file, [...args, '-a', '127.0.0.1', '-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ready = heard(child.stderr, 'Server is ready')
  const socket = await firstConnect(port)
  const connectMs = performance.now()
  const [info, pong] = [heard(socket, 'INFO'), heard(socket, 'PONG')]
  socket.write('CONNECT {}\r\nSUB inbox 1\r\nPING\r\n')
  const times = [connectMs, await info, await pong, 0, 0]
  const service = await firstConnect(port)
  const served = heard(service, 'PONG')
  service.write('CONNECT {}\r\nSUB service q 1\r\nPING\r\n')
  await served
  void heard(service, 'service 1 inbox').then(() => service.write('PUB inbox 4\r\nok\r\n\r\n'))
  const requestMs = performance.now()
  const answered = heard(socket, 'ok\r\n')
  socket.write('PUB service inbox 2\r\nhi\r\n')
  const answeredMs = await answered
  times[3] = await ready
  times[4] = startMs + answeredMs - requestMs
  child.kill('SIGINT')
  socket.destroy()
  service.destroy()
  await new Promise((resolve) => child.once('exit', resolve))
  return Object.fromEntries(COLUMNS.map((name, i) => [name, times[i] - startMs])) as Times
}

function median(values: readonly number[]): string {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)].toFixed(1)
}

interface Row {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly times: Times[]
}

function row(name: string, file: string, args: readonly string[]): Row {
  return { name, file, args, times: [] }
}

const rounds = Number(process.argv[2] ?? 11)
const rows = [
  row('bare Node, one worker', process.execPath, ['-e', BARE, '--']),
  row('nats-server', NATS_SERVER, []),
  ...[0, 1, 2, 4, 8].map((workers) => row(`heddle, ${workers} shards`, HEDDLE, ['--workers', String(workers)])),
]
// In turn, so that what else the machine does meets all of them alike.
for (let round = 0; round < rounds; round++) {
  for (const { file, args, times } of rows) times.push(await measure(file, args))
}
process.stdout.write(`${'median of ms to'.padEnd(28)}${COLUMNS.map((name) => name.padStart(9)).join('')}\n`)
for (const { name, times } of rows) {
  const columns = COLUMNS.map((column) => median(times.map((one) => one[column])).padStart(9))
  process.stdout.write(`${name.padEnd(28)}${columns.join('')}\n`)
}
