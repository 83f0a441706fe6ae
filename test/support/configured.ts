// A server process whose options can be changed: they stand in a file in a folder of the test's own.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { ServerOptions } from '../../src/index.ts'
import { ServerProgram } from './server.ts'
import { until } from './until.ts'

const SERVE = fileURLToPath(new URL('./serve.ts', import.meta.url))

/** A folder for the test that calls this. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface Configured {
  readonly program: ServerProgram
  readonly folder: string
  /** The client port. */
  readonly port: number
  /** Writes other options and has them read; resolves when the log says what came of it. */
  reload(options: ServerOptions): Promise<string>
}

const DEFAULTS: ServerOptions = { host: '127.0.0.1', port: -1, log: 'stderr' }
const OUTCOME = /(Reloaded server configuration.*|Failed to reload server configuration: .*)\n/

/** Starts it on a free port of 127.0.0.1, for the test that calls this. `ready: false` does not wait for it. */
export async function configured(options: ServerOptions, ready = true, folder = ownFolder()): Promise<Configured> {
  const file = join(folder, 'options.json')
  const write = (members: ServerOptions): void => writeFileSync(file, JSON.stringify({ ...DEFAULTS, ...members }))
  write(options)
  const program = new ServerProgram(process.execPath, [SERVE, file])
  onTestFinished(() => void program.stop('SIGKILL'))
  let log = (): string => program.stderr
  if (options.logFile !== undefined) log = () => textOf(options.logFile as string)
  if (ready) {
    const [, port] = await until('the server to be ready', () => {
      if (program.hasEnded) throw new Error(`ended before it was ready: ${program.stderr}`)
      return log().includes('Server is ready') ? /Listening for client connections on \S*:(\d+)/.exec(log()) : undefined
    }).then((match) => match as RegExpExecArray)
    program.port = Number(port)
  }
  const reload = async (members: ServerOptions): Promise<string> => {
    const seen = log().length
    write(members)
    program.child.kill('SIGHUP')
    const match = await until('the outcome of a reload', () => OUTCOME.exec(log().slice(seen)) ?? undefined)
    return match[1]
  }
  return { program, folder, port: program.port, reload }
}

/** What stands in a file; nothing if there is none. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
