import { expect, test } from 'vitest'
import { BLOCK_SLACK, POOL_FREE_MAX, POOL_IDLE_MAX, SMALL_CHUNK_BYTES } from '../../src/base/constants.ts'
import { type Chunk, ChunkPool } from '../../src/memory/chunk-pool.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { CountingPool } from './counting-pool.ts'

test('a chunk has room for what was asked, and is of the smallest class that has', () => {
  const pool = new ChunkPool()
  for (let size = SMALL_CHUNK_BYTES; size <= 4 * 1024 * 1024; size *= 2) {
    const fits = size - BLOCK_SLACK
    for (const bytes of [fits, size / 2 - BLOCK_SLACK + 1]) {
      const { block } = pool.acquire(bytes)
      expect(block.capacity, `${bytes}`).toBe(fits)
      expect(block.bytes.length).toBe(size)
    }
    expect(pool.acquire(fits + 1).block.capacity).toBeGreaterThan(fits)
  }
  expect(pool.acquire(0).block.capacity).toBe(SMALL_CHUNK_BYTES - BLOCK_SLACK)
})

test('a chunk larger than any class has just the room that was asked, and is not kept', () => {
  const pool = new ChunkPool()
  const large = pool.acquire(5 * 1024 * 1024)
  expect(large.block.capacity).toBe(5 * 1024 * 1024)
  large.release()
  expect(pool.acquire(5 * 1024 * 1024)).not.toBe(large)
})

test('a chunk that was given back is used again, the latest first, by its own class alone', () => {
  const pool = new ChunkPool()
  const [small, large] = [pool.acquire(100), pool.acquire(100_000)]
  small.release()
  large.release()
  expect(pool.acquire(90_000)).toBe(large)
  expect(pool.acquire(90_000)).not.toBe(small)
  expect(pool.acquire(1)).toBe(small)
})

test('a chunk stays out until the last of its holders has released it', () => {
  const pool = new CountingPool()
  const chunk = pool.acquire(100)
  chunk.retain()
  chunk.retain()
  chunk.release()
  chunk.release()
  expect(pool.outstanding).toBe(1)
  expect(pool.acquire(100)).not.toBe(chunk)
  chunk.release()
  expect(pool.acquire(100)).toBe(chunk)
})

test('a chunk that is used again has one reference', () => {
  const pool = new CountingPool()
  const chunk = pool.acquire(100)
  chunk.retain()
  chunk.release()
  chunk.release()
  expect(pool.acquire(100)).toBe(chunk)
  chunk.release()
  expect(pool.outstanding).toBe(0)
  expect(() => chunk.release()).toThrow('given back twice')
})

test('a chunk that is given back once too often is a bug that shows', () => {
  const chunk = new ChunkPool().acquire(5 * 1024 * 1024)
  chunk.release()
  expect(() => chunk.release()).toThrow('given back twice')
})

test('free memory beyond the bound goes to the collector', () => {
  const pool = new ChunkPool()
  const size = 1024 * 1024
  const count = POOL_FREE_MAX / size + 10
  const chunks = new Set<Chunk>()
  for (let i = 0; i < count; i++) chunks.add(pool.acquire(size - BLOCK_SLACK))
  expect(chunks.size).toBe(count)
  for (const chunk of chunks) chunk.release()
  let again = 0
  for (let i = 0; i < count; i++) if (chunks.has(pool.acquire(size - BLOCK_SLACK))) again++
  expect(again).toBe(POOL_FREE_MAX / size)
  // What was taken out again makes room for others.
  const one = pool.acquire(size - BLOCK_SLACK)
  one.release()
  expect(pool.acquire(size - BLOCK_SLACK)).toBe(one)
})

test('slices are views of the chunk, and the same slice is the same object', () => {
  const chunk = new ChunkPool().acquire(100)
  chunk.block.bytes.write('0123456789', 0, 'latin1')
  const slice = chunk.slice(2, 5)
  expect(slice.toString()).toBe('234')
  expect(chunk.slice(2, 5)).toBe(slice)
  expect(chunk.slice(2, 6).toString()).toBe('2345')
  expect(chunk.slice(1, 5).toString()).toBe('1234')
  expect(chunk.slice(2, 5).toString()).toBe('234')
  chunk.block.bytes[2] = 0x78
  expect(slice.toString()).toBe('x34')
})

test('random holders of random chunks: none is lost, none is handed out twice', () => {
  const random = new Random(chooseSeed('chunks'))
  const pool = new CountingPool()
  const held: Chunk[] = []
  const references = new Map<Chunk, number>()
  for (let step = 0; step < 50_000; step++) {
    const roll = random.below(10)
    if (roll < 4 || held.length === 0) {
      const chunk = pool.acquire(random.pick([1, 100, 4_088, 4_089, 60_000, 70_000, 1_100_000]))
      if (references.has(chunk)) expect.fail(`seed ${random.seed}: step ${step} handed out a chunk that is held`)
      references.set(chunk, 1)
      held.push(chunk)
    } else if (roll < 6) {
      const chunk = random.pick(held)
      chunk.retain()
      held.push(chunk)
      references.set(chunk, (references.get(chunk) as number) + 1)
    } else {
      const at = random.below(held.length)
      const chunk = held[at]
      held[at] = held[held.length - 1]
      held.pop()
      const left = (references.get(chunk) as number) - 1
      if (left === 0) references.delete(chunk)
      else references.set(chunk, left)
      chunk.release()
    }
    if (pool.outstanding !== references.size) expect.fail(`seed ${random.seed}: wrong count at step ${step}`)
    if (held.length > 60) for (const chunk of held.splice(0)) release(chunk)
  }
  for (const chunk of held) release(chunk)
  expect(pool.outstanding).toBe(0)

  function release(chunk: Chunk): void {
    const left = (references.get(chunk) as number) - 1
    if (left === 0) references.delete(chunk)
    else references.set(chunk, left)
    chunk.release()
  }
})

test('what was not needed for a while goes to the collector, but for a little', () => {
  const pool = new ChunkPool()
  const size = 64 * 1024
  const takeAll = (count: number): Chunk[] => Array.from({ length: count }, () => pool.acquire(size - BLOCK_SLACK))
  const first = takeAll(100)
  for (const chunk of first) chunk.release()
  pool.trim()
  // All of them were out since the call before.
  for (const chunk of takeAll(70)) {
    expect(first).toContain(chunk)
    chunk.release()
  }
  pool.trim()
  const left = takeAll(100).filter((chunk) => first.includes(chunk))
  expect(left.length).toBe(70)
  for (const chunk of left) chunk.release()
  for (let i = 0; i < 3; i++) pool.trim()
  expect(takeAll(100).filter((chunk) => first.includes(chunk)).length).toBe(POOL_IDLE_MAX / size)
})
