// Families of metrics, and the two formats in which Prometheus reads them: OpenMetrics 1.0, and the older exposition
// format 0.0.4 for scrapers that do not accept it. Names follow Prometheus: base units, counters end in _total.

export type Labels = Readonly<Record<string, string | number>>

export interface Point {
  readonly labels: Labels
  readonly value: number
}

/** Buckets are not cumulative here; there is one more than there are bounds. */
export interface HistogramPoint {
  readonly labels: Labels
  readonly buckets: readonly number[]
  readonly sum: number
}

export type Family =
  | { readonly kind: 'gauge' | 'counter'; readonly name: string; readonly help: string; readonly points: Point[] }
  | {
      readonly kind: 'histogram'
      readonly name: string
      readonly help: string
      readonly bounds: readonly number[]
      readonly points: HistogramPoint[]
    }
  /** One point of value 1, whose labels say what there is to say. */
  | { readonly kind: 'info'; readonly name: string; readonly help: string; readonly labels: Labels }

export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
export const PLAIN_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Whether an Accept header prefers OpenMetrics to the older text. */
export function prefersOpenMetrics(accept: string): boolean {
  const weight = (type: string): number => {
    let best = -1
    for (const range of accept.toLowerCase().split(',')) {
      const [name, ...parameters] = range.split(';').map((part) => part.trim())
      if (name !== type) continue
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      const value = quality === undefined ? 1 : Number(quality.slice(2))
      best = Math.max(best, Number.isFinite(value) ? value : 0)
    }
    return best
  }
  const open = weight('application/openmetrics-text')
  return open > 0 && open >= weight('text/plain')
}

/** The whole exposition. `open`: OpenMetrics; else the older format. */
export function expose(families: readonly Family[], open: boolean): string {
  const lines: string[] = []
  for (const family of families) writeFamily(family, open, lines)
  if (open) lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

function writeFamily(family: Family, open: boolean, lines: string[]): void {
  const { kind, name, help } = family
  const suffix = kind === 'counter' ? '_total' : kind === 'info' ? '_info' : ''
  // In the older format the family has the name of its samples, and there is no kind `info`.
  const familyName = open ? name : `${name}${suffix}`
  lines.push(`# TYPE ${familyName} ${kind === 'info' && !open ? 'gauge' : kind}`)
  const unit = open ? UNITS.find((one) => name.endsWith(`_${one}`)) : undefined
  if (unit !== undefined) lines.push(`# UNIT ${familyName} ${unit}`)
  lines.push(`# HELP ${familyName} ${escapeText(help, open)}`)
  if (kind === 'info') lines.push(`${name}${suffix}${labelText(family.labels)} 1`)
  else if (kind === 'histogram') for (const point of family.points) writeHistogram(family, point, lines)
  else
    for (const { labels, value } of family.points) lines.push(`${name}${suffix}${labelText(labels)} ${number(value)}`)
}

const UNITS = ['seconds', 'bytes', 'ratio'] as const

function writeHistogram(
  { name, bounds }: Extract<Family, { kind: 'histogram' }>,
  { labels, buckets, sum }: HistogramPoint,
  lines: string[],
): void {
  let count = 0
  for (const [i, bucket] of buckets.entries()) {
    count += bucket
    lines.push(`${name}_bucket${labelText({ ...labels, le: i < bounds.length ? number(bounds[i]) : '+Inf' })} ${count}`)
  }
  lines.push(`${name}_sum${labelText(labels)} ${number(sum)}`, `${name}_count${labelText(labels)} ${count}`)
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeText(String(value), true)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** Names of connections come from clients and may hold anything. */
function escapeText(text: string, quotes: boolean): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return quotes ? escaped.replaceAll('"', '\\"') : escaped
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
