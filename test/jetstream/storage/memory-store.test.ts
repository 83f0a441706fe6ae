// The memory store, against the model.

import { expect, test } from 'vitest'
import { MemoryStore } from '../../../src/jetstream/storage/memory-store.ts'
import { ALL } from '../../../src/jetstream/storage/subject-filter.ts'
import { chooseSeed, Random } from '../../support/random.ts'
import { StoreRun } from './store-model.ts'

const NONE = Buffer.alloc(0)
const PAYLOAD = Buffer.alloc(100)

test('it does what the model does', async () => {
  const random = new Random(chooseSeed('memory-store.test.ts'))
  const sizeOf = (subject: number, headers: number, payload: number): number => subject + headers + payload + 16
  await new StoreRun(new MemoryStore(), random, sizeOf).play(10_000)
})

test('messages that were handed out stay as they are, whatever becomes of the store', () => {
  const store = new MemoryStore()
  for (let i = 0; i < 1000; i++) store.append(i, Buffer.from(`s.${i}`), NONE, Buffer.from(`payload ${i}`))
  const kept = [1, 500, 1000].map((seq) => store.load(seq))
  store.begin()
  for (let i = 0; i < 10; i++) store.append(i, Buffer.from('batch'), NONE, PAYLOAD)
  kept.push(store.load(1005))
  store.rollback()
  for (let i = 0; i < 1000; i++) store.append(i, Buffer.from('other'), NONE, PAYLOAD)
  store.purge({})
  for (let i = 0; i < 1000; i++) store.append(i, Buffer.from('other'), NONE, PAYLOAD)
  expect(kept.map((message) => `${message?.subject} ${message?.payload}`)).toEqual([
    's.0 payload 0',
    's.499 payload 499',
    's.999 payload 999',
    `batch ${PAYLOAD}`,
  ])
})

test('200,000 updates of ten keys leave little more than ten messages', () => {
  const store = new MemoryStore()
  const subjects = Array.from({ length: 10 }, (_, i) => Buffer.from(`key.${i}`))
  // One key is never updated: what came after it must not be kept for its sake.
  store.append(1, Buffer.from('key.still'), NONE, PAYLOAD)
  for (let i = 0; i < 200_000; i++) {
    const subject = subjects[i % 10]
    const old = store.subject(subject)
    store.append(i, subject, NONE, PAYLOAD)
    if (old !== undefined) store.remove(old.first, false)
  }
  expect(store.messages).toBe(11)
  expect(store.next(ALL, 1)).toBe(1)
  expect(store.indexBytes).toBeLessThan(16 * 1024)
})

test('subjects that come and go leave nothing behind', () => {
  const store = new MemoryStore()
  for (let i = 1; i <= 200_000; i++) {
    store.append(i, Buffer.from(`request.${i}`), NONE, NONE)
    if (i > 100) store.remove(i - 100, false)
  }
  expect(store.subjectCount).toBe(100)
  expect(store.indexBytes).toBeLessThan(256 * 1024)
})

test('the next and the previous message of a subject are found among very many others', () => {
  const store = new MemoryStore()
  const random = new Random(chooseSeed('memory-store.test.ts, subjects'))
  const COUNT = 60_000
  const KEYS = 9_000
  const model = new Map<string, number[]>()
  for (let seq = 1; seq <= COUNT; seq++) {
    const subject = `key.${random.below(KEYS)}`
    store.append(seq, Buffer.from(subject), NONE, NONE)
    model.set(subject, [...(model.get(subject) ?? []), seq])
  }
  for (const [subject, sequences] of model) {
    // The oldest and the newest go, so that the others have to be looked for.
    if (sequences.length < 3) continue
    store.remove(sequences[0], false)
    store.remove(sequences.at(-1) as number, false)
    const state = store.subject(Buffer.from(subject))
    expect([state?.first, state?.last]).toEqual([sequences[1], sequences.at(-2)])
  }
})

test('a subject takes 100 bytes of the index at most, its name and one message included', () => {
  const store = new MemoryStore()
  const COUNT = 300_000
  for (let i = 0; i < COUNT; i++) store.append(i, Buffer.from(`$KV.bucket.key-${i}`), NONE, NONE)
  expect(store.indexBytes / COUNT).toBeLessThan(100)
})
