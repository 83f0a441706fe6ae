// Conversations of official clients, recorded, and played again to this server, to another one, and to nats-server.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { replay } from '../../src/test-kit/index.ts'
import type { TestServerOptions } from '../../src/test-kit/test-server.ts'
import { missing, peers } from '../support/peers.ts'
import { startNatsServer } from '../support/server.ts'
import { ownTestServer } from './support.ts'

const directory = mkdtempSync(join(tmpdir(), 'heddle-replay-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
let files = 0

/** Two clients: a request and its answer, a message with headers and one to nobody. */
async function record(options: TestServerOptions = {}): Promise<string> {
  const server = await ownTestServer(options)
  const file = join(directory, `${files++}.jsonl`)
  const recording = server.record(file)
  await using desk = await connect({ servers: server.url, name: 'desk' })
  await using shop = await connect({ servers: server.url, name: 'shop' })
  desk.subscribe('time', { callback: (_, message) => void message.respond('noon') })
  await desk.flush()
  expect((await shop.request('time', 'what?', { timeout: 20_000 })).string()).toBe('noon')
  await expect(shop.request('nobody')).rejects.toThrow()
  await shop.flush()
  await recording.stop()
  return file
}

test('a server that is the same says the same', async () => {
  const file = await record()
  const server = await ownTestServer()
  expect(await replay(file, { url: server.url, timeout: 20_000 })).toEqual([])
  expect(server.messages('time')[0].string()).toBe('what?')
})

describe.skipIf(missing('natsServer', 'replay to nats-server'))('beside nats-server', () => {
  test('it says the same as Heddle', async () => {
    const file = await record()
    const server = await startNatsServer(String(peers.natsServer))
    onTestFinished(async () => void (await server.stop()))
    expect(await replay(file, { url: `nats://127.0.0.1:${server.port}`, timeout: 20_000 })).toEqual([])
  })
})

test('differences are shown: what was expected, and what came', async () => {
  const file = await record()
  const server = await ownTestServer({ maxPayload: 1000 })
  const silent = server.faults.drop('time', { direction: 'deliver' })
  const differences = await replay(file, { url: server.url, timeout: 100 })
  expect(silent.count).toBe(1)
  expect(differences).toContainEqual({
    client: 1,
    expected: 'INFO {"headers":true,"max_payload":1048576,"proto":1}',
    got: 'INFO {"headers":true,"max_payload":1000,"proto":1}',
  })
  expect(differences).toContainEqual({
    client: 1,
    expected: expect.stringMatching(/^MSG time 1 _INBOX\.\S+ 5\r\nwhat\?\r\n$/),
    got: undefined,
  })
})

test('what a server says besides is a difference as well', async () => {
  const file = await record()
  const lines = readFileSync(file, 'utf8').split('\n')
  const isAnswer = (line: string): boolean => line.includes('"from":"server"') && line.includes('noon')
  expect(lines.filter(isAnswer)).toHaveLength(1)
  writeFileSync(file, lines.filter((line) => !isAnswer(line)).join('\n'))
  const server = await ownTestServer()
  const differences = await replay(file, { url: server.url, timeout: 20_000 })
  expect(differences.length).toBeGreaterThan(0)
  expect(JSON.stringify(differences)).toContain('noon')
})

test('what is no recording is refused by its line, and so is a server that is not there', async () => {
  const file = join(directory, 'bad.jsonl')
  for (const line of ['{', '1', '{"client":1,"from":"me","bytes":""}']) {
    writeFileSync(file, `{"client":1,"from":"client","bytes":"PING\\r\\n"}\n${line}\n`)
    await expect(replay(file, { url: 'nats://127.0.0.1:1' })).rejects.toThrow(
      `${file}:2: this is no line of a recording`,
    )
  }
  const good = await record()
  await expect(replay(good, { url: 'nats://127.0.0.1:1' })).rejects.toThrow(/ECONNREFUSED/)
  await expect(replay(join(directory, 'none'), { url: 'nats://127.0.0.1:1' })).rejects.toThrow(/ENOENT/)
})
