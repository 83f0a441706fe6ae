// The tree of subjects that somebody listens to, opened a level at a time, and who listens to one of them.

import { openConnection } from './connections.js'
import { byId, count, getJson, make, repeat, say } from './format.js'
import { shown } from './names.js'

const REFRESH_MS = 5000
const LEVEL = 200

export class Subjects {
  open = new Set(['$G'])
  chosen = undefined

  constructor() {
    byId('tree').addEventListener('keydown', (event) => void this.walk(event))
    byId('tree').addEventListener('focusin', () => this.markStop())
  }

  /** Called when the view is shown; answers what ends it. */
  show() {
    return repeat(REFRESH_MS, async () => {
      await this.refresh()
      if (this.chosen !== undefined) await this.showSubscribers()
    })
  }

  async refresh() {
    const level = await this.level(undefined, [])
    const focused = document.activeElement?.dataset?.path
    byId('tree').replaceChildren(level)
    if (focused !== undefined)
      byId('tree')
        .querySelector(`[data-path="${CSS.escape(focused)}"]`)
        ?.focus()
    this.markStop()
  }

  get items() {
    return [...byId('tree').querySelectorAll('[role=treeitem]')]
  }

  /** Tab stops once in the tree: where the focus is, or was, or at the first. */
  markStop() {
    const { items } = this
    const focused = items.find((item) => item === document.activeElement)
    const stop = focused ?? items.find((item) => item.dataset.path === this.stop) ?? items[0]
    this.stop = stop?.dataset.path
    for (const item of items) item.tabIndex = item === stop ? 0 : -1
  }

  /** The keys of a tree: up and down, right opens, left closes, to the first and the last. */
  async walk(event) {
    const { items } = this
    const at = items.indexOf(document.activeElement)
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return
    const item = items[at]
    const level = (one) => Number(one.getAttribute('aria-level'))
    const { path } = item.dataset
    const expanded = item.getAttribute('aria-expanded')
    const parent = items.slice(0, at).findLast((one) => level(one) < level(item))
    const toggle = async () => {
      if (!this.open.delete(path)) this.open.add(path)
      await this.refresh()
    }
    const moves = {
      ArrowDown: () => items[at + 1]?.focus(),
      ArrowUp: () => items[at - 1]?.focus(),
      Home: () => items[0].focus(),
      End: () => items.at(-1).focus(),
      ArrowRight: () => (expanded === 'false' ? toggle() : expanded === 'true' ? items[at + 1]?.focus() : undefined),
      ArrowLeft: () => (expanded === 'true' ? toggle() : parent?.focus()),
    }
    const move = Object.hasOwn(moves, event.key) ? moves[event.key] : undefined
    if (move === undefined) return
    event.preventDefault()
    await move()
  }

  /** The branches under a path, and under those of them that are open. */
  async level(account, tokens) {
    const query = new URLSearchParams({ limit: LEVEL })
    if (account !== undefined) query.set('acc', account)
    if (tokens.length > 0) query.set('prefix', tokens.join('.'))
    const { branches, total } = await getJson(`./subjectz?${query}`)
    const list = make('div', { class: 'branches', role: 'none' })
    const levels = await Promise.all(
      branches.map((branch) => {
        const [itsAccount, itsTokens] = pathOf(account, tokens, branch.token)
        return branch.has_more && this.open.has(key(itsAccount, itsTokens))
          ? this.level(itsAccount, itsTokens)
          : undefined
      }),
    )
    for (const [i, branch] of branches.entries()) {
      const path = pathOf(account, tokens, branch.token)
      list.append(this.branch(branch, ...path, levels[i] !== undefined))
      if (levels[i] !== undefined) list.append(levels[i])
    }
    if (total > branches.length)
      list.append(make('p', { class: 'dim' }, `… and ${count(total - branches.length)} more`))
    if (account === undefined && total === 0) list.append(make('p', { class: 'dim' }, 'There are no subscriptions.'))
    return list
  }

  branch(
    { token, subscriptions, subscriptions_below: below, queue_groups: groups, has_more: hasMore },
    account,
    tokens,
    isOpen,
  ) {
    const path = key(account, tokens)
    const parts = [below === 1 ? '1 subscription' : `${count(below)} subscriptions`]
    if (groups > 0) parts.push(groups === 1 ? '1 queue' : `${count(groups)} queues`)
    return make(
      'button',
      {
        type: 'button',
        class: 'branch',
        role: 'treeitem',
        'data-path': path,
        'data-key': path,
        'aria-level': tokens.length + 1,
        tabindex: '-1',
        'aria-expanded': hasMore ? String(isOpen) : undefined,
        'aria-selected': String(this.chosen !== undefined && key(...this.chosen) === path),
        click: () => void this.choose(account, tokens, hasMore, subscriptions),
      },
      make('span', { class: 'twist' }, hasMore ? (isOpen ? '▼' : '▶') : ''),
      make('span', { class: 'token' }, shown(token)),
      make('span', { class: 'counts' }, parts.join(' · ')),
    )
  }

  async choose(account, tokens, hasMore, subscriptions) {
    const path = key(account, tokens)
    if (hasMore && !this.open.delete(path)) this.open.add(path)
    if (subscriptions > 0) {
      this.chosen = [account, tokens]
      void this.showSubscribers()
    }
    await this.refresh()
  }

  async showSubscribers() {
    const [account, tokens] = this.chosen
    const filter = tokens.join('.')
    const query = new URLSearchParams({ subs: 1, limit: LEVEL, acc: account, filter })
    const { total, subscriptions_list: list = [] } = await getJson(`./subsz?${query}`)
    say(byId('subscribers-title'), `Subscribers of ${shown(filter)} (${count(total)})`)
    const rows = list.map(({ cid, qgroup, msgs }) =>
      make(
        'tr',
        {},
        make(
          'td',
          {},
          make('button', { type: 'button', class: 'link', click: () => openConnection(cid) }, `client ${cid}`),
        ),
        make('td', { class: 'dim' }, shown(qgroup ?? '')),
        make('td', { class: 'num' }, `${count(msgs)} messages`),
      ),
    )
    const more = total > list.length ? [make('p', { class: 'dim' }, `… and ${count(total - list.length)} more`)] : []
    byId('subscribers').replaceChildren(make('table', { class: 'grid' }, make('tbody', {}, ...rows)), ...more)
  }
}

/** The first level of the tree are the accounts. */
function pathOf(account, tokens, token) {
  return account === undefined ? [token, []] : [account, [...tokens, token]]
}

function key(account, tokens) {
  return [account, ...tokens].join('.')
}
