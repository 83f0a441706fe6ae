// Ratios as horizontal bars in an SVG: a logarithmic axis with nats-server at 1, a thin line for the spread, a mark for
// the target. It follows the reader's light or dark setting.

export interface Bar {
  readonly label: string
  readonly value: number
  readonly least: number
  readonly most: number
  readonly target: number | undefined
  readonly isMet: boolean | undefined
}

const WIDTH = 820
/** Room at the left for the labels: at least so much, and so much for each character. */
const LABELS_LEAST = 280
const CHARACTER = 6.4
/** Room at the right for the figures. */
const FIGURES = 60
const TOP = 58
const ROW = 22
const BAR = 12
const BOTTOM = 12
const TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]

/** The colours of a class: by fill for areas and text, by stroke for lines. */
interface Palette {
  readonly ink: string
  readonly faint: string
  readonly met: string
  readonly missed: string
  readonly plain: string
  readonly paper: string
}

const LIGHT: Palette = {
  ink: '#1f2328',
  faint: '#d1d9e0',
  met: '#1a7f37',
  missed: '#bc4c00',
  plain: '#6e7781',
  paper: '#ffffff',
}
const DARK: Palette = {
  ink: '#e6edf3',
  faint: '#3d444d',
  met: '#3fb950',
  missed: '#db6d28',
  plain: '#9198a1',
  paper: '#0d1117',
}

function coloursOf({ ink, faint, met, missed, plain, paper }: Palette): string {
  return [
    `text { fill: ${ink} } .note { fill: ${plain} } .paper { fill: ${paper} }`,
    `.met { fill: ${met} } .missed { fill: ${missed} } .plain { fill: ${plain} }`,
    `.grid { stroke: ${faint} } .one, .spread, .target { stroke: ${ink} }`,
  ].join('\n')
}

// Colours twice rather than CSS variables, which some renderers of SVG do not know.
const STYLE = `
text { font: 12px system-ui, sans-serif } .title { font-size: 15px; font-weight: 600 }
.spread { stroke-opacity: 0.6 } .target { stroke-width: 2.5 }
${coloursOf(LIGHT)}
@media (prefers-color-scheme: dark) {
${coloursOf(DARK)}
}`

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** The axis from the last tick below all values to the first above them. */
function ticksFor(bars: readonly Bar[]): number[] {
  const values = bars.flatMap(({ least, most, target }) => [least, most, target ?? 1, 1])
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const from = TICKS.findLastIndex((tick) => tick <= low)
  const to = TICKS.findIndex((tick) => tick >= high)
  return TICKS.slice(Math.max(0, from), to < 0 ? undefined : to + 1)
}

/** `note` says which direction is better. */
export function barPlot(title: string, note: string, bars: readonly Bar[]): string {
  const ticks = ticksFor(bars)
  const [low, high] = [ticks[0], ticks[ticks.length - 1]]
  const labels = Math.max(LABELS_LEAST, Math.ceil(CHARACTER * Math.max(...bars.map(({ label }) => label.length))))
  const height = TOP + bars.length * ROW + BOTTOM
  const x = (ratio: number): number => {
    const share = Math.log(Math.min(high, Math.max(low, ratio)) / low) / Math.log(high / low)
    return Math.round((labels + share * (WIDTH - labels - FIGURES)) * 10) / 10
  }
  const line = (kind: string, x1: number, y1: number, x2: number, y2: number): string =>
    `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
  const axis = ticks.flatMap((tick) => [
    line(tick === 1 ? 'one' : 'grid', x(tick), TOP - 4, x(tick), height - BOTTOM),
    `<text class="note" x="${x(tick)}" y="${TOP - 9}" text-anchor="middle">${tick}</text>`,
  ])
  const rows = bars.flatMap(({ label, value, least, most, target, isMet }, i) => {
    const middle = TOP + i * ROW + ROW / 2
    const [from, to] = [Math.min(x(value), x(1)), Math.max(x(value), x(1))]
    const kind = isMet === undefined ? 'plain' : isMet ? 'met' : 'missed'
    return [
      `<text x="${labels - 10}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
      `<rect class="${kind}" x="${from}" y="${middle - BAR / 2}" width="${Math.max(1, to - from)}" height="${BAR}"/>`,
      line('spread', x(least), middle, x(most), middle),
      ...(target === undefined ? [] : [line('target', x(target), middle - 9, x(target), middle + 9)]),
      `<text x="${WIDTH - 10}" y="${middle + 4}" text-anchor="end">${value.toFixed(2)}</text>`,
    ]
  })
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="10" y="20">${escaped(title)}</text>`,
    `<text class="note" x="${WIDTH - 10}" y="20" text-anchor="end">${escaped(note)}</text>`,
    ...axis,
    ...rows,
    '</svg>',
  ].join('\n')}\n`
}
