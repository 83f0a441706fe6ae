// Each fixture is read whole, cut at every place, and byte by byte: what is told must be equal.

import { describe, expect, test } from 'vitest'
import { allocateBlock, type Block } from '../../src/memory/block.ts'
import type { FrameFault } from '../../src/websocket/frame-faults.ts'
import { CARRY_MAX, type FrameHandler, FrameReader } from '../../src/websocket/frame-reader.ts'
import { unmaskInto } from '../../src/websocket/unmask.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { frame, Opcode } from '../support/websocket.ts'

/** Writes down what it is told; pieces of one message are joined. */
class Recorder implements FrameHandler {
  readonly calls: string[] = []
  payload = ''
  /** Ends of compressed messages after which to halt. */
  haltAfter = Number.POSITIVE_INFINITY
  private readonly scratch = allocateBlock(1 << 20)

  private text(block: Block, start: number, end: number, key: number): string {
    unmaskInto(this.scratch, 0, block, start, end - start, key)
    return this.scratch.bytes.toString('latin1', 0, end - start)
  }

  frameData(block: Block, start: number, end: number, key: number): void {
    this.payload += this.text(block, start, end, key)
  }

  frameCompressed(block: Block, start: number, end: number, key: number, last: boolean): boolean {
    this.payload += `${this.text(block, start, end, key)}${last ? '|' : ''}`
    return !last || --this.haltAfter > 0
  }

  framePing(payload: Buffer): void {
    this.calls.push(`ping ${payload.toString('latin1')} at ${this.payload.length}`)
  }

  frameClose(code: number, reason: Buffer, fault: FrameFault | undefined): void {
    this.calls.push(`close ${code} ${fault?.text ?? reason.toString()}`)
  }

  frameFault({ code, text }: FrameFault): void {
    this.calls.push(`fault ${code} ${text}`)
  }
}

interface Options {
  readonly compression?: boolean
  readonly masked?: boolean
}

function read(pieces: readonly Buffer[], { compression = false, masked = true }: Options = {}): Recorder {
  const recorder = new Recorder()
  const reader = new FrameReader(recorder, masked, compression)
  const block = allocateBlock(CARRY_MAX + Math.max(...pieces.map(({ length }) => length)))
  for (const piece of pieces) {
    // What stood there before is gone, as in a shared read buffer.
    block.bytes.fill(0xee)
    piece.copy(block.bytes, CARRY_MAX)
    expect(reader.push(block, CARRY_MAX, CARRY_MAX + piece.length)).toBe(CARRY_MAX + piece.length)
  }
  return recorder
}

const told = ({ calls, payload }: Recorder): string => JSON.stringify([payload, ...calls])

/** What was told, the same however the bytes are cut. */
function toldEveryWay(bytes: Buffer, options?: Options): string {
  const whole = told(read([bytes], options))
  for (let cut = 1; cut < bytes.length; cut++) {
    expect(told(read([bytes.subarray(0, cut), bytes.subarray(cut)], options))).toBe(whole)
  }
  expect(
    told(
      read(
        Array.from(bytes, (byte) => Buffer.of(byte)),
        options,
      ),
    ),
  ).toBe(whole)
  return whole
}

const close = (code: number, text: string | Buffer = ''): Buffer =>
  frame(Opcode.close, Buffer.concat([Buffer.of(code >> 8, code & 255), Buffer.from(text)]))

const GOOD: readonly (readonly [string, Buffer[], string[]])[] = [
  ['a binary message', [frame(Opcode.binary, 'PING\r\n')], ['PING\r\n']],
  ['a text message, which need not be UTF-8', [frame(Opcode.text, Buffer.from([255, 65]))], ['\xffA']],
  ['an empty message', [frame(Opcode.binary, ''), frame(Opcode.binary, 'a')], ['a']],
  ['126 bytes', [frame(Opcode.binary, 'a'.repeat(126))], ['a'.repeat(126)]],
  [
    'fragments with a PING between them',
    [
      frame(Opcode.binary, 'ab', { fin: false }),
      frame(Opcode.ping, 'hey'),
      frame(Opcode.continuation, '', { fin: false }),
      frame(Opcode.continuation, 'cd'),
      frame(Opcode.binary, 'e'),
    ],
    ['abcde', 'ping hey at 2'],
  ],
  ['a PONG, which is ignored', [frame(Opcode.pong, 'x'), frame(Opcode.binary, 'a')], ['a']],
  ['an empty PING', [frame(Opcode.ping, '')], ['', 'ping  at 0']],
  ['the longest PING', [frame(Opcode.ping, 'p'.repeat(125))], ['', `ping ${'p'.repeat(125)} at 0`]],
  ['a goodbye without a code', [frame(Opcode.close, '')], ['', 'close 1005 ']],
  ['a goodbye, and nothing behind it counts', [close(1000, 'bye'), frame(Opcode.binary, 'a')], ['', 'close 1000 bye']],
  ['a code of an application', [close(4999)], ['', 'close 4999 ']],
  ['a goodbye that is no text', [close(1000, Buffer.from([255]))], ['', 'close 1007 invalid utf8 body in close frame']],
]

const BAD: readonly (readonly [string, Buffer[], string])[] = [
  ['a frame without a mask', [frame(Opcode.binary, 'a', { masked: false })], 'mask bit missing'],
  ['RSV2', [frame(Opcode.binary, 'a', { rsv: 0x20 })], 'RSV2 and RSV3 must be clear'],
  ['RSV3', [frame(Opcode.binary, 'a', { rsv: 0x10 })], 'RSV2 and RSV3 must be clear'],
  [
    'RSV1 without compression',
    [frame(Opcode.binary, 'a', { rsv: 0x40 })],
    'compressed frame received without negotiated permessage-deflate',
  ],
  ['opcode 3', [frame(3, 'a')], 'unknown opcode 3'],
  ['opcode 11', [frame(11, 'a')], 'unknown opcode 11'],
  ['a continuation of nothing', [frame(Opcode.continuation, 'a')], 'invalid continuation frame'],
  [
    'a message within a message',
    [frame(Opcode.binary, '', { fin: false }), frame(Opcode.text, 'a')],
    'new message started before final frame for previous message was received',
  ],
  ['a PING in fragments', [frame(Opcode.ping, '', { fin: false })], 'control frame does not have final bit set'],
  [
    'a PING of 126 bytes',
    [frame(Opcode.ping, 'a'.repeat(126))],
    'control frame length bigger than maximum allowed of 125 bytes',
  ],
  ['a length of 2^63', [frame(Opcode.binary, '', { length: 2n ** 63n })], 'invalid 64-bit payload length'],
  ['a length of 2^64 - 1', [frame(Opcode.binary, '', { length: 2n ** 64n - 1n })], 'invalid 64-bit payload length'],
  ['a close frame of one byte', [frame(Opcode.close, 'a')], 'close frame payload cannot be 1 byte'],
  ['code 999', [close(999)], 'invalid close status code 999'],
  ['code 1005', [close(1005)], 'invalid close status code 1005'],
  ['code 1015', [close(1015)], 'invalid close status code 1015'],
  ['code 2999', [close(2999)], 'invalid close status code 2999'],
  ['code 5000', [close(5000)], 'invalid close status code 5000'],
]

describe('a reader of frames', () => {
  test.each(GOOD)('reads %s', (_, frames, [payload, ...calls]) => {
    expect(toldEveryWay(Buffer.concat(frames))).toBe(JSON.stringify([payload, ...calls]))
  })

  test.each(BAD)('refuses %s, and takes nothing that follows', (_, frames, text) => {
    const bytes = Buffer.concat([...frames, frame(Opcode.binary, 'more')])
    expect(told(read([bytes]))).toBe(JSON.stringify(['', `fault 1002 ${text}`]))
    expect(told(read(Array.from(bytes, (byte) => Buffer.of(byte))))).toBe(JSON.stringify(['', `fault 1002 ${text}`]))
  })

  test('with compression, tells compressed messages from others', () => {
    const bytes = Buffer.concat([
      frame(Opcode.binary, 'ab', { rsv: 0x40, fin: false }),
      frame(Opcode.ping, ''),
      frame(Opcode.continuation, 'cd'),
      frame(Opcode.binary, 'plain'),
      frame(Opcode.binary, '', { rsv: 0x40 }),
    ])
    expect(toldEveryWay(bytes, { compression: true })).toBe(JSON.stringify(['abcd|plain|', 'ping  at 2']))
  })

  test('with compression, refuses what must not be compressed', () => {
    const compression = { compression: true }
    expect(told(read([frame(Opcode.ping, '', { rsv: 0x40 })], compression))).toContain(
      'control frame must not be compressed',
    )
    const continued = [
      frame(Opcode.binary, '', { rsv: 0x40, fin: false }),
      frame(Opcode.continuation, '', { rsv: 0x40 }),
    ]
    expect(told(read([Buffer.concat(continued)], compression))).toContain('invalid continuation frame')
  })

  test('stops where its handler does not want to go on, and goes on from there', () => {
    const recorder = new Recorder()
    recorder.haltAfter = 1
    const reader = new FrameReader(recorder, true, true)
    const one = frame(Opcode.binary, 'a', { rsv: 0x40 })
    const bytes = Buffer.concat([one, one, frame(Opcode.binary, 'b')])
    const block = allocateBlock(CARRY_MAX + bytes.length)
    bytes.copy(block.bytes, CARRY_MAX)
    const at = reader.push(block, CARRY_MAX, CARRY_MAX + bytes.length)
    expect([at - CARRY_MAX, recorder.payload]).toEqual([one.length, 'a|'])
    recorder.haltAfter = Number.POSITIVE_INFINITY
    expect(reader.push(block, at, CARRY_MAX + bytes.length)).toBe(CARRY_MAX + bytes.length)
    expect(recorder.payload).toBe('a|a|b')
  })

  test('reads frames without masks where that was agreed upon, and refuses others', () => {
    const agreed = { masked: false }
    expect(toldEveryWay(frame(Opcode.binary, 'PING\r\n', { masked: false }), agreed)).toBe('["PING\\r\\n"]')
    expect(told(read([frame(Opcode.binary, 'a')], agreed))).toBe('["","fault 1002 mask bit set"]')
  })

  test('hands on a frame as it comes, whatever length it claims', () => {
    const endless = frame(Opcode.binary, 'PING\r\n', { length: 2n ** 53n - 1n })
    expect(told(read([endless, Buffer.from([0x5a, 0x01])]))).toBe(JSON.stringify(['PING\r\n\xa5\x81']))
  })

  test('takes random bytes and damaged frames without harm, and tells the same however they are cut', () => {
    const random = new Random(chooseSeed('frame reader, damage'))
    const fixtures = [...GOOD, ...BAD].map(([, frames]) => Buffer.concat(frames))
    for (let round = 0; round < 1000; round++) {
      const bytes = Buffer.concat([random.pick(fixtures), random.pick(fixtures), random.pick(fixtures)])
      for (let i = random.below(4); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256)
      const options = { compression: random.chance(0.5) }
      const cut = random.below(bytes.length)
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)].filter(({ length }) => length > 0)
      expect(told(read(pieces, options))).toBe(told(read([bytes], options)))
    }
  })

  test('reads random frames, cut at random, like the frames that they are', () => {
    const random = new Random(chooseSeed('frame reader'))
    for (let round = 0; round < 200; round++) {
      const frames: Buffer[] = []
      let payload = ''
      for (let i = 0; i < 20; i++) {
        const text = 'x'.repeat(random.below(300)) + round
        const at = random.below(text.length)
        payload += text
        frames.push(frame(Opcode.binary, text.slice(0, at), { fin: false }))
        if (random.chance(0.3)) frames.push(frame(Opcode.ping, 'p'))
        frames.push(frame(Opcode.continuation, text.slice(at)))
      }
      const bytes = Buffer.concat(frames)
      const pieces: Buffer[] = []
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + random.below(400)
        pieces.push(bytes.subarray(at, end))
        at = end
      }
      expect(read(pieces).payload).toBe(payload)
    }
  })
})
