// A server whose streams were damaged on the disk: what is broken is named, in the log and in the stream's info, and costs
// what was hit, not more.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ownServer } from '../support/harness.ts'
import { startCommand, startServer } from '../support/server.ts'
import { StreamClient } from './client.ts'

const MESSAGES = 50

test('a byte that has changed costs its message, which is named; other messages and streams are whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-damage-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const first = await startCommand(['-js', '-sd', folder])
  const client = await StreamClient.open(first.port)
  for (const name of ['A', 'B']) {
    await client.create(name, { storage: 'file' })
    for (let i = 1; i <= MESSAGES; i++) await client.put(`${name}.x`, `message ${i} of ${name};`)
  }
  await client.connection.close()
  await first.stop()

  const blocks = join(folder, 'jetstream', 'streams', '1', '1.blk')
  const bytes = readFileSync(blocks)
  bytes[bytes.indexOf('message 20 of A')] ^= 1
  writeFileSync(blocks, bytes)

  const second = await startCommand(['-js', '-sd', folder])
  onTestFinished(async () => {
    await second.stop()
  })
  await second.until(/Stream '\$G > A' has lost messages 20 to 20/)
  const again = await StreamClient.open(second.port)
  const seen = { messages: MESSAGES - 1, last_seq: MESSAGES, lost: { msgs: [20] } }
  expect(await again.info('A')).toMatchObject({ state: seen })
  expect((await again.info('B')).state).not.toHaveProperty('lost')
  for (const name of ['A', 'B']) {
    for (let seq = 1; seq <= MESSAGES; seq++) {
      const answer = await again.ask(`STREAM.MSG.GET.${name}`, { seq })
      if (name === 'A' && seq === 20) expect(answer.error).toMatchObject({ code: 404, err_code: 10037 })
      else {
        const { data } = answer['message'] as { data: string }
        expect(Buffer.from(data, 'base64').toString()).toBe(`message ${seq} of ${name};`)
      }
    }
  }
  expect(await again.put('A.x')).toMatchObject({ seq: MESSAGES + 1 })
  expect(readdirSync(join(folder, 'jetstream', 'streams', '1'))).toContain('1.blk')
})

test('a stream that cannot be opened is named by healthz; the others are served, and it stays on the disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-damage-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const options = { workers: 1, jetstream: { storeDir: folder }, monitorPort: -1 }
  const first = await startServer(options)
  const client = await StreamClient.open(first.port)
  for (const name of ['A', 'B']) {
    await client.create(name, { storage: 'file' })
    await client.put(`${name}.x`)
  }
  await client.connection.close()
  await first.close()
  const broken = join(folder, 'jetstream', 'streams', '1', '2.blk')
  mkdirSync(broken)

  const second = await startServer(options)
  const health = async (query: string): Promise<[number, unknown]> => {
    const response = await fetch(`http://127.0.0.1:${second.monitorPort}/healthz${query}`)
    return [response.status, await response.json()]
  }
  const error = "JetStream stream '$G > A' could not be recovered"
  expect(await health('')).toEqual([503, { status: 'unavailable', error }])
  const errors = [{ type: 'STREAM', account: '$G', stream: 'A', error }]
  expect(await health('?details=1')).toEqual([503, { status: 'error', errors }])
  expect(await health('?account=$G&stream=B')).toEqual([200, { status: 'ok' }])
  const other = await StreamClient.open(second.port)
  expect(await other.put('B.x')).toMatchObject({ seq: 2 })
  await other.connection.close()
  await second.close()
  rmdirSync(broken)

  const third = await ownServer(options)
  const again = await StreamClient.open(third.port)
  expect(await again.put('A.x')).toMatchObject({ seq: 2 })
})
