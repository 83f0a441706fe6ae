// The store thread: its service, and what becomes of calls when it dies.

import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { StoreClient } from '../../../src/jetstream/storage/store-client.ts'
import { StoreThread, type StoreThreadEvents } from '../../../src/jetstream/storage/store-thread.ts'
import { StoreFolder } from './file-stores.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-thread-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bugs: unknown[] = []
const STUCK = 'it is stuck, and has not got on for N ms'

function connect(thread: StoreThread): StoreClient {
  const client = new StoreClient((error) => bugs.push(error))
  thread.connect((port, stuckCall) => client.connected(port, stuckCall))
  return client
}

/** Notes deaths, and that it was silent. */
function listener() {
  const deaths: string[] = []
  const late: number[] = []
  const events: StoreThreadEvents = {
    died: (cause) => deaths.push(cause),
    late: (silentMs) => late.push(silentMs),
    bugMet: (error) => bugs.push(error),
  }
  return { deaths, late, events }
}

const NONE = Buffer.alloc(0)

test('streams, consumers and stores are kept by way of the thread', async () => {
  const thread = new StoreThread({ folder, key: 'secret' }, listener().events)
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
  const { deaths, events } = listener()
  const thread = new StoreThread({ folder }, events)
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
  const thread = new StoreThread({ folder, key: 'one' }, listener().events)
  await thread.ready
  await thread.close()
  const { deaths, events } = listener()
  const other = new StoreThread({ folder, key: 'two' }, events)
  await expect(other.ready).rejects.toThrow('encrypted with another key')
  await other.close()
  expect(deaths).toEqual([])
})

test('over a call that it never comes back from it is replaced, others are answered, and that one fails', async () => {
  const { deaths, late, events } = listener()
  const thread = new StoreThread({ folder: join(folder, 'catalogue') }, events)
  await thread.ready
  const [one, other] = [connect(thread), connect(thread)]
  const blocks = join(folder, 'blocks')
  mkdirSync(blocks)
  // Who opens this waits until somebody writes to it.
  const pipe = join(blocks, '1.blk')
  execFileSync('mkfifo', [pipe])
  try {
    const failed = one.service.recover(blocks, undefined).catch((error: Error) => error.message)
    const answers = Promise.all([
      one.service.putStream('A', 'S', '{}'),
      other.service.putStream('A', 'T', '{}'),
      other.service.streams(),
    ])
    expect(await failed).toBe('it stops the store thread')
    const [, , { streams }] = await answers
    expect(streams.map(({ name }) => name)).toContain('T')
    expect(late).toHaveLength(2)
    expect(deaths.map((cause) => cause.replace(/\d+/, 'N'))).toEqual(Array(2).fill(STUCK))
    expect(thread.isWell).toBe(true)
  } finally {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK))
  }
  for (const client of [one, other]) client.close()
  await thread.close()
}, 60_000)
