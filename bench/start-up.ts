// How long a start takes, from the start of the process: to the first connect that is taken, to INFO, and to the ready
// line. `src/node.sh bench/start-up.ts [ROUNDS]`; the first round of each row finds no compiled code (.cache).

import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const HEDDLE = join(ROOT, 'src', 'heddle.sh')
const NATS_SERVER = join(ROOT, '.peers', 'bin', 'nats-server')

/** Not at once: whoever asks without a pause takes a processor from the server that starts. */
const RETRY_MS = 1

interface Times {
  readonly connectMs: number
  readonly infoMs: number
  readonly readyMs: number
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Tries again and again until somebody listens; the connection is closed after its first bytes. */
function firstConnect(port: number): Promise<{ connectMs: number; infoMs: number }> {
  return new Promise((resolve) => {
    const attempt = (): void => {
      const socket = connect(port, '127.0.0.1')
      let connectMs = 0
      socket.once('connect', () => {
        connectMs = performance.now()
      })
      socket.once('data', () => {
        resolve({ connectMs, infoMs: performance.now() })
        socket.destroy()
      })
      socket.once('error', () => setTimeout(attempt, RETRY_MS))
    }
    attempt()
  })
}

async function measure(file: string, args: readonly string[]): Promise<Times> {
  const port = await freePort()
  const startMs = performance.now()
  const child = spawn(file, ['-a', '127.0.0.1', '-p', String(port), ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ready = new Promise<number>((resolve) => {
    let log = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text
      if (log.includes('Server is ready')) resolve(performance.now())
    })
  })
  const [{ connectMs, infoMs }, readyMs] = await Promise.all([firstConnect(port), ready])
  child.kill('SIGINT')
  await new Promise((resolve) => child.once('exit', resolve))
  return { connectMs: connectMs - startMs, infoMs: infoMs - startMs, readyMs: readyMs - startMs }
}

function median(values: readonly number[]): string {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)].toFixed(0)
}

async function row(name: string, rounds: number, file: string, args: readonly string[]): Promise<void> {
  const times: Times[] = []
  for (let i = 0; i < rounds; i++) times.push(await measure(file, args))
  const column = (member: keyof Times): string => median(times.map((time) => time[member])).padStart(8)
  process.stdout.write(`${name.padEnd(28)}${column('connectMs')}${column('infoMs')}${column('readyMs')}\n`)
}

const rounds = Number(process.argv[2] ?? 11)
process.stdout.write(`${'median of ms to'.padEnd(28)} connect    INFO   ready\n`)
await row('nats-server', rounds, NATS_SERVER, [])
for (const workers of [0, 1, 2, 4]) {
  const args = ['--workers', String(workers)]
  rmSync(join(ROOT, '.cache'), { recursive: true, force: true })
  await row(`heddle, ${workers} shards, first start`, 1, HEDDLE, args)
  await row(`heddle, ${workers} shards`, rounds, HEDDLE, args)
}
