// The store thread: its service, and what becomes of calls when it dies.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { StoreClient } from '../../../src/jetstream/storage/store-client.ts'
import { StoreThread } from '../../../src/jetstream/storage/store-thread.ts'
import { StoreFolder } from './file-stores.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-thread-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bugs: unknown[] = []

function connect(thread: StoreThread): StoreClient {
  const client = new StoreClient((error) => bugs.push(error))
  thread.connect((port) => client.connected(port))
  return client
}

const NONE = Buffer.alloc(0)

test('streams, consumers and stores are kept by way of the thread', async () => {
  const thread = new StoreThread({ folder, key: 'secret' }, () => {})
  await thread.ready
  const client = connect(thread)
  const { service } = client
  const id = await service.putStream('A', 'S', '{}')
  await service.putConsumers([{ stream: id, name: 'c', kept: '{}' }])
  const { folder: blocks, key } = await service.placeOf(id)
  const stores = new StoreFolder({}, blocks)
  Object.assign(stores.host, { work: service })
  Object.assign(stores.settings, { encryption: key && { cipher: 'chacha', key } })
  const store = await stores.open()
  for (let i = 1; i <= 1000; i++) store.append(i, Buffer.from(`s.${i}`), NONE, Buffer.from(`payload ${i}`))
  await store.close()
  const again = await stores.open()
  expect(again.messages).toBe(1000)
  expect(String((await again.load(500))?.payload)).toBe('payload 500')
  expect(String(again.subject(Buffer.from('s.7'))?.first)).toBe('7')
  again.append(2000, Buffer.from('s.7'), NONE, NONE)
  await again.abandon()
  expect(await service.consumers(id)).toEqual([{ stream: id, name: 'c', kept: '{}' }])
  await service.deleteStream(id)
  expect(await service.streams()).toEqual({ streams: [], notes: [] })
  expect(existsSync(blocks)).toBe(false)
  bugs.push(...stores.bugs)
  client.close()
  await thread.close()
  expect(bugs).toEqual([])
})

test('calls under way when the thread dies are answered by the next one', async () => {
  const deaths: unknown[] = []
  const thread = new StoreThread({ folder }, (error) => deaths.push(error))
  await thread.ready
  const client = connect(thread)
  const { service } = client
  const ids: number[] = []
  for (let round = 0; round < 3; round++) {
    const calls = Array.from({ length: 50 }, (_, i) => service.putStream('A', `S${round}-${i}`, `config ${i}`))
    await Promise.all([thread.kill(), Promise.all(calls).then((all) => ids.push(...all))])
  }
  expect(deaths).toHaveLength(3)
  const { streams } = await service.streams()
  expect(new Set(ids).size).toBe(150)
  expect(streams.map(({ id }) => id).sort((a, b) => a - b)).toEqual(ids.sort((a, b) => a - b))
  client.close()
  await thread.close()
})

test('a wrong key is said at the start, and nothing is started again', async () => {
  const thread = new StoreThread({ folder, key: 'one' }, () => {})
  await thread.ready
  await thread.close()
  const deaths: unknown[] = []
  const other = new StoreThread({ folder, key: 'two' }, (error) => deaths.push(error))
  await expect(other.ready).rejects.toThrow('encrypted with another key')
  await other.close()
  expect(deaths).toEqual([])
})
