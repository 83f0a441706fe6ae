import { expect, test } from 'vitest'
import { allocateBlock, type Block } from '../../src/memory/block.ts'
import { crc32c, maskedCrc32c } from '../../src/s2/crc32c.ts'
import { decodeBlock, lengthOfBlock } from '../../src/s2/decode.ts'
import { encodeBlock, encodedMax } from '../../src/s2/encode.ts'
import { CHUNK_BYTES_LIMIT, S2_IDENTIFIER } from '../../src/s2/frames.ts'
import { S2Reader } from '../../src/s2/reader.ts'
import { writeS2 } from '../../src/s2/writer.ts'
import { chooseSeed, Random } from '../support/random.ts'

/** What a reader tells of `input`, which comes in pieces that end at `cuts`. */
function readS2(
  input: Uint8Array,
  cuts: readonly number[],
  chunkMax = CHUNK_BYTES_LIMIT,
): { text: string; damage: string } {
  const told: string[] = []
  let damage = ''
  const reader = new S2Reader(
    {
      take: ({ bytes }: Block, start, end) => {
        told.push(bytes.toString('latin1', start, end))
        return true
      },
      damaged: (cause) => {
        damage = cause
      },
    },
    chunkMax,
  )
  let from = 0
  for (const to of [...cuts, input.length]) {
    const block = allocateBlock(to - from)
    block.bytes.set(input.subarray(from, to))
    reader.push(block, 0, to - from)
    from = to
  }
  return { text: told.join(''), damage }
}

function decoded(block: Uint8Array): string | undefined {
  const { length, next } = lengthOfBlock(block, 0, block.length)
  const to = Buffer.alloc(length)
  return decodeBlock(block, next, block.length, to, 0, length) ? to.toString('latin1') : undefined
}

const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values)

test('the checksum is that of the published examples', () => {
  // RFC 3720, B.4
  expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(0xff), 0, 32)).toBe(0x62a8ab43)
  expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283)
  expect(maskedCrc32c(Buffer.from('PING\r\n'), 0, 6)).toBe(0x24cc90ab)
})

test('a PING as nats-server writes it without compressing', () => {
  expect(writeS2([Buffer.from('PING\r\n')], false).toString('latin1')).toBe(
    '\xff\x06\x00\x00S2sTwO\x01\x0a\x00\x00\xab\x90\xcc\x24PING\r\n',
  )
})

test('literals, copies and repeated offsets are decoded', () => {
  const literal = (text: string): number[] => [(text.length - 1) << 2, ...Buffer.from(text)]
  // abcd, then six bytes from four back: a copy that reaches into itself.
  expect(decoded(bytesOf(10, ...literal('abcd'), ((6 - 4) << 2) | 1, 4))).toBe('abcdabcdab')
  // The same with 16 and with 32 bits of offset.
  expect(decoded(bytesOf(10, ...literal('abcd'), ((6 - 1) << 2) | 2, 4, 0))).toBe('abcdabcdab')
  expect(decoded(bytesOf(10, ...literal('abcd'), ((6 - 1) << 2) | 3, 4, 0, 0, 0))).toBe('abcdabcdab')
  // A literal, and four bytes more from the offset of the copy before.
  expect(decoded(bytesOf(13, ...literal('abcd'), 1, 4, ...literal('x'), 1, 0))).toBe('abcdabcdxbcdx'.slice(0, 13))
  // Repeats whose length has one byte behind them: 8 + n.
  expect(decoded(bytesOf(8 + 18, ...literal('abcd'), 1, 4, (5 << 2) | 1, 0, 10))).toBe('abcd'.repeat(7).slice(0, 26))
  // … two bytes: 260 + n, and three: 65,540 + n.
  const long = 'abcd'.repeat(20_000)
  expect(decoded(bytesOf(0x8c, 0x02, ...literal('abcd'), 1, 4, (6 << 2) | 1, 0, 0, 0))).toBe(long.slice(0, 268))
  expect(decoded(bytesOf(0x8c, 0x80, 0x04, ...literal('abcd'), 1, 4, (7 << 2) | 1, 0, 0, 0, 0))).toBe(
    long.slice(0, 65_548),
  )
})

test.each([
  ['ends in a literal', bytesOf(4, 12, 97)],
  ['copies from before its beginning', bytesOf(8, 0, 97, 1, 2)],
  ['repeats without a copy before', bytesOf(5, 0, 97, 1, 0)],
  ['is longer than it says', bytesOf(1, 4, 97, 97)],
  ['is shorter than it says', bytesOf(3, 4, 97, 97)],
  ['copies beyond its length', bytesOf(4, 0, 97, 1, 1)],
  ['has a length of a literal that is cut', bytesOf(4, 61 << 2, 1)],
  ['has an offset that is cut', bytesOf(8, 0, 97, 2, 1)],
  ['has a repeat that is cut', bytesOf(200, 0, 97, 1, 1, (6 << 2) | 1, 0, 1)],
  ['has a literal of 4 GiB', bytesOf(4, 63 << 2, 0xff, 0xff, 0xff, 0xff)],
] as const)('a block that %s is damaged', (_, block) => {
  expect(decoded(block)).toBeUndefined()
})

test('a length of more than five bytes is damaged', () => {
  expect(lengthOfBlock(new Uint8Array(9).fill(0x80), 0, 9).length).toBe(-1)
})

test('what is written is read again, whatever it is and however it is cut', () => {
  const random = new Random(chooseSeed('s2'))
  for (let i = 0; i < 300; i++) {
    const plain = makeText(random)
    const pieces = random.chance(0.5)
      ? [plain]
      : [plain.subarray(0, plain.length >> 1), plain.subarray(plain.length >> 1)]
    const wire = Buffer.concat([writeS2(pieces, random.chance(0.7)), writeS2([Buffer.from('end')], false)])
    const cuts = Array.from({ length: random.below(6) }, () => random.below(wire.length + 1)).sort((a, b) => a - b)
    expect(readS2(wire, cuts), `seed ${random.seed}, round ${i}`).toEqual({
      text: `${plain.toString('latin1')}end`,
      damage: '',
    })
    if (wire.length > 400) continue
    const everywhere = Array.from({ length: wire.length - 1 }, (_, at) => at + 1)
    expect(readS2(wire, everywhere).text).toBe(`${plain.toString('latin1')}end`)
  }
})

test('what a sink has no room for waits compressed, and is told in order when it has', () => {
  const random = new Random(chooseSeed('s2 held'))
  for (let i = 0; i < 100; i++) {
    const texts = Array.from({ length: 20 }, () => makeText(random).toString('latin1'))
    const wire = Buffer.concat(texts.map((text) => writeS2([Buffer.from(text, 'latin1')], true)))
    const told: string[] = []
    const all = texts.join('')
    let left = all.length
    let isFull = false
    const reader: S2Reader = new S2Reader(
      {
        take({ bytes }, start, end) {
          told.push(bytes.toString('latin1', start, end))
          left -= end - start
          isFull = random.chance(0.5)
          return true
        },
        get isFull() {
          return isFull
        },
        damaged: (cause) => expect.fail(cause),
      },
      CHUNK_BYTES_LIMIT,
    )
    const goOn = (): void => {
      const before = told.length
      const wasFull = isFull
      reader.goOn()
      if (wasFull) expect(told.length).toBe(before)
    }
    for (let at = 0; at < wire.length; ) {
      const to = Math.min(wire.length, at + 1 + random.below(wire.length >> 1))
      const block = allocateBlock(to - at)
      block.bytes.set(wire.subarray(at, to))
      const [before, wasFull] = [told.length, isFull]
      reader.push(block, 0, to - at)
      if (wasFull) expect(told.length).toBe(before)
      at = to
      goOn()
      if (random.chance(0.5)) isFull = false
      goOn()
    }
    for (let turns = 0; left > 0 && turns < 1000; turns++) {
      isFull = false
      reader.goOn()
    }
    expect(told.join(''), `seed ${random.seed}, round ${i}`).toBe(all)
  }
})

test('text that repeats itself becomes small', () => {
  const plain = Buffer.from('LMSG orders.new 5\r\nhello\r\n'.repeat(1000))
  expect(writeS2([plain], true).length).toBeLessThan(plain.length / 10)
  const block = Buffer.alloc(encodedMax(plain.length))
  expect(decoded(block.subarray(0, encodeBlock(plain, 0, plain.length, block, 0)))).toBe(plain.toString())
})

test('bytes that are changed on the way are noticed, or make the same text', () => {
  const random = new Random(chooseSeed('s2 damage'))
  let noticed = 0
  for (let i = 0; i < 2000; i++) {
    const plain = makeText(random).subarray(0, 300)
    const wire = writeS2([plain], true)
    const at = random.below(wire.length)
    wire[at] ^= 1 << random.below(8)
    const { text, damage } = readS2(wire, [])
    if (damage !== '') noticed++
    // A length that grew waits for more; a chunk that became one to be skipped is skipped.
    else expect(['', plain.toString('latin1')], `seed ${random.seed}, round ${i}, byte ${at}`).toContain(text)
  }
  expect(noticed).toBeGreaterThan(1000)
})

test.each([
  ['a chunk before the identifier', Buffer.from('\x01\x0a\x00\x00\xab\x90\xcc\x24PING\r\n', 'latin1'), 'no identifier'],
  ['another identifier', Buffer.from('\xff\x06\x00\x00S3sTwO', 'latin1'), 'another identifier'],
  ['a chunk that may not be skipped', Buffer.concat([S2_IDENTIFIER, bytesOf(2, 0, 0, 0)]), 'a chunk of type 2'],
  [
    'a chunk without a checksum',
    Buffer.concat([S2_IDENTIFIER, bytesOf(1, 3, 0, 0, 0, 0, 0)]),
    'a chunk without a checksum',
  ],
  [
    'a wrong checksum',
    Buffer.concat([S2_IDENTIFIER, Buffer.from('\x01\x0a\x00\x00\xab\x90\xcc\x25PING\r\n', 'latin1')]),
    'a wrong checksum',
  ],
] as const)('%s is refused, in one piece and byte by byte', (_, wire, damage) => {
  expect(readS2(wire, [])).toEqual({ text: '', damage })
  expect(
    readS2(
      wire,
      Array.from({ length: wire.length - 1 }, (__, at) => at + 1),
    ),
  ).toEqual({ text: '', damage })
})

test('a chunk that would become larger than may be is refused before it is collected or decoded', () => {
  const bomb = Buffer.concat([
    S2_IDENTIFIER,
    bytesOf(0, 20, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f),
    new Uint8Array(11),
  ])
  expect(readS2(bomb, []).damage).toBe(`a block of ${2 ** 32 - 1} bytes`)
  const announced = Buffer.concat([S2_IDENTIFIER, bytesOf(1, 0xff, 0xff, 0xff)])
  expect(readS2(announced, [11]).damage).toBe('a chunk of 16777215 bytes')
  const plain = Buffer.alloc(1000, 'ab')
  expect(readS2(writeS2([plain], true), [], 999).damage).toBe('a block of 1000 bytes')
  expect(readS2(writeS2([plain], true), [], 1000).damage).toBe('')
})

test('what may be skipped is skipped, however long it is', () => {
  const skipped = Buffer.concat([
    S2_IDENTIFIER,
    bytesOf(0x80, 0, 0, 0x20),
    Buffer.alloc(0x200000),
    bytesOf(0xfe, 1, 0, 0, 9),
  ])
  const wire = Buffer.concat([skipped, writeS2([Buffer.from('hi')], false)])
  expect(readS2(wire, [12, 13, 14, 100_000])).toEqual({ text: 'hi', damage: '' })
})

/** Lines as servers send them, noise, or some of both. */
function makeText(random: Random): Buffer {
  const parts: Buffer[] = []
  const count = random.below(6)
  for (let i = 0; i < count; i++) {
    const length = random.pick([1, 3, 4, 7, 60, 61, 255, 256, 300, 2_000, 70_000])
    if (random.chance(0.4))
      parts.push(Buffer.from(Array.from({ length: Math.min(length, 3000) }, () => random.below(256))))
    else parts.push(Buffer.from(`LMSG a.${random.below(9)} 2\r\nhi\r\n`.repeat(1 + Math.floor(length / 14))))
  }
  return Buffer.concat(parts)
}
