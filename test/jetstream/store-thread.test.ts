// The thread that keeps streams on the disk, in a whole server: its death costs nothing that was acknowledged, and keys
// may change between starts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ownPrimary } from '../support/harness.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { startPrimary } from '../support/server.ts'
import { until } from '../support/until.ts'
import { StreamClient } from './client.ts'

const seed = chooseSeed('store-thread.test.ts')

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-streams-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const DEATHS = 5
const CONSUMER = { name: 'c', durable_name: 'c', ack_policy: 'explicit', deliver_policy: 'all' }

async function createConsumer(client: StreamClient): Promise<void> {
  expect(await client.ask('CONSUMER.CREATE.S.c', { stream_name: 'S', config: CONSUMER })).toMatchObject({ name: 'c' })
}

/** Takes the next message and waits until its acknowledgement is recorded; its sequence. */
async function take({ connection }: StreamClient): Promise<number> {
  const message = await connection.request('$JS.API.CONSUMER.MSG.NEXT.S.c', '', { timeout: 10_000, noMux: true })
  await connection.request(message.reply ?? '', '+ACK', { timeout: 10_000 })
  return Number(message.reply?.split('.')[5])
}

test('it dies again and again: what was acknowledged is there, and what is asked is answered', async () => {
  const random = new Random(seed)
  const folder = temporaryFolder()
  const options = { workers: 2, jetstream: { storeDir: folder } }
  const first = await startPrimary(options)
  // Blocks are full after eighty messages, compressed, and soon empty; later than that nothing is left of them.
  const limits = { max_msgs: 120, compression: 's2' }
  const payload = (seq: number): string => `${seq} `.repeat(100_000 / `${seq} `.length)
  const acknowledged: number[] = []
  const recorded: number[] = []
  const created: string[] = []
  try {
    const client = await StreamClient.open(first.port)
    await client.create('S', { storage: 'file', ...limits })
    await createConsumer(client)
    let isOver = false
    const publish = async (): Promise<void> => {
      for (let seq = 1; !isOver || seq <= 300; seq++) {
        const answer = await client.put('S.x', payload(seq))
        if (answer.seq !== undefined) acknowledged.push(answer.seq)
        if (seq % 2 === 0) recorded.push(await take(client))
      }
    }
    const create = async (): Promise<void> => {
      for (let i = 0; !isOver; i++) {
        await client.create(`T${i}`, { storage: 'file' })
        created.push(`T${i}`)
        if (i % 3 === 0) expect(await client.ask(`STREAM.DELETE.T${i}`)).toMatchObject({ success: true })
      }
    }
    const kill = async (): Promise<void> => {
      for (let deaths = 0; deaths < DEATHS; deaths++) {
        const before = created.length
        await first.killStore()
        // The next one serves; each waits longer than the one before it.
        await until('a stream', () => created.length > before || isOver)
        for (let turns = random.below(200); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      }
      isOver = true
    }
    await Promise.all([publish(), create(), kill()])
    await client.connection.close()
  } finally {
    await first.close()
  }
  const last = acknowledged.length
  expect(acknowledged).toEqual(Array.from({ length: last }, (_, i) => i + 1))

  const second = await ownPrimary({ ...options, workers: 1 })
  const client = await StreamClient.open(second.port)
  expect(await client.info('S')).toMatchObject({ state: { messages: 120, first_seq: last - 119, last_seq: last } })
  for (const seq of [last - 119, last - 118, last - 60, last]) {
    const { message } = (await client.ask('STREAM.MSG.GET.S', { seq })) as unknown as { message: { data: string } }
    expect(Buffer.from(message.data, 'base64').toString()).toBe(payload(seq))
  }
  const delivered = await take(client)
  expect(recorded).not.toContain(delivered)
  const { streams } = (await client.ask('STREAM.NAMES')) as unknown as { streams: string[] }
  expect(streams).toEqual(['S', ...created.filter((_, i) => i % 3 !== 0)].sort())
})

describe.each(['chacha', 'aes'] as const)('with %s', (cipher) => {
  test('another key opens what the key before has encrypted, if that one is named once', async () => {
    const folder = temporaryFolder()
    const begin = async (jetstream: object): Promise<StreamClient & AsyncDisposable> => {
      const primary = await startPrimary({ workers: 1, jetstream: { storeDir: folder, cipher, ...jetstream } })
      const client = await StreamClient.open(primary.port)
      return Object.assign(client, {
        [Symbol.asyncDispose]: async () => {
          await client.connection.close()
          await primary.close()
        },
      })
    }
    {
      await using client = await begin({ key: 'one' })
      await client.create('S', { storage: 'file', allow_direct: true })
      await client.put('S.x', 'first')
      await createConsumer(client)
      expect(await take(client)).toBe(1)
    }
    await expect(begin({ key: 'two' })).rejects.toThrow('encrypted with another key')
    {
      await using client = await begin({ key: 'two', prevKey: 'one' })
      expect((await client.get('S', 1)).string()).toBe('first')
      expect(await client.put('S.x', 'second')).toMatchObject({ seq: 2 })
      expect(await take(client)).toBe(2)
    }
    await expect(begin({ key: 'one' })).rejects.toThrow('encrypted with another key')
    await using client = await begin({ key: 'two' })
    expect((await client.get('S', 1)).string()).toBe('first')
    expect((await client.get('S', 2)).string()).toBe('second')
    expect(await client.ask('CONSUMER.INFO.S.c')).toMatchObject({ ack_floor: { stream_seq: 2 } })
  })
})
