import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BLOCK_SLACK } from '../../src/base/constants.ts'
import {
  allocateBlock,
  type Block,
  blockFrom,
  blockOver,
  copyBytes,
  digitsOf,
  equalBytes,
  hashBytes,
  hashWords,
  mix,
  writeDecimal,
} from '../../src/memory/block.ts'
import { chooseSeed } from '../support/random.ts'

const parameters = { seed: chooseSeed('blocks'), numRuns: 3_000 }

function blockOf(bytes: Uint8Array): Block {
  const block = allocateBlock(bytes.length)
  block.bytes.fill(0xee)
  block.bytes.set(bytes)
  return block
}

const shortBytes = fc.uint8Array({ maxLength: 300 })
const offset = fc.nat(20)

test('a block has its capacity and BLOCK_SLACK spare bytes behind it', () => {
  for (const capacity of [0, 1, 7, 8, 4088, 100_000]) {
    const block = allocateBlock(capacity)
    expect(block.capacity).toBe(capacity)
    expect(block.bytes.length).toBe(capacity + BLOCK_SLACK)
    expect(block.view.byteLength).toBe(capacity + BLOCK_SLACK)
  }
})

test('bytes and view of a block over other memory see the same, also in the middle of it', () => {
  const memory = new SharedArrayBuffer(100)
  const block = blockOver(Buffer.from(memory, 24, 40))
  expect(block.capacity).toBe(40 - BLOCK_SLACK)
  block.bytes[3] = 77
  expect(block.view.getUint8(3)).toBe(77)
  expect(new Uint8Array(memory)[27]).toBe(77)
})

test('a text becomes one byte a char', () => {
  const block = blockFrom('a\xff\0')
  expect(block.capacity).toBe(3)
  expect([...block.bytes.subarray(0, 3)]).toEqual([0x61, 0xff, 0])
})

test('a copy brings the bytes, leaves what stands before, and overruns by less than BLOCK_SLACK', () => {
  fc.assert(
    fc.property(shortBytes, offset, offset, fc.nat(400), (source, start, at, length) => {
      const from = blockOf(source)
      const count = Math.min(length, Math.max(0, source.length - start))
      const to = blockOf(new Uint8Array(at + count + 50).fill(0xaa))
      copyBytes(to, at, from, start, count)
      expect([...to.bytes.subarray(at, at + count)]).toEqual([...source.subarray(start, start + count)])
      expect(to.bytes.subarray(0, at).every((byte) => byte === 0xaa)).toBe(true)
      expect(to.bytes.subarray(at + count + BLOCK_SLACK - 1, to.capacity).every((byte) => byte === 0xaa)).toBe(true)
    }),
    parameters,
  )
})

test('a copy to the very end of a block from the very end of another stays inside both', () => {
  for (let length = 0; length <= 300; length++) {
    const source = Uint8Array.from({ length }, (_, i) => i * 7)
    const to = allocateBlock(length)
    copyBytes(to, 0, blockOf(source), 0, length)
    expect(to.bytes.subarray(0, length).equals(source)).toBe(true)
  }
})

test('what is appended from left to right overwrites each overrun', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 20 }), (pieces) => {
      const whole = Buffer.concat(pieces)
      const to = allocateBlock(whole.length)
      let at = 0
      for (const piece of pieces) {
        copyBytes(to, at, blockOf(piece), 0, piece.length)
        at += piece.length
      }
      return to.bytes.subarray(0, whole.length).equals(whole)
    }),
    parameters,
  )
})

test('ranges are equal if all their bytes are, whatever stands around them', () => {
  fc.assert(
    fc.property(shortBytes, offset, offset, (bytes, aStart, bStart) => {
      const a = blockOf(Buffer.concat([Buffer.alloc(aStart, 1), bytes, Buffer.alloc(9, 2)]))
      const b = blockOf(Buffer.concat([Buffer.alloc(bStart, 3), bytes, Buffer.alloc(9, 4)]))
      return equalBytes(a, aStart, b, bStart, bytes.length)
    }),
    parameters,
  )
})

test('ranges that differ in one bit anywhere are not equal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), fc.nat(7), (bytes, where, bit) => {
      const other = Uint8Array.from(bytes)
      other[where % bytes.length] ^= 1 << bit
      return !equalBytes(blockOf(bytes), 0, blockOf(other), 0, bytes.length)
    }),
    parameters,
  )
})

test('ranges of no bytes are equal', () => {
  expect(equalBytes(allocateBlock(0), 0, blockFrom('a'), 1, 0)).toBe(true)
})

test('a hash depends on bytes and seed alone, and is a 32-bit integer', () => {
  fc.assert(
    fc.property(shortBytes, offset, fc.integer(), (bytes, start, seed) => {
      const hash = hashBytes(bytes, 0, bytes.length, seed)
      const shifted = Buffer.concat([Buffer.alloc(start, 9), bytes, Buffer.alloc(5, 8)])
      return hash === (hash | 0) && hashBytes(shifted, start, start + bytes.length, seed) === hash
    }),
    parameters,
  )
})

test('hashes of like subjects are spread, in their low bits too, and differ by seed', () => {
  const buckets = new Set<number>()
  const hashes = new Set<number>()
  let same = 0
  for (let i = 0; i < 10_000; i++) {
    const bytes = Buffer.from(`orders.${i}`)
    const hash = hashBytes(bytes, 0, bytes.length, 12345)
    hashes.add(hash)
    buckets.add(hash & 1023)
    if (hashBytes(bytes, 0, bytes.length, 54321) === hash) same++
  }
  expect(hashes.size).toBeGreaterThan(9_990)
  expect(buckets.size).toBe(1024)
  expect(same).toBeLessThan(10)
})

test('mixing loses nothing: no two values come out alike', () => {
  const seen = new Set<number>()
  for (let i = 0; i < 50_000; i++) seen.add(mix(Math.imul(i, 0x01000193)))
  expect(seen.size).toBe(50_000)
})

test('a decimal is written as JavaScript writes it, and its end is told', () => {
  const near = [0, 1, 9, 10, 11, 99, 100, 4095, 4096, 1048576, 999_999_999, 2 ** 31 - 1]
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...near), fc.nat(), fc.nat(1000)), offset, (value, at) => {
      const bytes = Buffer.alloc(40, 0x2e)
      const end = writeDecimal(bytes, at, value)
      const text = '.'.repeat(at) + value
      return end === text.length && bytes.toString('latin1') === text.padEnd(40, '.')
    }),
    parameters,
  )
})

test('a hash by words depends on the bytes alone, wherever they stand and whatever follows them', () => {
  fc.assert(
    fc.property(shortBytes, offset, fc.integer(), (bytes, start, seed) => {
      const here = blockOf(bytes)
      const there = blockOf(new Uint8Array([...new Uint8Array(start), ...bytes, 1, 2, 3, 4]))
      const hash = hashWords(here, 0, bytes.length, seed)
      expect(hashWords(there, start, start + bytes.length, seed)).toBe(hash)
      expect(hashWords(here, 0, bytes.length, seed ^ 1)).not.toBe(hash)
    }),
    parameters,
  )
})

test('of many like names hardly two have the same hash by words', () => {
  const hashes = new Set<number>()
  for (let i = 0; i < 20_000; i++) {
    const name = blockFrom(`orders.eu.k${i % 20}.item.${i}`)
    hashes.add(hashWords(name, 0, name.capacity, 7))
  }
  expect(hashes.size).toBeGreaterThan(19_980)
})

test('a number has as many digits as it is written with', () => {
  for (const value of [0, 9, 10, 99, 100, 12_345, 999_999_999]) expect(digitsOf(value)).toBe(`${value}`.length)
})
