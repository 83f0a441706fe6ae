// Connections: searched, sorted and paged by the server, and one of them in full.

import { byId, bytes, clock, count, getJson, make, rate, repeat, say } from './format.js'
import { clientName, shown } from './names.js'
import { VirtualTable } from './virtual-table.js'

const REFRESH_MS = 2000
const SEARCH_DELAY_MS = 200
const SUBSCRIPTIONS_SHOWN = 500

/** Columns: class, title, the order that it sorts by, what it shows. */
const COLUMNS = [
  ['cid', 'Number', 'cid', (row) => String(row.cid)],
  ['name', 'Name', undefined, (row) => clientName(row.name, row.cid)],
  ['peer', 'Address', undefined, (row) => `${row.ip}:${row.port}`],
  ['num optional', 'Up', 'uptime', (row) => row.uptime],
  ['num', 'Subs', 'subs', (row) => count(row.subscriptions)],
  ['num in', 'Msgs in', 'msgs_from', (row) => count(row.in_msgs)],
  ['num out', 'Msgs out', 'msgs_to', (row) => count(row.out_msgs)],
  ['num optional in', 'Bytes in', 'bytes_from', (row) => bytes(row.in_bytes)],
  ['num optional out', 'Bytes out', 'bytes_to', (row) => bytes(row.out_bytes)],
  ['num pending', 'Pending', 'pending', (row) => (row.pending_bytes === 0 ? '–' : bytes(row.pending_bytes))],
  ['num optional', 'RTT', 'rtt', (row) => shortRtt(row.rtt)],
]
const ORDERS = [
  ['cid', 'by number'],
  ['pending', 'most pending'],
  ['msgs_to', 'most messages out'],
  ['msgs_from', 'most messages in'],
  ['bytes_to', 'most bytes out'],
  ['bytes_from', 'most bytes in'],
  ['subs', 'most subscriptions'],
  ['rtt', 'longest round trip'],
  ['uptime', 'newest first'],
  ['idle', 'longest idle'],
  ['stop', 'closed last'],
]

export class Connections {
  sort = 'cid'

  constructor() {
    const head = make('div', { class: 'table-head', role: 'row' })
    this.heads = COLUMNS.map(([className, title, order]) => {
      const label =
        order === undefined ? title : make('button', { type: 'button', click: () => this.sortBy(order) }, title)
      return make('span', { class: className.replace(/\b(in|out)\b/, ''), role: 'columnheader' }, label)
    })
    head.append(...this.heads)
    this.table = new VirtualTable(
      byId('connection-table'),
      'Connections',
      head,
      (offset, limit) => this.load(offset, limit),
      (row) => renderRow(row),
      () => this.away(),
      'No connection matches.',
    )
    for (const [order, label] of ORDERS) byId('connection-sort').append(make('option', { value: order }, label))
    byId('connection-sort').addEventListener('change', (event) => this.sortBy(event.target.value))
    byId('connection-state').addEventListener('change', () => this.sortBy(this.closedOnly ? 'stop' : 'cid'))
    byId('connection-bar').addEventListener('submit', (event) => event.preventDefault())
    let typing
    byId('search').addEventListener('input', () => {
      clearTimeout(typing)
      typing = setTimeout(() => void this.table.restart(), SEARCH_DELAY_MS)
    })
    this.markSort()
  }

  get closedOnly() {
    return byId('connection-state').value === 'closed'
  }

  /** Called when the view is shown; answers what ends it. */
  show() {
    return repeat(REFRESH_MS, () => this.table.refresh())
  }

  sortBy(order) {
    this.sort = order === 'stop' && !this.closedOnly ? 'cid' : order
    this.markSort()
    void this.table.restart()
  }

  markSort() {
    byId('connection-sort').value = this.sort
    for (const option of byId('connection-sort').options) option.hidden = option.value === 'stop' && !this.closedOnly
    for (const [i, head] of this.heads.entries()) {
      const isSort = COLUMNS[i][2] === this.sort
      if (isSort)
        head.setAttribute('aria-sort', this.sort === 'cid' || this.sort === 'uptime' ? 'ascending' : 'descending')
      else head.removeAttribute('aria-sort')
    }
  }

  async load(offset, limit) {
    const search = byId('search').value.trim()
    const query = new URLSearchParams({ offset, limit, sort: this.sort, state: byId('connection-state').value })
    if (search !== '') query.set('search', search)
    const answer = await getJson(`./connz?${query}`)
    const total = answer.matched ?? answer.total
    this.heardAt = Date.now()
    say(byId('connection-count'), search === '' ? counted(total) : `${count(total)} of ${counted(answer.total)}`)
    return { total, rows: answer.connections ?? [] }
  }

  /** The server does not say how many there are. */
  away() {
    const known = byId('connection-count').textContent.replace(/, as of .*$|^unknown$/, '')
    say(byId('connection-count'), known === '' ? 'unknown' : `${known}, as of ${clock(this.heardAt)}`)
  }
}

function counted(connections) {
  return connections === 1 ? '1 connection' : `${count(connections)} connections`
}

function renderRow(row) {
  const open = () => openConnection(row.cid)
  const element = make('div', {
    class: row.stop === undefined ? 'row' : 'row closed',
    tabindex: '0',
    role: 'row',
    'data-key': row.cid,
    title: row.reason ?? '',
    click: open,
    keydown: (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return
      // The key is done with: it must not press the button that gets the focus, or scroll the table.
      event.preventDefault()
      open()
    },
  })
  const cell = (className, text) => make('span', { class: className, role: 'gridcell' }, text)
  for (const [className, , , show] of COLUMNS) element.append(cell(className, show(row)))
  element.append(cell('traffic num', `${count(row.in_msgs)} in · ${count(row.out_msgs)} out`))
  return element
}

/** Go's durations have more digits than anybody reads. */
function shortRtt(text) {
  if (text === undefined) return '–'
  const [, number, unit] = /^([\d.]+)(ns|µs|ms|s)$/.exec(text) ?? [undefined, text, '']
  return unit === ''
    ? text
    : `${Number(number)
        .toPrecision(3)
        .replace(/\.?0+$/, '')} ${unit}`
}

// ── One connection ──────────────────────────────────────────────────────────────────────────────────────

let endDetail = () => {}
/** Gives the focus back to what opened the drawer. */
let goBack = () => {}

export function closeConnection() {
  endDetail()
  endDetail = () => {}
  byId('drawer').hidden = true
  goBack()
  goBack = () => {}
}

/** What had the focus may have been made anew meanwhile: then the one with the same key takes it. */
function focusLater(element) {
  return () => {
    if (element.isConnected) element.focus()
    else document.querySelector(`[data-key="${CSS.escape(element.dataset.key ?? '')}"]`)?.focus()
  }
}

/** Shows a connection beside the view, and keeps it up to date. */
export function openConnection(cid) {
  endDetail()
  const drawer = byId('drawer')
  if (drawer.hidden) goBack = focusLater(document.activeElement)
  const title = make('h1', { id: 'drawer-title' }, `Client ${cid}`)
  const about = make('div', { class: 'dim' })
  const facts = make('dl', { class: 'facts' })
  const list = make('div')
  const close = make('button', { type: 'button', click: closeConnection, 'aria-label': 'Close' }, 'Close')
  drawer.replaceChildren(make('header', {}, make('div', {}, title, about), close), facts, list)
  drawer.hidden = false
  close.focus()
  let before
  endDetail = repeat(REFRESH_MS, async () => {
    const answer = await getJson(`./connz?state=any&auth=1&subs=detail&cid=${cid}`)
    const [row] = answer.connections ?? []
    if (row === undefined) {
      say(about, 'The server no longer has this connection.')
      return
    }
    const now = Date.parse(answer.now)
    say(title, row.name === undefined ? `Client ${cid}` : shown(row.name))
    say(about, row.stop === undefined ? `open for ${row.uptime}` : `closed: ${row.reason}`)
    facts.replaceChildren(
      ...factsOf(row, before, now).flatMap(([term, text]) => [make('dt', {}, term), make('dd', {}, text)]),
    )
    list.replaceChildren(...subscriptionsOf(row))
    before = { row, now }
  })
}

function factsOf(row, before, now) {
  const span = before === undefined ? 0 : (now - before.now) / 1000
  const each = (member) => (span > 0 ? ` · ${rate(Math.max(0, row[member] - before.row[member]) / span)}/s` : '')
  const facts = [
    ['Number', String(row.cid)],
    ['Address', `${row.ip}:${row.port}`],
    ['Account', shown(row.account ?? row.name_tag ?? '$G')],
    ['User', row.authorized_user && shown(row.authorized_user)],
    ['Library', shown([row.lang, row.version].filter((part) => part !== undefined).join(' '))],
    ['Since', new Date(row.start).toLocaleString('en-GB')],
    ['Closed', row.stop && new Date(row.stop).toLocaleString('en-GB')],
    ['Reason', row.reason],
    ['Last active', `${row.idle} ago`],
    ['Round trip', shortRtt(row.rtt)],
    ['Messages in', `${count(row.in_msgs)}${each('in_msgs')}`],
    ['Messages out', `${count(row.out_msgs)}${each('out_msgs')}`],
    ['Bytes in', bytes(row.in_bytes)],
    ['Bytes out', bytes(row.out_bytes)],
    ['Pending', bytes(row.pending_bytes)],
    ['Held back', row.stalls && `${count(row.stalls)} times, because of slow receivers`],
    ['TLS', row.tls_version && `${row.tls_version} ${row.tls_cipher_suite ?? ''}`],
  ]
  return facts.filter(([, text]) => text !== undefined && text !== '')
}

function subscriptionsOf({ subscriptions, subscriptions_list_detail: list = [] }) {
  const heading = make('h2', {}, `Subscriptions (${count(subscriptions)})`)
  if (list.length === 0) return [heading, make('p', { class: 'dim' }, 'None.')]
  const rows = list
    .slice(0, SUBSCRIPTIONS_SHOWN)
    .map(({ subject, qgroup, msgs, max }) =>
      make(
        'tr',
        {},
        make('td', { class: 'mono' }, shown(subject)),
        make('td', { class: 'dim' }, shown(qgroup ?? '')),
        make('td', { class: 'num' }, max === undefined ? count(msgs) : `${count(msgs)} of ${count(max)}`),
      ),
    )
  const head = make(
    'tr',
    {},
    make('th', { scope: 'col' }, 'Subject'),
    make('th', { scope: 'col' }, 'Queue'),
    make('th', { scope: 'col', class: 'num' }, 'Messages'),
  )
  const more =
    list.length > SUBSCRIPTIONS_SHOWN ? [make('p', { class: 'dim' }, 'Only the first subscriptions are shown.')] : []
  return [heading, make('table', { class: 'grid' }, make('thead', {}, head), make('tbody', {}, ...rows)), ...more]
}
