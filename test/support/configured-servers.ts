// Servers started from a configuration file: Heddle with one shard and with four, and nats-server, which says whether
// what a test expects is what it does itself.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest'
import { ask } from '../monitor/http.ts'
import { dial } from './harness.ts'
import { missing, peers } from './peers.ts'
import type { ConnectMembers, RawClient } from './raw-client.ts'
import { type ServerProgram, startCommand, startNatsServer } from './server.ts'
import { until } from './until.ts'

export interface ConfiguredServer {
  readonly name: string
  readonly start: (args: readonly string[]) => Promise<ServerProgram>
}

export const HEDDLES: readonly ConfiguredServer[] = [1, 4].map((workers) => ({
  name: `heddle, ${workers} shards`,
  start: (args) => startCommand(['--workers', `${workers}`, ...args]),
}))

/** Those that a test of `what` runs on. */
export function configuredServers(what: string): readonly ConfiguredServer[] {
  const { natsServer } = peers
  if (natsServer === undefined || missing('natsServer', `${what} on nats-server`)) return HEDDLES
  return [...HEDDLES, { name: 'nats-server', start: (args) => startNatsServer(natsServer, args) }]
}

/** A directory of the test at hand. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'heddle-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Starts a server from the text of a configuration file, for the test that calls this. */
export async function startConfigured(server: ConfiguredServer, config: string): Promise<ServerProgram> {
  return (await startReloadable(server, config)).program
}

/** The same for a file of tests, which has to stop it. */
export async function startConfiguredFor(server: ConfiguredServer, config: string): Promise<ServerProgram> {
  const directory = mkdtempSync(join(tmpdir(), 'heddle-'))
  const file = join(directory, 'server.conf')
  writeFileSync(file, config)
  try {
    return await server.start(['-c', file])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** One for all tests of the describe that calls this; each begins when nobody of an earlier one is connected any more. */
export function useConfigured(server: ConfiguredServer, config: string): { readonly program: ServerProgram } {
  let program: ServerProgram | undefined
  let monitorPort = 0
  const running = (): ServerProgram => {
    if (program === undefined) throw new Error('the server is not running yet')
    return program
  }
  beforeAll(async () => {
    program = await startConfiguredFor(server, `${config}\nhttp: "127.0.0.1:-1"\n`)
    monitorPort = Number((await program.until(/Starting http monitor on \S*:(\d+)/))[1])
  })
  beforeEach(() => until('everybody to be gone', async () => (await connectionsAt(monitorPort)) === 0))
  afterAll(async () => void (await program?.stop()))
  return {
    get program() {
      return running()
    },
  }
}

async function connectionsAt(monitorPort: number): Promise<number> {
  return JSON.parse((await ask(monitorPort, '/varz')).body).connections
}

export interface Reloadable {
  readonly program: ServerProgram
  /** Puts another text into the file and has it read; resolves with what the log says meanwhile. */
  readonly reload: (config: string) => Promise<string>
  /** Puts another text into the file and leaves it at that. */
  readonly write: (config: string) => void
}

/** The same, for tests that change the file. */
export async function startReloadable(server: ConfiguredServer, config: string): Promise<Reloadable> {
  const file = join(scratchDirectory(), 'server.conf')
  writeFileSync(file, config)
  const program = await server.start(['-c', file])
  onTestFinished(async () => void (await program.stop()))
  const reload = async (text: string): Promise<string> => {
    const from = program.stderr.length
    writeFileSync(file, text)
    program.child.kill('SIGHUP')
    await until('the outcome of a reload', () =>
      /(?:Reloaded server configuration|Failed to reload)/.test(program.stderr.slice(from)),
    )
    return program.stderr.slice(from)
  }
  return { program, reload, write: (text) => writeFileSync(file, text) }
}

/** A connection of `credentials` that has introduced itself, for the test that calls this. */
export async function login(program: ServerProgram, credentials: ConnectMembers = {}): Promise<RawClient> {
  const client = await dial(program.port)
  await client.readInfo()
  const members = { verbose: false, pedantic: false, headers: true, ...credentials }
  client.send(`CONNECT ${JSON.stringify(members)}\r\nPING\r\n`)
  await client.expect('PONG\r\n')
  return client
}
