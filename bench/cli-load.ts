// The loads that the real `nats bench` makes. What it measures is taken from its summary line.

import { execFile, spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Load, type Seen, scaled } from './load.ts'
import type { ServerProcess } from './server-process.ts'

export const CLI = fileURLToPath(new URL('../.peers/bin/nats', import.meta.url))
/** The tool keeps settings in the user's home; ours starts without any. */
const environment = { ...process.env, XDG_CONFIG_HOME: tmpdir() }
const RUN_MAX_MS = 60_000

export interface CliLoad {
  /** Messages published in one run, over all publishers; requests for a service. */
  readonly messages: number
  readonly bytes: number
  /** For a service, the number of requesters. */
  readonly publishers: number
  readonly subscribers: number
}

const run = promisify(execFile)

function benchArguments(
  server: ServerProcess,
  verb: readonly string[],
  clients: number,
  messages: number,
  bytes: number,
): string[] {
  const trust = server.authorityFile === undefined ? [] : ['--tlsca', server.authorityFile]
  const sizes = ['--clients', `${clients}`, '--msgs', `${messages}`, '--size', `${bytes}`]
  return ['--no-context', '-s', server.url, ...trust, 'bench', ...verb, ...sizes, '--no-progress']
}

/** Runs the tool to its end; `signal` ends it before. Resolves to the rate that it measured. */
async function bench(signal: AbortSignal, command: readonly string[]): Promise<number> {
  const { stdout } = await run(CLI, command, { env: environment, timeout: RUN_MAX_MS, signal })
  return rateIn(stdout)
}

/** The rate in the summary line of the tool, such as `Pub stats: 544,182 msgs/sec ~ 8.30 MB/sec`. */
function rateIn(output: string): number {
  const found = /(?:Pub|Sub) stats: ([\d,]+) msgs\/sec/.exec(output)
  if (found === null) throw new Error(`no rate in: ${output}`)
  return Number(found[1].replaceAll(',', ''))
}

/** Publishing alone, or to subscribers of the one subject: `nats bench pub` and `sub`. */
export function cliLoad({ messages, bytes, publishers, subscribers }: CliLoad): Load {
  return {
    isTool: true,
    async run(server, scale): Promise<Seen> {
      const count = scaled(messages, scale, publishers)
      // Each publisher sends its equal share, and nothing of the remainder.
      const owed = Math.floor(count / publishers) * publishers
      const publishing = benchArguments(server, ['pub', 'bench'], publishers, owed, bytes)
      // A tool whose server is gone would try for minutes to reach it again.
      const end = new AbortController()
      try {
        if (subscribers === 0) {
          server.begin()
          return { messages: owed, metrics: { rate: await bench(end.signal, publishing) } }
        }
        if (server.program.publishes) server.begin()
        const receiving = bench(end.signal, benchArguments(server, ['sub', 'bench'], subscribers, owed, bytes))
        if (!server.program.publishes) {
          receiving.catch(() => undefined)
          await Promise.race([server.subscribed(subscribers), receiving])
          server.begin()
          await bench(end.signal, publishing)
        }
        return { messages: owed * subscribers, metrics: { rate: await receiving } }
      } finally {
        end.abort()
      }
    },
    floor(scale) {
      const count = scaled(messages, scale, publishers)
      return ['--subscribers', `${subscribers}`, '--messages', `${count}`, '--bytes', `${bytes}`]
    },
  }
}

/** Requests to a service with one instance: `nats bench service`. */
export function cliService(requesters: number, requests: number, bytes: number): Load {
  return {
    isTool: true,
    async run(server, scale): Promise<Seen> {
      const count = scaled(requests, scale, requesters)
      const serving = benchArguments(server, ['service', 'serve', 'bench'], 1, count, bytes)
      const responder = spawn(CLI, serving, { env: environment, stdio: 'ignore' })
      const end = new AbortController()
      try {
        await server.subscribed(1)
        server.begin()
        const requesting = benchArguments(server, ['service', 'request', 'bench'], requesters, count, bytes)
        const rate = await bench(end.signal, requesting)
        server.end()
        return { messages: count, metrics: { rate } }
      } finally {
        end.abort()
        responder.kill()
      }
    },
  }
}
