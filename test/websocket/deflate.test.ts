import { randomBytes } from 'node:crypto'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Deflater, Inflater } from '../../src/websocket/deflate.ts'
import { compressed } from '../support/websocket.ts'

const TAIL = Buffer.from([0, 0, 255, 255])
const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH }
const SAMPLES = [
  Buffer.from('a'),
  Buffer.from('PUB a 5\r\nhello\r\n'.repeat(1000)),
  randomBytes(32 * 1024),
  randomBytes(300_000),
  Buffer.alloc(32 * 1024 * 8),
]

function inflate(inflater: Inflater, message: Buffer): Buffer | undefined {
  const pieces: Buffer[] = []
  const whole = inflater.inflate(message, (piece) => pieces.push(Buffer.from(piece)) > 0)
  return whole ? Buffer.concat(pieces) : undefined
}

test('what others have compressed is inflated, one message after the other', () => {
  const inflater = new Inflater()
  for (let round = 0; round < 2; round++) {
    for (const sample of SAMPLES) expect(inflate(inflater, compressed(sample))?.equals(sample)).toBe(true)
  }
})

test('others inflate what was compressed here, whole or from slices', () => {
  const deflater = new Deflater()
  for (const sample of SAMPLES) {
    const cut = Math.floor(sample.length / 3)
    for (const slices of [[sample], [sample.subarray(0, cut), sample.subarray(cut)]]) {
      const message = Buffer.concat([deflater.deflate(slices), TAIL])
      expect(inflateRawSync(message, FLUSH).equals(sample)).toBe(true)
    }
  }
})

test('a message that ends its stream is as good', () => {
  expect(inflate(new Inflater(), deflateRawSync('hello'))?.toString()).toBe('hello')
  expect(inflate(new Inflater(), Buffer.concat([deflateRawSync('hello'), Buffer.from('junk')]))?.toString()).toBe(
    'hello',
  )
})

test('an empty message is empty', () => {
  expect(inflate(new Inflater(), Buffer.alloc(0))?.length).toBe(0)
})

test('damaged data is refused and does no harm to the next message', () => {
  const inflater = new Inflater()
  expect(inflate(inflater, Buffer.from('ffffffffffff', 'hex'))).toBeUndefined()
  expect(inflate(inflater, compressed('good'))?.toString()).toBe('good')
})

test('whoever takes may stop a bomb after its first pieces', () => {
  const inflater = new Inflater()
  const bomb = compressed(Buffer.alloc(64 * 1024 * 1024))
  let taken = 0
  expect(
    inflater.inflate(bomb, (piece) => {
      taken += piece.length
      return taken < 1_000_000
    }),
  ).toBe(false)
  expect(taken).toBeLessThan(1_100_000)
  expect(inflate(inflater, compressed('good'))?.toString()).toBe('good')
})
