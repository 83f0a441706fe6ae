// Accounts, and those who fall behind.

import { openConnection } from './connections.js'
import { byId, bytes, count, getJson, make, makeSvg, rate, repeat, seconds, when } from './format.js'
import { clientName, shown } from './names.js'

const REFRESH_MS = 2000

export class Accounts {
  before = new Map()

  show() {
    return repeat(REFRESH_MS, async () => {
      const answer = await getJson('./accstatz?unused=1')
      const now = Date.parse(answer.now)
      const accounts = answer.account_statz.toSorted((a, b) => b.conns - a.conns)
      const body = byId('account-table').tBodies[0]
      body.replaceChildren(...accounts.map((account) => this.row(account, now)))
      this.before = new Map(accounts.map((account) => [account.acc, { account, now }]))
    })
  }

  row(account, now) {
    const before = this.before.get(account.acc)
    const span = before === undefined ? 0 : (now - before.now) / 1000
    const perSecond = (side) =>
      span > 0 ? `${rate(Math.max(0, account[side].msgs - before.account[side].msgs) / span)}/s` : '–'
    const cell = (text, className = 'num') => make('td', { class: className }, text)
    return make(
      'tr',
      {},
      cell(shown(account.name), 'mono'),
      cell(count(account.conns)),
      cell(count(account.num_subscriptions)),
      cell(perSecond('received'), 'num in'),
      cell(perSecond('sent'), 'num out'),
      cell(`${count(account.received.msgs)} · ${bytes(account.received.bytes)}`),
      cell(`${count(account.sent.msgs)} · ${bytes(account.sent.bytes)}`),
      cell(count(account.slow_consumers), account.slow_consumers > 0 ? 'num warn' : 'num'),
    )
  }
}

export class SlowConsumers {
  show() {
    return repeat(REFRESH_MS, () => this.refresh())
  }

  async refresh() {
    const { behind, closed } = await getJson('./slowz')
    byId('slow-behind').replaceChildren(...orNothing(behind, 'No connection is falling behind.'))
    byId('slow-closed').replaceChildren(...orNothing(closed, 'No connection was closed as a slow consumer.'))
  }
}

/** How many are behind, for the tab; asked rarely while another view is shown. */
export function watchSlow(badge) {
  return repeat(5000, async () => {
    const { behind } = await getJson('./slowz')
    const waiting = behind.filter(({ pending_bytes: pending }) => pending > 0).length
    badge.hidden = waiting === 0
    badge.textContent = count(waiting)
  })
}

function orNothing(list, words) {
  return list.length === 0 ? [make('p', { class: 'dim' }, words)] : list.map(describe)
}

function describe(row) {
  const { cid, name, peer, account, lang, version, stop, reason, pending_bytes: pending, max_pending: max } = row
  const library = [lang, version].filter((part) => part !== undefined).join(' ')
  const about = [peer, account === '$G' ? '' : account, library].filter((part) => part !== '').join(' · ')
  const state =
    stop === undefined
      ? `${bytes(pending)} of ${bytes(max)} wait; behind since ${when(Date.parse(row.behind_since))}` +
        (row.waiting_ms > 0 ? `; has taken nothing for ${seconds(row.waiting_ms / 1000)}` : '') +
        (row.dropped_msgs > 0 ? `; ${count(row.dropped_msgs)} messages dropped` : '')
      : `${reason}, ${when(Date.parse(stop))}`
  const top = row.top_subjects.map(({ subject, msgs }) => `${shown(subject)} (${count(msgs)})`).join(', ')
  return make(
    'div',
    { class: stop === undefined ? 'slow' : 'slow closed' },
    make('button', { type: 'button', class: 'link who', click: () => openConnection(cid) }, clientName(name, cid)),
    sparkline(row.pending_last_minute, max),
    make('div', { class: 'why' }, about),
    make('div', { class: 'why' }, state),
    top === '' ? undefined : make('div', { class: 'why' }, `Sent most in the last minute: ${top}`),
  )
}

/** Bytes that waited over the last minute, against what may wait. */
function sparkline(samples, max) {
  const top = Math.max(...samples, max * 0.02)
  const points = samples.map((value, i) => `${60 - samples.length + i},${(28 - (value / top) * 26).toFixed(2)}`)
  const svg = makeSvg('svg', { viewBox: '0 0 59 30', preserveAspectRatio: 'none', role: 'img' })
  svg.append(
    makeSvg('title', {}, `Pending over the last minute, ${bytes(Math.max(0, ...samples))} at most`),
    makeSvg('polyline', { points: points.length === 1 ? `${points[0]} 59,28` : points.join(' ') }),
  )
  return svg
}
