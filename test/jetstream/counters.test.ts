// Counters from outside: what is added after a restart, when the sums must be read from the disk first.

import { headers } from '@nats-io/nats-core'
import { expect, onTestFinished, test } from 'vitest'
import { Counters } from '../../src/jetstream/counters.ts'
import { headerBlock } from '../../src/jetstream/message-headers.ts'
import { MemoryStore } from '../../src/jetstream/storage/memory-store.ts'
import { temporaryFolder } from '../support/code-blocks.ts'
import { startCommand, startServer } from '../support/server.ts'
import { StreamClient } from './client.ts'

/** How often a server is started. */
const LIVES = 4

test('what is added after a restart is added to what was there, in the order in which it comes', async () => {
  const options = { workers: 1, jetstream: { storeDir: temporaryFolder() } }
  const first = await startServer(options)
  const client = await StreamClient.open(first.port)
  await client.create('S', { storage: 'file', allow_msg_counter: true, allow_atomic: true })
  const subjects = Array.from({ length: 50 }, (_, i) => `S.${i}`)
  for (const subject of subjects) await client.put(subject, '', { 'Nats-Incr': '1'.repeat(40) })
  await client.connection.close()
  await first.close()

  const second = await startServer(options)
  onTestFinished(() => second.close())
  const again = await StreamClient.open(second.port)
  const add = (subject: string, more = {}) => again.put(subject, '', { 'Nats-Incr': '1', ...more })
  const answers = await Promise.all([...subjects, ...subjects].map((subject) => add(subject)))
  expect(answers).toEqual([
    ...subjects.map((_, i) => ({ stream: 'S', seq: 51 + i, val: `${'1'.repeat(39)}2` })),
    ...subjects.map((_, i) => ({ stream: 'S', seq: 101 + i, val: `${'1'.repeat(39)}3` })),
  ])
})

test('after a restart, a counter goes on with what it was told by others, and loses nothing over kills', async () => {
  const folder = temporaryFolder()
  const subjects = Array.from({ length: 60 }, (_, i) => `${i % 2 === 0 ? 'A' : 'B'}.${i % 20}`)
  let server = await startCommand(['-js', '-sd', folder, '--workers', '1'])
  onTestFinished(async () => void (await server.stop('SIGKILL')))
  for (let life = 1; life <= LIVES; life++) {
    const client = await StreamClient.open(server.port)
    if (life === 1) {
      for (const name of ['A', 'B']) await client.create(name, { storage: 'file', allow_msg_counter: true })
      const sources = ['A', 'B'].map((name) => ({ name, subject_transforms: [{ src: `${name}.*`, dest: 'C.$1' }] }))
      await client.create('C', { storage: 'file', allow_msg_counter: true, sources })
    }
    const add = (subject: string) => client.put(subject, '', { 'Nats-Incr': '1' })
    // Of its own it has some in the first life: later, only what it is told makes it read its sums.
    await Promise.all([...subjects, ...(life === 1 ? subjects.map((_, i) => `C.${i % 20}`) : [])].map(add))
    if (life === LIVES) {
      for (let i = 0; i < 20; i++) {
        await expect.poll(() => sumOf(client, `C.${i}`), { timeout: 20_000 }).toBe(String(LIVES * 3 + 3))
      }
    } else {
      // What C was not told yet, it is told after the kill, when its sums are on the disk alone.
      await server.stop('SIGKILL')
      server = await startCommand(['-js', '-sd', folder, '--workers', '1'])
    }
    await client.connection.close()
  }
})

/** The sum of a counter. */
async function sumOf(client: StreamClient, subject: string): Promise<unknown> {
  return (await client.put(subject, '', { 'Nats-Incr': '0' }))['val']
}

test('a batch that is committed after a restart finds all its sums', async () => {
  const options = { workers: 1, jetstream: { storeDir: temporaryFolder() } }
  const first = await startServer(options)
  const client = await StreamClient.open(first.port)
  await client.create('S', { storage: 'file', allow_msg_counter: true, allow_atomic: true })
  for (const subject of ['S.a', 'S.b', 'S.c']) await client.put(subject, '', { 'Nats-Incr': '5' })
  await client.connection.close()
  await first.close()

  const second = await startServer(options)
  onTestFinished(() => second.close())
  const again = await StreamClient.open(second.port)
  for (const [i, subject] of ['S.a', 'S.b', 'S.c'].entries()) {
    const all = headers()
    all.set('Nats-Incr', '1')
    all.set('Nats-Batch-Id', 'b')
    all.set('Nats-Batch-Sequence', String(i + 1))
    if (i < 2) again.connection.publish(subject, '', { headers: all })
    else {
      all.set('Nats-Batch-Commit', '1')
      const answer = await again.connection.request(subject, '', { headers: all, timeout: 10_000 })
      expect(answer.json()).toMatchObject({ seq: 6, count: 3 })
    }
  }
  for (const subject of ['S.a', 'S.b', 'S.c']) {
    expect(await again.put(subject, '', { 'Nats-Incr': '0' })).toMatchObject({ val: '6' })
  }
})

test('a counter is known until another message is the last of its subject, and not beyond a bound', () => {
  const store = new MemoryStore()
  const counters = new Counters(store)
  const subject = Buffer.from('S.a')
  expect(counters.count(subject)).toEqual({ value: 0n, sources: '' })
  const header = headerBlock([['Nats-Counter-Sources', '{"T":{"T.a":"5"}}']])
  store.append(1, subject, header, Buffer.from('{"val":"-7"}'))
  expect(counters.ready(subject)).toBeUndefined()
  expect(counters.count(subject)).toEqual({ value: -7n, sources: '{"T":{"T.a":"5"}}' })
  store.append(2, subject, Buffer.alloc(0), Buffer.from('no counter'))
  expect(counters.ready(subject)).toBeUndefined()
  expect(counters.count(subject)).toBeUndefined()
  store.remove(2, false)
  expect(counters.ready(subject)).toBeUndefined()
  expect(counters.count(subject)?.value).toBe(-7n)
})
