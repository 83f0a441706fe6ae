// A chart of rates over the last minutes: two lines on a canvas, with what they were where somebody points.

import { clock, make, say } from './format.js'

const SPANS = [
  ['1 min', 60],
  ['5 min', 300],
  ['10 min', 600],
]
const LEFT = 58
const BOTTOM = 18
const TOP = 6
const RIGHT = 4
/** Samples further apart than this are not joined: nobody knows what was between them. */
const GAP_MS = 3500

/** The next round number: 1, 2 or 5 times a power of ten; `step` 1024 keeps to powers of two above a KiB. */
function roundUp(value, binary) {
  if (binary && value > 1024) {
    const unit = 1024 ** Math.floor(Math.log(value) / Math.log(1024))
    return roundUp(value / unit, false) * unit
  }
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999) * power
}

export class Chart {
  series = []
  spanS = 300
  pointer = undefined

  /** `series`: {key, label, className}; `format` words a value; `binary`: bytes. */
  constructor(figure, title, series, format, binary = false) {
    this.format = format
    this.binary = binary
    this.keys = series.map(({ label, className }) => {
      const value = make('b')
      return { node: make('span', { class: `key ${className}` }, `${label} `, value), value, label, className }
    })
    this.spanButtons = SPANS.map(([label, spanS]) =>
      make(
        'button',
        { type: 'button', click: () => this.setSpan(spanS), 'aria-pressed': String(spanS === this.spanS) },
        label,
      ),
    )
    this.canvas = make('canvas', { role: 'img', 'aria-label': title })
    figure.append(
      make(
        'figcaption',
        {},
        make('h2', { class: 'title' }, title),
        ...this.keys.map(({ node }) => node),
        make('span', { class: 'spans' }, ...this.spanButtons),
      ),
      this.canvas,
    )
    this.canvas.addEventListener('pointermove', (event) => this.point(event.offsetX))
    this.canvas.addEventListener('pointerleave', () => this.point(undefined))
    new ResizeObserver(() => this.draw()).observe(this.canvas)
  }

  setSpan(spanS) {
    this.spanS = spanS
    for (const [i, button] of this.spanButtons.entries()) {
      button.setAttribute('aria-pressed', String(SPANS[i][1] === spanS))
    }
    this.draw()
  }

  point(x) {
    this.pointer = x
    this.draw()
  }

  /** `series`: lists of {at, value}, in the order of the constructor. */
  update(series) {
    this.series = series
    this.draw()
  }

  draw() {
    const { canvas } = this
    const { clientWidth: width, clientHeight: height } = canvas
    if (width === 0) return
    const scale = window.devicePixelRatio || 1
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale)
      canvas.height = Math.round(height * scale)
    }
    const context = canvas.getContext('2d')
    context.setTransform(scale, 0, 0, scale, 0, 0)
    context.clearRect(0, 0, width, height)
    context.font = `11px ${getComputedStyle(canvas).fontFamily}`
    const end = Math.max(0, ...this.series.map((points) => points.at(-1)?.at ?? 0))
    const begin = end - this.spanS * 1000
    const shown = this.series.map((points) => points.filter(({ at }) => at >= begin))
    const top = roundUp(Math.max(0, ...shown.flat().map(({ value }) => value)), this.binary)
    const place = {
      x: (at) => LEFT + ((at - begin) / (end - begin)) * (width - LEFT - RIGHT),
      y: (value) => TOP + (1 - value / top) * (height - TOP - BOTTOM),
      bottom: height - BOTTOM,
    }
    this.drawGrid(context, place, top, width, height, end)
    for (const [i, points] of shown.entries()) this.drawLine(context, this.keys[i].node, points, place)
    this.drawPointer(context, shown, place, width)
  }

  drawGrid(context, place, top, width, height, end) {
    context.strokeStyle = resolve(this.canvas, '--line')
    context.fillStyle = resolve(this.canvas, '--dim')
    context.lineWidth = 1
    context.textBaseline = 'middle'
    context.textAlign = 'right'
    for (const share of [0, 0.5, 1]) {
      const y = Math.round(place.y(top * share)) + 0.5
      context.beginPath()
      context.moveTo(LEFT, y)
      context.lineTo(width - RIGHT, y)
      context.stroke()
      context.fillText(axisText(this.format(top * share)), LEFT - 8, Math.max(y, 7))
    }
    if (end === 0) return
    context.textBaseline = 'alphabetic'
    context.textAlign = 'left'
    context.fillText(`− ${this.spanS / 60} min`, LEFT, height - 4)
    context.textAlign = 'right'
    context.fillText(clock(end), width - RIGHT, height - 4)
  }

  drawLine(context, key, points, place) {
    if (points.length === 0) return
    const colour = getComputedStyle(key).color
    const runs = [[]]
    for (const [i, point] of points.entries()) {
      if (i > 0 && point.at - points[i - 1].at > GAP_MS) runs.push([])
      runs.at(-1).push(point)
    }
    for (const run of runs) {
      context.beginPath()
      for (const { at, value } of run) context.lineTo(place.x(at), place.y(value))
      context.strokeStyle = colour
      context.lineWidth = 1.6
      context.lineJoin = 'round'
      context.stroke()
      context.lineTo(place.x(run.at(-1).at), place.bottom)
      context.lineTo(place.x(run[0].at), place.bottom)
      context.closePath()
      context.globalAlpha = 0.08
      context.fillStyle = colour
      context.fill()
      context.globalAlpha = 1
    }
  }

  /** The values where somebody points, or the latest ones. */
  drawPointer(context, shown, place, width) {
    const nearest = shown.map((points) => {
      if (this.pointer === undefined) return points.at(-1)
      let best = points[0]
      for (const point of points) {
        if (Math.abs(place.x(point.at) - this.pointer) < Math.abs(place.x(best.at) - this.pointer)) best = point
      }
      return best
    })
    for (const [i, point] of nearest.entries())
      say(this.keys[i].value, point === undefined ? '–' : this.format(point.value))
    const at = nearest.find((point) => point !== undefined)?.at
    if (this.pointer === undefined || at === undefined) return
    const x = Math.round(place.x(at)) + 0.5
    context.strokeStyle = resolve(this.canvas, '--dim')
    context.setLineDash([2, 3])
    context.beginPath()
    context.moveTo(x, TOP)
    context.lineTo(x, place.bottom)
    context.stroke()
    context.setLineDash([])
    for (const [i, point] of nearest.entries()) {
      if (point === undefined) continue
      context.beginPath()
      context.arc(place.x(point.at), place.y(point.value), 3, 0, 2 * Math.PI)
      context.fillStyle = getComputedStyle(this.keys[i].node).color
      context.fill()
    }
    context.fillStyle = resolve(this.canvas, '--ink')
    context.textBaseline = 'alphabetic'
    context.textAlign = x > width - 60 ? 'right' : x < LEFT + 30 ? 'left' : 'center'
    context.fillText(clock(at), x, place.bottom + 14)
  }
}

/** A colour of the style sheet as the canvas understands it: the variable holds both schemes. */
function resolve(canvas, name) {
  canvas.style.color = `var(${name})`
  const { color } = getComputedStyle(canvas)
  canvas.style.color = ''
  return color
}

/** `5.00 MiB` is `5 MiB` beside a line. */
function axisText(text) {
  return text.replace(/\.0+(?= |$)/, '').replace(/(\.\d*[1-9])0+(?= |$)/, '$1')
}
