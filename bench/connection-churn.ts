// Memory after many short connections: each connects, subscribes, has one message and leaves, so many at a time. The
// program is started as given, and its RSS is told before, between and after:
//
//     src/node.sh bench/connection-churn.ts [--connections N] [--at-once N] -- COMMAND [ARGUMENTS]
//
// The command must listen on 127.0.0.1, on the port that stands in its arguments behind -p.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  options: { connections: { type: 'string', default: '60000' }, 'at-once': { type: 'string', default: '16' } },
  allowPositionals: true,
})
const WARM_UP = 200
const ROUNDS = 6
const SETTLE_MS = 3_000
const connections = Number(values.connections)
const port = Number(positionals[positionals.indexOf('-p') + 1])

const [command, ...args] = positionals
const server = spawn(command, args, { stdio: 'ignore' })
process.on('exit', () => server.kill('SIGKILL'))

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const rssMiB = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024

async function live(number: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1')
  const name = `short-${number}`
  socket.write(`CONNECT {"verbose":false,"name":"${name}"}\r\nSUB ${name} 1\r\nPUB ${name} 5\r\nhello\r\nPING\r\n`)
  let text = ''
  socket.on('data', (part: string) => {
    text += part
    if (text.includes('PONG\r\n')) socket.end()
  })
  await once(socket, 'close')
}

let started = 0
async function churn(count: number): Promise<void> {
  const end = started + count
  const lives = async (): Promise<void> => {
    while (started < end) await live(started++)
  }
  await Promise.all(Array.from({ length: Number(values['at-once']) }, lives))
}

for (let isUp = false; !isUp; await pause(100)) {
  const socket = connect(port, '127.0.0.1')
  isUp = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
}
await churn(WARM_UP)
await pause(SETTLE_MS)
const before = rssMiB()
const steps = [before]
for (let round = 0; round < ROUNDS; round++) {
  await churn(connections / ROUNDS)
  steps.push(rssMiB())
}
await pause(SETTLE_MS)
const after = rssMiB()
const told = [...steps, after].map((value) => value.toFixed(0)).join(' ')
process.stdout.write(`RSS in MiB: ${told}; after ${connections} connections ${(after / before).toFixed(2)} of before\n`)
process.exit(0)
