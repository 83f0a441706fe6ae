// A table of any length of which only the rows in sight exist, and only these are asked for: ten thousand connections
// scroll as ten do.

import { make, say } from './format.js'

const PAGE = 100
/** Rows made beyond what is in sight, each way. */
const MARGIN = 8
const NARROW = window.matchMedia('(max-width: 720px)')

export class VirtualTable {
  total = 0
  pages = new Map()
  rows = new Map()

  /**
   * `load(offset, limit)` answers {total, rows}; `render(row)` makes an element; `away()` is called when the server
   * does not answer; `empty` says that there is nothing.
   */
  constructor(parent, label, head, load, render, away, empty) {
    this.load = load
    this.render = render
    this.away = away
    this.words = empty
    this.empty = make('p', { class: 'empty', hidden: true }, empty)
    this.filler = make('div', { class: 'filler', role: 'rowgroup' })
    this.body = make('div', { class: 'body', role: 'none', tabindex: '-1' }, this.filler, this.empty)
    this.parent = parent
    parent.setAttribute('role', 'grid')
    parent.setAttribute('aria-label', label)
    head.setAttribute('aria-rowindex', '1')
    parent.replaceChildren(make('div', { role: 'rowgroup' }, head), this.body)
    this.filler.addEventListener('keydown', (event) => this.walk(event))
    this.body.addEventListener('scroll', () => void this.show(), { passive: true })
    NARROW.addEventListener('change', () => this.draw())
    new ResizeObserver(() => void this.show()).observe(this.body)
  }

  get rowHeight() {
    return NARROW.matches ? 56 : 34
  }

  /** Another list: from its top. */
  async restart() {
    this.pages.clear()
    this.body.scrollTop = 0
    this.generation = (this.generation ?? 0) + 1
    await this.refresh()
  }

  /** Asks anew for the pages in sight. */
  async refresh() {
    const { first, last } = this.inSight()
    const wanted = []
    for (let page = Math.floor(first / PAGE); page * PAGE < Math.max(1, last); page++) wanted.push(page)
    for (const page of this.pages.keys()) if (!wanted.includes(page)) this.pages.delete(page)
    await Promise.all(wanted.map((page) => this.fetchPage(page)))
    this.draw()
  }

  /** Asks for what came into sight. */
  async show() {
    this.draw()
    const { first, last } = this.inSight()
    const missing = []
    for (let page = Math.floor(first / PAGE); page * PAGE < last; page++) if (!this.pages.has(page)) missing.push(page)
    if (missing.length === 0) return
    await Promise.all(missing.map((page) => this.fetchPage(page)))
    this.draw()
  }

  async fetchPage(page) {
    const { generation } = this
    if (!this.pages.has(page)) this.pages.set(page, [])
    try {
      const { total, rows } = await this.load(page * PAGE, PAGE)
      if (generation !== this.generation) return
      this.total = total
      this.pages.set(page, rows)
      say(this.empty, this.words)
      this.parent.classList.remove('stale')
    } catch {
      if (this.pages.get(page)?.length === 0) this.pages.delete(page)
      say(this.empty, 'The server does not answer.')
      this.parent.classList.add('stale')
      this.away()
    }
  }

  /** Up and down go from row to row. */
  walk(event) {
    const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key]
    const row = document.activeElement?.closest?.('.row')
    if (step === undefined || row === null || row === undefined) return
    event.preventDefault()
    row[step]?.focus()
  }

  inSight() {
    const height = this.rowHeight
    const first = Math.max(0, Math.floor(this.body.scrollTop / height) - MARGIN)
    const count = Math.ceil(this.body.clientHeight / height) + 2 * MARGIN
    return { first, last: Math.min(this.total, first + count) }
  }

  draw() {
    const height = this.rowHeight
    this.filler.style.height = `${this.total * height}px`
    this.empty.hidden = this.total > 0
    this.parent.setAttribute('aria-rowcount', String(this.total + 1))
    const { first, last } = this.inSight()
    const focused = document.activeElement?.dataset?.key
    const elements = []
    for (let at = first; at < last; at++) {
      const row = this.pages.get(Math.floor(at / PAGE))?.[at % PAGE]
      const element =
        row === undefined
          ? make('div', { class: 'row waiting' }, make('span', { role: 'gridcell' }, '…'))
          : this.render(row)
      element.style.top = `${at * height}px`
      element.setAttribute('role', 'row')
      element.setAttribute('aria-rowindex', String(at + 2))
      elements.push(element)
    }
    this.filler.replaceChildren(...elements)
    // The row that had the keyboard's attention keeps it, though it is a new element.
    if (focused !== undefined) elements.find(({ dataset }) => dataset.key === focused)?.focus({ preventScroll: true })
  }
}
