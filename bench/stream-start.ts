// src/node.sh bench/stream-start.ts [--messages N] [--keys N] [--server heddle,nats-server] [--workers N]: starts with a
// large stream, after an orderly end and after a kill, and the memory that it takes then. The stream is filled by
// `nats bench js pub`; with --keys each message is on one of so many subjects.

import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CLI } from './cli-load.ts'
import { ROOT } from './measure.ts'
import { ServerProcess } from './server-process.ts'
import { DEFAULTS } from './setups.ts'

const { values: flags } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    keys: { type: 'string', default: '0' },
    server: { type: 'string', default: 'heddle,nats-server' },
    workers: { type: 'string', default: '1' },
  },
})

const PROGRAMS = {
  heddle: { command: `${ROOT}src/heddle.sh`, arguments: ['--workers', flags.workers] },
  'nats-server': { command: `${ROOT}.peers/bin/nats-server`, arguments: [] },
}
const setup = {
  ...DEFAULTS,
  configuration: (folder: string) =>
    `jetstream { store_dir: "${join(folder, 'streams')}", max_file: 100G, sync_interval: 2m }\n`,
}
const print = (line: string): unknown => process.stdout.write(`${line}\n`)

function nats(server: ServerProcess, ...words: readonly string[]): string {
  const environment = { ...process.env, XDG_CONFIG_HOME: tmpdir() }
  const flags = ['--no-context', '--timeout', '60s', '-s', server.url]
  return execFileSync(CLI, [...flags, ...words], { env: environment, encoding: 'utf8' })
}

/** Milliseconds until the stream answers with all of its messages. */
function timeToAnswer(server: ServerProcess, sinceMs: number): number {
  for (;;) {
    try {
      const info = JSON.parse(nats(server, 'stream', 'info', 'S', '--json')) as { state: { messages: number } }
      if (info.state.messages === Number(flags.messages)) return performance.now() - sinceMs
    } catch {
      // It is not there yet.
    }
  }
}

for (const name of flags.server.split(',') as (keyof typeof PROGRAMS)[]) {
  const server = await ServerProcess.start(PROGRAMS[name], setup)
  try {
    nats(server, ...['stream', 'add', 'S', '--subjects', 's.>', '--storage', 'file', '--defaults'])
    const spread = flags.keys === '0' ? [] : ['--multisubject', '--multisubjectmax', flags.keys]
    const batch = ['--stream', 'S', '--batch', '500', '--no-progress', '--msgs', flags.messages, '--size', '128']
    const fillMs = performance.now()
    nats(server, 'bench', 'js', 'pub', 's.x', ...batch, ...spread)
    print(
      `${name.padEnd(12)} filled in ${((performance.now() - fillMs) / 1000).toFixed(1)} s, ${server.usage().rssMiB.toFixed(0)} MiB`,
    )
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
      const startMs = await server.restart(signal)
      const readyMs = performance.now() - startMs
      const answerMs = timeToAnswer(server, startMs)
      const { cpuMs, rssMiB } = server.usage()
      print(
        `${name.padEnd(12)} after ${signal}: ready ${readyMs.toFixed(0).padStart(6)} ms, all there ` +
          `${answerMs.toFixed(0).padStart(6)} ms, processor ${cpuMs.toFixed(0).padStart(6)} ms, ${rssMiB.toFixed(0)} MiB`,
      )
    }
    print(`${name.padEnd(12)} ${server.diskMiB().toFixed(0)} MiB on the disk`)
  } finally {
    await server.stop()
  }
}
