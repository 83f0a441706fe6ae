// Two servers and what goes over their link, a route or that of a leaf node: Heddle beside nats-server, in turn. Clients
// at one server publish or ask, those at the other one hear and answer. Tells rates, and the processor time of both
// servers together.
//
//     src/node.sh bench/routes.ts [--pairs 5] [--scale 1] [--only TEXT] [--workers 1] [--peer PATH] [--heddle PATH]
//
// `--peer` may be another Heddle: so two builds are compared.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connectText } from './connect.ts'
import { Backlog } from './generators/backlog.ts'
import { closeGenerators, publishTraffic, receiveTraffic, request } from './generators/pool.ts'
import { ROOT } from './measure.ts'
import { type Program, ServerProcess } from './server-process.ts'
import { DEFAULTS } from './setups.ts'
import { median } from './statistics.ts'
import { owedBy, publishText, type Traffic } from './traffic.ts'
import { oneSubject, sizesAtRandom } from './workloads.ts'

/** Clients write about as much at once. */
const PIECE_BYTES = 128 * 1024
const WAIT_MS = 60_000
const POLL_MS = 20
const WARM_UP = 5_000
const SUBSCRIPTIONS = 10_000
/** How often the link is made anew where that is measured. */
const RECONNECTS = 6
const READY = 'bench.ready'

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    workers: { type: 'string', default: '1' },
    peer: { type: 'string', default: `${ROOT}.peers/bin/nats-server` },
    heddle: { type: 'string', default: `${ROOT}src/heddle.sh` },
  },
})
const scale = Number(values.scale)

type Link = 'route' | 'leaf'

/** What a row says; `cpuUs` for each message that is delivered, request or subscription. */
interface Figures {
  /** Of these a second. */
  readonly rate: number
  readonly cpuUs: number
}

interface Row {
  readonly name: string
  run(program: Program): Promise<Figures>
}

const overEach = (name: string, run: (program: Program, link: Link) => Promise<Figures>): Row[] => [
  { name: `${name}, route`, run: (program) => run(program, 'route') },
  { name: `${name}, leaf node`, run: (program) => run(program, 'leaf') },
]

const ROWS: readonly Row[] = [
  ...trafficRows('1 to 1, 128 B', 1, () => 128, 2_000_000),
  ...trafficRows('1 to 1, sizes at random', 1, sizesAtRandom, 600_000),
  ...trafficRows('1 to 16, 128 B', 16, () => 128, 200_000),
  ...trafficRows('1 to 16, sizes at random', 16, sizesAtRandom, 60_000),
  ...overEach('requests, 32 clients of 4 services', requests),
  { name: '10,000 subscriptions on connect, route', run: subscriptions },
]

function trafficRows(name: string, receivers: number, bytes: typeof sizesAtRandom, messages: number): Row[] {
  return overEach(name, (program, link) => traffic(program, link, oneSubject(receivers, bytes), messages))
}

/** Two servers, the second of which has dialled the first. */
class Pair {
  readonly servers: readonly ServerProcess[]

  private constructor(servers: readonly ServerProcess[]) {
    this.servers = servers
  }

  /** `port`: where the first one listens for the other; `dialled`: where that one looks for it. */
  static async start(program: Program, link: Link, port: number, dialled = port): Promise<Pair> {
    const listen = `listen: "127.0.0.1:${port}"`
    const texts =
      link === 'route'
        ? [
            `cluster { name: bench, ${listen} }`,
            `cluster { name: bench, listen: "127.0.0.1:${await freePort()}", routes: [ "nats://127.0.0.1:${dialled}" ] }`,
          ]
        : [
            `leafnodes { ${listen}, compression: off }`,
            `leafnodes { remotes: [ { url: "nats://127.0.0.1:${dialled}", compression: off } ] }`,
          ]
    const start = (i: number): Promise<ServerProcess> =>
      ServerProcess.start(program, { ...DEFAULTS, configuration: () => `server_name: s${i}\n${texts[i]}\n` })
    const first = await start(0)
    try {
      return new Pair([first, await start(1)])
    } catch (error) {
      await first.stop()
      throw error
    }
  }

  begin(): void {
    for (const server of this.servers) server.begin()
  }

  end(): void {
    for (const server of this.servers) server.end()
  }

  get cpuMs(): number {
    return this.servers.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
  }

  /** Resolves when messages go from one server to the other, and interest that was there before is known. */
  async whenLinked(from: number, to: number): Promise<void> {
    const [publisher, subscriber] = [this.servers[from], this.servers[to]].map(({ endpoint }) => open(endpoint.port))
    let hasCome = false
    subscriber.on('data', (bytes) => {
      hasCome ||= bytes.includes(`MSG ${READY}`)
    })
    subscriber.write(`SUB ${READY} 1\r\n`)
    try {
      await until(() => {
        publisher.write(`PUB ${READY} 0\r\n\r\n`)
        return hasCome
      })
    } finally {
      publisher.destroy()
      subscriber.destroy()
    }
  }

  async stop(): Promise<void> {
    for (const server of this.servers) await server.stop()
  }
}

async function withPair<T>(program: Program, link: Link, work: (pair: Pair) => Promise<T>): Promise<T> {
  const pair = await Pair.start(program, link, await freePort())
  try {
    return await work(pair)
  } finally {
    await pair.stop()
  }
}

function traffic(program: Program, link: Link, traffic: Traffic, messages: number): Promise<Figures> {
  return withPair(program, link, async (pair) => {
    const [near, far] = [pair.servers[1], pair.servers[0]]
    const [publisher] = traffic.publishers
    const rounds = Math.max(1, Math.round((messages * scale) / publisher.messages.length))
    const owed = owedBy(traffic)
    const backlog = Backlog.memory(owed.map(({ bytes }) => bytes * rounds))
    const hello = connectText('')
    const subs = traffic.subscribers.map(({ subscriptions: [{ filter, sid }] }) => `${hello}SUB ${filter} ${sid}\r\n`)
    const receiver = receiveTraffic({ endpoint: far.endpoint, traffic, hellos: subs, backlog })
    await receiver.ready
    await pair.whenLinked(1, 0)
    const publishers = [{ hello, pieces: piecesOf(publisher.messages.map(publishText)) }]
    const sender = publishTraffic({ endpoint: near.endpoint, publishers, rounds, backlog })
    await sender.ready
    pair.begin()
    sender.tell({ kind: 'go' })
    const [received, sent] = await Promise.all([receiver.done, sender.done])
    pair.end()
    const deliveries = publisher.messages.length * rounds * traffic.subscribers.length
    return figures(deliveries, received.lastMs - sent.firstMs, pair.cpuMs)
  })
}

function piecesOf(texts: readonly string[]): Buffer[] {
  const pieces: Buffer[] = []
  let piece = ''
  for (const text of texts) {
    piece += text
    if (piece.length < PIECE_BYTES && text !== texts.at(-1)) continue
    pieces.push(Buffer.from(piece, 'latin1'))
    piece = ''
  }
  return pieces
}

function requests(program: Program, link: Link): Promise<Figures> {
  return withPair(program, link, async (pair) => {
    const [near, far] = [pair.servers[1].endpoint, pair.servers[0].endpoint]
    const count = Math.round(60_000 * scale)
    const task = { endpoint: near, servicesAt: far, connect: connectText(''), clients: 32, services: 4 }
    const generator = request({ ...task, warmUp: WARM_UP, requests: count, pace: undefined })
    await generator.ready
    await Promise.all([pair.whenLinked(1, 0), pair.whenLinked(0, 1)])
    pair.begin()
    generator.tell({ kind: 'go' })
    const { rate } = await generator.done
    pair.end()
    return { rate, cpuUs: (pair.cpuMs * 1000) / (WARM_UP + count) }
  })
}

/** From the connection of the two servers to the interest of a client at one of them being known at the other. */
async function subscriptions(program: Program): Promise<Figures> {
  const port = await freePort()
  const gate = await Gate.open(port)
  const pair = await Pair.start(program, 'route', port, gate.port)
  try {
    await pair.whenLinked(0, 1)
    const [near, far] = pair.servers.map(({ endpoint }) => open(endpoint.port))
    const subs = Array.from({ length: SUBSCRIPTIONS }, (_, i) => `SUB orders.eu.k${i % 100}.item.${i} ${i + 1}\r\n`)
    near.write(subs.join(''))
    await pair.whenLinked(1, 0)
    // Interest is told in no order that is known: some of it, spread over all.
    const samples = subs.filter((_, number) => number % 1000 === 0).map((sub) => sub.split(' ')[1])
    const heard = new Set<string>()
    near.on('data', (bytes: Buffer) => {
      for (const [, subject] of bytes.toString('latin1').matchAll(/MSG (\S+) /g)) heard.add(subject)
    })
    let elapsedMs = 0
    let cpuMs = 0
    for (let i = 0; i < RECONNECTS; i++) {
      gate.shut()
      await pause(2 * POLL_MS)
      heard.clear()
      pair.begin()
      await gate.unlock()
      const fromMs = performance.now()
      await until(() => {
        for (const subject of samples) far.write(`PUB ${subject} 0\r\n\r\n`)
        return samples.every((subject) => heard.has(subject))
      })
      elapsedMs += performance.now() - fromMs
      pair.end()
      cpuMs += pair.cpuMs
    }
    for (const socket of [near, far]) socket.destroy()
    return figures(SUBSCRIPTIONS * RECONNECTS, elapsedMs, cpuMs)
  } finally {
    await pair.stop()
    gate.shut()
  }
}

/** Stands between two servers. Who dials it while it is shut is refused. */
class Gate {
  readonly port: number
  private readonly server: Server
  private readonly sockets = new Set<Socket>()
  private passed: () => void = () => undefined

  private constructor(server: Server, target: number) {
    this.server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket) => {
      const onward = connect(target, '127.0.0.1')
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ]) {
        this.sockets.add(from)
        from.pipe(to)
        from.on('error', () => to.destroy())
        from.on('close', () => this.sockets.delete(from))
      }
      this.passed()
    })
  }

  static async open(target: number): Promise<Gate> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Gate(server, target)
  }

  shut(): void {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }

  /** Resolves when the first connection comes. */
  unlock(): Promise<void> {
    this.server.listen(this.port, '127.0.0.1')
    return new Promise((resolve) => {
      this.passed = resolve
    })
  }
}

const figures = (count: number, elapsedMs: number, cpuMs: number): Figures => ({
  rate: (count * 1000) / elapsedMs,
  cpuUs: (cpuMs * 1000) / count,
})

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('data', (bytes) => {
    if (bytes.includes('PING\r\n')) socket.write('PONG\r\n')
  })
  socket.write(connectText(''))
  return socket
}

async function until(condition: () => boolean, pollMs = POLL_MS): Promise<void> {
  for (const endMs = performance.now() + WAIT_MS; !condition(); await pause(pollMs)) {
    if (performance.now() > endMs) throw new Error('the two servers are not linked')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const theirs: Program = { command: values.peer, arguments: [] }
const ours: Program = { command: values.heddle, arguments: ['--workers', values.workers] }
const decimals = (value: number): string => value.toFixed(2)

for (const { name, run } of ROWS.filter((row) => row.name.includes(values.only))) {
  const rounds: { peer: Figures; heddle: Figures }[] = []
  for (let round = 0; round < Number(values.pairs); round++) {
    const peer = await run(theirs)
    rounds.push({ peer, heddle: await run(ours) })
  }
  const middle = (figure: (round: (typeof rounds)[number]) => number): number => median(rounds.map(figure))
  const rate = middle(({ heddle, peer }) => heddle.rate / peer.rate)
  const cpu = middle(({ heddle, peer }) => heddle.cpuUs / peer.cpuUs)
  const cpus = rounds.map(({ heddle, peer }) => heddle.cpuUs / peer.cpuUs)
  const spread = `${decimals(Math.min(...cpus))} to ${decimals(Math.max(...cpus))}`
  const own = `${Math.round(middle(({ heddle }) => heddle.rate)).toLocaleString('en')} a second`
  const each = `${middle(({ heddle }) => heddle.cpuUs).toFixed(3)} µs each`
  process.stdout.write(
    `${name}: rate ${decimals(rate)}, processor time ${decimals(cpu)} (${spread}); ${own}, ${each}\n`,
  )
}
await closeGenerators()
process.exit(0)
