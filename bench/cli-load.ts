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
const RUN_MAX_MS = 180_000

export interface CliLoad {
  /** Messages published in one run, over all publishers; requests for a service. */
  readonly messages: number
  readonly bytes: number
  /** For a service, the number of requesters. */
  readonly publishers: number
  readonly subscribers: number
}

const run = promisify(execFile)

function benchArguments(server: ServerProcess, verb: readonly string[], ...counts: number[]): string[] {
  const [clients, messages, bytes] = counts
  const sizes = ['--clients', `${clients}`, '--msgs', `${messages}`, '--size', `${bytes}`]
  return ['--no-context', '-s', server.url, 'bench', ...verb, ...sizes, '--no-progress']
}

async function bench(server: ServerProcess, verb: readonly string[], ...counts: number[]): Promise<number> {
  const { stdout } = await run(CLI, benchArguments(server, verb, ...counts), {
    env: environment,
    timeout: RUN_MAX_MS,
  })
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
    async run(server, scale): Promise<Seen> {
      const count = scaled(messages, scale, publishers)
      const publish = (): Promise<number> => bench(server, ['pub', 'bench'], publishers, count, bytes)
      if (subscribers === 0) {
        server.begin()
        return { messages: count, metrics: { rate: await publish() } }
      }
      // Each publisher sends its equal share, and nothing of the remainder.
      const owed = Math.floor(count / publishers) * publishers
      if (server.program.publishes) server.begin()
      const subscribing = bench(server, ['sub', 'bench'], subscribers, owed, bytes)
      if (!server.program.publishes) {
        subscribing.catch(() => undefined)
        await Promise.race([server.subscribed(subscribers), subscribing])
        server.begin()
        await publish()
      }
      return { messages: owed * subscribers, metrics: { rate: await subscribing } }
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
    async run(server, scale): Promise<Seen> {
      const count = scaled(requests, scale, requesters)
      const serving = benchArguments(server, ['service', 'serve', 'bench'], 1, count, bytes)
      const responder = spawn(CLI, serving, { env: environment, stdio: 'ignore' })
      try {
        await server.subscribed(1)
        server.begin()
        const rate = await bench(server, ['service', 'request', 'bench'], requesters, count, bytes)
        server.end()
        return { messages: count, metrics: { rate } }
      } finally {
        responder.kill()
      }
    },
  }
}
