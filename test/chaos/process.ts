// The chaos run's server, seen from the run.

import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Answer, Order, Started } from './server.ts'

const FILE = fileURLToPath(new URL('./server.ts', import.meta.url))

export class ChaosServer {
  readonly port: number
  readonly webSocketPort: number
  private readonly child: ChildProcess
  private readonly waiting = new Map<number, (answer: Answer) => void>()
  private nextOrder = 1
  /** How the process ended, unasked. */
  ended: string | undefined

  /** `config`: path of its configuration; what it says goes to `onText`. */
  static async start(config: string, onText: (text: string) => void): Promise<ChaosServer> {
    const env = { ...process.env, CHAOS_CONFIG: config }
    const child = fork(FILE, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    child.stderr?.setEncoding('utf8').on('data', onText)
    const started = await new Promise<Started>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Started))
      child.once('exit', (code) => reject(new Error(`the server ended with code ${code}`)))
    })
    return new ChaosServer(child, started)
  }

  private constructor(child: ChildProcess, { port, webSocketPort }: Started) {
    this.child = child
    this.port = port
    this.webSocketPort = webSocketPort
    child.on('message', (message) => {
      const answer = message as Answer
      this.waiting.get(answer.id)?.(answer)
      this.waiting.delete(answer.id)
    })
    const end = (): void => void child.kill('SIGKILL')
    process.once('exit', end)
    child.once('exit', (code, signal) => {
      process.off('exit', end)
      this.ended = `the server ended: code ${code}, signal ${signal}`
      for (const [id, tell] of this.waiting) tell({ id, error: this.ended })
      this.waiting.clear()
    })
  }

  /** Resolves with the answer; rejects with what went wrong. */
  order(order: Order): Promise<Answer> {
    if (this.ended !== undefined) return Promise.reject(new Error(this.ended))
    return new Promise((resolve, reject) => {
      const id = this.nextOrder++
      this.waiting.set(id, (answer) => {
        if (answer.error === undefined) resolve(answer)
        else reject(new Error(answer.error))
      })
      this.child.send({ id, order })
    })
  }

  /** The whole process stands still for so long. */
  async freeze(ms: number): Promise<void> {
    this.child.kill('SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, ms))
    this.child.kill('SIGCONT')
  }

  /** Resident memory in MiB. */
  get rssMiB(): number {
    const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8')) ?? []
    return Number(kib) / 1024
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve))
    await this.order({ kind: 'stop' })
    await exited
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }
}
