import { expect, test } from 'vitest'
import { REROUTE_MAX } from '../../src/base/constants.ts'
import { allocateBlock, type Block } from '../../src/memory/block.ts'
import {
  attachRun,
  emptyFrame,
  type Frame,
  FrameKind,
  frameBytes,
  readFrame,
  writeFrame,
} from '../../src/mesh/frame.ts'
import { Run } from '../../src/protocol/run.ts'
import type { Routing } from '../../src/routing/routing.ts'
import { PLAIN } from '../routing/parts.ts'
import { chooseSeed, Random } from '../support/random.ts'

interface Example {
  readonly run: Run
  readonly subject: string
  readonly reply: string
  readonly payloads: readonly string[]
}

/** A run as the parser leaves it: its line kept apart, its messages somewhere in a read buffer. */
function makeRun(subject: string, reply: string, headerSize: number, payloads: readonly string[]): Example {
  const size = payloads[0].length
  const middle = reply === '' ? subject : `${subject}  ${reply}`
  const line = headerSize > 0 ? `HPUB ${middle} ${headerSize} ${size}\r\n` : `PUB ${middle} ${size}\r\n`
  const text = `before${payloads.map((payload) => `${line}${payload}\r\n`).join('')}after`
  const run = new Run()
  run.line = allocateBlock(line.length)
  run.line.bytes.write(line, 0, 'latin1')
  run.lineLength = line.length
  run.subjectStart = line.indexOf(' ') + 1
  run.subjectEnd = run.subjectStart + subject.length
  run.replyStart = reply === '' ? 0 : run.subjectEnd + 2
  run.replyEnd = run.replyStart + reply.length
  run.headerSize = headerSize
  run.size = size
  run.block = allocateBlock(text.length)
  run.block.bytes.write(text, 0, 'latin1')
  run.first = 6 + line.length
  run.stride = line.length + size + 2
  run.count = payloads.length
  return { run, subject, reply, payloads }
}

const latin1 = (block: Block, start: number, end: number): string => block.bytes.toString('latin1', start, end)

function expectRun(run: Run, { run: original, subject, reply }: Example, payloads: readonly string[]): void {
  expect(latin1(run.line, run.subjectStart, run.subjectEnd)).toBe(subject)
  expect(latin1(run.line, run.replyStart, run.replyEnd)).toBe(reply)
  expect([run.headerSize, run.size, run.count]).toEqual([original.headerSize, original.size, payloads.length])
  expect(run.memo).toBeUndefined()
  for (let i = 0; i < payloads.length; i++) {
    const at = run.first + i * run.stride
    expect(latin1(run.block, at, at + run.size + 2)).toBe(`${payloads[i]}\r\n`)
    expect(latin1(run.block, at - run.lineLength, at)).toBe(latin1(original.line, 0, original.lineLength))
  }
}

function send(example: Example, routing: Routing, from: number, count: number, at = 0): { run: Run; frame: Frame } {
  const { run } = example
  const ring = allocateBlock(at + frameBytes(routing, run.cluster, count * run.stride) + 16)
  writeFrame(ring, at, FrameKind.run, run, routing, from, count, 0, count * run.stride, 7)
  const frame = emptyFrame()
  const read = new Run()
  readFrame(ring, at, frame, read)
  attachRun(read, ring, frame.rawStart)
  return { run: read, frame }
}

test('a run comes out as it went in', () => {
  const example = makeRun('orders.new', '_INBOX.7', 3, ['abcdef', '123456', 'ghijkl'])
  const { run, frame } = send(example, PLAIN, 0, 3)
  expectRun(run, example, example.payloads)
  expect(frame).toMatchObject({ kind: FrameKind.run, plain: true, account: '$G', queue: '', hops: 0, publisher: 1 })
  expect(frame.rawBytes).toBe(3 * example.run.stride)
})

test('a subject that receivers see in place of the one that leads to them comes along', () => {
  const example = makeRun('deliver', 'orders.1 ack', 0, ['x'])
  example.run.shownLength = 'orders.1'.length
  const { run } = send(example, PLAIN, 0, 1)
  expect(run.shownLength).toBe(example.run.shownLength)
  const next = send(makeRun('a', '', 0, ['x']), PLAIN, 0, 1)
  expect(next.run.shownLength).toBe(0)
})

test('a part of a run comes out as that part', () => {
  const example = makeRun('a', '', 0, ['1', '2', '3', '4', '5'])
  expectRun(send(example, PLAIN, 1, 3).run, example, ['2', '3', '4'])
})

test('a run passed on to a third shard comes out as it went in', () => {
  const example = makeRun('orders.new', 'reply.to', 2, ['abc', 'def'])
  const second = send(example, PLAIN, 0, 2, 40)
  const third = send(
    { ...example, run: second.run },
    {
      plain: false,
      account: 'A',
      queue: 'q',
      hops: 2,
      asked: 0,
      question: 0,
      publisher: 9,
      trace: 77,
      isOnlyTraced: true,
      toLinks: false,
    },
    1,
    1,
    12,
  )
  expectRun(third.run, example, ['def'])
  expect(third.frame).toMatchObject({
    plain: false,
    account: 'A',
    queue: 'q',
    hops: 2,
    publisher: 9,
    trace: 77,
    isOnlyTraced: true,
    toLinks: false,
  })
})

test('empty payloads and no reply come out as such', () => {
  const example = makeRun('a', '', 0, ['', ''])
  const { run } = send(example, PLAIN, 0, 2)
  expectRun(run, example, ['', ''])
  expect(run.replyEnd).toBe(run.replyStart)
})

test('every routing comes out as it went in', () => {
  const example = makeRun('a', '', 0, ['x'])
  for (const plain of [true, false]) {
    for (const queue of ['', 'q', 'workers', '\xff\xfe\x80', 'w'.repeat(4000)]) {
      for (const account of ['$G', `A${'B'.repeat(55)}`]) {
        for (const [hops, asked] of [
          [0, 0],
          [1, 0],
          [3, 1],
          [REROUTE_MAX + 1, 40_000],
        ]) {
          for (const publisher of [0, 1, 2 ** 31 - 1]) {
            const routing = {
              plain,
              account,
              queue,
              hops,
              asked,
              question: asked * 3,
              publisher,
              trace: publisher - 1,
              isOnlyTraced: !plain,
              toLinks: false,
            }
            const { run, frame } = send(example, routing, 0, 1)
            expect(frame).toMatchObject(routing)
            expectRun(run, example, ['x'])
          }
        }
      }
    }
  }
})

test('a frame is whole words, of the size that was told, and overruns by less than a block may', () => {
  const random = new Random(chooseSeed('frames'))
  for (let i = 0; i < 500; i++) {
    const payload = 'p'.repeat(random.below(200))
    const example = makeRun('s'.repeat(1 + random.below(60)), 'r'.repeat(random.below(30)), 0, [payload, payload])
    const queue = 'q'.repeat(random.below(10))
    const routing = { ...PLAIN, account: 'a'.repeat(random.below(60)), queue }
    example.run.cluster = 'c'.repeat(random.below(10))
    const bytes = frameBytes(routing, example.run.cluster, 2 * example.run.stride)
    const at = 4 * random.below(10)
    const ring = allocateBlock(at + bytes + 64)
    ring.bytes.fill(0x55)
    const written = writeFrame(ring, at, FrameKind.run, example.run, routing, 0, 2, 0, 2 * example.run.stride, 7)
    expect(written).toBe(bytes)
    expect(bytes % 4).toBe(0)
    expect(ring.view.getInt32(at, true)).toBe(bytes)
    expect(ring.bytes.subarray(0, at).every((byte) => byte === 0x55)).toBe(true)
    expect(ring.bytes.subarray(at + bytes + 8).every((byte) => byte === 0x55)).toBe(true)
  }
})

test('a message in fragments of any size is put together again', () => {
  const random = new Random(chooseSeed('fragments'))
  for (let i = 0; i < 200; i++) {
    const payload = Array.from({ length: 1 + random.below(3000) }, () => String.fromCharCode(random.below(256))).join(
      '',
    )
    const example = makeRun('large', 'reply', random.below(2), ['-'.repeat(payload.length), payload])
    const { run } = example
    const routing: Routing = { ...PLAIN, account: 'A', queue: random.pick(['', 'q']), hops: 1, publisher: 5 }
    const room = 1 + random.below(run.stride)
    const assembly = allocateBlock(run.stride)
    const frame = emptyFrame()
    const read = new Run()
    let assembled = 0
    for (let start = 0; start < run.stride; start += room) {
      const bytes = Math.min(room, run.stride - start)
      const ring = allocateBlock(frameBytes(routing, run.cluster, bytes))
      writeFrame(
        ring,
        0,
        start === 0 ? FrameKind.firstFragment : FrameKind.fragment,
        run,
        routing,
        1,
        1,
        start,
        bytes,
        7,
      )
      readFrame(ring, 0, frame, read)
      expect(frame).toMatchObject({ ...routing, rawBytes: bytes })
      ring.bytes.copy(assembly.bytes, assembled, frame.rawStart, frame.rawStart + frame.rawBytes)
      assembled += frame.rawBytes
    }
    expect(assembled).toBe(run.stride)
    attachRun(read, assembly, 0)
    expectRun(read, example, [payload])
  }
})

test('the number of a connection keeps all its digits', () => {
  const example = makeRun('a', '', 0, ['x'])
  for (const publisher of [2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
    expect(send(example, { ...PLAIN, publisher }, 0, 1).frame.publisher).toBe(publisher)
  }
})
