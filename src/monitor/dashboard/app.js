// The dashboard: which view is shown, what it follows, and whether the server is there at all.

import { Connections, closeConnection } from './connections.js'
import { Feed } from './feed.js'
import { byId, say } from './format.js'
import { shown } from './names.js'
import { Overview } from './overview.js'
import { Shards } from './shards.js'
import { Subjects } from './subjects.js'
import { Accounts, SlowConsumers, watchSlow } from './tables.js'

const THEMES = ['auto', 'light', 'dark']
const THEME_KEY = 'heddle-theme'

const feed = new Feed()
const overview = new Overview()
const shards = new Shards()
const views = {
  overview: { show: () => () => {} },
  connections: new Connections(),
  subjects: new Subjects(),
  accounts: new Accounts(),
  slow: new SlowConsumers(),
  pages: { show: () => () => {} },
}

// ── Views ───────────────────────────────────────────────────────────────────────────────────────────────

let endView = () => {}

function showView() {
  const wanted = location.hash.slice(1)
  const name = Object.hasOwn(views, wanted) ? wanted : 'overview'
  endView()
  for (const view of Object.keys(views)) byId(view).hidden = view !== name
  for (const link of byId('tabs').children) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  window.scrollTo(0, 0)
  endView = views[name].show()
  draw()
}

function draw() {
  if (byId('overview').hidden) return
  overview.update(feed)
  shards.update(feed)
}

// ── The server ──────────────────────────────────────────────────────────────────────────────────────────

function updateFrame() {
  const { latest, failing } = feed
  const banner = byId('banner')
  banner.hidden = !failing
  document.body.classList.toggle('away', failing)
  const awayS = Math.round((performance.now() - feed.heardAt) / 1000)
  if (failing) say(banner, latest === undefined ? 'The server does not answer.' : `No answer for ${awayS} s; retrying.`)
  const state = byId('state')
  const name = failing ? 'bad' : latest === undefined ? '' : trouble(latest) ? 'warn' : 'good'
  state.className = `state ${name}`
  state.setAttribute('aria-label', { bad: 'no answer', warn: 'degraded', good: 'serving' }[name] ?? 'connecting')
  if (latest === undefined) return
  const { server } = latest
  const title = server.name === server.id ? `${server.id.slice(0, 10)}…` : shown(server.name)
  say(byId('server-name'), title)
  byId('server-name').title = server.id
  say(
    byId('server-about'),
    `port ${server.port} · up ${server.uptime} · Heddle ${server.version}, as nats-server ${server.nats_version}`,
  )
  document.title = `${title} · Heddle`
}

function trouble({ server, shards: list }) {
  return !server.serving || list.some(({ state }) => state !== 'serving')
}

// ── Light and dark ──────────────────────────────────────────────────────────────────────────────────────

function setTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  byId('theme').textContent = { auto: 'Auto', light: 'Light', dark: 'Dark' }[theme]
  try {
    localStorage.setItem(THEME_KEY, theme)
  } catch {
    // Where nothing may be stored, the choice holds until the page is left.
  }
  draw()
}

function storedTheme() {
  try {
    const stored = localStorage.getItem(THEME_KEY)
    return THEMES.includes(stored) ? stored : 'auto'
  } catch {
    return 'auto'
  }
}

// ── Start ───────────────────────────────────────────────────────────────────────────────────────────────

byId('theme').addEventListener('click', () => {
  const now = document.documentElement.dataset.theme ?? 'auto'
  setTheme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length])
})
window.addEventListener('hashchange', showView)
window.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') closeConnection()
  if (event.key === '/' && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '')) {
    event.preventDefault()
    location.hash = '#connections'
    byId('search').focus()
  }
})
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
setTheme(storedTheme())
feed.onUpdate(() => {
  updateFrame()
  draw()
})
showView()
feed.start()
watchSlow(byId('slow-badge'))
