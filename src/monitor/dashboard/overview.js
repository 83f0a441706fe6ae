// The first view: the numbers of now, rates over the last minutes, and what happened lately.

import { Chart } from './chart.js'
import { openConnection } from './connections.js'
import { byId, bytes, count, make, percent, rate, say, when } from './format.js'
import { clientName, shown } from './names.js'

const TILES = [
  ['in', 'Messages in'],
  ['out', 'Messages out'],
  ['connections', 'Clients'],
  ['subscriptions', 'Subscriptions'],
  ['pending', 'Pending'],
  ['slow', 'Slow consumers'],
  ['cpu', 'Processor'],
  ['memory', 'Memory'],
]

export class Overview {
  tiles = new Map()
  shownEvents = ''

  constructor() {
    for (const [key, label] of TILES) {
      const value = make('div', { class: 'value' }, '–')
      const note = make('div', { class: 'note' })
      this.tiles.set(key, { value, note })
      byId('tiles').append(
        make('div', { class: 'tile', 'data-tile': key }, make('div', { class: 'label' }, label), value, note),
      )
    }
    const series = [
      { label: 'In', className: 'in' },
      { label: 'Out', className: 'out' },
    ]
    this.messages = new Chart(byId('messages-chart'), 'Messages per second', series, rate)
    this.bytes = new Chart(byId('bytes-chart'), 'Bytes per second', series, bytes, true)
  }

  update(feed) {
    const { samples, latest } = feed
    this.messages.update([feed.rates('inMessages'), feed.rates('outMessages')])
    this.bytes.update([feed.rates('inBytes'), feed.rates('outBytes')])
    const now = samples.at(-1)
    if (latest === undefined || now === undefined) return
    const before = samples.at(-2)
    const perSecond = (member) =>
      before === undefined ? 0 : Math.max(0, now[member] - before[member]) / ((now.at - before.at) / 1000)
    this.tile(
      'in',
      rate(perSecond('inMessages')),
      '/s',
      `${bytes(perSecond('inBytes'))}/s · Σ ${count(now.inMessages)}`,
    )
    this.tile(
      'out',
      rate(perSecond('outMessages')),
      '/s',
      `${bytes(perSecond('outBytes'))}/s · Σ ${count(now.outMessages)}`,
    )
    this.tile('connections', count(now.connections), '', `${count(latest.server.total_connections)} since the start`)
    this.tile('subscriptions', count(now.subscriptions), '', perConnection(now))
    this.tile(
      'pending',
      bytes(now.pendingBytes),
      '',
      now.pendingBytes === 0 ? 'nothing is waiting' : 'waiting for receivers',
    )
    this.tile('slow', count(now.slowConsumers), '', now.slowConsumers === 0 ? 'none closed' : 'closed since the start')
    this.tile('cpu', percent(perSecond('cpuS')), '', 'of one core')
    this.tile('memory', bytes(now.rssBytes), '', `primary busy ${percent(latest.primary.utilisation)}`)
    this.events(latest.events)
  }

  tile(key, value, unit, note) {
    const tile = this.tiles.get(key)
    if (tile.shown !== value + unit)
      tile.value.replaceChildren(value, ...(unit === '' ? [] : [make('small', {}, unit)]))
    tile.shown = value + unit
    say(tile.note, note)
  }

  events(events) {
    const key = JSON.stringify(events)
    if (key === this.shownEvents) return
    this.shownEvents = key
    byId('events').replaceChildren(...events.map(describeEvent))
  }
}

function perConnection({ subscriptions, connections }) {
  return connections === 0 ? 'no clients' : `${(subscriptions / connections).toFixed(1)} per client`
}

const CLASSES = { slow: 'what warn', thread: 'what bad', connection: 'what', server: 'what' }

function describeEvent({ at, kind, text, cid, name, peer, account }) {
  const item = make(
    'li',
    {},
    make('time', { datetime: new Date(at).toISOString() }, when(at)),
    make('span', { class: /is responsive|was replaced/.test(text) ? 'what' : CLASSES[kind] }, text),
  )
  if (cid === undefined) return item
  const label = [clientName(name, cid), peer, account === '$G' ? '' : shown(account)]
    .filter((part) => part !== '')
    .join(' · ')
  item.append(make('button', { type: 'button', class: 'link who', click: () => openConnection(cid) }, label))
  return item
}
