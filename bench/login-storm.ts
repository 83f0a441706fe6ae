// A storm of logins: clients that connect and say CONNECT at once, with passwords or with tokens, while busy processes
// keep the machine's processors from the server. How long until all are in, how many are refused, and how long another
// client waits for its PONG meanwhile; beside nats-server.
//
//     src/node.sh bench/login-storm.ts [plain|bcrypt|jwt] [CLIENTS] [BUSY] [ROUNDS]

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { encodeUser } from '@nats-io/jwt'
import { createUser } from '@nats-io/nkeys'
import { hashSync } from 'bcryptjs'
import { TestAccount, TestOperator } from '../test/support/operator.ts'
import { enter } from './login-clients.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  Heddle: [join(ROOT, 'src', 'heddle.sh'), '--workers', '1'],
  'nats-server': [join(ROOT, '.peers', 'bin', 'nats-server')],
}
const WATCHER = fileURLToPath(new URL('login-watcher.ts', import.meta.url))
const POLL_MS = 5

const [way = 'plain', clients = '1500', busy = '16', rounds = '3'] = process.argv.slice(2)

interface Storm {
  readonly config: string
  readonly members: object
}

async function stormOf(kind: string): Promise<Storm> {
  if (kind === 'jwt') {
    const operator = new TestOperator()
    const account = new TestAccount('A')
    await operator.sign(account)
    const jwt = await encodeUser('u', createUser(), account.key, { bearer_token: true }, {})
    return { config: await operator.config(), members: { jwt } }
  }
  const password = kind === 'bcrypt' ? hashSync('secret', 4) : 'secret'
  return {
    config: `authorization { users: [ { user: u, password: "${password}" } ] }\n`,
    members: { user: 'u', pass: 'secret' },
  }
}

/** A server of the storm's configuration; answers its port and what ends it. */
async function startServer(program: string, folder: string, config: string) {
  const file = join(folder, 'server.conf')
  writeFileSync(file, `listen: "127.0.0.1:-1"\n${config}`)
  const [command, ...options] = PROGRAMS[program]
  const child = spawn(command, [...options, '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  while (!log.includes('Server is ready')) {
    if (child.exitCode !== null) throw new Error(log)
    await pause(POLL_MS)
  }
  const port = Number(/Listening for client connections on \S*:(\d+)/.exec(log)?.[1])
  return { child, port }
}

/** A client that is in and sends PINGs, in a process of its own; `waits` ends it, and answers its waits, sorted. */
async function startWatcher(port: number, members: object): Promise<{ waits(): Promise<number[]> }> {
  const child = fork(WATCHER, [String(port), JSON.stringify(members)])
  await once(child, 'message')
  return {
    waits: async () => {
      child.send('over')
      const [waits] = (await once(child, 'message')) as [number[]]
      return waits.sort((a, b) => a - b)
    },
  }
}

/** Clock ticks a second of /proc/PID/stat. */
const TICKS = 100

/** Processor time that a process has had. */
function cpuMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS
}

async function measure(program: string, { config, members }: Storm): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-storm-'))
  const { child, port } = await startServer(program, folder, config)
  const others: ChildProcess[] = []
  const sockets: Socket[] = []
  try {
    const watcher = await startWatcher(port, members)
    for (let i = 0; i < Number(busy); i++)
      others.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }))
    const cpuFromMs = cpuMs(child)
    const fromMs = performance.now()
    const entering = Array.from({ length: Number(clients) }, () => enter(port, members))
    sockets.push(...entering.map(({ socket }) => socket))
    const inside = (await Promise.all(entering.map(({ isIn }) => isIn))).filter(Boolean).length
    const tookMs = performance.now() - fromMs
    const cpu = cpuMs(child) - cpuFromMs
    const sorted = await watcher.waits()
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
    const reasons = [...new Set(entering.map(({ why }) => why()))].filter((reason) => reason !== '').join('; ')
    const took = `${tookMs.toFixed(0)} ms (processor ${cpu} ms)`
    return `${program.padEnd(12)} ${way}: ${inside} of ${clients} in after ${took}, PING p99 ${p99.toFixed(1)} ms${reasons && `, others: ${reasons}`}`
  } finally {
    for (const process of [child, ...others]) process.kill('SIGKILL')
    for (const socket of sockets) socket.destroy()
    rmSync(folder, { recursive: true, force: true })
  }
}

const storm = await stormOf(way)
for (let round = 0; round < Number(rounds); round++) {
  for (const program of Object.keys(PROGRAMS)) process.stdout.write(`${await measure(program, storm)}\n`)
}
process.exit(0)
