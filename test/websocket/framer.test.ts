import { randomBytes } from 'node:crypto'
import { constants, inflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { Deflater } from '../../src/websocket/deflate.ts'
import { BROWSER, closeFrame, Framer, pongFrame, SAFARI, WHOLE } from '../../src/websocket/framer.ts'

interface Parsed {
  readonly first: number
  readonly payload: Buffer
}

function parse(pieces: readonly Buffer[]): Parsed[] {
  let bytes = Buffer.concat(pieces)
  const frames: Parsed[] = []
  while (bytes.length > 0) {
    const short = bytes[1]
    expect(short & 0x80).toBe(0)
    const at = short < 126 ? 2 : short === 126 ? 4 : 10
    const length = at === 2 ? short : at === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
    frames.push({ first: bytes[0], payload: bytes.subarray(at, at + length) })
    bytes = bytes.subarray(at + length)
  }
  return frames
}

const inflate = (message: Buffer): Buffer =>
  inflateRawSync(Buffer.concat([message, Buffer.from([0, 0, 255, 255])]), { finishFlush: constants.Z_SYNC_FLUSH })

test.each([1, 125, 126, 4096, 65535, 65536, 1_000_000])('a batch of %i bytes is one frame', (length) => {
  const batch = randomBytes(length)
  const frames = parse(
    new Framer(WHOLE, undefined).frame([batch.subarray(0, length >> 1), batch.subarray(length >> 1)]),
  )
  expect(frames).toHaveLength(1)
  expect(frames[0].first).toBe(0x82)
  expect(frames[0].payload.equals(batch)).toBe(true)
})

test('a browser gets frames of 4 KiB, each a message', () => {
  const batch = randomBytes(10_000)
  const frames = parse(new Framer(BROWSER, undefined).frame([batch]))
  expect(frames.map(({ first, payload }) => [first, payload.length])).toEqual([
    [0x82, 4096],
    [0x82, 4096],
    [0x82, 1808],
  ])
  expect(Buffer.concat(frames.map(({ payload }) => payload)).equals(batch)).toBe(true)
})

test('up to 64 bytes are not compressed', () => {
  const framer = new Framer(WHOLE, new Deflater())
  expect(parse(framer.frame([Buffer.alloc(64)]))[0].first).toBe(0x82)
  const [frame] = parse(framer.frame([Buffer.alloc(65)]))
  expect(frame.first).toBe(0xc2)
  expect(inflate(frame.payload).equals(Buffer.alloc(65))).toBe(true)
})

test('a compressed message comes to a browser in fragments, to Safari in one', () => {
  const batch = randomBytes(9000)
  const deflater = new Deflater()
  const fragments = parse(new Framer(BROWSER, deflater).frame([batch]))
  expect(fragments.map(({ first }) => first)).toEqual([0x42, 0x00, 0x80])
  expect(inflate(Buffer.concat(fragments.map(({ payload }) => payload))).equals(batch)).toBe(true)
  const whole = parse(new Framer(SAFARI, deflater).frame([batch]))
  expect(whole.map(({ first }) => first)).toEqual([0xc2])
  expect(inflate(whole[0].payload).equals(batch)).toBe(true)
})

test('receivers of the same slices are given the same bytes', () => {
  const framer = new Framer(WHOLE, new Deflater())
  const slices = [randomBytes(10_000), randomBytes(100)]
  const first = Buffer.concat(framer.frame([...slices]))
  const second = framer.frame([...slices])
  const third = framer.frame([...slices])
  expect(second).toHaveLength(1)
  expect(third[0]).toBe(second[0])
  expect(second[0].equals(first)).toBe(true)
})

test('other slices are never taken for the same', () => {
  const framer = new Framer(WHOLE, undefined)
  const slice = Buffer.from('aa')
  expect(parse(framer.frame([slice]))[0].payload.toString()).toBe('aa')
  expect(parse(framer.frame([slice, slice]))[0].payload.toString()).toBe('aaaa')
  expect(parse(framer.frame([Buffer.from('bb')]))[0].payload.toString()).toBe('bb')
})

test('a chunk that is used again has other views than before', () => {
  const pool = new ChunkPool()
  const framer = new Framer(WHOLE, undefined)
  const chunk = pool.acquire(10)
  chunk.block.bytes.write('old')
  expect(parse(framer.frame([chunk.slice(0, 3)]))[0].payload.toString()).toBe('old')
  expect(parse(framer.frame([chunk.slice(0, 3)]))[0].payload.toString()).toBe('old')
  chunk.release()
  const again = pool.acquire(10)
  expect(again).toBe(chunk)
  again.block.bytes.write('new')
  expect(parse(framer.frame([again.slice(0, 3)]))[0].payload.toString()).toBe('new')
})

test('control frames', () => {
  expect(pongFrame(Buffer.from('hi'))).toEqual(Buffer.from([0x8a, 2, 0x68, 0x69]))
  expect(closeFrame(undefined)).toEqual(Buffer.from([0x88, 0]))
  expect(closeFrame(1008, 'no')).toEqual(Buffer.from([0x88, 4, 3, 0xf0, 0x6e, 0x6f]))
})
