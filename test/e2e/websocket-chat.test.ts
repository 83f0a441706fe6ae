// The example chat in a real browser: two windows with a person each, and others who are not in a browser.

import { fileURLToPath } from 'node:url'
import { connect } from '@nats-io/transport-node'
import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { launchChromium, missingChromium, screenshotPath } from '../support/chromium.ts'
import { Program } from '../support/server.ts'
import { DEADLINE_MS, until } from '../support/until.ts'

const MAIN = fileURLToPath(new URL('../../examples/chat/main.ts', import.meta.url))

interface Chat {
  readonly program: Program
  readonly url: string
  readonly natsUrl: string
}

async function startChat(): Promise<Chat> {
  const program = new Program(process.execPath, [MAIN], { ...process.env, PORT: '0' })
  onTestFinished(async () => void (await program.stop('SIGKILL')))
  const [, url] = await program.until(/Chat on (\S+)/)
  const [, natsUrl] = await program.until(/join at (\S+)/)
  return { program, url, natsUrl }
}

async function enter(page: Page, url: string, name: string, room = 'lobby'): Promise<void> {
  await page.goto(url)
  await page.getByLabel('Your name').fill(name)
  await page.getByLabel('Room').fill(room)
  await page.getByRole('button', { name: 'Enter' }).click()
  await page.getByText('connected', { exact: true }).waitFor()
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}

const messages = (page: Page): Promise<string[]> => page.locator('.message').allInnerTexts()

async function picture(page: Page, name: string): Promise<void> {
  const path = screenshotPath(name)
  if (path !== undefined) await page.screenshot({ path })
}

describe.skipIf(missingChromium('the chat in a browser'))('the chat', () => {
  test('two windows talk with each other, and with whoever else is in the room', async () => {
    const { url, natsUrl } = await startChat()
    const browser = await launchChromium()
    const errors: string[] = []
    const windows: Page[] = []
    for (const [colorScheme, width, height] of [
      ['light', 900, 640],
      ['dark', 390, 760],
    ] as const) {
      const page = await (await browser.newContext({ colorScheme, viewport: { width, height } })).newPage()
      page.setDefaultTimeout(DEADLINE_MS)
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text())
      })
      page.on('pageerror', (error) => errors.push(error.message))
      // Nothing may come from elsewhere.
      page.on('request', (request) => {
        if (new URL(request.url()).host !== new URL(url).host) errors.push(`asks for ${request.url()}`)
      })
      windows.push(page)
    }
    const [ada, bob] = windows
    await ada.goto(url)
    await picture(ada, 'chat-login')
    await enter(ada, url, 'Ada')
    await ada.getByText('nobody else is here').waitFor()
    await enter(bob, url, 'Bob')
    for (const page of windows) await page.getByText('Ada, Bob').waitFor()
    await ada.getByText('Bob came in').waitFor()

    await say(ada, 'Hello Bob!')
    await bob.getByText('Hello Bob!').waitFor()
    await say(bob, 'Hello Ada, <b>not bold</b> & grüße 👋')
    await ada.getByText('<b>not bold</b> & grüße 👋').waitFor()
    for (let i = 0; i < 30; i++) await say(ada, `line ${i}`)
    await bob.getByText('line 29', { exact: true }).waitFor()
    const heard = await messages(bob)
    expect(heard.slice(2).map((text) => text.split('\n').at(-1))).toEqual(
      Array.from({ length: 30 }, (_, i) => `line ${i}`),
    )
    expect(await ada.locator('.message b').count()).toBe(0)

    // Somebody who is not in a browser.
    const other = await connect({ servers: natsUrl })
    onTestFinished(() => other.close())
    other.publish('chat.lobby.said', JSON.stringify({ id: 'x', name: 'Carol', text: 'from the shell', at: 0 }))
    other.publish('chat.lobby.said', 'no JSON')
    other.publish('chat.elsewhere.said', JSON.stringify({ id: 'x', name: 'Carol', text: 'in another room', at: 0 }))
    for (const page of windows) await page.getByText('from the shell').waitFor()
    await picture(ada, 'chat-light')
    await picture(bob, 'chat-dark-phone')

    await bob.close()
    await ada.getByText('Bob left').waitFor()
    await ada.getByText('nobody else is here').waitFor()
    expect((await messages(ada)).some((text) => text.includes('another room'))).toBe(false)
    expect(errors).toEqual([])
  })

  test('a page from elsewhere is not let in', async () => {
    const { url, program } = await startChat()
    const [, webSocketUrl] = await program.until(/talks to (ws:\S+);/)
    const browser = await launchChromium()
    const page = await browser.newPage()
    await page.route('http://evil.example/', (route) => route.fulfill({ contentType: 'text/html', body: 'evil' }))
    const attempt = (address: string): Promise<string> =>
      page.evaluate(
        `new Promise((resolve) => {
          const socket = new WebSocket(${JSON.stringify(address)})
          socket.onopen = () => resolve('open')
          socket.onerror = () => resolve('refused')
        })`,
      )
    await page.goto('http://evil.example/')
    expect(await attempt(webSocketUrl)).toBe('refused')
    await page.goto(url)
    expect(await attempt(webSocketUrl)).toBe('open')
  })

  test('a window says that the connection is lost', async () => {
    const { url, program } = await startChat()
    const browser = await launchChromium()
    const page = await browser.newPage()
    await enter(page, url, 'Ada')
    program.child.kill('SIGKILL')
    await page.getByText('connection lost, trying again').waitFor()
  })

  test('ends when it is told to', async () => {
    const { program } = await startChat()
    program.child.kill('SIGINT')
    const exit = await until('its end', () => program.exit())
    expect(exit).toEqual({ code: 0, signal: null })
  })
})
