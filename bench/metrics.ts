// What is measured of a run, and what is asked of it. A shape names targets for some of these; the report, the page
// and the plots show whatever the runs have.

export interface MetricKind {
  readonly label: string
  readonly unit: string
  /** Digits behind the point when the figure itself is printed. */
  readonly digits: number
  /** Smaller figures count as this in a ratio: resident size is not known to the MiB. */
  readonly least?: number
}

export const METRICS = {
  rate: { label: 'rate', unit: '/s', digits: 0 },
  cpuUs: { label: 'CPU a message', unit: 'µs', digits: 3 },
  loadCpuUs: { label: 'load CPU a message', unit: 'µs', digits: 3 },
  growthMiB: { label: 'RSS growth', unit: 'MiB', digits: 1, least: 1 },
  p50Us: { label: 'latency p50', unit: 'µs', digits: 0 },
  p99Us: { label: 'latency p99', unit: 'µs', digits: 0 },
  pairRate: { label: 'rate of the pair beside', unit: '/s', digits: 0 },
  kept: { label: 'kept of the rate alone', unit: '', digits: 3 },
  idleKiB: { label: 'RSS of an idle connection', unit: 'KiB', digits: 1 },
  idleMiB: { label: 'RSS idle', unit: 'MiB', digits: 1 },
  acceptMs: { label: 'start to first connect', unit: 'ms', digits: 0 },
  readyMs: { label: 'start to ready', unit: 'ms', digits: 0 },
  varzP99Ms: { label: '/varz p99', unit: 'ms', digits: 0 },
  connzP99Ms: { label: '/connz p99', unit: 'ms', digits: 0 },
  slopeMiB: { label: 'RSS slope', unit: 'MiB/min', digits: 2 },
  restartMs: { label: 'start after an orderly exit', unit: 'ms', digits: 0 },
  killedMs: { label: 'start after SIGKILL', unit: 'ms', digits: 0 },
  filledMiB: { label: 'RSS, filled', unit: 'MiB', digits: 0 },
  diskMiB: { label: 'on the disk', unit: 'MiB', digits: 1 },
  besideRatio: { label: 'latency p99 beside / alone', unit: '', digits: 2 },
  stuckMiB: { label: 'RSS for a stuck subscriber', unit: 'MiB', digits: 1 },
  peakMiB: { label: 'peak RSS', unit: 'MiB', digits: 0 },
  lifeCpuMs: { label: 'CPU of its whole life', unit: 'ms', digits: 0 },
} as const satisfies Record<string, MetricKind>

export type Metric = keyof typeof METRICS
export const METRIC_NAMES = Object.keys(METRICS) as Metric[]

/** What one run showed. A metric that does not apply, or a run that failed, has no figure. */
export type Run = { readonly [M in Metric]?: number }

/** A bound for a metric: of the ratio to the first contender, or of the figure itself where `of` says so. */
export interface Target {
  readonly bound: 'least' | 'most'
  readonly value: number
  readonly of: 'ratio' | 'figure'
}

export type Targets = { readonly [M in Metric]?: Target }

export const atLeast = (value: number): Target => ({ bound: 'least', value, of: 'ratio' })
export const atMost = (value: number): Target => ({ bound: 'most', value, of: 'ratio' })
export const figureAtLeast = (value: number): Target => ({ bound: 'least', value, of: 'figure' })
export const figureAtMost = (value: number): Target => ({ bound: 'most', value, of: 'figure' })

export function meets(target: Target, value: number): boolean {
  return target.bound === 'least' ? value >= target.value : value <= target.value
}

export function targetText(target: Target, metric: Metric): string {
  const unit = target.of === 'figure' ? ` ${METRICS[metric].unit}`.trimEnd() : ''
  return `${target.bound === 'least' ? '≥' : '≤'} ${target.value}${unit}`
}
