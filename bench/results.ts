// What was measured, as it is kept in docs/performance/results.json and given out by --json: every raw run, each shape
// with the commit and the command that it was measured by, so that single shapes can be measured anew.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { CLI } from './cli-load.ts'
import { ROOT } from './measure.ts'
import type { Run } from './metrics.ts'

/** Digits of a figure that mean anything, and some more. */
const SIGNIFICANT = 6

export interface ContenderResult {
  readonly label: string
  /** One for each round, in order; a run that failed is empty. */
  readonly runs: readonly Run[]
}

export interface ShapeResult {
  readonly name: string
  readonly commit: string
  /** Day, as YYYY-MM-DD. */
  readonly date: string
  readonly command: string
  readonly machine: string
  readonly versions: string
  readonly contenders: readonly ContenderResult[]
  /** What went wrong in runs that are empty. */
  readonly failures: readonly string[]
}

export interface Results {
  readonly shapes: readonly ShapeResult[]
}

/** Where and with what a measurement was made. */
export type Circumstances = Pick<ShapeResult, 'commit' | 'date' | 'command' | 'machine' | 'versions'>

function outputOf(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

export function circumstances(peer: string, argv: readonly string[]): Circumstances {
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor'
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const isChanged = outputOf('git', '-C', ROOT, 'status', '--porcelain', 'src', 'workers') !== ''
  const cli = existsSync(CLI) ? `nats ${outputOf(CLI, '--version')}` : 'no nats CLI'
  return {
    commit: `${outputOf('git', '-C', ROOT, 'rev-parse', '--short', 'HEAD')}${isChanged ? ' and changes' : ''}`,
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run bench', ...(argv.length > 0 ? ['--'] : []), ...argv].join(' '),
    machine: `${availableParallelism()} × ${processor}, ${memory}, ${process.platform} ${release()}`,
    versions: `${outputOf(peer, '-v')}; ${cli}; node ${process.versions.node}`,
  }
}

export function readResults(file: string): Results {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : { shapes: [] }
}

export function writeResults(file: string, results: Results): void {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(SIGNIFICANT)) : value
  writeFileSync(file, `${JSON.stringify(results, rounded, 1)}\n`)
}

/** The old results with the new ones in the place of those of the same name. */
export function merged(old: Results, fresh: readonly ShapeResult[]): Results {
  const names = new Set(fresh.map(({ name }) => name))
  return { shapes: [...old.shapes.filter(({ name }) => !names.has(name)), ...fresh] }
}
