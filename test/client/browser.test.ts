// The entry for browsers as it is built, in a real browser.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import type * as client from '../../src/client/browser.ts'
import { browserMissing, startBrowser } from '../support/browser.ts'
import { ownServer } from '../support/harness.ts'
import { TestAccount } from '../support/operator.ts'
import { ROOT } from '../support/server.ts'

const FILE = join(ROOT, manifest.exports['./client'].browser.default)

/** Serves an empty page and the client beside it. */
async function site(): Promise<string> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/client.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? readFileSync(FILE) : '<!doctype html><title>client</title>')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.skipIf(browserMissing('the client in a browser'))('in a browser', () => {
  test('it publishes, subscribes, requests, and signs by an nkey', async () => {
    const { key, seed } = await new TestAccount('A').user()
    const server = await ownServer({
      workers: 1,
      websocket: { host: '127.0.0.1', port: -1, noTls: true },
      authorization: { users: [{ nkey: key.getPublicKey() }] },
    })
    const url = await site()
    const browser = await startBrowser()
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    await page.goto(url)
    const said = await page.evaluate(
      async ([servers, code, secret]) => {
        const { connect, nkeyAuthenticator } = (await import(code)) as typeof client
        const nc = await connect({ servers, authenticator: nkeyAuthenticator(new TextEncoder().encode(secret)) })
        nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
        const answer = await nc.request('echo', 'x'.repeat(100_000))
        const subscription = nc.subscribe('many', { max: 1_000 })
        for (let i = 0; i < 1_000; i++) nc.publish('many', `${i}`)
        let count = 0
        for await (const _ of subscription) count++
        await nc.drain()
        return [answer.string().length, count, nc.isClosed()]
      },
      [`ws://127.0.0.1:${server.webSocketPort}`, `${url}/client.js`, Buffer.from(seed).toString()],
    )
    expect(said).toEqual([100_000, 1_000, true])
  })
})
