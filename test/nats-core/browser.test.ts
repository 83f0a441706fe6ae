// The packages of nats.js over the client in a real browser: bundled with the built entry, as a program's bundler does.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { describe, expect, onTestFinished, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { browserMissing, startBrowser } from '../support/browser.ts'
import { ownServer } from '../support/harness.ts'
import { ROOT } from '../support/server.ts'

/** What the page runs. It answers what it got. */
const PROGRAM = `
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect } from 'heddle/nats-core'

export async function run(servers) {
  const nc = await connect({ servers })
  const jsm = await jetstreamManager(nc)
  await jsm.streams.add({ name: 'S', subjects: ['s'], storage: 'memory' })
  const js = jetstream(nc)
  for (let i = 0; i < 10; i++) await js.publish('s', String(i))
  const texts = []
  for await (const message of await (await js.consumers.get('S')).consume()) {
    texts.push(message.string())
    if (texts.length === 10) break
  }
  const kv = await new Kvm(js).create('K', { storage: 'memory' })
  await kv.put('a', 'b')
  const value = (await kv.get('a')).string()
  const error = await js.publish('nobody').catch((reason) => reason.name)
  await nc.drain()
  return [texts.join(''), value, error]
}
`

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'heddle-page-'))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

/** The program and all that it imports, in one file. */
async function bundled(): Promise<string> {
  const directory = folder()
  writeFileSync(join(directory, 'program.js'), PROGRAM)
  const bundle = await rolldown({
    input: join(directory, 'program.js'),
    platform: 'browser',
    resolve: {
      alias: {
        'heddle/nats-core': join(ROOT, manifest.exports['./nats-core'].browser.default),
        ...Object.fromEntries(['jetstream', 'kv'].map((name) => [`@nats-io/${name}`, packageEntry(name)])),
      },
    },
  })
  await bundle.write({ file: join(directory, 'page.js'), format: 'esm' })
  await bundle.close()
  return readFileSync(join(directory, 'page.js'), 'utf8')
}

function packageEntry(name: string): string {
  return join(ROOT, 'node_modules/@nats-io', name, 'lib/mod.js')
}

async function site(script: string): Promise<string> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><title>streams</title>')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.skipIf(browserMissing('the packages of nats.js in a browser'))('in a browser', () => {
  test('streams and a key-value store', async () => {
    const websocket = { host: '127.0.0.1', port: -1, noTls: true }
    const server = await ownServer({ workers: 1, websocket, jetstream: { storeDir: folder() } })
    const url = await site(await bundled())
    const browser = await startBrowser()
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    await page.goto(url)
    const said = await page.evaluate(
      async ([servers, code]) => {
        const { run } = (await import(code)) as { run(servers: string): Promise<string[]> }
        return run(servers)
      },
      [`ws://127.0.0.1:${server.webSocketPort}`, `${url}/page.js`],
    )
    expect(said).toEqual(['0123456789', 'b', 'JetStreamNotEnabled'])
  }, 60_000)
})
