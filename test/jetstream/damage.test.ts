// A server whose streams were damaged on the disk: what is broken is named, in the log and in the stream's info, and costs
// what was hit, not more.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startCommand } from '../support/server.ts'
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
