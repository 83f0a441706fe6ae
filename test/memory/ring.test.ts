import { once } from 'node:events'
import { MessageChannel, Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { BLOCK_SLACK, RING_BYTES_MAX, RING_BYTES_MIN, RINGS_BYTES_MAX, SHARDS_MAX } from '../../src/base/constants.ts'
import { createRing, RingConsumer, RingProducer } from '../../src/memory/ring.ts'
import { addToChecksum, FRAME_HEAD_BYTES, type FromRingPeer, type RingPeerSetup } from '../model/ring-peer.ts'
import { chooseSeed, Random } from '../support/random.ts'

/** Head and tail are the first two words. */
const HEAD = 0
const TAIL = 1

/** A small ring, with its cursors where a ring that has been used for long may have them. */
function makeRing(cursor = 0): { producer: RingProducer; consumer: RingConsumer; memory: SharedArrayBuffer } {
  const memory = createRing(SHARDS_MAX)
  const words = new Int32Array(memory)
  words[HEAD] = cursor
  words[TAIL] = cursor
  return { producer: new RingProducer(memory), consumer: new RingConsumer(memory), memory }
}

function put(producer: RingProducer, size: number, number = 0): boolean {
  const at = producer.reserve(size)
  if (at < 0) return false
  producer.block.view.setInt32(at, size, true)
  producer.block.bytes.fill(number & 0xff, at + 4, at + size)
  // A word-wise copy may run past its end.
  producer.block.bytes.fill(0xdd, at + size, at + size + BLOCK_SLACK - 1)
  producer.commit(size)
  return true
}

/** Deals with the next frame; answers its size, or -1. */
function take(consumer: RingConsumer, number?: number): number {
  const at = consumer.next()
  if (at < 0) return -1
  const size = consumer.block.view.getInt32(at, true)
  if (number !== undefined) {
    const body = consumer.block.bytes.subarray(at + 4, at + size)
    if (!body.every((byte) => byte === (number & 0xff))) expect.fail(`frame ${number} has come to harm`)
  }
  consumer.advance(size)
  return size
}

test('rings are smaller where there are many of them, and all together within bounds', () => {
  const dataBytes = (shards: number): number => new RingProducer(createRing(shards)).block.capacity
  expect(dataBytes(2)).toBe(RING_BYTES_MAX)
  for (let shards = 2; shards <= SHARDS_MAX; shards++) {
    const bytes = dataBytes(shards)
    expect(Number.isInteger(Math.log2(bytes))).toBe(true)
    expect(bytes).toBeGreaterThanOrEqual(RING_BYTES_MIN)
    if (bytes > RING_BYTES_MIN) expect(bytes * shards * (shards - 1)).toBeLessThanOrEqual(RINGS_BYTES_MAX)
  }
})

test('an empty ring has no frame, and nothing is seen before it is published', () => {
  const { producer, consumer } = makeRing()
  expect(consumer.next()).toBe(-1)
  expect(put(producer, 16)).toBe(true)
  expect(producer.unpublishedBytes).toBe(16)
  expect(consumer.next()).toBe(-1)
  producer.publish()
  expect(producer.unpublishedBytes).toBe(0)
  expect(take(consumer)).toBe(16)
  expect(consumer.next()).toBe(-1)
})

test('a place that was reserved but not committed is reserved again', () => {
  const { producer, consumer } = makeRing()
  expect(producer.reserve(64)).toBe(producer.reserve(1024))
  put(producer, 8, 1)
  producer.publish()
  expect(take(consumer, 1)).toBe(8)
})

test.each([0, 4, 1000, RING_BYTES_MIN - 4, 2 ** 31 - 8, -8, -RING_BYTES_MIN])(
  'an empty ring takes the largest frame wherever its head stands: %i',
  (cursor) => {
    const { producer, consumer } = makeRing(cursor)
    for (let i = 0; i < 20; i++) {
      expect(put(producer, producer.frameMax, i)).toBe(true)
      producer.publish()
      expect(take(consumer, i)).toBe(producer.frameMax)
      consumer.release()
    }
  },
)

test('a full ring refuses, and takes again as soon as room was given back', () => {
  const { producer, consumer } = makeRing()
  let frames = 0
  while (put(producer, 1000, frames)) frames++
  expect(frames).toBe(Math.floor((producer.block.capacity - 8) / 1000))
  producer.publish()
  expect(take(consumer, 0)).toBe(1000)
  expect(put(producer, 1000), 'not given back yet').toBe(false)
  consumer.release()
  expect(take(consumer, 1)).toBe(1000)
  consumer.release()
  expect(put(producer, 1000, frames)).toBe(true)
})

test('what was refused leaves no trace', () => {
  const { producer, consumer } = makeRing()
  let frames = 0
  while (put(producer, 1000, frames)) frames++
  for (let i = 0; i < 10; i++) expect(producer.reserve(producer.frameMax)).toBe(-1)
  producer.publish()
  for (let i = 0; i < frames; i++) expect(take(consumer, i)).toBe(1000)
  expect(take(consumer)).toBe(-1)
})

test.each([0, -5_000_000, 2 ** 31 - 400_000])(
  'random frames come out as they went in, also where the cursors turn over: from %i',
  (cursor) => {
    const random = new Random(chooseSeed('ring'))
    const { producer, consumer } = makeRing(cursor)
    const committed: number[] = []
    const visible: number[] = []
    let numberIn = 0
    let numberOut = 0
    let refusals = 0
    for (let step = 0; step < 30_000; step++) {
      // It fills for a while, and is emptied for a while.
      const filling = step % 1_000 < 500
      const roll = random.next()
      if (roll < (filling ? 0.85 : 0.3)) {
        const size = 8 + 4 * random.below(random.chance(0.05) ? producer.frameMax / 4 - 1 : 300)
        if (put(producer, size, numberIn)) {
          committed.push(size)
          numberIn++
        } else refusals++
      } else if (roll < (filling ? 0.95 : 0.5)) {
        producer.publish()
        visible.push(...committed.splice(0))
      } else {
        for (let i = random.below(20); i > 0; i--) {
          const size = take(consumer, numberOut)
          if (size !== (visible[0] ?? -1)) expect.fail(`seed ${random.seed}, step ${step}: ${size} for ${visible[0]}`)
          if (size < 0) break
          visible.shift()
          numberOut++
        }
        if (random.chance(0.7)) consumer.release()
      }
    }
    expect(numberOut).toBeGreaterThan(5_000)
    expect(refusals).toBeGreaterThan(100)
  },
)

test.each([2 ** 31 - RING_BYTES_MIN / 2, 2 ** 32 - RING_BYTES_MIN / 2])(
  'a full ring refuses, makes its producer wait and wakes it where the cursors pass their limits: from %i',
  (cursor) => {
    const { producer, consumer } = makeRing(cursor)
    for (let round = 0; round < 3; round++) {
      let frames = 0
      while (put(producer, 4096, frames)) frames++
      expect(producer.usedBytes).toBeGreaterThan(producer.size - 2 * 4096)
      producer.publish()
      expect(producer.unpublishedBytes).toBe(0)
      expect(producer.starve(4096)).toBe(false)
      for (let i = 0; i < frames; i++) expect(take(consumer, i)).toBe(4096)
      expect(consumer.release()).toBe(true)
      expect(producer.usedBytes).toBe(0)
      expect(consumer.sleep()).toBe(true)
      put(producer, 16)
      expect(producer.publish()).toBe(true)
      expect(take(consumer)).toBe(16)
      consumer.release()
    }
  },
)

// ── Sleep ───────────────────────────────────────────────────────────────────────────────────────────────

test('a consumer that sleeps is woken once, by the next publish', () => {
  const { producer, consumer } = makeRing()
  expect(consumer.sleep()).toBe(true)
  put(producer, 16)
  expect(producer.publish()).toBe(true)
  put(producer, 16)
  expect(producer.publish()).toBe(false)
  expect([take(consumer), take(consumer), take(consumer)]).toEqual([16, 16, -1])
  expect(consumer.sleep()).toBe(true)
  expect(producer.publish(), 'there is nothing to publish').toBe(false)
  put(producer, 16)
  expect(producer.publish()).toBe(true)
})

test('a consumer that is awake is not woken', () => {
  const { producer } = makeRing()
  put(producer, 16)
  expect(producer.publish()).toBe(false)
})

test('a consumer does not fall asleep over a frame, and is not woken for it either', () => {
  const { producer, consumer } = makeRing()
  put(producer, 16)
  producer.publish()
  expect(consumer.sleep()).toBe(false)
  put(producer, 16)
  expect(producer.publish()).toBe(false)
  expect([take(consumer), take(consumer)]).toEqual([16, 16])
  expect(consumer.sleep()).toBe(true)
})

test('a consumer falls asleep when all is dealt with, given back or not', () => {
  const { producer, consumer } = makeRing()
  put(producer, 16)
  producer.publish()
  take(consumer)
  expect(consumer.sleep()).toBe(true)
})

test('a producer that found no room is woken once, when room is given back', () => {
  const { producer, consumer } = makeRing()
  while (put(producer, 4096));
  producer.publish()
  expect(producer.starve(4096)).toBe(false)
  take(consumer)
  take(consumer)
  expect(consumer.release()).toBe(true)
  take(consumer)
  expect(consumer.release()).toBe(false)
  expect(put(producer, 4096)).toBe(true)
})

test('a producer does not wait for room that is there already, and is not woken for it', () => {
  const { producer, consumer } = makeRing()
  while (put(producer, 4096));
  producer.publish()
  take(consumer)
  take(consumer)
  consumer.release()
  expect(producer.starve(4096)).toBe(true)
  expect(put(producer, 4096)).toBe(true)
  take(consumer)
  expect(consumer.release()).toBe(false)
})

test('a skip at the end of the ring alone keeps nobody awake', () => {
  const { producer, consumer } = makeRing()
  const { capacity } = producer.block
  put(producer, capacity / 4, 1)
  put(producer, capacity / 4, 2)
  put(producer, capacity / 4, 3)
  put(producer, capacity / 4 - 16, 4)
  producer.publish()
  for (const number of [1, 2, 3, 4]) take(consumer, number)
  consumer.release()
  // It does not fit before the end: the head moves to 0, and only that is published.
  expect(producer.reserve(64)).toBe(0)
  producer.publish()
  expect(consumer.next()).toBe(-1)
  expect(consumer.sleep()).toBe(true)
  put(producer, 64, 5)
  expect(producer.publish()).toBe(true)
  expect(take(consumer, 5)).toBe(64)
})

// ── Two threads ─────────────────────────────────────────────────────────────────────────────────────────

test.each([
  { name: 'one frame at a time, the consumer mostly asleep', frames: 8_000, batchMax: 1, dawdle: false },
  { name: 'many frames at a time', frames: 30_000, batchMax: 40, dawdle: false },
  { name: 'a consumer that dawdles, the ring mostly full', frames: 15_000, batchMax: 40, dawdle: true },
])('between two threads every byte arrives and nobody sleeps for ever: $name', async ({ frames, batchMax, dawdle }) => {
  const seed = chooseSeed('ring threads')
  const ring = createRing(SHARDS_MAX)
  const { port1: port, port2 } = new MessageChannel()
  const setup: RingPeerSetup = { ring, port: port2, seed, frames, batchMax }
  const entry = new URL('../model/ring-peer.ts', import.meta.url)
  const worker = new Worker(entry, { workerData: setup, transferList: [port2], execArgv: [] })
  const consumer = new RingConsumer(ring)
  const { view } = consumer.block
  let [bytes, checksum, count, wakes] = [0, 0, 0, 0]

  const drain = (): void => {
    for (;;) {
      let turn = 0
      for (let at = consumer.next(); at >= 0; at = consumer.next()) {
        const size = view.getInt32(at, true)
        if (size < FRAME_HEAD_BYTES || view.getInt32(at + 4, true) !== count) throw new Error(`frame ${count} is wrong`)
        checksum = addToChecksum(checksum, view, at, size)
        bytes += size
        count++
        consumer.advance(size)
        if (dawdle && ++turn === 3) break
      }
      if (consumer.release()) port.postMessage('room')
      if (dawdle && turn === 3) {
        setImmediate(drain)
        return
      }
      if (consumer.sleep()) return
    }
  }
  const { promise: finished, resolve, reject } = Promise.withResolvers<FromRingPeer & { kind: 'done' }>()
  worker.once('error', reject)
  port.on('message', (message: FromRingPeer) => {
    try {
      if (message.kind === 'done') resolve(message)
      else {
        wakes++
        drain()
      }
    } catch (error) {
      reject(error)
    }
  })
  drain()
  const exited = once(worker, 'exit')
  const done = await finished
  await exited
  drain()
  while (count < frames) await new Promise((next) => setImmediate(next)) // what a dawdler has left to do
  expect({ bytes, checksum, count }, `seed ${seed}`).toEqual({
    bytes: done.bytes,
    checksum: done.checksum,
    count: frames,
  })
  expect(wakes).toBeGreaterThan(0)
  if (dawdle) expect(done.starved).toBeGreaterThan(10)
})
