// Traffic between two servers of a cluster, Heddle beside nats-server: a publisher at one, subscribers at the other. Tells
// the rate, and the processor time a delivery of both servers together.
//
//     src/node.sh bench/routes.ts [--rounds 5] [--scale 1] [--workers 1]

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { ROOT } from '../test/support/server.ts'
import { median } from './statistics.ts'

const TICK_MS = 10
const ROUND_MAX_MS = 120_000

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
  },
})

interface Load {
  readonly name: string
  readonly subscribers: number
  readonly messages: number
  sizeOf(): number
}

const atRandom = (): number => 16 + Math.floor(Math.random() * 500)
const scale = Number(values.scale)
const LOADS: readonly Load[] = [
  { name: '1 to 1 over a route, 128 B', subscribers: 1, messages: 1_000_000 * scale, sizeOf: () => 128 },
  { name: '1 to 1 over a route, sizes at random', subscribers: 1, messages: 600_000 * scale, sizeOf: atRandom },
  { name: '1 to 16 over a route, 128 B', subscribers: 16, messages: 100_000 * scale, sizeOf: () => 128 },
  { name: '1 to 16 over a route, sizes at random', subscribers: 16, messages: 80_000 * scale, sizeOf: atRandom },
]

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

type Kind = 'nats-server' | 'Heddle'

interface Pair {
  readonly ports: readonly [number, number]
  cpuMs(): number
  stop(): void
}

async function startPair(kind: Kind): Promise<Pair> {
  const ports = [await freePort(), await freePort()] as const
  const routes = [await freePort(), await freePort()] as const
  const children = ports.map((port, i) => startOne(kind, port, routes[i], i === 0 ? undefined : routes[0], i))
  await Promise.all(ports.map(whenServing))
  return {
    ports,
    cpuMs: () => children.reduce((sum, { pid }) => sum + cpuOf(pid ?? 0), 0),
    stop: () => {
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

function startOne(kind: Kind, port: number, cluster: number, other: number | undefined, i: number): ChildProcess {
  const flags = [
    ...['-a', '127.0.0.1', '-p', String(port), '--cluster_name', 'bench', '--server_name', `s${i}`],
    ...['--cluster', `nats://127.0.0.1:${cluster}`],
    ...(other === undefined ? [] : ['--routes', `nats://127.0.0.1:${other}`]),
  ]
  return kind === 'Heddle'
    ? spawn(process.execPath, ['dist/src/main.cjs', ...flags, '--workers', values.workers], { cwd: ROOT })
    : spawn('.peers/bin/nats-server', flags, { cwd: ROOT })
}

async function whenServing(port: number): Promise<void> {
  const endMs = performance.now() + 20_000
  while (performance.now() < endMs) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`no server at ${port}`)
}

/** Processor time of a process, all threads, in milliseconds. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

interface Subscriber {
  readonly socket: Socket
  bytes: number
}

function subscribe(port: number): Subscriber {
  const subscriber = { socket: connect(port, '127.0.0.1'), bytes: 0 }
  subscriber.socket.on('data', (bytes) => {
    subscriber.bytes += bytes.length
  })
  subscriber.socket.write('CONNECT {"verbose":false}\r\nSUB bench 1\r\nPING\r\n')
  return subscriber
}

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + ROUND_MAX_MS
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('messages are missing')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Rate in deliveries a second, and microseconds of processor time a delivery. */
async function run(kind: Kind, load: Load): Promise<{ rate: number; cpuUs: number }> {
  const pair = await startPair(kind)
  try {
    const subscribers = Array.from({ length: load.subscribers }, () => subscribe(pair.ports[1]))
    const publisher = connect(pair.ports[0], '127.0.0.1')
    publisher.on('data', () => undefined)
    publisher.write('CONNECT {"verbose":false}\r\n')
    // Until the interest of all is there.
    while (!(await reaches(publisher, subscribers))) {}
    const blocks: Buffer[] = []
    let expected = 0
    const block = 10_000
    for (let sent = 0; sent < load.messages; sent += block) {
      let text = ''
      for (let i = 0; i < Math.min(block, load.messages - sent); i++) {
        const size = load.sizeOf()
        text += `PUB bench ${size}\r\n${'x'.repeat(size)}\r\n`
        expected += `MSG bench 1 ${size}\r\n`.length + size + 2
      }
      blocks.push(Buffer.from(text, 'latin1'))
    }
    for (const subscriber of subscribers) subscriber.bytes = 0
    const cpuFrom = pair.cpuMs()
    const fromMs = performance.now()
    for (const bytes of blocks) {
      if (!publisher.write(bytes)) await new Promise((resolve) => publisher.once('drain', resolve))
    }
    await until(() => subscribers.every(({ bytes }) => bytes >= expected))
    const tookMs = performance.now() - fromMs
    const deliveries = load.messages * load.subscribers
    for (const { socket } of subscribers) socket.destroy()
    const cpuUs = ((pair.cpuMs() - cpuFrom) * 1000) / deliveries
    publisher.destroy()
    return { rate: (deliveries * 1000) / tookMs, cpuUs }
  } finally {
    pair.stop()
  }
}

/** Whether a message that is published now reaches everybody; what came before it has been counted by then. */
async function reaches(publisher: Socket, subscribers: readonly Subscriber[]): Promise<boolean> {
  const before = subscribers.map(({ bytes }) => bytes)
  publisher.write('PUB bench 1\r\nx\r\n')
  await new Promise((resolve) => setTimeout(resolve, 100))
  return subscribers.every(({ bytes }, i) => bytes > before[i])
}

for (const load of LOADS) {
  const rates: number[] = []
  const costs: number[] = []
  const own: { rate: number; cpuUs: number }[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    const theirs = await run('nats-server', load)
    const ours = await run('Heddle', load)
    rates.push(ours.rate / theirs.rate)
    costs.push(ours.cpuUs / theirs.cpuUs)
    own.push(ours)
  }
  const rate = Math.round(median(own.map((each) => each.rate))).toLocaleString('en')
  const cpu = median(own.map(({ cpuUs }) => cpuUs)).toFixed(3)
  const ratios = `rate ${median(rates).toFixed(2)}, processor time ${median(costs).toFixed(2)} of nats-server`
  process.stdout.write(`${load.name}: ${rate} a second, ${cpu} µs each; ${ratios}\n`)
}
process.exit(0)
