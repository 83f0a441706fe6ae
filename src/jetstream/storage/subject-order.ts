// The subjects of a table in the order of their bytes: so that those that match a filter are found without a look at
// each. What begins alike lies together, so a filter is followed token by token, and what cannot match is leapt over.
//
//     orders.*.new    orders.de.lost │ orders.de.new │ orders.fr.old │ orders.us.ny.new │ other
//                     └─ orders. ────────────────────────────────────────────────────┘  found by bisection
//                        └─ de. ───────────────────┘ └─ fr. ───────┘ └─ us. ────────┘   each leapt over, and in it
//                                       └─ new ────┘                                    found by bisection
//
// The order is kept in runs, each at most half as long as the one before it. New subjects are looked at one by one
// until there are enough of them for a run. Runs are made when a filter is asked about, so many in one call that it
// takes little longer than a look at each subject would.

import { matchesPattern, type Pattern, type SubjectFilter } from './subject-filter.ts'
import type { SubjectTable } from './subject-table.ts'

/** Subjects of the shortest run. */
const RUN = 256
/** Steps of making runs in one call, roughly: sorting a subject takes eight, merging it one. */
const WORK_MAX = 200_000
const SORT_STEPS = 8
const DOT = 0x2e

export class SubjectOrder {
  private runs: Uint32Array[] = []
  /** Numbers of subjects that are in runs. */
  private numbered = 0
  private generation = 0

  private extend(table: SubjectTable): void {
    if (this.generation !== table.generation) {
      this.generation = table.generation
      this.numbered = 0
      this.runs = []
    }
    const { runs } = this
    for (let work = 0; work < WORK_MAX && table.numbered - this.numbered >= RUN; ) {
      const first = this.numbered
      this.numbered += RUN
      runs.push(Uint32Array.from({ length: RUN }, (_, i) => first + i).sort((a, b) => compare(table, a, b)))
      work += RUN * SORT_STEPS
      while (runs.length > 1 && runs[runs.length - 2].length < runs[runs.length - 1].length * 2) {
        const merged = merge(table, runs.pop() as Uint32Array, runs.pop() as Uint32Array)
        runs.push(merged)
        work += merged.length
      }
    }
  }

  /** The numbers of subjects that match, in no particular order. The table must not change meanwhile. */
  *matching(table: SubjectTable, filter: SubjectFilter): Generator<number, undefined> {
    this.extend(table)
    const { patterns } = filter
    for (const [i, pattern] of patterns.entries()) {
      const earlier = patterns.slice(0, i)
      for (const run of this.runs) {
        for (const id of new Walk(table, run, pattern).from(0, run.length, 0, 0)) {
          const isOfEarlier = (other: Pattern): boolean =>
            matchesPattern(other, table.arena, table.startOf(id), table.endOf(id))
          if (!earlier.some(isOfEarlier)) yield id
        }
      }
    }
    for (let id = this.numbered; id < table.numbered; id++) {
      if (filter.matches(table.arena, table.startOf(id), table.endOf(id))) yield id
    }
  }
}

function merge(table: SubjectTable, a: Uint32Array, b: Uint32Array): Uint32Array {
  const merged = new Uint32Array(a.length + b.length)
  let [i, j] = [0, 0]
  for (let to = 0; to < merged.length; to++) {
    const isA = j === b.length || (i < a.length && compare(table, a[i], b[j]) < 0)
    merged[to] = isA ? a[i++] : b[j++]
  }
  return merged
}

function compare(table: SubjectTable, a: number, b: number): number {
  const { arena } = table
  let i = table.startOf(a)
  let j = table.startOf(b)
  const iEnd = table.endOf(a)
  const jEnd = table.endOf(b)
  for (; i < iEnd && j < jEnd; i++, j++) if (arena[i] !== arena[j]) return arena[i] - arena[j]
  return iEnd - i - (jEnd - j)
}

/** One run, followed by one pattern. */
class Walk {
  private readonly table: SubjectTable
  private readonly run: Uint32Array
  private readonly tokens: Pattern['tokens']

  constructor(table: SubjectTable, run: Uint32Array, { tokens }: Pattern) {
    this.table = table
    this.run = run
    this.tokens = tokens
  }

  /** Matches in [low, high), which have the first `depth` tokens and the dots behind them, `skip` bytes, in common. */
  *from(low: number, high: number, depth: number, skip: number): Generator<number, undefined> {
    const { run, tokens } = this
    const { bytes, dotted, kind } = tokens[depth]
    const isLast = depth === tokens.length - 1
    if (kind === 'rest') for (let at = low; at < high; at++) yield run[at]
    else if (kind === 'literal') {
      const key = isLast ? bytes : dotted
      const at = this.firstFrom(low, high, skip, key)
      if (at === high || !this.isAt(run[at], skip, key)) return
      if (!isLast) yield* this.from(at, this.endOfGroup(at, high, skip + bytes.length), depth + 1, skip + key.length)
      else if (this.lengthOf(run[at]) === skip + key.length) yield run[at]
    } else {
      for (let at = low; at < high; ) {
        const end = this.endOfToken(run[at], skip)
        if (end === this.lengthOf(run[at])) {
          if (isLast) yield run[at]
          at++
          continue
        }
        const next = this.endOfGroup(at, high, end)
        if (!isLast) yield* this.from(at, next, depth + 1, end + 1)
        at = next
      }
    }
  }

  private lengthOf(id: number): number {
    return this.table.endOf(id) - this.table.startOf(id)
  }

  /** Where the token ends that begins behind `skip` bytes. */
  private endOfToken(id: number, skip: number): number {
    const { table } = this
    const start = table.startOf(id)
    const length = table.endOf(id) - start
    while (skip < length && table.arena[start + skip] !== DOT) skip++
    return skip
  }

  private isAt(id: number, skip: number, bytes: Uint8Array): boolean {
    const { table } = this
    const start = table.startOf(id) + skip
    if (start + bytes.length > table.endOf(id)) return false
    for (let i = 0; i < bytes.length; i++) if (table.arena[start + i] !== bytes[i]) return false
    return true
  }

  /** The first in [low, high) that is, behind `skip` bytes, not below a key. */
  private firstFrom(low: number, high: number, skip: number, key: Uint8Array): number {
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.isBelow(this.run[middle], skip, key)) low = middle + 1
      else high = middle
    }
    return low
  }

  private isBelow(id: number, skip: number, key: Uint8Array): boolean {
    const { table } = this
    const { arena } = table
    const end = table.endOf(id)
    let at = table.startOf(id) + skip
    for (const byte of key) {
      if (at === end) return true
      if (arena[at] !== byte) return arena[at] < byte
      at++
    }
    return false
  }

  /** The end of those, from `at` on, whose bytes up to `length` and the dot there are the same as at `at`. */
  private endOfGroup(at: number, high: number, length: number): number {
    const { run } = this
    if (at >= high) return at
    // Most groups are short: in growing leaps, and then back.
    let step = 1
    let low = at
    while (low + step < high && this.isAlike(run[at], run[low + step], length + 1)) {
      low += step
      step *= 2
    }
    let end = Math.min(high, low + step)
    low++
    while (low < end) {
      const middle = (low + end) >>> 1
      if (this.isAlike(run[at], run[middle], length + 1)) low = middle + 1
      else end = middle
    }
    return low
  }

  /** Whether two subjects begin with the same so many bytes. The first one is so long. */
  private isAlike(a: number, b: number, length: number): boolean {
    const { table } = this
    const { arena } = table
    const i = table.startOf(a)
    const j = table.startOf(b)
    if (table.endOf(a) - i < length || table.endOf(b) - j < length) return false
    // What differs is at the end, mostly.
    for (let at = length - 1; at >= 0; at--) if (arena[i + at] !== arena[j + at]) return false
    return true
  }
}
