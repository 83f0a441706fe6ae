// npm run bench: Heddle and nats-server side by side under the real `nats bench`, in turn, A B A B …, on this machine.
//
//     npm run peers && npm run bench -- [--only TEXT] [--pairs N] [--workers N] [--peer PATH] [--write]
//
// For each shape: rate, the server process's processor time and its peak memory, as the median over the pairs of the
// ratio Heddle / peer, with its spread. --write puts the table into docs/performance.md.

import { execFile, execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { ServerProcess } from './server-process.ts'
import { SHAPES, type Shape } from './shapes.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    pairs: { type: 'string', default: '5' },
    workers: { type: 'string', default: `${availableParallelism()}` },
    peer: { type: 'string', default: `${root}.peers/bin/nats-server` },
    write: { type: 'boolean', default: false },
  },
})
const CLI = `${root}.peers/bin/nats`
/** The command line tool keeps settings in the user's home; ours starts without any. */
const environment = { ...process.env, XDG_CONFIG_HOME: tmpdir() }
const RUN_MAX_MS = 180_000

interface Result {
  /** Messages a second: received where there are subscribers, else published. */
  readonly rate: number
  readonly cpuMs: number
  readonly peakMiB: number
}

const run = promisify(execFile)

function benchArguments(server: ServerProcess, verb: readonly string[], clients: number, shape: Shape): string[] {
  const counts = ['--clients', `${clients}`, '--msgs', `${shape.messages}`, '--size', `${shape.bytes}`]
  return ['--no-context', '-s', server.url, 'bench', ...verb, ...counts, '--no-progress']
}

/** The rate in the summary line of the tool, such as `Pub stats: 544,182 msgs/sec ~ 8.30 MB/sec`. */
function rateIn(output: string): number {
  const found = /(?:Pub|Sub) stats: ([\d,]+) msgs\/sec/.exec(output)
  if (found === null) throw new Error(`no rate in: ${output}`)
  return Number(found[1].replaceAll(',', ''))
}

async function load(server: ServerProcess, shape: Shape): Promise<number> {
  const options = { env: environment, timeout: RUN_MAX_MS }
  if (shape.service === true) {
    const responder = spawn(CLI, benchArguments(server, ['service', 'serve', 'bench'], 1, shape), {
      env: environment,
      stdio: 'ignore',
    })
    try {
      await server.subscribed(1)
      const requests = benchArguments(server, ['service', 'request', 'bench'], shape.publishers, shape)
      return rateIn((await run(CLI, requests, options)).stdout)
    } finally {
      responder.kill()
    }
  }
  const publishing = benchArguments(server, ['pub', 'bench'], shape.publishers, shape)
  if (shape.subscribers === 0) return rateIn((await run(CLI, publishing, options)).stdout)
  const subscribing = run(CLI, benchArguments(server, ['sub', 'bench'], shape.subscribers, shape), options)
  await server.subscribed(shape.subscribers)
  const [subscribed] = await Promise.all([subscribing, run(CLI, publishing, options)])
  return rateIn(subscribed.stdout)
}

async function measure(command: string, serverFlags: readonly string[], shape: Shape): Promise<Result> {
  const server = await ServerProcess.start(command, serverFlags)
  try {
    const before = server.usage()
    const rate = await load(server, shape)
    const after = server.usage()
    return { rate, cpuMs: after.cpuMs - before.cpuMs, peakMiB: after.peakMiB }
  } finally {
    await server.stop()
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function ratio(ours: readonly Result[], theirs: readonly Result[], key: keyof Result): string {
  const ratios = ours.map((result, i) => result[key] / theirs[i][key])
  return `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`
}

const thousands = (value: number): string => Math.round(value).toLocaleString('en')

async function compare(shape: Shape, pairs: number): Promise<string> {
  const ours: Result[] = []
  const theirs: Result[] = []
  for (let pair = 0; pair < pairs; pair++) {
    theirs.push(await measure(flags.peer, [], shape))
    ours.push(await measure(`${root}src/heddle.sh`, ['--workers', flags.workers], shape))
  }
  const middle = (results: readonly Result[], key: keyof Result): string =>
    thousands(median(results.map((result) => result[key])))
  return [
    '',
    shape.name,
    ratio(ours, theirs, 'rate'),
    ratio(ours, theirs, 'cpuMs'),
    `${middle(ours, 'rate')} : ${middle(theirs, 'rate')}`,
    `${middle(ours, 'cpuMs')} : ${middle(theirs, 'cpuMs')}`,
    `${middle(ours, 'peakMiB')} : ${middle(theirs, 'peakMiB')}`,
    '',
  ].join(' | ')
}

function versionOf(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

const shapes = SHAPES.filter((shape) => shape.name.includes(flags.only))
const lines = [
  `Machine: ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, ${process.platform}, shared with the load.`,
  `Peer: ${versionOf(flags.peer, '-v')}. Load: nats ${versionOf(CLI, '--version')}.`,
  `Heddle: commit ${versionOf('git', '-C', root, 'rev-parse', '--short', 'HEAD')}, ` +
    `node ${process.versions.node}, ${flags.workers} shards.`,
  `Command: \`npm run bench -- --pairs ${flags.pairs} --workers ${flags.workers}\``,
  '',
  '| shape | rate, Heddle / peer | processor time, Heddle / peer | messages a second | processor ms | peak MiB |',
  '| --- | --- | --- | --- | --- | --- |',
]
process.stdout.write(`${lines.join('\n')}\n`)
for (const shape of shapes) {
  const line = (await compare(shape, Number(flags.pairs))).trim()
  lines.push(line)
  process.stdout.write(`${line}\n`)
}

if (flags.write) {
  const file = `${root}docs/performance.md`
  const page = readFileSync(file, 'utf8')
  const begin = '<!-- bench: begin -->'
  const end = '<!-- bench: end -->'
  const before = page.slice(0, page.indexOf(begin) + begin.length)
  writeFileSync(file, `${before}\n${lines.join('\n')}\n${page.slice(page.indexOf(end))}`)
}
