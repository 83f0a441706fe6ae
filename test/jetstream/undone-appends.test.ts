// The end of a stream is lost: by a write that failed after its messages were delivered, or by a crash. What comes in
// its place is delivered.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Msg } from '@nats-io/nats-core'
import { expect, onTestFinished, test } from 'vitest'
import { ownPrimary, ownServer } from '../support/harness.ts'
import { until } from '../support/until.ts'
import { StreamClient } from './client.ts'

const HOUR_MS = 3_600_000

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-undone-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function begin(client: StreamClient, stream: object): Promise<void> {
  await client.create('S', { storage: 'file', ...stream })
  const config = { durable_name: 'C', ack_policy: 'explicit' }
  expect(await client.ask('CONSUMER.CREATE.S.C', { stream_name: 'S', config })).toMatchObject({ name: 'C' })
}

/** Takes the next message, without an acknowledgement. */
function take({ connection }: StreamClient): Promise<Msg> {
  return connection.request('$JS.API.CONSUMER.MSG.NEXT.S.C', '', { timeout: 10_000, noMux: true })
}

/** Whether a file in a folder, or below it, has a text in it. */
function has(folder: string, text: string): boolean {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.some(({ name, parentPath }) => readFileSync(join(parentPath, name)).includes(text))
}

test.each([0, 2])('by a write that failed, with %i workers', async (workers) => {
  const storeDir = temporaryFolder()
  const primary = await ownPrimary({ workers, jetstream: { storeDir } })
  const setDisk = (isFull: boolean, delayMs: number) => primary.query({ kind: 'setDiskFaults', isFull, delayMs })
  const client = await StreamClient.open(primary.port)
  await begin(client, { persist_mode: 'async' })
  await client.put('S.x', 'the first')
  await until('it to be written', () => has(storeDir, 'the first'))
  const first = await take(client)
  await setDisk(false, HOUR_MS)
  expect(await client.put('S.x', 'lost')).toMatchObject({ seq: 2 })
  expect((await take(client)).string()).toBe('lost')
  await setDisk(true, 0)
  await until('it to be gone', async () => (await client.info('S')).state?.last_seq === 1)
  await setDisk(false, 0)
  expect(await client.put('S.x', 'another')).toMatchObject({ seq: 2 })
  const second = await take(client)
  expect(second.string()).toBe('another')
  for (const { reply = '' } of [first, second]) await client.connection.request(reply, '', { timeout: 10_000 })
  const done = { delivered: { consumer_seq: 3, stream_seq: 2 }, num_pending: 0, num_ack_pending: 0 }
  expect(await client.ask('CONSUMER.INFO.S.C')).toMatchObject(done)
})

test('by a crash', async () => {
  const folder = temporaryFolder()
  const jetstream = { storeDir: join(folder, 'store') }
  const [streams, before] = [join(folder, 'store/jetstream/streams'), join(folder, 'before')]
  const run = async (work: (client: StreamClient) => Promise<void>): Promise<void> => {
    const server = await ownServer({ workers: 1, jetstream })
    const client = await StreamClient.open(server.port)
    await work(client)
    await client.connection.close()
    await server.close()
  }
  await run(async (client) => {
    await begin(client, {})
    await client.put('S.x', 'the first')
  })
  cpSync(streams, before, { recursive: true })
  await run(async (client) => {
    for (const text of ['lost', 'lost as well']) await client.put('S.x', text)
    for (const text of ['the first', 'lost', 'lost as well']) expect((await take(client)).string()).toBe(text)
  })
  rmSync(streams, { recursive: true })
  cpSync(before, streams, { recursive: true })
  await run(async (client) => {
    const left = { delivered: { stream_seq: 1 }, num_pending: 0, num_ack_pending: 1 }
    expect(await client.ask('CONSUMER.INFO.S.C')).toMatchObject(left)
    for (const text of ['one', 'another']) {
      await client.put('S.x', text)
      expect((await take(client)).string()).toBe(text)
    }
    expect(await client.ask('CONSUMER.INFO.S.C')).toMatchObject({ num_pending: 0, num_ack_pending: 3 })
  })
})
