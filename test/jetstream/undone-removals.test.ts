// What a crash undoes of the removal of messages: their consumers have done with them, so they go once more.

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ownServer } from '../support/harness.ts'
import { until } from '../support/until.ts'
import { StreamClient } from './client.ts'

test.each(['workqueue', 'interest'])('messages of a %s stream that consumers have done with go', async (retention) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-undone-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const jetstream = { storeDir: join(folder, 'store') }
  const [streams, before] = [join(folder, 'store/jetstream/streams'), join(folder, 'before')]
  const first = await ownServer({ workers: 2, jetstream })
  let client = await StreamClient.open(first.port)
  await client.create('S', { storage: 'file', retention })
  for (const name of ['A', 'B']) {
    const config = { durable_name: name, ack_policy: 'explicit', filter_subject: `S.${name}` }
    await client.ask(`CONSUMER.CREATE.S.${name}.S.${name}`, { stream_name: 'S', config })
  }
  for (let i = 0; i < 3; i++) for (const name of ['A', 'B']) await client.put(`S.${name}`, String(i))
  await client.connection.close()
  await first.close()
  // The disk as it was before the removals.
  cpSync(streams, before, { recursive: true })
  const second = await ownServer({ workers: 2, jetstream })
  client = await StreamClient.open(second.port)
  const { next } = await client.listen('inbox')
  client.connection.publish('$JS.API.CONSUMER.MSG.NEXT.S.A', '2', { reply: 'inbox' })
  for (let i = 0; i < 2; i++) await client.connection.request((await next()).reply ?? '')
  expect(await client.info('S')).toMatchObject({ state: { messages: 4 } })
  await client.connection.close()
  await second.close()
  rmSync(streams, { recursive: true })
  cpSync(before, streams, { recursive: true })
  const { port } = await ownServer({ workers: 2, jetstream })
  client = await StreamClient.open(port)
  await until('the messages to go', async () => (await client.info('S')).state?.messages === 4)
  expect(await client.info('S')).toMatchObject({ state: { messages: 4, first_seq: 2, num_deleted: 1 } })
  expect(await client.ask('CONSUMER.INFO.S.A')).toMatchObject({ num_pending: 1, num_ack_pending: 0 })
  expect(await client.ask('CONSUMER.INFO.S.B')).toMatchObject({ num_pending: 3 })
})
