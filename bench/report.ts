// The table on the terminal: for each shape, as soon as it has been measured, a line for each contender and metric.

import { figuresOf, figureText, shortNumber, verdict } from './figures.ts'
import { METRICS, targetText } from './metrics.ts'
import type { ShapeResult } from './results.ts'
import type { Shape } from './shape.ts'

const WIDTHS = [18, 26, 6, 14, 13, 8, 20, 20]

function row(cells: readonly string[]): string {
  return `  ${cells.map((cell, i) => cell.padEnd(WIDTHS[i])).join(' ')}`.trimEnd()
}

/** The titles. Ratios are to the contender whose figures stand in the last column. */
export function heading(): string {
  return `${row(['', '', 'ratio', 'least, most', 'target', '', 'median', 'median of'])}\n`
}

export function shapeText(shape: Shape, result: ShapeResult): string {
  const first = result.contenders[0].label
  const figures = figuresOf(shape, result)
  const lines = figures.map((figure, i) => {
    const { contender, metric, ratio, target } = figure
    const { label, unit } = METRICS[metric]
    const isFirstLine = contender !== figures[i - 1]?.contender
    return row([
      isFirstLine ? contender : '',
      label,
      ratio === undefined ? '' : shortNumber(ratio.median, 2),
      ratio === undefined ? '' : `${shortNumber(ratio.least, 2)}, ${shortNumber(ratio.most, 2)}`,
      target === undefined ? '' : targetText(target, metric),
      verdict(figure.isMet),
      `${figureText(figure.ours, metric)} ${unit}`,
      figure.theirs === undefined ? '' : `${figureText(figure.theirs, metric)} ${isFirstLine ? `(${first})` : ''}`,
    ])
  })
  const failures = result.failures.map((failure) => `  failed: ${failure.replaceAll('\n', '\n    ')}`)
  return `${[shape.name, ...lines, ...failures].join('\n')}\n`
}
