// How busy each shard is, and what flows between them: arcs above the line run to the right, those below to the left.

import { byId, bytes, count, make, makeSvg, percent, rate, say, seconds } from './format.js'

const STATE_WORDS = { serving: '', late: 'late', down: 'down' }
const NODE_WIDTH = 64
/** Beyond so many shards, arcs have no words. */
const WORDS_MAX = 5

export class Shards {
  rows = []

  update(feed) {
    const { latest } = feed
    if (latest === undefined) return
    while (this.rows.length < latest.shards.length) this.addRow()
    for (const shard of latest.shards) this.updateRow(this.rows[shard.shard], shard, feed)
    const flows = byId('flows')
    const isShown = latest.shards.length > 1
    flows.hidden = !isShown
    if (isShown) flows.replaceChildren(drawFlows(latest.shards, latest.flows, flows.clientWidth || 640))
  }

  addRow() {
    const fill = make('div', { class: 'fill' })
    const cells = {
      fill,
      name: make('td'),
      busy: make('span', { class: 'text' }),
      clients: make('td', { class: 'num' }),
      in: make('td', { class: 'num in' }),
      out: make('td', { class: 'num out' }),
      pending: make('td', { class: 'num' }),
      latency: make('td', { class: 'num' }),
      lag: make('td', { class: 'num' }),
      heap: make('td', { class: 'num' }),
    }
    const meter = make('div', { class: 'meter' }, make('div', { class: 'track' }, fill), cells.busy)
    const { name, clients, in: received, out, pending, latency, lag, heap } = cells
    const busy = make('td', { class: 'wide' }, meter)
    byId('shards').tBodies[0].append(make('tr', {}, name, busy, clients, received, out, pending, latency, lag, heap))
    this.rows.push(cells)
  }

  updateRow(cells, shard, feed) {
    const word = STATE_WORDS[shard.state]
    say(cells.name, word === '' ? String(shard.shard) : `${shard.shard} ${word}`)
    cells.name.className = word === '' ? '' : 'bad'
    const { load } = shard
    const busy = load?.utilisation ?? 0
    say(cells.busy, load === null ? '–' : percent(busy))
    cells.fill.style.width = `${Math.min(100, busy * 100)}%`
    cells.fill.className = busy > 0.9 ? 'fill bad' : busy > 0.7 ? 'fill warn' : 'fill'
    say(cells.clients, count(shard.connections))
    say(cells.in, `${rate(shard.inRate)}/s`)
    say(cells.out, `${rate(shard.outRate)}/s`)
    say(cells.pending, shard.pending_bytes === 0 ? '–' : bytes(shard.pending_bytes))
    const latency = feed.latency(shard.shard, 0.99)
    say(cells.latency, latency === undefined ? '–' : seconds(latency))
    say(cells.lag, load === null ? '–' : seconds(load.lag_p99_ms / 1000))
    say(cells.heap, load === null ? '–' : bytes(load.heap_bytes))
  }
}

function drawFlows(shards, flows, width) {
  const gap = (width - NODE_WIDTH) / Math.max(1, shards.length - 1)
  const x = (shard) => NODE_WIDTH / 2 + gap * shard
  const reach = Math.min(90, 34 + 14 * shards.length)
  const middle = reach + 8
  const height = middle * 2
  const busiest = Math.max(1, ...flows.map(({ messageRate }) => messageRate))
  const svg = makeSvg('svg', {
    class: 'flows',
    viewBox: `0 0 ${width} ${height}`,
    height,
    role: 'img',
    'aria-label': 'Messages from shard to shard',
  })
  for (const flow of flows) {
    const { from, to, messageRate, byteRate, usedBytes, sizeBytes, waitingBytes } = flow
    const side = to > from ? -1 : 1
    const lift = reach * (0.35 + 0.65 * (Math.abs(to - from) / Math.max(1, shards.length - 1)))
    const y = middle + side * 13
    const kind = waitingBytes > 0 ? 'arc full' : messageRate === 0 ? 'arc idle' : 'arc'
    const path = makeSvg('path', {
      class: kind,
      d: `M ${x(from)} ${y} C ${x(from)} ${y + side * lift} ${x(to)} ${y + side * lift} ${x(to)} ${y}`,
      'stroke-width': messageRate === 0 ? 1 : 1 + 4 * Math.sqrt(messageRate / busiest),
    })
    const words = `Shard ${from} → ${to}: ${rate(messageRate)} messages/s, ${bytes(byteRate)}/s; ring ${percent(
      usedBytes / sizeBytes,
    )} full${waitingBytes > 0 ? `, ${bytes(waitingBytes)} wait` : ''}`
    path.append(makeSvg('title', {}, words))
    svg.append(path)
    if (shards.length <= WORDS_MAX && messageRate > 0) {
      const text = `${side < 0 ? '' : '← '}${rate(messageRate)}/s${side < 0 ? ' →' : ''}`
      svg.append(makeSvg('text', { class: 'rate', x: (x(from) + x(to)) / 2, y: y + side * lift * 0.75 + 4 }, text))
    }
  }
  for (const { shard } of shards) {
    svg.append(
      makeSvg('rect', {
        class: 'node',
        x: x(shard) - NODE_WIDTH / 2 + 1,
        y: middle - 13,
        width: NODE_WIDTH - 2,
        height: 26,
        rx: 13,
      }),
      makeSvg('text', { class: 'node-text', x: x(shard), y: middle + 4 }, `shard ${shard}`),
    )
  }
  return svg
}
