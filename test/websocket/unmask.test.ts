import { expect, test } from 'vitest'
import { allocateBlock, blockFrom } from '../../src/memory/block.ts'
import { rotateKey, unmaskInto } from '../../src/websocket/unmask.ts'
import { chooseSeed, Random } from '../support/random.ts'

test('a payload loses its mask wherever it begins and is cut', () => {
  const random = new Random(chooseSeed('unmask'))
  const mask = Buffer.from([random.below(256), random.below(256), random.below(256), random.below(256)])
  for (let round = 0; round < 500; round++) {
    const text = Array.from({ length: random.below(80) }, () => String.fromCharCode(random.below(256))).join('')
    const source = blockFrom(`head${text}`)
    for (let i = 0; i < text.length; i++) source.bytes[4 + i] ^= mask[i & 3]
    const target = allocateBlock(200)
    let key = mask.readInt32LE()
    let at = 0
    while (at < text.length) {
      const take = 1 + random.below(text.length - at)
      unmaskInto(target, 7 + at, source, 4 + at, take, key)
      key = rotateKey(key, take)
      at += take
    }
    expect(target.bytes.toString('latin1', 7, 7 + text.length)).toBe(text)
  }
})

test('a mask of zeros is a copy', () => {
  const target = allocateBlock(10)
  unmaskInto(target, 0, blockFrom('abc'), 1, 2, 0)
  expect(target.bytes.toString('latin1', 0, 2)).toBe('bc')
})
