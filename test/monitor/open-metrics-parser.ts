// A strict reader of OpenMetrics 1.0 text, made from the format's grammar: whatever bends a rule is an error that names
// the line. `open: false` reads the older format 0.0.4, as far as we write it.

export interface ParsedFamily {
  readonly name: string
  readonly kind: string
  readonly help: string
  readonly unit: string
  readonly samples: ParsedSample[]
}

export interface ParsedSample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

const KINDS = ['counter', 'gauge', 'histogram', 'info']
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|[+-]Inf|NaN)$/
const SUFFIXES: Record<string, readonly string[]> = {
  counter: ['_total'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  info: ['_info'],
}

export function parseMetrics(text: string, open: boolean): Map<string, ParsedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended')
  const lines = text.slice(0, -1).split('\n')
  if (open && lines.pop() !== '# EOF') throw new Error('it does not end with # EOF')
  const families = new Map<string, ParsedFamily>()
  const seen = new Set<string>()
  let current: { name: string; kind: string; help: string; unit: string; samples: ParsedSample[] } | undefined
  for (const [i, line] of lines.entries()) {
    const wrong = (why: string): Error => new Error(`line ${i + 1}: ${why}: ${line}`)
    if (line.startsWith('#')) {
      const [, word, name, rest] = /^# (TYPE|HELP|UNIT) (\S+) (.*)$/.exec(line) ?? []
      if (name === undefined || !NAME.test(name)) throw wrong('not a comment of the format')
      if (word === 'TYPE') {
        if (families.has(name)) throw wrong('a family that was there before')
        if (!KINDS.includes(rest) || (!open && rest === 'info')) throw wrong('an unknown type')
        if (open && (name.endsWith('_total') || name.endsWith('_info'))) throw wrong('a suffix in a family’s name')
        current = { name, kind: rest, help: '', unit: '', samples: [] }
        families.set(name, current)
      } else if (current?.name !== name || current.samples.length > 0) throw wrong('not of the family at hand')
      else if (word === 'HELP') current.help = rest
      else {
        if (!open) throw wrong('the older format has no units')
        if (!name.endsWith(`_${rest}`)) throw wrong('a name that does not end in its unit')
        current.unit = rest
      }
      continue
    }
    if (current === undefined) throw wrong('a sample without a family')
    const sample = parseSample(line, wrong)
    const { name, kind } = current
    const endings = open || kind === 'histogram' ? SUFFIXES[kind] : ['']
    if (!endings.some((ending) => sample.name === name + ending)) throw wrong(`no sample of ${kind} ${name}`)
    const key = `${sample.name}{${[...sample.labels].map((pair) => pair.join('=')).join(',')}}`
    if (seen.has(key)) throw wrong('the same sample twice')
    seen.add(key)
    if (current.kind === 'counter' && !(sample.value >= 0)) throw wrong('a counter below zero')
    current.samples.push(sample)
  }
  for (const family of families.values()) if (family.kind === 'histogram') checkHistogram(family)
  return families
}

function parseSample(line: string, wrong: (why: string) => Error): ParsedSample {
  const name = /^[^{ ]+/.exec(line)?.[0] ?? ''
  if (!NAME.test(name)) throw wrong('not a name')
  const labels = new Map<string, string>()
  let rest = line.slice(name.length)
  if (rest.startsWith('{')) {
    rest = rest.slice(1)
    while (!rest.startsWith('}')) {
      if (labels.size > 0) {
        if (!rest.startsWith(',')) throw wrong('labels without a comma')
        rest = rest.slice(1)
      }
      const [whole, label, value] = LABEL.exec(rest) ?? []
      if (whole === undefined) throw wrong('not a label')
      if (labels.has(label)) throw wrong('a label twice')
      labels.set(
        label,
        value.replace(/\\(["\\n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
      )
      rest = rest.slice(whole.length)
    }
    rest = rest.slice(1)
  }
  if (!rest.startsWith(' ') || !NUMBER.test(rest.slice(1))) throw wrong('not one number')
  return { name, labels, value: Number(rest.slice(1).replace('Inf', 'Infinity')) }
}

/** Buckets go up, end with +Inf, and that is the count. */
function checkHistogram({ name, samples }: ParsedFamily): void {
  const series = new Map<string, { bounds: number[]; counts: number[]; count?: number; sum?: number }>()
  for (const sample of samples) {
    const others = [...sample.labels].filter(([label]) => label !== 'le')
    const key = JSON.stringify(others)
    const one = series.get(key) ?? { bounds: [], counts: [] }
    series.set(key, one)
    if (sample.name === `${name}_sum`) one.sum = sample.value
    else if (sample.name === `${name}_count`) one.count = sample.value
    else {
      const le = sample.labels.get('le')
      if (le === undefined || !NUMBER.test(le)) throw new Error(`${name}: a bucket without a bound`)
      one.bounds.push(Number(le.replace('Inf', 'Infinity')))
      one.counts.push(sample.value)
    }
  }
  for (const { bounds, counts, count, sum } of series.values()) {
    const rises = (list: readonly number[], strictly: boolean): boolean =>
      list.every((value, i) => i === 0 || value > list[i - 1] || (!strictly && value === list[i - 1]))
    if (!rises(bounds, true) || !rises(counts, false)) throw new Error(`${name}: buckets that do not rise`)
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name}: no last bucket`)
    if (count === undefined || count !== counts.at(-1) || sum === undefined) throw new Error(`${name}: no sum or count`)
  }
}
