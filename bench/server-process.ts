// A server under measurement: started as a process of its own on a free port, watched through /proc.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Clock ticks a second of /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS = 100
const START_MAX_MS = 10_000

export interface Usage {
  /** Processor time of the process so far, in milliseconds. */
  readonly cpuMs: number
  /** Largest resident size so far, in MiB. */
  readonly peakMiB: number
}

export class ServerProcess {
  readonly port: number
  readonly monitorPort: number
  private readonly child: ChildProcess

  private constructor(child: ChildProcess, port: number, monitorPort: number) {
    this.child = child
    this.port = port
    this.monitorPort = monitorPort
  }

  /** Starts `command` with the flags that nats-server and Heddle share; resolves when it takes connections. */
  static async start(command: string, flags: readonly string[]): Promise<ServerProcess> {
    const [port, monitorPort] = [await freePort(), await freePort()]
    const child = spawn(command, ['-a', '127.0.0.1', '-p', `${port}`, '-m', `${monitorPort}`, ...flags], {
      stdio: 'ignore',
    })
    const server = new ServerProcess(child, port, monitorPort)
    const deadline = Date.now() + START_MAX_MS
    while (!(await answers(port))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${command} did not start`)
      await pause(10)
    }
    return server
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  usage(): Usage {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))
    return {
      cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS,
      peakMiB: Number(peak?.[1] ?? 0) / 1024,
    }
  }

  /** Resolves when at least `count` connections have a subscription. */
  async subscribed(count: number): Promise<void> {
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${this.monitorPort}/connz`)
      const { connections } = (await response.json()) as { connections: { subscriptions: number }[] }
      if (connections.filter((connection) => connection.subscriptions > 0).length >= count) return
      await pause(20)
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return
    this.child.kill('SIGKILL')
    await once(this.child, 'exit')
  }
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
