// docs/performance.md and its plots, made from the kept results: what stands between the page's two marks is replaced,
// what people wrote around them stays.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type Figure, figuresOf, figureText, shortNumber, verdict } from './figures.ts'
import { ROOT } from './measure.ts'
import { METRICS, type Metric, targetText } from './metrics.ts'
import { type Bar, barPlot } from './plot.ts'
import { type Circumstances, merged, readResults, type ShapeResult, writeResults } from './results.ts'
import type { Shape } from './shape.ts'
import { SECTIONS, type Section } from './shapes.ts'

const PAGE = `${ROOT}docs/performance.md`
const FOLDER = `${ROOT}docs/performance`
const RESULTS = `${FOLDER}/results.json`
const BEGIN = '<!-- bench: begin -->'
const END = '<!-- bench: end -->'
/** What each row of the first table shows in a column of its own; other metrics that have a target share the last. */
const COLUMNS: readonly Metric[] = ['rate', 'cpuUs', 'growthMiB']
/** The columns of the second table; other metrics share the last. */
const FIGURE_COLUMNS: readonly Metric[] = ['rate', 'cpuUs', 'loadCpuUs', 'growthMiB', 'peakMiB', 'lifeCpuMs']

const FIGURES_NOTE = `Medians, the first contender's behind the colon. RSS growth is the peak of the run less the
resident size when the server was ready; CPU of its whole life is from the start of the process to the end of the load.`

interface Measured {
  readonly shape: Shape
  readonly result: ShapeResult
  readonly figures: readonly Figure[]
}

/** Puts fresh results among the kept ones and makes page and plots anew. */
export function writePage(fresh: readonly ShapeResult[]): void {
  mkdirSync(FOLDER, { recursive: true })
  const results = merged(readResults(RESULTS), fresh)
  writeResults(RESULTS, results)
  const sections = SECTIONS.map((section): readonly [Section, Measured[]] => [
    section,
    section.shapes.flatMap((shape): Measured[] => {
      const result = results.shapes.find(({ name }) => name === shape.name)
      return result === undefined ? [] : [{ shape, result, figures: figuresOf(shape, result) }]
    }),
  ])
  const measured = sections.flatMap(([, own]) => own)
  const page = readFileSync(PAGE, 'utf8')
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has lost its marks, ${BEGIN} and ${END}`)
  const generated = [
    ...sections.flatMap(([section, own]) => (own.length > 0 ? sectionText(section, own) : [])),
    '### The figures behind it',
    FIGURES_NOTE,
    figureTable(measured),
    '### When the rows were measured',
    circumstancesText(measured),
  ]
  writeFileSync(PAGE, `${page.slice(0, begin + BEGIN.length)}\n${generated.join('\n\n')}\n${page.slice(end)}`)
}

/** Writes the section's plots; returns its paragraphs. */
function sectionText({ title, note, plots }: Section, measured: readonly Measured[]): string[] {
  const plot = (name: string, metric: Metric, what: string, better: string): void =>
    writeFileSync(
      `${FOLDER}/${plots}${name}.svg`,
      plotOf(measured, metric, `${what}, Heddle / nats-server`, `${better} is better; │ target`),
    )
  plot('rate', 'rate', 'Messages a second', 'more')
  plot('cpu', 'cpuUs', 'Processor time of the server for a message', 'less')
  return [
    `### ${title}`,
    note,
    `![Rate](performance/${plots}rate.svg)`,
    `![Processor time](performance/${plots}cpu.svg)`,
    ratioTable(measured),
  ]
}

/** Machine, versions, commit and command of most rows, and which rows were measured under others. */
function circumstancesText(measured: readonly Measured[]): string {
  const groups = new Map<string, Measured[]>()
  for (const each of measured) {
    const { machine, versions, commit, date, command } = each.result
    const key = JSON.stringify({ machine, versions, commit, date, command } satisfies Circumstances)
    groups.set(key, [...(groups.get(key) ?? []), each])
  }
  const [most, ...others] = [...groups].toSorted(([, a], [, b]) => b.length - a.length)
  const main = JSON.parse(most[0]) as Circumstances
  const lines = [
    `- Machine: ${main.machine}, shared with the load.`,
    `- ${main.versions}.`,
    `- Heddle: commit ${main.commit}, measured on ${main.date} by \`${main.command}\`.`,
  ]
  for (const [key, rows] of others) {
    const other = JSON.parse(key) as Circumstances
    const differences = [
      ...(other.machine === main.machine ? [] : [`on ${other.machine}`]),
      ...(other.versions === main.versions ? [] : [`with ${other.versions}`]),
      `commit ${other.commit}, ${other.date}, \`${other.command}\``,
    ]
    lines.push(`- Measured apart (${differences.join('; ')}): ${rows.map(({ shape }) => shape.name).join('; ')}.`)
  }
  return lines.join('\n')
}

function plotOf(measured: readonly Measured[], metric: Metric, title: string, note: string): string {
  const bars = measured.flatMap(({ shape, figures }) =>
    figures.flatMap((figure): Bar[] => {
      const { contender, ratio, target, isMet } = figure
      const isPeerFirst = shape.contenders[0].program === 'peer'
      if (figure.metric !== metric || ratio === undefined || !isPeerFirst || isFloor(shape, contender)) return []
      const label = contender === 'Heddle' ? shape.name : withDetail(shape.name, contender.replace('Heddle, ', ''))
      const bound = target?.of === 'ratio' ? target.value : undefined
      return [{ label, value: ratio.median, least: ratio.least, most: ratio.most, target: bound, isMet }]
    }),
  )
  return barPlot(title, note, bars)
}

/** Some shapes are about one number of shards, and named for it. */
const withDetail = (name: string, detail: string): string => (name.endsWith(detail) ? name : `${name}, ${detail}`)

function isFloor(shape: Shape, contender: string): boolean {
  return shape.contenders.some(({ label, program }) => label === contender && program === 'floor')
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** `1.34 (1.08 to 1.46), ≥ 1.15 met`, or for a target of the figure itself `212 ms, ≤ 250 ms met`. */
function judgedText(figure: Figure): string {
  const { metric, ratio, target, isMet } = figure
  const unit = METRICS[metric].unit
  const value =
    target?.of === 'figure' || ratio === undefined
      ? `${figureText(figure.ours, metric)} ${unit}`.trimEnd()
      : `${shortNumber(ratio.median, 2)} (${shortNumber(ratio.least, 2)} to ${shortNumber(ratio.most, 2)})`
  if (target === undefined) return value
  const judgement = isMet === false ? `**${verdict(isMet)}**` : verdict(isMet)
  return `${value}, ${targetText(target, metric)} ${judgement}`
}

function byContender(figures: readonly Figure[]): Figure[][] {
  return [...Map.groupBy(figures, ({ contender }) => contender).values()]
}

function ratioTable(measured: readonly Measured[]): string {
  const rows = measured.flatMap(({ shape, result, figures }) =>
    byContender(figures).map((own, i) => {
      const others = own.filter(({ metric, target }) => target !== undefined && !COLUMNS.includes(metric))
      const failed = i === 0 && result.failures.length > 0 ? [`${result.failures.length} runs failed`] : []
      return [
        shape.name,
        own[0].contender,
        ...COLUMNS.map((column) => {
          const figure = own.find(({ metric, ratio }) => metric === column && ratio !== undefined)
          return figure === undefined ? '' : judgedText(figure)
        }),
        [...others.map((figure) => `${METRICS[figure.metric].label} ${judgedText(figure)}`), ...failed].join('; '),
      ]
    }),
  )
  return table(['shape', 'contender', 'rate', 'CPU a message', 'RSS growth', 'besides'], rows)
}

function figureTable(measured: readonly Measured[]): string {
  const pair = (figure: Figure): string => {
    const ours = figureText(figure.ours, figure.metric)
    return figure.theirs === undefined ? ours : `${ours} : ${figureText(figure.theirs, figure.metric)}`
  }
  const rows = measured.flatMap(({ shape, result, figures }) =>
    byContender(figures).map((own) => {
      const first = result.contenders[0].label
      const others = own.filter(({ metric }) => !FIGURE_COLUMNS.includes(metric))
      return [
        shape.name,
        own[0].contender === first ? first : `${own[0].contender} : ${first}`,
        ...FIGURE_COLUMNS.map((column) => {
          const figure = own.find(({ metric }) => metric === column)
          return figure === undefined ? '' : pair(figure)
        }),
        others
          .map((figure) => `${METRICS[figure.metric].label} ${pair(figure)} ${METRICS[figure.metric].unit}`)
          .join('; '),
      ]
    }),
  )
  const titles = FIGURE_COLUMNS.map((metric) => `${METRICS[metric].label}, ${METRICS[metric].unit}`)
  return table(['shape', 'of', ...titles, 'besides'], rows)
}
