// Masked frames, read by the reader that takes them from clients.

import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { allocateBlock } from '../../src/memory/block.ts'
import { Deflater } from '../../src/websocket/deflate.ts'
import { CARRY_MAX, FrameReader } from '../../src/websocket/frame-reader.ts'
import { closeFrame, Framer, MASKED_LINK, pongFrame } from '../../src/websocket/framer.ts'
import { frameHead, Opcode } from '../../src/websocket/frames.ts'
import { maskFrame } from '../../src/websocket/mask.ts'
import { unmaskInto } from '../../src/websocket/unmask.ts'

/** What a server reads: payload of messages, how many of them were compressed, and what ended it. */
function read(bytes: Buffer): { payload: Buffer; compressed: number; end: string } {
  const block = allocateBlock(CARRY_MAX + bytes.length)
  bytes.copy(block.bytes, CARRY_MAX)
  const pieces: Buffer[] = []
  const got = { compressed: 0, end: '' }
  const take = (start: number, end: number, key: number): void => {
    const into = allocateBlock(end - start + 8)
    unmaskInto(into, 0, block, start, end - start, key)
    pieces.push(into.bytes.subarray(0, end - start))
  }
  const reader = new FrameReader(
    {
      frameData: (_, start, end, key) => take(start, end, key),
      frameCompressed: (_, start, end, key, last) => {
        take(start, end, key)
        if (last) got.compressed++
        return true
      },
      framePing: () => undefined,
      frameClose: (code, reason) => {
        got.end = `${code} ${reason}`
      },
      frameFault: ({ text }) => {
        got.end = text
      },
    },
    true,
    true,
  )
  reader.push(block, CARRY_MAX, CARRY_MAX + bytes.length)
  return { payload: Buffer.concat(pieces), ...got }
}

test.each([0, 1, 2, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 100_001])('a frame of %i bytes', (length) => {
  const payload = randomBytes(length)
  const frame = Buffer.concat([frameHead(length, Opcode.binary, true, false), payload])
  const before = Buffer.from(frame)
  const masked = maskFrame(frame)
  expect(frame.equals(before)).toBe(true)
  expect(masked.length).toBe(frame.length + 4)
  expect(read(masked)).toEqual({ payload, compressed: 0, end: '' })
})

test('each frame has a key of its own', () => {
  const frame = Buffer.concat([frameHead(4, Opcode.binary, true, false), Buffer.alloc(4)])
  const keys = Array.from({ length: 3_000 }, () => maskFrame(frame).toString('hex', 2, 6))
  expect(new Set(keys).size).toBeGreaterThan(2_990)
})

test('a batch to another server, and what ends the connection', () => {
  const framer = new Framer(MASKED_LINK, undefined)
  const batch = [randomBytes(10_000), randomBytes(200_000)]
  const bytes = Buffer.concat([...framer.frame(batch), framer.sealed(pongFrame(Buffer.from('x')))])
  const all = Buffer.concat([bytes, framer.sealed(closeFrame(1000, 'bye'))])
  expect(read(all)).toEqual({ payload: Buffer.concat(batch), compressed: 0, end: '1000 bye' })
})

test('a long batch is compressed in parts, each a message', () => {
  const framer = new Framer(MASKED_LINK, new Deflater())
  const bytes = Buffer.concat(framer.frame([Buffer.alloc(100_000, 'a'), Buffer.alloc(100_000, 'b')]))
  expect(read(bytes)).toMatchObject({ compressed: 4, end: '' })
})
