// From raw runs to what the report and the page print: for each contender and metric the median of the figure, the
// median and spread of the ratio to the first contender of the same round, and whether the target is met.

import { METRIC_NAMES, METRICS, type Metric, type MetricKind, meets, type Run, type Target } from './metrics.ts'
import type { ShapeResult } from './results.ts'
import type { Shape } from './shape.ts'
import { median } from './statistics.ts'

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

export interface Figure {
  readonly contender: string
  readonly metric: Metric
  /** Medians of the figure itself, this contender's and the first one's (undefined: it has none). */
  readonly ours: number
  readonly theirs: number | undefined
  /** To the first contender, round by round; undefined for the first itself, and where it has no such figure. */
  readonly ratio: Spread | undefined
  readonly target: Target | undefined
  readonly isMet: boolean | undefined
}

function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) }
}

function valuesOf(runs: readonly Run[], metric: Metric): number[] {
  return runs.flatMap((run) => run[metric] ?? [])
}

/** Ratios of the rounds in which both have a figure. */
function ratiosOf(ours: readonly Run[], theirs: readonly Run[], metric: Metric): number[] {
  const { least = 0 }: MetricKind = METRICS[metric]
  return ours.flatMap((run, i) => {
    const [a, b] = [run[metric], theirs[i]?.[metric]]
    if (a === undefined || b === undefined) return []
    const divisor = Math.max(b, least)
    return divisor > 0 ? Math.max(a, least) / divisor : []
  })
}

/** All figures of a shape, contender by contender, the first one left out where there are others. */
export function figuresOf(shape: Shape, result: ShapeResult): Figure[] {
  const [first, ...others] = result.contenders
  return (others.length > 0 ? others : [first]).flatMap(({ label, runs }) => {
    const targets = shape.contenders.find((contender) => contender.label === label)?.targets ?? {}
    return METRIC_NAMES.flatMap((metric): Figure[] => {
      const values = valuesOf(runs, metric)
      if (values.length === 0) return []
      const theirValues = others.length > 0 ? valuesOf(first.runs, metric) : []
      const ratio = others.length > 0 ? spread(ratiosOf(runs, first.runs, metric)) : undefined
      const target = targets[metric]
      const ours = median(values)
      const judged = target?.of === 'figure' ? ours : ratio?.median
      return [
        {
          contender: label,
          metric,
          ours,
          theirs: theirValues.length > 0 ? median(theirValues) : undefined,
          ratio,
          target,
          isMet: target === undefined || judged === undefined ? undefined : meets(target, judged),
        },
      ]
    })
  })
}

/** A number in as few characters as say enough. */
export function shortNumber(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

export function figureText(value: number | undefined, metric: Metric): string {
  return value === undefined ? '–' : shortNumber(value, METRICS[metric].digits)
}

export const verdict = (isMet: boolean | undefined): string => (isMet === undefined ? '' : isMet ? 'met' : 'not met')
