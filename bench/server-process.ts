// A server under measurement: a process of its own on free ports, watched through /proc.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Endpoint } from './generators/tasks.ts'
import { AUTHORITY_FILE, DEFAULTS, type Setup } from './setups.ts'

/** Clock ticks a second of /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS = 100
/** Of `blocks` in what stat tells. */
const DISK_BLOCK_BYTES = 512
const START_MAX_MS = 30_000
const POLL_MS = 2
/** As much of the server's log as an error quotes. */
const LOG_TAIL = 600

/** How to start a server; it is given -a, -p, -m and, where it has a setup, -c besides. */
export interface Program {
  readonly command: string
  readonly arguments: readonly string[]
  readonly folder?: string
  /** Set besides those of the bench itself. */
  readonly environment?: Readonly<Record<string, string>>
  /** It runs the server as a child: both are interrupted, as by Ctrl-C. */
  readonly isWrapper?: boolean
  /** It writes messages to its subscribers by itself, and wants no publisher (floor.ts). */
  readonly publishes?: boolean
}

interface Ports {
  readonly client: number
  readonly monitor: number
  readonly websocket: number
}

export interface Usage {
  /** Processor time of the process so far (user and system, all threads), in milliseconds. */
  readonly cpuMs: number
  /** Resident size now, in MiB. */
  readonly rssMiB: number
  /** Largest resident size since the server was ready or resetPeak(), in MiB. */
  readonly peakMiB: number
}

export class ServerProcess {
  readonly program: Program
  readonly monitorPort: number
  /** Where the load comes in. */
  readonly endpoint: Endpoint
  private readonly port: number
  private readonly setup: Setup
  /** Its configuration file and what that names; removed when it has stopped. */
  private readonly folder: string
  /** From the start of the process to the first connection that it took, in milliseconds. */
  acceptMs = Number.NaN
  /** … and to "Server is ready" in its log. */
  readyMs = Number.NaN
  /** Usage when it was ready. */
  atReady: Usage = { cpuMs: 0, rssMiB: 0, peakMiB: 0 }
  private child: ChildProcess
  private readonly flags: readonly string[]
  private log = ''
  private cpuFromMs: number | undefined
  private cpuToMs: number | undefined
  private loadFromMs: number | undefined
  private loadToMs: number | undefined
  /** When processor time began to count, and when it ended, in microseconds on the machine's monotonic clock. */
  readonly span = { fromUs: 0, toUs: Number.POSITIVE_INFINITY }

  private constructor(program: Program, flags: readonly string[], setup: Setup, folder: string, ports: Ports) {
    this.program = program
    this.flags = flags
    this.child = this.spawn()
    this.setup = setup
    this.folder = folder
    this.port = ports.client
    this.monitorPort = ports.monitor
    const { transport } = setup
    this.endpoint = { transport, port: transport === 'websocket' ? ports.websocket : ports.client }
  }

  /** Starts the program; resolves when it has said that it is ready and takes connections. */
  static async start(program: Program, setup: Setup = DEFAULTS): Promise<ServerProcess> {
    const ports: Ports = { client: await freePort(), monitor: await freePort(), websocket: await freePort() }
    const flags = ['-a', '127.0.0.1', '-p', `${ports.client}`]
    if (setup.hasPages !== false) flags.push('-m', `${ports.monitor}`)
    const folder = mkdtempSync(join(tmpdir(), 'heddle-bench-'))
    const configuration = setup.configuration(folder, ports.websocket)
    if (configuration !== '') {
      const file = join(folder, 'server.conf')
      writeFileSync(file, configuration)
      flags.push('-c', file)
    }
    const server = new ServerProcess(program, flags, setup, folder, ports)
    await server.whenReady(performance.now())
    return server
  }

  private spawn(): ChildProcess {
    const { program } = this
    const child = spawn(program.command, [...program.arguments, ...this.flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: program.folder,
      env: { ...process.env, ...program.environment },
      detached: program.isWrapper === true,
    })
    child.once('error', (error) => {
      this.log += error.message
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.log = (this.log + text).slice(-64 * LOG_TAIL)
    })
    return child
  }

  private async whenReady(startMs: number): Promise<void> {
    this.acceptMs = Number.NaN
    this.readyMs = Number.NaN
    while (Number.isNaN(this.acceptMs) || Number.isNaN(this.readyMs)) {
      if (Number.isNaN(this.readyMs) && this.log.includes('Server is ready')) this.readyMs = performance.now() - startMs
      if (Number.isNaN(this.acceptMs) && (await answers(this.port))) this.acceptMs = performance.now() - startMs
      if (this.setup.logsToFile === true) this.readyMs = this.acceptMs
      if (this.child.pid === undefined || this.child.exitCode !== null || performance.now() - startMs > START_MAX_MS) {
        await this.stop()
        throw new Error(`${this.program.command} did not start: ${this.logTail}`)
      }
      await pause(POLL_MS)
    }
    this.resetPeak()
    this.atReady = this.usage()
  }

  /** Ends it and starts it again, with the files that it has left. Resolves, when it is ready, to the time of the start. */
  async restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    await this.exitBy(signal)
    this.log = ''
    const startMs = performance.now()
    this.child = this.spawn()
    await this.whenReady(startMs)
    return startMs
  }

  /** What it has on the disk, in MiB. */
  diskMiB(): number {
    const files = readdirSync(this.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const blocks = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).blocks, 0)
    return (blocks * DISK_BLOCK_BYTES) / 2 ** 20
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  /** Whom its clients have to trust; undefined without TLS. */
  get authorityFile(): string | undefined {
    return this.setup.transport === 'tls' ? join(this.folder, AUTHORITY_FILE) : undefined
  }

  get logTail(): string {
    return this.log.slice(-LOG_TAIL).trim()
  }

  /** From here on, processor time counts; until then it is that of setting up. */
  begin(): void {
    this.cpuFromMs = this.usage().cpuMs
    this.loadFromMs = ownCpuMs()
    this.span.fromUs = monotonicUs()
  }

  /** Processor time counts up to here; without this call, up to the end of the load. */
  end(): void {
    this.cpuToMs = this.usage().cpuMs
    this.loadToMs = ownCpuMs()
    this.span.toUs = monotonicUs()
  }

  /** Processor time between begin() and end(). */
  get cpuMs(): number {
    return (this.cpuToMs ?? this.usage().cpuMs) - (this.cpuFromMs ?? this.atReady.cpuMs)
  }

  /** The load's between begin() and end(), where the load's is known: it runs in this process. */
  get loadCpuMs(): number {
    return (this.loadToMs ?? ownCpuMs()) - (this.loadFromMs ?? Number.NaN)
  }

  /** From here on the peak counts: not from the program's first steps, say. */
  resetPeak(): void {
    // 5 sets VmHWM to the present size.
    writeFileSync(`/proc/${this.child.pid}/clear_refs`, '5')
  }

  usage(): Usage {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8')
    const mebibytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
    return {
      cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS,
      rssMiB: mebibytes('VmRSS'),
      peakMiB: mebibytes('VmHWM'),
    }
  }

  /** Resolves when at least `count` connections have a subscription; rejects when they do not come. */
  async subscribed(count: number): Promise<void> {
    for (const deadline = Date.now() + START_MAX_MS; Date.now() < deadline; ) {
      const response = await fetch(`http://127.0.0.1:${this.monitorPort}/connz?limit=${count + 16}`)
      const { connections } = (await response.json()) as { connections: { subscriptions: number }[] }
      if (connections.filter((connection) => connection.subscriptions > 0).length >= count) return
      await pause(20)
    }
    throw new Error(`there are no ${count} subscribers`)
  }

  /** Ends it in order, as Ctrl-C does; resolves when it has exited. */
  async interrupt(): Promise<void> {
    await this.endBy('SIGINT')
  }

  async stop(): Promise<void> {
    await this.endBy('SIGKILL')
  }

  private async endBy(signal: NodeJS.Signals): Promise<void> {
    await this.exitBy(signal)
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async exitBy(signal: NodeJS.Signals): Promise<void> {
    const { child } = this
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    // A negative id is the whole process group of a detached child.
    if (this.program.isWrapper === true) process.kill(-child.pid, signal)
    else child.kill(signal)
    await exit
  }
}

/** Processor time of this process, in milliseconds. */
function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
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
