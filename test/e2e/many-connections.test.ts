// Ten thousand connections, held and talking, each of them checked. The server is a process of its own, the clients
// are two more: a process may have 20,000 files open.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../support/harness.ts'
import { Program, startCommand } from '../support/server.ts'

const CROWD = fileURLToPath(new URL('../support/crowd.ts', import.meta.url))
const CONNECTIONS = 10_000
const PROCESSES = 2
const ROUNDS = 3
const WAIT_MS = 60_000

/** Memory of a process in MiB, where the system tells. */
function residentMib(pid: number | undefined): number {
  try {
    const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return match === null ? 0 : Number(match[1]) / 1024
  } catch {
    return 0
  }
}

class Crowd {
  readonly program: Program
  private commands = 0

  constructor(port: number, index: number) {
    const count = CONNECTIONS / PROCESSES
    this.program = new Program(process.execPath, [CROWD, ...[port, index * count, count, CONNECTIONS].map(String)])
  }

  async tell(command: string): Promise<void> {
    this.commands++
    this.program.child.stdin?.write(`${command}\n`)
    const answered = new RegExp(`^(?:done .*\\n){${this.commands}}|^fault.*`, 'm')
    await this.program.until(answered, WAIT_MS)
    expect(this.program.stdout).not.toContain('fault')
    expect(this.program.stderr).toBe('')
  }
}

test.each([2])(
  `${CONNECTIONS} connections are held, each hears what it should, %i workers`,
  async (workers) => {
    const server = await startCommand(['--workers', `${workers}`])
    onTestFinished(() => void server.stop('SIGKILL'))
    const before = residentMib(server.child.pid)
    const crowds = Array.from({ length: PROCESSES }, (_, index) => new Crowd(server.port, index))
    onTestFinished(() => {
      for (const { program } of crowds) void program.stop('SIGKILL')
    })
    const tell = (command: string): Promise<unknown> => Promise.all(crowds.map((crowd) => crowd.tell(command)))

    const startMs = performance.now()
    await tell('connect')
    const connectedMs = performance.now() - startMs
    const bytesEach = ((residentMib(server.child.pid) - before) * 2 ** 20) / CONNECTIONS
    const watcher = await open(server.port)
    const exchangeMs = performance.now()
    for (let round = 0; round < ROUNDS; round++) {
      // The first to itself, the others to connections of the other process and shard.
      await tell(`round ${round === 0 ? 0 : round * 3333}`)
      await tell(`heard ${round + 1}`)
    }
    watcher.send('PUB all 5\r\nhello\r\n')
    await tell(`heard ${ROUNDS + 1}`)
    const exchangedMs = performance.now() - exchangeMs
    await tell('ping')

    // Half of them leave at once; the other half notices nothing.
    await tell('drop')
    watcher.send('PUB all 5\r\nhello\r\n')
    await tell(`heard ${ROUNDS + 2}`)
    await tell('ping')
    process.stderr.write(
      `${CONNECTIONS} connections, ${workers} workers: dialled and subscribed in ${connectedMs.toFixed(0)} ms ` +
        `(${((CONNECTIONS / connectedMs) * 1000).toFixed(0)}/s), ${(bytesEach / 1024).toFixed(1)} KiB each, ` +
        `${(ROUNDS + 1) * CONNECTIONS} messages in ${exchangedMs.toFixed(0)} ms\n`,
    )
    for (const { program } of crowds) {
      program.child.stdin?.end()
      expect(await program.exit()).toEqual({ code: 0, signal: null })
    }
    await watcher.sync()
    expect(await server.stop()).toEqual({ code: 0, signal: null })
  },
  180_000,
)
