// docs/http.md: its configuration starts a server, and its commands do there what they promise.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connect, headers as messageHeaders, type NatsConnection } from '../../src/client/index.ts'
import type { HeddleServer } from '../../src/index.ts'
import { codeBlocks } from '../support/code-blocks.ts'
import { HEDDLES, startConfigured } from '../support/configured-servers.ts'
import { Program, ROOT, startServer } from '../support/server.ts'

const PAGE = 'docs/http.md'
const blocks = codeBlocks(PAGE)

let server: HeddleServer | undefined
let nc: NatsConnection | undefined
let clock: NodeJS.Timeout | undefined

beforeAll(async () => {
  server = await startServer({
    workers: 1,
    httpGateway: { host: '127.0.0.1', port: -1, noTls: true },
    noAuthUser: 'anyone',
    authorization: {
      users: [
        { user: 'anyone', password: '' },
        { user: 'alice', password: 's3cret', permissions: { publish: 'public.>' } },
      ],
    },
  })
  nc = await connect({ servers: server.url })
  const { publish } = nc
  nc.subscribe('greet', { callback: (_, message) => void message.respond(`Hello, ${message.string()}!`) })
  nc.subscribe('tenant', {
    callback: (_, message) =>
      void message.respond('', message.headers === undefined ? {} : { headers: message.headers }),
  })
  await nc.flush()
  const headers = messageHeaders()
  headers.set('Zone', 'UTC')
  clock = setInterval(() => publish.call(nc, 'clock.tick', 'noon', { headers }), 50)
})

afterAll(async () => {
  clearInterval(clock)
  await nc?.close()
  await server?.close()
})

test('all blocks are configurations or commands', () => {
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['conf', 'sh']))
  expect(readFileSync(join(ROOT, PAGE), 'utf8')).toContain('Every command on this page is run by a test')
})

for (const { text, line } of blocks.filter(({ language }) => language === 'conf')) {
  test(`the configuration in line ${line}`, async () => {
    const program = await startConfigured(HEDDLES[0], text.replace(':8080', ':-1'))
    expect(program.stderr).toMatch(/Listening for HTTP clients on http:\/\/127\.0\.0\.1:\d+/)
  })
}

const plain = (text: string): RegExp => new RegExp(text.replace(/[^\w ]/g, '\\$&'), 'i')

for (const { text, line, heading } of blocks.filter(({ language }) => language === 'sh')) {
  test(`${heading}, line ${line}`, async () => {
    const command = text.replaceAll('127.0.0.1:8080', `127.0.0.1:${server?.httpGatewayPort}`)
    const promised = [...text.matchAll(/^# → (.*)$/gm)].map(([, said]) => said)
    expect(promised.length).toBeGreaterThan(0)
    const running = new Program('/bin/sh', ['-c', `exec ${command}`])
    onTestFinished(() => void running.stop('SIGKILL'))
    for (const said of promised) await running.until(plain(said))
  })
}
