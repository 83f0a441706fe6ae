// The tree of subjects that somebody listens to, opened a level at a time, and who listens to one of them.

import { openConnection } from './connections.js'
import { byId, count, getJson, make, repeat, say } from './format.js'

const REFRESH_MS = 5000
const LEVEL = 200

export class Subjects {
  open = new Set(['$G'])
  chosen = undefined

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
  }

  /** The branches under a path, and under those of them that are open. */
  async level(account, tokens) {
    const query = new URLSearchParams({ limit: LEVEL })
    if (account !== undefined) query.set('acc', account)
    if (tokens.length > 0) query.set('prefix', tokens.join('.'))
    const { branches, total } = await getJson(`./subjectz?${query}`)
    const list = make('div', { class: 'branches', role: 'group' })
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
    if (account === undefined && total === 0) list.append(make('p', { class: 'dim' }, 'Nobody has subscribed yet.'))
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
        'aria-expanded': hasMore ? String(isOpen) : undefined,
        'aria-selected': String(this.chosen !== undefined && key(...this.chosen) === path),
        click: () => void this.choose(account, tokens, hasMore, subscriptions),
      },
      make('span', { class: 'twist' }, hasMore ? (isOpen ? '▼' : '▶') : ''),
      make('span', { class: 'token' }, token),
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
    say(byId('subscribers-title'), `Subscribers of ${filter} (${count(total)})`)
    const rows = list.map(({ cid, qgroup, msgs }) =>
      make(
        'tr',
        {},
        make(
          'td',
          {},
          make('button', { type: 'button', class: 'link', click: () => openConnection(cid) }, `client ${cid}`),
        ),
        make('td', { class: 'dim' }, qgroup ?? ''),
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
