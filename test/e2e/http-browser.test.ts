// Web pages that use HTTP, in a real browser: those of a listed origin, and others.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { browserMissing, startBrowser } from '../support/browser.ts'
import { Gateway } from '../support/http-gateway.ts'
import { until } from '../support/until.ts'

/** The origin of an empty page. */
async function site(): Promise<string> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html')
    response.end('<!doctype html><title>page</title>')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.skipIf(browserMissing('HTTP from web pages'))('in a browser', () => {
  let browser: Browser | undefined
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser?.close())

  async function open(origin: string) {
    if (browser === undefined) throw new Error('there is no browser')
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    await page.goto(origin)
    return page
  }

  test('a page of a listed origin publishes, requests, and reads events', async () => {
    const origin = await site()
    const way = await Gateway.start({ authorization: { token: 't' }, workers: 1 }, { allowedOrigins: [origin] })
    const nc = await way.nats({ token: 't' })
    nc.subscribe('ask', { callback: (_, message) => void message.respond(`${message.string()}!`, message) })
    await nc.flush()
    const page = await open(origin)
    const said = await page.evaluate(async (url) => {
      const headers = { authorization: 'Bearer t', 'nats-header-tenant': 'blue' }
      const answer = await fetch(`${url}/v1/requests/ask`, { method: 'POST', body: 'hello', headers })
      const refused = await fetch(`${url}/v1/subjects/a`, { method: 'POST' })
      const stream = await fetch(`${url}/v1/subjects/news`, { headers: { ...headers, accept: 'text/event-stream' } })
      const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      while (!text.includes('data: ')) {
        if (text.includes(': subscribed') && !text.includes('told')) {
          text += 'told'
          await fetch(`${url}/v1/subjects/news`, { method: 'POST', body: 'it is here', headers })
        }
        text += (await reader?.read())?.value ?? ''
      }
      await reader?.cancel()
      return [await answer.text(), answer.status, refused.status, text.split('data: ')[1]]
    }, `http://127.0.0.1:${way.port}`)
    expect(said).toEqual([
      'hello!',
      200,
      401,
      '{"subject":"news","headers":{"Tenant":["blue"]},"payload":"it is here"}\n\n',
    ])
  })

  test('EventSource does where no credentials are needed', async () => {
    const origin = await site()
    const way = await Gateway.start({ workers: 1 }, { allowedOrigins: [origin] })
    const nc = await way.nats()
    const page = await open(origin)
    const heard = page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const events = new EventSource(`${url}/v1/subjects/news`)
          events.onmessage = ({ data, lastEventId }) => {
            events.close()
            resolve([JSON.parse(data), lastEventId])
          }
        }),
      `http://127.0.0.1:${way.port}`,
    )
    let isHeard = false
    const done = heard.then(() => {
      isHeard = true
    })
    await until('an event', async () => {
      nc.publish('news', 'now')
      await nc.flush()
      return isHeard
    })
    await done
    expect(await heard).toEqual([{ subject: 'news', payload: 'now' }, ''])
  })

  test('a page of another origin reaches nothing', async () => {
    const way = await Gateway.start({ workers: 1 }, { allowedOrigins: ['https://app.example'] })
    const nc = await way.nats()
    const seen: string[] = []
    nc.subscribe('>', { callback: (_, message) => void seen.push(message.subject) })
    await nc.flush()
    const page = await open(await site())
    const outcome = await page.evaluate(async (url) => {
      const failed = (error: Error): string => error.name
      const init = { method: 'POST', body: 'x' }
      const direct = await fetch(`${url}/v1/subjects/a`, init).then(() => 'answered', failed)
      const blind = await fetch(`${url}/v1/subjects/b`, { ...init, mode: 'no-cors' }).then(({ type }) => type, failed)
      const events = await new Promise((resolve) => {
        const source = new EventSource(`${url}/v1/subjects/a`)
        source.onopen = () => resolve('open')
        source.onerror = () => resolve('refused')
      })
      return [direct, blind, events]
    }, `http://127.0.0.1:${way.port}`)
    expect(outcome).toEqual(['TypeError', 'opaque', 'refused'])
    await page.setContent(
      `<form method="post" action="http://127.0.0.1:${way.port}/v1/subjects/c"><button>send</button></form>`,
    )
    await page.click('button')
    await page.waitForURL(/\/v1\/subjects\/c$/)
    expect(await page.textContent('body')).toContain('origin_not_allowed')
    await nc.flush()
    expect(seen).toEqual([])
  })
})
