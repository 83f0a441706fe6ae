import { expect, test } from 'vitest'
import { GENERATION_BUCKETS } from '../../src/base/constants.ts'
import { Generations } from '../../src/interest/generations.ts'

const some = new Generations()
const bucketOf = (subject: string): number => {
  const bytes = Buffer.from(`..${subject}..`, 'latin1')
  return some.bucketOf(bytes, 2, 2 + subject.length)
}

test('subjects and filters with the same first token share a bucket', () => {
  for (const first of ['orders', '_INBOX', 'a', '\xff', '*a', '>a', '**', '$JS']) {
    const bucket = bucketOf(first)
    expect(bucket).toBeGreaterThan(0)
    for (const rest of ['.new', '.*', '.>', '.new.old.*']) expect(bucketOf(first + rest), first + rest).toBe(bucket)
  }
})

test('a filter whose first token is a wildcard is in bucket 0, and nothing else is', () => {
  for (const filter of ['*', '>', '*.a', '*.>', '*.*']) expect(bucketOf(filter), filter).toBe(0)
  for (const filter of ['a', 'a.*', 'a.>', '*a', 'a*', '>>', '\0', '']) expect(bucketOf(filter), filter).not.toBe(0)
})

test('buckets are within bounds and well filled', () => {
  const used = new Set<number>()
  for (let i = 0; i < 20_000; i++) {
    used.add(bucketOf(`service-${i}.x`))
  }
  expect(Math.min(...used)).toBeGreaterThanOrEqual(1)
  expect(Math.max(...used)).toBeLessThanOrEqual(GENERATION_BUCKETS)
  expect(used.size).toBeGreaterThan(GENERATION_BUCKETS * 0.95)
})

test('advancing one bucket moves that one alone', () => {
  const generations = new Generations()
  generations.advance(5)
  generations.advance(5)
  generations.advance(GENERATION_BUCKETS)
  expect([4, 5, 6, GENERATION_BUCKETS].map((bucket) => generations.current(bucket))).toEqual([0, 2, 0, 1])
  expect(generations.current(1)).toBe(0)
})

test('advancing all is seen by whoever watches wildcards', () => {
  const generations = new Generations()
  generations.advanceAll()
  expect(generations.current(1)).toBe(1)
})

test.each([2 ** 31 - 1, 2 ** 32 - 1])('every step is seen where a counter passes %i', (limit) => {
  const generations = new Generations()
  const words = new Int32Array(generations.memory)
  for (const [own, wildcards] of [
    [limit, 0],
    [limit, limit],
    [0, limit],
  ]) {
    words[5] = own | 0
    words[0] = wildcards | 0
    const seen = [generations.current(5)]
    generations.advance(5)
    seen.push(generations.current(5))
    generations.advanceAll()
    seen.push(generations.current(5))
    expect(new Set(seen).size, seen.join(', ')).toBe(3)
    expect(seen.every((value) => value === (value | 0))).toBe(true)
  }
})

test('all who share the memory see the same counts', () => {
  const one = new Generations()
  const other = new Generations(one.memory)
  one.advance(7)
  other.advance(7)
  expect([one.current(7), other.current(7)]).toEqual([2, 2])
})
