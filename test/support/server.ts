// Servers for tests: in this process, or the command as a child process; nats-server likewise.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { readFile } from '../../src/config/surroundings.ts'
import { createServer, type HeddleServer, type ServerOptions } from '../../src/index.ts'
import { Primary } from '../../src/primary/primary.ts'
import { ShardThreads } from '../../src/primary/shard-threads.ts'
import type { ConnectionRow, TotalsReport } from '../../src/reports/rows.ts'
import { DEADLINE_MS, within } from './until.ts'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MAIN = fileURLToPath(new URL('../../dist/src/main.cjs', import.meta.url))

/** Starts a server in this process on a free port of 127.0.0.1. The caller closes it. */
export async function startServer(options: ServerOptions = {}): Promise<HeddleServer> {
  const server = createServer({ host: '127.0.0.1', port: -1, ...options })
  await server.ready()
  return server
}

/** Starts a server whose shards can be asked and whose workers can run another file. The caller closes it. */
export async function startPrimary(options: ServerOptions = {}, entry?: URL): Promise<Primary> {
  const normal = normaliseOptions({ host: '127.0.0.1', port: -1, ...options }, blockReader(readFile))
  const primary = entry === undefined ? new Primary(normal) : new Primary(normal, new ShardThreads(entry))
  await primary.start()
  return primary
}

/** One counter, summed over all shards. */
export async function total(primary: Primary, counter: keyof TotalsReport): Promise<number> {
  const reports = (await primary.query({ kind: 'totals' })) as TotalsReport[]
  return reports.reduce((sum, report) => sum + report[counter], 0)
}

/** The open connections of all shards. */
export async function connections(primary: Primary): Promise<ConnectionRow[]> {
  const reports = await primary.query({ kind: 'connections', state: 'open', subscriptions: 'list', id: 0 })
  return (reports as ConnectionRow[][]).flat()
}

// ── Child processes ─────────────────────────────────────────────────────────────────────────────────────────

const children = new Set<ChildProcess>()
// Whatever goes wrong with the test itself, no child outlives it.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Where there is one: it has the system kill the program that it becomes, when this process is killed. */
const [SETPRIV] = ['/usr/bin/setpriv', '/bin/setpriv'].filter((file) => existsSync(file))

function spawnTied(file: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
  const [program, ...rest] = [...(SETPRIV === undefined ? [] : [SETPRIV, '--pdeathsig', 'KILL']), file, ...args]
  return spawn(program, rest, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] })
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A child process with its output collected. */
export class Program {
  readonly child: ChildProcess
  readonly exited: Promise<Exit>
  stdout = ''
  stderr = ''
  private wakers: (() => void)[] = []
  private ended = false

  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env, cwd: string = ROOT) {
    const child = spawnTied(file, args, env, cwd)
    this.child = child
    children.add(child)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.wake()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.wake()
    })
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.stderr += `${error.message}\n`
      })
      child.once('close', (code, signal) => {
        children.delete(child)
        this.ended = true
        this.wake()
        resolve({ code, signal })
      })
    })
  }

  /** Waits until stdout or stderr, whichever it is, has text that matches. */
  async until(expression: RegExp, deadlineMs: number = DEADLINE_MS): Promise<RegExpExecArray> {
    const search = async (): Promise<RegExpExecArray> => {
      for (;;) {
        const match = expression.exec(this.stderr) ?? expression.exec(this.stdout)
        if (match !== null) return match
        if (this.ended) throw new Error(`ended without ${expression}: ${this.stdout}${this.stderr}`)
        await new Promise<void>((resolve) => this.wakers.push(resolve))
      }
    }
    return within(`${expression} from ${this.child.spawnargs.join(' ')}`, search(), deadlineMs)
  }

  /** Waits for its end. */
  exit(deadlineMs: number = DEADLINE_MS): Promise<Exit> {
    return within(`the end of ${this.child.spawnargs.join(' ')}`, this.exited, deadlineMs)
  }

  /** Sends a signal and waits for the end; kills it if that takes too long. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Exit> {
    if (this.ended) return this.exited
    this.child.kill(signal)
    try {
      return await this.exit()
    } finally {
      this.child.kill('SIGKILL')
    }
  }

  get hasEnded(): boolean {
    return this.ended
  }

  private wake(): void {
    const { wakers } = this
    this.wakers = []
    for (const wake of wakers) wake()
  }
}

export class ServerProgram extends Program {
  port = 0

  async untilReady(): Promise<void> {
    const [, port] = await this.until(/Listening for client connections on \S*:(\d+)/)
    this.port = Number(port)
    await this.until(/Server is ready/)
  }
}

/** Starts the command, as it was built, on a free port of 127.0.0.1. */
export async function startCommand(args: readonly string[] = []): Promise<ServerProgram> {
  const program = new ServerProgram(process.execPath, [MAIN, '-a', '127.0.0.1', '-p', '-1', ...args])
  await program.untilReady()
  return program
}

/** The command with exactly these arguments, not waited for. */
export function runCommand(args: readonly string[]): ServerProgram {
  return new ServerProgram(process.execPath, [MAIN, ...args])
}

/** Starts the real nats-server on a free port of 127.0.0.1. */
export async function startNatsServer(file: string, args: readonly string[] = []): Promise<ServerProgram> {
  const program = new ServerProgram(file, ['-a', '127.0.0.1', '-p', '-1', ...args])
  await program.untilReady()
  return program
}
