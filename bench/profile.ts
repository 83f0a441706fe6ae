// npm run profile: where Heddle spends its time under the load of a shape. What it leaves is in .profile/.
//
//     npm run profile -- flame|doctor|cpu SHAPE [--workers N] [--scale X]
//
// flame and doctor are clinic's, an HTML page each; they see one thread, so that the default is --workers 0. cpu is
// V8's own profiler, a .cpuprofile for each thread (for the browser's developer tools) and a summary here. SHAPE is a
// part of a shape's name, as for the bench.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { closeGenerators } from './generators/pool.ts'
import { ROOT } from './measure.ts'
import { type Program, ServerProcess } from './server-process.ts'
import { SHAPES } from './shapes.ts'

/** Not a dependency: it brings some 700 packages and 150 MiB, which `npm ci` need not carry for this. */
const CLINIC = 'clinic@13.0.0'
const FOLDER = `${ROOT}.profile`
const MAIN = `${ROOT}src/main.ts`
/** Functions in the summary of a thread. */
const LINES = 25
/** Nobody is asked whether usage may be reported, and nothing is. */
const QUIET = { NO_INSIGHT: '1', NO_UPDATE_NOTIFIER: '1' }

const TOOLS = ['flame', 'doctor', 'cpu']
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { workers: { type: 'string' }, scale: { type: 'string', default: '1' } },
})
const [tool, name = ''] = positionals
const shape = SHAPES.find((candidate) => candidate.name.includes(name))
if (!TOOLS.includes(tool) || shape === undefined) {
  process.stderr.write('usage: npm run profile -- flame|doctor|cpu SHAPE [--workers N] [--scale X]\n')
  process.exit(1)
}

/** npm keeps the package in its own cache; here is where its command lies. */
function clinicPath(): string {
  const where = ['exec', '--yes', '--ignore-scripts', `--package=${CLINIC}`, '--', 'sh', '-c', 'command -v clinic']
  return execFileSync('npm', where, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
}

function programFor(folder: string): Program {
  if (tool === 'cpu') {
    const workers = flags.workers === undefined ? [] : ['--workers', flags.workers]
    // Not as flags: a shard's thread is started without the flags of the process, but reads this.
    const environment = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` }
    return { command: process.execPath, arguments: [MAIN, ...workers], environment }
  }
  const server = [process.execPath, MAIN, '--workers', flags.workers ?? '0']
  return {
    command: process.execPath,
    arguments: [clinicPath(), tool, '--open=false', `--dest=${folder}`, '--', ...server],
    folder,
    environment: QUIET,
    isWrapper: true,
  }
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  /** Ids of nodes, one a sample. */
  readonly samples: readonly number[]
  /** Microseconds on the machine's monotonic clock. */
  readonly startTime: number
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[]
}

/** Self time by function while the load was measured, largest first, as lines; without the time that a thread slept. */
function summary(
  { nodes, samples, startTime, timeDeltas }: CpuProfile,
  { fromUs, toUs }: ServerProcess['span'],
): string[] {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === '' ? '' : ` ${url.replace(/^.*\//, '')}:${lineNumber + 1}`
      return [id, `${functionName === '' ? '(anonymous)' : functionName}${place}`]
    }),
  )
  const times = new Map<string, number>()
  let nowUs = startTime
  for (const [i, id] of samples.entries()) {
    nowUs += timeDeltas[i]
    if (nowUs < fromUs || nowUs > toUs) continue
    const called = names.get(id) ?? '?'
    times.set(called, (times.get(called) ?? 0) + timeDeltas[i])
  }
  times.delete('(idle)')
  const total = [...times.values()].reduce((sum, time) => sum + time, 0)
  return [
    `${(total / 1000).toFixed(0)} ms busy`,
    ...[...times]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, LINES)
      .map(([called, time]) => `${((100 * time) / total).toFixed(1).padStart(6)} %  ${called}`),
  ]
}

const folder = `${FOLDER}/${tool}-${shape.name.replaceAll(/\W+/g, '-')}`
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const server = await ServerProcess.start(programFor(folder), shape.contenders.at(-1)?.setup)
try {
  const { metrics } = await shape.load.run(server, Number(flags.scale))
  process.stdout.write(`${shape.name}: ${JSON.stringify(metrics)}\n`)
} finally {
  await server.interrupt()
  await closeGenerators()
}
for (const file of readdirSync(folder).toSorted()) {
  process.stdout.write(`${folder}/${file}\n`)
  if (!file.endsWith('.cpuprofile')) continue
  const profile = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as CpuProfile
  // CPU.<day>.<time>.<process>.<thread>.<number>.cpuprofile; thread 0 is the primary, the others are shards.
  process.stdout.write(`thread ${file.split('.')[4]}: ${summary(profile, server.span).join('\n')}\n\n`)
}
