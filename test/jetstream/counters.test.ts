// Counters from outside: what is added after a restart, when the sums must be read from the disk first.

import { headers } from '@nats-io/nats-core'
import { expect, onTestFinished, test } from 'vitest'
import { Counters } from '../../src/jetstream/counters.ts'
import { headerBlock } from '../../src/jetstream/message-headers.ts'
import { MemoryStore } from '../../src/jetstream/storage/memory-store.ts'
import { temporaryFolder } from '../support/code-blocks.ts'
import { startServer } from '../support/server.ts'
import { StreamClient } from './client.ts'

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
