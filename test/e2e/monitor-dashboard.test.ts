// The dashboard in a real browser: real clicks, real messages. Screenshots of each view, in both colour schemes and on
// a phone, go to a folder that git ignores, for people to look at.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { HeddleServer } from '../../src/index.ts'
import { browserMissing, startBrowser } from '../support/browser.ts'
import type { RawClient } from '../support/raw-client.ts'
import { RawClient as Raw } from '../support/raw-client.ts'
import { ROOT, startServer } from '../support/server.ts'

const SCREENSHOTS = join(ROOT, '.screenshots')
const HOSTILE = '<img src=x onerror="document.title=1">'

const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 860 }, colorScheme: 'light' }
const NIGHT: BrowserContextOptions = { ...DESKTOP, colorScheme: 'dark' }
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  colorScheme: 'dark',
  hasTouch: true,
  isMobile: true,
}

describe.skipIf(browserMissing('the dashboard in a browser'))('the dashboard', () => {
  let browser: Browser
  let server: HeddleServer
  let publisher: RawClient
  const clients: RawClient[] = []

  const introduce = async (name: string, subscriptions: string): Promise<RawClient> => {
    const client = await Raw.open(server.port, { name })
    client.onMessage = () => undefined
    client.send(subscriptions)
    await client.sync()
    clients.push(client)
    return client
  }

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true })
    browser = await startBrowser()
    server = await startServer({ workers: 2, monitorPort: -1, name: 'loom', writeDeadline: 60_000 })
    publisher = await introduce('mill', '')
    await introduce('orders-1', 'SUB orders.> 1\r\nSUB orders.*.created workers 2\r\n')
    await introduce('orders-2', 'SUB orders.> 1\r\n')
    await introduce(HOSTILE, 'SUB <b>.* 1\r\n')
    for (let i = 0; i < 300; i++) await introduce(`crowd-${i}`, `SUB crowd.${i % 7} 1\r\n`)
    const broken = await Raw.open(server.port, { name: 'careless' })
    broken.send('PUB a -1\r\n')
    await broken.expectClose()
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all(clients.map((client) => client.close()))
    await server?.close()
  })

  /** A page of its own for a test; an error on it fails the test. */
  async function visit(options: BrowserContextOptions, path = '', on = server): Promise<Page> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text())
    })
    onTestFinished(async () => {
      await context.close()
      expect(errors).toEqual([])
    })
    await page.goto(`http://127.0.0.1:${on.monitorPort}/${path}`)
    return page
  }

  const text = (page: Page, selector: string): Promise<string | null> => page.locator(selector).textContent()

  it('shows messages as they flow, with their rates', async () => {
    const page = await visit(DESKTOP)
    const timer = setInterval(() => publisher.send('PUB orders.a.created 5\r\nhello\r\n'.repeat(50)), 50)
    onTestFinished(() => clearInterval(timer))
    await page.locator('[data-tile=in] .value', { hasText: /[1-9]/ }).waitFor()
    await page.locator('[data-tile=out] .value', { hasText: /[1-9]/ }).waitFor()
    expect(await text(page, '[data-tile=connections] .value')).toBe('304')
    expect(await text(page, '#server-name')).toBe('loom')
    await page.locator('#messages-chart .key.out b', { hasText: /[1-9]/ }).waitFor()
    expect(await page.locator('#shards tbody tr').count()).toBe(2)
    await page.locator('#flows .arc:not(.idle)').first().waitFor()
    await page.locator('.events', { hasText: 'Protocol Violation' }).waitFor()
    await page.screenshot({ path: join(SCREENSHOTS, 'overview-light.png') })
    await page.locator('#messages-chart button', { hasText: '1 min' }).click()
    await page.locator('#messages-chart canvas').hover()
    await page.locator('.events button', { hasText: 'careless' }).click()
    await page.locator('#drawer', { hasText: 'closed: Protocol Violation' }).waitFor()
  })

  it('works under a path of its own', async () => {
    const elsewhere = await startServer({ workers: 1, monitorPort: -1, name: 'bobbin', monitorBasePath: '/nats/mon' })
    onTestFinished(() => elsewhere.close())
    const page = await visit(DESKTOP, 'nats/mon#connections', elsewhere)
    await page.locator('#server-name', { hasText: 'bobbin' }).waitFor()
    await page.locator('#connection-count', { hasText: '0 connections' }).waitFor()
  })

  it('finds connections, sorts them, and shows one in full', async () => {
    const page = await visit(NIGHT, '#connections')
    await page.locator('.row').nth(5).waitFor()
    expect(await text(page, '#connection-count')).toBe('304 connections')
    expect(await page.locator('.row').count()).toBeLessThan(100)
    await page.locator('#search').fill('ORDERS-')
    await page.locator('#connection-count', { hasText: '2 of 304' }).waitFor()
    await page.screenshot({ path: join(SCREENSHOTS, 'connections-dark.png') })
    await page.locator('.row', { hasText: 'orders-1' }).click()
    await page.locator('#drawer .grid', { hasText: 'orders.*.created' }).waitFor()
    expect(await text(page, '#drawer .grid')).toContain('workers')
    await page.screenshot({ path: join(SCREENSHOTS, 'connection-dark.png') })
    await page.keyboard.press('Escape')
    await page.locator('#drawer').waitFor({ state: 'hidden' })
    await page.locator('#search').fill('')
    await page.locator('.table-head button', { hasText: 'Msgs in' }).click()
    await page.locator('.row').first().filter({ hasText: 'mill' }).waitFor()
    await page.locator('#connection-state').selectOption('closed')
    await page.locator('.row', { hasText: 'careless' }).waitFor()
  })

  it('scrolls through hundreds of connections, making only those in sight', async () => {
    const page = await visit(DESKTOP, '#connections')
    await page.locator('.row').nth(5).waitFor()
    await page.locator('#connection-table .body').evaluate((body) => body.scrollTo(0, body.scrollHeight))
    await page.locator('.row', { hasText: 'crowd-299' }).waitFor()
    expect(await page.locator('.row').count()).toBeLessThan(100)
  })

  it.each(['Enter', 'Space'])('opens a connection by %s, and gives the focus back', async (key) => {
    const page = await visit(DESKTOP, '#connections')
    await page.locator('#search').fill('orders-')
    await page.locator('#connection-count', { hasText: '2 of' }).waitFor()
    const row = page.locator('.row', { hasText: 'orders-1' })
    await row.focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press(key)
    await page.locator('#drawer .grid', { hasText: 'orders.*.created' }).waitFor()
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Close')
    await page.keyboard.press(key)
    await page.locator('#drawer').waitFor({ state: 'hidden' })
    expect(await page.evaluate('document.activeElement.textContent')).toContain('orders-1')
  })

  it('says what its parts are to those who do not see them', async () => {
    const page = await visit(DESKTOP, '#connections')
    const grid = page.getByRole('grid', { name: 'Connections' })
    await grid.getByRole('row', { name: 'orders-1' }).waitFor()
    expect(Number(await grid.getAttribute('aria-rowcount'))).toBeGreaterThan(300)
    expect(await grid.getByRole('columnheader').count()).toBe(11)
    expect(await grid.getByRole('row', { name: 'orders-1' }).getByRole('gridcell').count()).toBeGreaterThan(8)
    await grid.getByRole('row', { name: 'orders-1' }).click()
    await page.getByRole('dialog', { name: 'orders-1' }).waitFor()
  })

  it('shows names that cannot be seen, turn the line round or have no end', async () => {
    const names = ['\u202etac', 'a  b', ' lead', 'zero\u200bwidth', `long${'x'.repeat(3_500)}`, 'שלום']
    for (const name of names) await introduce(name, 'SUB odd.\u202e 1\r\n')
    const page = await visit(DESKTOP, '#connections')
    for (const seen of ['⟨U+202E⟩tac', 'a␣␣b', '␣lead', 'zero⟨U+200B⟩width', '(3504 characters)', '\u2068שלום\u2069']) {
      await page.locator('#connection-state').selectOption('open')
      await page.locator('.table-head button', { hasText: 'Up' }).click()
      await page.locator('.row .name', { hasText: seen }).waitFor()
    }
    await page.locator('.row', { hasText: '(3504 characters)' }).click()
    await page.locator('#drawer .grid', { hasText: 'odd.⟨U+202E⟩' }).waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(1280)
    expect(await page.locator('#drawer h1').evaluate((title) => title.getBoundingClientRect().height)).toBeLessThan(120)
  })

  it('shows what clients call themselves, and runs none of it', async () => {
    const page = await visit(DESKTOP, '#connections')
    await page.locator('#search').fill('onerror')
    await page.locator('.row', { hasText: HOSTILE }).click()
    await page.locator('#drawer h1', { hasText: HOSTILE }).waitFor()
    await page.locator('#drawer .grid', { hasText: '<b>.*' }).waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.title()).toBe('loom · Heddle')
  })

  it('opens the tree of subjects, and leads to those who listen', async () => {
    const page = await visit(DESKTOP, '#subjects')
    await page.locator('[data-path="$G.orders"]').click()
    await page.locator('[data-path="$G.orders.*"]').click()
    await page.locator('[data-path="$G.orders.*.created"]').click()
    await page.locator('#subscribers-title', { hasText: 'orders.*.created (1)' }).waitFor()
    await page.screenshot({ path: join(SCREENSHOTS, 'subjects-light.png') })
    await page.locator('#subscribers button').first().click()
    await page.locator('#drawer h1', { hasText: 'orders-1' }).waitFor()
  })

  it('walks through the tree of subjects by keys', async () => {
    const page = await visit(DESKTOP, '#subjects')
    await page.locator('[data-path="$G.orders"]').waitFor()
    await page.locator('[data-path="$G"]').focus()
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.dataset.path')
    const press = async (key: string, path: string): Promise<void> => {
      await page.keyboard.press(key)
      await expect.poll(focused).toBe(path)
    }
    await press('End', await page.locator('[role=treeitem]').last().getAttribute('data-path').then(String))
    await press('Home', '$G')
    await press('ArrowDown', String(await page.locator('[role=treeitem]').nth(1).getAttribute('data-path')))
    await page.locator('[data-path="$G.orders"]').focus()
    await press('ArrowRight', '$G.orders')
    await page.locator('[data-path="$G.orders.*"]').waitFor()
    await press('ArrowRight', String(await page.locator('[aria-level="3"]').first().getAttribute('data-path')))
    await press('ArrowLeft', '$G.orders')
    await press('ArrowLeft', '$G.orders')
    await page.locator('[data-path="$G.orders.*"]').waitFor({ state: 'detached' })
    await press('ArrowLeft', '$G')
    expect(await page.locator('[role=treeitem][tabindex="0"]').count()).toBe(1)
  })

  it('shows accounts, and who falls behind and why', async () => {
    const page = await visit(NIGHT)
    await page.locator('#tabs a', { hasText: 'Accounts' }).click()
    await page.locator('#account-table td', { hasText: '$G' }).waitFor()
    const slow = await introduce('sleepy', 'SUB big 1\r\n')
    slow.socket.pause()
    const payload = 'x'.repeat(500_000)
    const timer = setInterval(() => publisher.send(`PUB big ${payload.length}\r\n${payload}\r\n`), 100)
    onTestFinished(() => clearInterval(timer))
    await page.locator('#slow-badge', { hasText: '1' }).waitFor()
    await page.locator('#tabs a', { hasText: 'Slow' }).click()
    await page.locator('#slow-behind .slow', { hasText: 'sleepy' }).waitFor()
    await page.locator('#slow-behind .slow', { hasText: 'Sent most in the last minute: big' }).waitFor()
    await page.screenshot({ path: join(SCREENSHOTS, 'slow-dark.png') })
  })

  it('changes between light and dark, and remembers it', async () => {
    const page = await visit(DESKTOP)
    const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const light = await background()
    await page.locator('#theme').click()
    expect(await text(page, '#theme')).toBe('Light')
    await page.locator('#theme').click()
    expect(await background()).not.toBe(light)
    const dark = await background()
    await page.reload()
    expect([await text(page, '#theme'), await background()]).toEqual(['Dark', dark])
  })

  it('fits on a phone', async () => {
    const page = await visit(PHONE)
    for (const view of ['overview', 'connections', 'subjects', 'accounts', 'slow', 'pages']) {
      await page.locator(`#tabs a[href="#${view}"]`).tap()
      await page.locator(`#${view}`).waitFor()
      expect([view, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([view, 390])
    }
    await page.locator('#tabs a[href="#connections"]').tap()
    await page.locator('.row', { hasText: 'orders-1' }).tap()
    await page.locator('#drawer .grid', { hasText: 'orders.>' }).waitFor()
    await page.screenshot({ path: join(SCREENSHOTS, 'connection-phone.png') })
  })

  it('begins at its top by a link, and when a tab is clicked twice', async () => {
    for (const options of [PHONE, DESKTOP]) {
      const page = await visit(options, '#connections')
      await page.locator('.row').first().waitFor()
      const top = (): Promise<number> =>
        page.locator('#connections').evaluate((view) => view.getBoundingClientRect().top)
      const header = await page.locator('header.top').evaluate((head) => head.getBoundingClientRect().bottom)
      expect(await top()).toBeGreaterThanOrEqual(header)
      for (let i = 0; i < 2; i++) await page.locator('#tabs a[href="#connections"]').click()
      expect(await page.evaluate('window.scrollY')).toBe(0)
      expect(await top()).toBeGreaterThanOrEqual(header)
    }
  })

  it('does not count nobody while the server is away', async () => {
    const other = await startServer({ workers: 0, monitorPort: -1 })
    const client = await Raw.open(other.port, { name: 'there' })
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    await page.goto(`http://127.0.0.1:${other.monitorPort}/#connections`)
    await page.locator('#connection-count', { hasText: '1 connection' }).waitFor()
    await other.close()
    await client.close()
    await page.locator('#connection-count', { hasText: /^1 connection, as of \d\d:/ }).waitFor()
    await page.locator('.stale .row', { hasText: 'there' }).waitFor()
  })

  it('says when the server is gone, and goes on when one is back', async () => {
    const other = await startServer({ workers: 0, monitorPort: -1, name: 'first' })
    const { monitorPort = 0 } = other
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    await page.goto(`http://127.0.0.1:${monitorPort}/`)
    await page.locator('#server-name', { hasText: 'first' }).waitFor()
    await other.close()
    await page.locator('#banner', { hasText: 'No answer for' }).waitFor()
    const back = await startServer({ workers: 0, monitorPort, name: 'second' })
    onTestFinished(() => back.close())
    await page.locator('#server-name', { hasText: 'second' }).waitFor()
    await page.locator('#banner').waitFor({ state: 'hidden' })
  })
})
