// WebSocket side by side: Heddle and nats-server under the same load, in turn, A B A B …, on this machine.
//
//     npm run peers && src/node.sh bench/websocket.ts [--only TEXT] [--pairs N] [--workers N] [--frame N] [--batch BYTES] [--pace MS] [--server heddle|nats]
//
// The load is cheap on purpose, for it shares the machine: the publisher writes one buffer of masked frames again and
// again, and the subscribers count bytes of payload by looking at the heads of frames only.
//
//     --frame N       messages in a frame of the publisher; the default, 200, is what client libraries gather in a turn
//     --batch BYTES   what the publisher writes at once, in whole frames
//     --pace MS       its pause between two batches; with --frame 1 --batch 1, what single messages cost

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    pairs: { type: 'string', default: '3' },
    workers: { type: 'string', default: `${Math.max(1, availableParallelism() - 1)}` },
    frame: { type: 'string', default: '200' },
    batch: { type: 'string', default: '65536' },
    pace: { type: 'string', default: '0' },
    peer: { type: 'string', default: `${root}.peers/bin/nats-server` },
    server: { type: 'string', default: 'both' },
  },
})

interface Shape {
  readonly name: string
  readonly subscribers: number
  readonly messages: number
  readonly bytes: number
}

const SHAPES: readonly Shape[] = [
  { name: '1 → 1, 128 B', subscribers: 1, messages: 2_000_000, bytes: 128 },
  { name: '1 → 16, 128 B', subscribers: 16, messages: 300_000, bytes: 128 },
  { name: '1 → 1,000, 128 B', subscribers: 1000, messages: 10_000, bytes: 128 },
]

const SUBJECT = 'bench'
const TICKS = 100
/** The publisher goes no further ahead of the slowest subscriber than this many bytes. */
const AHEAD_BYTES = 8 * 1024 * 1024

// ── Servers ─────────────────────────────────────────────────────────────────────────────────────────────────

class Server {
  readonly child: ChildProcess
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.child = child
    this.port = port
  }

  static async start(which: 'heddle' | 'nats', directory: string): Promise<Server> {
    const [port, clientPort] = [await freePort(), await freePort()]
    const child = which === 'nats' ? startNats(directory, port, clientPort) : startHeddle(port)
    for (let tries = 0; !(await answers(port)); tries++) {
      if (tries > 500 || child.exitCode !== null) throw new Error(`${which} did not start`)
      await pause(20)
    }
    return new Server(child, port)
  }

  usage(): { cpuMs: number; peakMiB: number } {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))
    return { cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS, peakMiB: Number(peak?.[1]) / 1024 }
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL')
    await once(this.child, 'exit')
  }
}

function startNats(directory: string, port: number, clientPort: number): ChildProcess {
  const file = join(directory, 'nats.conf')
  writeFileSync(
    file,
    `host: 127.0.0.1\nport: ${clientPort}\nwebsocket { host: 127.0.0.1, port: ${port}, no_tls: true }\n`,
  )
  return spawn(flags.peer, ['-c', file], { stdio: 'ignore' })
}

function startHeddle(port: number): ChildProcess {
  const program = `
    import { createServer } from '${root}src/index.ts'
    const websocket = { host: '127.0.0.1', port: ${port}, no_tls: true }
    await createServer({ host: '127.0.0.1', port: -1, workers: ${flags.workers}, websocket }).ready()`
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'ignore', 'inherit'] })
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

// ── Load ────────────────────────────────────────────────────────────────────────────────────────────────────

const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: bench',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  '\r\n',
].join('\r\n')

function masked(payload: Buffer): Buffer {
  const extended = payload.length < 126 ? 0 : payload.length < 65536 ? 2 : 8
  const frame = Buffer.alloc(2 + extended + 4 + payload.length)
  frame[0] = 0x82
  frame[1] = 0x80 | (extended === 0 ? payload.length : extended === 2 ? 126 : 127)
  if (extended === 2) frame.writeUInt16BE(payload.length, 2)
  if (extended === 8) frame.writeBigUInt64BE(BigInt(payload.length), 2)
  const mask = randomBytes(4)
  mask.copy(frame, 2 + extended)
  for (let i = 0; i < payload.length; i++) frame[6 + extended + i] = payload[i] ^ mask[i & 3]
  return frame
}

/** All connections read into this one; what it holds is looked at before the next read. */
const readBuffer = Buffer.alloc(256 * 1024)

/** Counts the payload of what the server sends, by the heads of its frames. */
class Peer {
  readonly socket: Socket
  payload = 0
  onPayload: () => void = () => undefined
  private upgraded = false
  /** Bytes of the frame at hand that are still to come. */
  private left = 0
  private head = Buffer.alloc(10)
  private headBytes = 0

  constructor(port: number) {
    const onread = { buffer: readBuffer, callback: (bytes: number) => this.read(bytes) }
    const options: NetConnectOpts = { port, host: '127.0.0.1', noDelay: true, onread }
    this.socket = connect(options)
    this.socket.write(UPGRADE)
  }

  private read(bytes: number): boolean {
    let at = 0
    if (!this.upgraded) {
      at = readBuffer.subarray(0, bytes).indexOf('\r\n\r\n') + 4
      if (at < 4) return true
      this.upgraded = true
    }
    while (at < bytes) {
      if (this.left > 0) {
        const take = Math.min(this.left, bytes - at)
        this.left -= take
        this.payload += take
        at += take
        continue
      }
      this.head[this.headBytes++] = readBuffer[at++]
      const short = this.head[1] & 0x7f
      const need = this.headBytes < 2 || short < 126 ? 2 : short === 126 ? 4 : 10
      if (this.headBytes < need) continue
      this.left = need === 2 ? short : need === 4 ? this.head.readUInt16BE(2) : this.head.readUInt32BE(6)
      this.headBytes = 0
    }
    this.onPayload()
    return true
  }

  until(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.onPayload = () => {
        if (this.payload < bytes) return
        this.onPayload = () => undefined
        resolve()
      }
      this.onPayload()
    })
  }

  /** Sends text and waits for a PONG, and whatever else comes. */
  async talk(text: string): Promise<void> {
    const before = this.payload
    this.socket.write(masked(Buffer.from(`${text}PING\r\n`)))
    await this.until(before + 6)
  }
}

const CONNECT = 'CONNECT {"verbose":false,"pedantic":false}\r\n'

/** Deliveries a second. */
async function load(port: number, { subscribers, messages, bytes }: Shape): Promise<number> {
  const peers = Array.from({ length: subscribers }, () => new Peer(port))
  const publisher = new Peer(port)
  for (const peer of [...peers, publisher]) {
    await peer.until(100)
    await peer.talk(`${CONNECT}${peer === publisher ? '' : `SUB ${SUBJECT} 1\r\n`}`)
  }
  const perFrame = Number(flags.frame)
  const message = `PUB ${SUBJECT} ${bytes}\r\n${'x'.repeat(bytes)}\r\n`
  const frame = masked(Buffer.from(message.repeat(perFrame)))
  const batchFrames = Math.max(1, Math.floor(Number(flags.batch) / frame.length))
  const batch = Buffer.concat(Array(batchFrames).fill(frame))
  const delivered = `MSG ${SUBJECT} 1 ${bytes}\r\n`.length + bytes + 2
  // At a pace, a hundredth of them is enough.
  const wanted = flags.pace === '0' ? messages : messages / 100
  const batches = Math.ceil(wanted / (perFrame * batchFrames))
  const total = batches * perFrame * batchFrames
  const starts = peers.map((peer) => peer.payload)
  const ends = peers.map((peer, i) => peer.until(starts[i] + total * delivered))
  const begin = performance.now()
  for (let sent = 0; sent < batches; sent++) {
    if (!publisher.socket.write(batch)) await once(publisher.socket, 'drain')
    if (flags.pace !== '0') await pause(Number(flags.pace))
    const ahead = (): number =>
      sent * perFrame * batchFrames * delivered - Math.min(...peers.map((peer, i) => peer.payload - starts[i]))
    while (ahead() * subscribers > AHEAD_BYTES * Math.max(1, subscribers / 8)) await new Promise(setImmediate)
  }
  await Promise.all(ends)
  const seconds = (performance.now() - begin) / 1000
  for (const peer of [...peers, publisher]) peer.socket.destroy()
  return (total * subscribers) / seconds
}

// ── The table ───────────────────────────────────────────────────────────────────────────────────────────────

interface Result {
  readonly rate: number
  readonly cpuMs: number
  readonly peakMiB: number
}

async function measure(which: 'heddle' | 'nats', shape: Shape, directory: string): Promise<Result> {
  const server = await Server.start(which, directory)
  try {
    const before = server.usage()
    const rate = await load(server.port, shape)
    const after = server.usage()
    return { rate, cpuMs: after.cpuMs - before.cpuMs, peakMiB: after.peakMiB }
  } finally {
    await server.stop()
  }
}

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]
const shown = ({ rate, cpuMs, peakMiB }: Result): string =>
  `${Math.round(rate / 1000)} k/s, ${Math.round(cpuMs)} ms, ${Math.round(peakMiB)} MiB`

const directory = mkdtempSync(join(tmpdir(), 'heddle-bench-'))
try {
  print(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} processors, ${flags.workers} workers`)
  for (const shape of SHAPES.filter(({ name }) => name.includes(flags.only))) {
    const ratios = { rate: [] as number[], cpu: [] as number[] }
    for (let pair = 0; pair < Number(flags.pairs); pair++) {
      const ours = flags.server === 'nats' ? undefined : await measure('heddle', shape, directory)
      const theirs = flags.server === 'heddle' ? undefined : await measure('nats', shape, directory)
      if (ours !== undefined) print(`  ${shape.name}: heddle ${shown(ours)}`)
      if (theirs !== undefined) print(`  ${shape.name}: nats-server ${shown(theirs)}`)
      if (ours === undefined || theirs === undefined) continue
      ratios.rate.push(ours.rate / theirs.rate)
      ratios.cpu.push(ours.cpuMs / theirs.cpuMs)
    }
    if (ratios.rate.length > 0) {
      print(`${shape.name}: rate × ${median(ratios.rate).toFixed(2)}, processor × ${median(ratios.cpu).toFixed(2)}`)
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
