import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocateBlock, blockFrom, writeText } from '../../src/memory/block.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { composeRaw, type RawMessage } from '../../src/protocol/compose.ts'
import {
  encodeError,
  encodeNoResponders,
  HeadComposer,
  keptMax,
  OK,
  PING,
  PONG,
  writeKept,
} from '../../src/protocol/encoder.ts'
import { rewriteRun } from '../../src/protocol/rewrite.ts'
import { Run, subjectOf } from '../../src/protocol/run.ts'
import { chooseSeed } from '../support/random.ts'

/** A run as the parser leaves it: offsets into a control line. */
function runOf(subject: string, reply: string, headerSize: number, size: number): Run {
  const line =
    headerSize > 0 ? `HPUB ${subject} ${reply} ${headerSize} ${size}\r\n` : `PUB ${subject} ${reply} ${size}\r\n`
  const run = new Run()
  run.line = blockFrom(line)
  run.lineLength = line.length
  run.subjectStart = line.indexOf(' ') + 1
  run.subjectEnd = run.subjectStart + subject.length
  run.replyStart = run.subjectEnd + 1
  run.replyEnd = run.replyStart + reply.length
  run.headerSize = headerSize
  run.size = size
  return run
}

function headOf(composer: HeadComposer): string {
  return composer.block.bytes.toString('latin1', 0, composer.length)
}

const token = fc.string({
  unit: fc.integer({ min: 33, max: 255 }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 200,
})
const size = fc.oneof(fc.nat(20), fc.nat(2000), fc.nat(999_999_999))

test('the fixed replies are what the protocol says', () => {
  expect([PING, PONG, OK].map(String)).toEqual(['PING\r\n', 'PONG\r\n', '+OK\r\n'])
})

test('an error stands in single quotes', () => {
  expect(encodeError('Stale Connection').toString()).toBe("-ERR 'Stale Connection'\r\n")
})

test('one composer writes the heads of any messages one after the other', () => {
  const composer = new HeadComposer()
  fc.assert(
    fc.property(token, fc.option(token), token, size, size, fc.boolean(), (subject, reply, sid, a, b, withHeader) => {
      const run = runOf(subject, reply ?? '', Math.min(a, b), Math.max(a, b))
      composer.compose(run, '', sid, withHeader)
      const sizes = withHeader ? `${run.headerSize} ${run.size}` : `${run.size - run.headerSize}`
      const replyPart = reply === null ? '' : `${reply} `
      return headOf(composer) === `${withHeader ? 'HMSG' : 'MSG'} ${subject} ${sid} ${replyPart}${sizes}\r\n`
    }),
    { seed: chooseSeed('heads'), numRuns: 2000 },
  )
})

test('messages look the same, whether or not the line of the publisher is used as it stands', () => {
  const composer = new HeadComposer()
  const blank = fc.constantFrom(' ', ' ', ' ', '  ', '\t')
  const zeros = fc.constantFrom('', '', '', '0')
  const end = fc.constantFrom('\r\n', '\r\n', '\n', ' \n', ' \r\n')
  const text = fc.tuple(token, fc.option(token), blank, blank, blank, blank, zeros, end)
  fc.assert(
    fc.property(text, token, fc.option(fc.nat(120)), fc.nat(300), fc.nat(3), (parts, sid, headers, body, from) => {
      const [subject, reply, first, second, third, fourth, zero, lineEnd] = parts
      const verb = headers === null ? 'pub' : 'HPUB'
      const size = (headers ?? 0) + body
      const sizes = headers === null ? `${zero}${size}` : `${headers}${fourth}${zero}${size}`
      const line = `${verb}${first}${subject}${second}${reply === null ? '' : `${reply}${third}`}${sizes}${lineEnd}`
      const payloads = Array.from({ length: 4 }, (_, i) => `${i}`.repeat(size))
      const run = new Run()
      run.block = blockFrom(`..${payloads.map((payload) => `${line}${payload}\r\n`).join('')}`)
      run.line = run.block
      run.lineStart = 2
      run.lineLength = line.length
      run.subjectStart = run.lineStart + verb.length + first.length
      run.subjectEnd = run.subjectStart + subject.length
      run.replyStart = run.subjectEnd + second.length
      run.replyEnd = run.replyStart + (reply?.length ?? 0)
      run.headerSize = headers ?? 0
      run.size = size
      run.first = run.lineStart + line.length
      run.stride = line.length + size + 2
      run.count = payloads.length
      for (const withHeader of [true, false]) {
        const hasHeader = withHeader && run.headerSize > 0
        composer.begin(run, '', sid, hasHeader)
        const to = allocateBlock(5 + run.count * (composer.length + size + 2))
        const stop = composer.write(to, 5, run, from, run.count - from)
        const way = `${subject} ${sid} ${reply === null ? '' : `${reply} `}`
        const skip = hasHeader ? 0 : run.headerSize
        const head = hasHeader ? `HMSG ${way}${run.headerSize} ${size}\r\n` : `MSG ${way}${size - skip}\r\n`
        expect(composer.length).toBe(head.length)
        expect(head.slice(composer.sidAt).startsWith(`${sid} `)).toBe(true)
        const wanted = payloads.slice(from).map((payload) => `${head}${payload.slice(skip)}\r\n`)
        expect(to.bytes.toString('latin1', 5, stop)).toBe(wanted.join(''))
      }
    }),
    { seed: chooseSeed('messages'), numRuns: 2000 },
  )
})

test('a message that is kept looks as if it had been published', () => {
  const head = fc.option(fc.string({ maxLength: 300 }))
  fc.assert(
    fc.property(token, token, token, head, fc.string({ maxLength: 300 }), fc.boolean(), (...values) => {
      const [subject, reply, sid, headers, payload, withHeader] = values
      const header = headers === null ? '' : `NATS/1.0\r\nA: ${headers}\r\n\r\n`
      const parts = [subject, header, payload].map((part) => Buffer.from(part, 'latin1'))
      const ends = parts.map((_, i) => Buffer.concat(parts.slice(0, i + 1)).length + 3)
      const block = blockFrom(`abc${Buffer.concat(parts).toString('latin1')}`)
      const message = { block, subjectStart: 3, headersStart: ends[0], payloadStart: ends[1], end: ends[2] }
      const writer = {
        replyMax: reply.length,
        writeReply: (bytes: Uint8Array, at: number) => writeText(bytes, at, reply),
      }
      const isShown = withHeader && header !== ''
      const to = allocateBlock(keptMax(message, sid, writer) + 5)
      const end = writeKept(to, 5, message, sid, writer, isShown)
      const [, headerBytes, payloadBytes] = parts.map(({ length }) => length)
      const sizes = isShown ? `${headerBytes} ${headerBytes + payloadBytes}` : payloadBytes
      const body = Buffer.concat(isShown ? parts.slice(1) : parts.slice(2)).toString('latin1')
      const expected = `${isShown ? 'HMSG' : 'MSG'} ${subject} ${sid} ${reply} ${sizes}\r\n${body}\r\n`
      return end <= to.capacity && to.bytes.toString('latin1', 5, end) === expected
    }),
    { seed: chooseSeed('kept'), numRuns: 1000 },
  )
})

test('a head longer than all before it finds room', () => {
  const composer = new HeadComposer()
  for (const length of [10, 4_000, 8_192, 40_000, 10]) {
    const subject = 's'.repeat(length)
    const reply = 'r'.repeat(length)
    composer.compose(runOf(subject, reply, 999_999_998, 999_999_999), '', '1', true)
    expect(headOf(composer)).toBe(`HMSG ${subject} 1 ${reply} 999999998 999999999\r\n`)
    composer.compose(runOf('a', '', 0, 0), '', 'x'.repeat(length), false)
    expect(headOf(composer)).toBe(`MSG a ${'x'.repeat(length)} 0\r\n`)
  }
})

test('a reply that stands at the very end of its block is not read past', () => {
  const run = runOf('a', 'reply.to', 0, 5)
  const tight = allocateBlock(run.replyEnd)
  run.line.bytes.copy(tight.bytes, 0, 0, run.replyEnd)
  run.line = tight
  const composer = new HeadComposer()
  composer.compose(run, '', '1', false)
  expect(headOf(composer)).toBe('MSG a 1 reply.to 5\r\n')
})

test('a request that nobody hears is answered with status 503 and the right sizes', () => {
  for (const subject of ['service', 's', '\xc3\xa4'.repeat(40)]) {
    const answer = encodeNoResponders(subject, '_INBOX.1', '9').toString('latin1')
    const [head, ...lines] = answer.split('\r\n')
    // Reference 10: 32 bytes and the subject's.
    expect(head).toBe(`HMSG _INBOX.1 9 ${32 + subject.length} ${32 + subject.length}`)
    expect(lines).toEqual(['NATS/1.0 503', `Nats-Subject: ${subject}`, '', '', ''])
    expect(answer.length).toBe(head.length + 2 + 32 + subject.length + 2)
  }
})

test('what leads to a receiver and what it sees may be two subjects, in another account too', () => {
  const pool = new ChunkPool()
  const composer = new HeadComposer()
  const message: RawMessage = {
    subject: 'deliver.to',
    shown: 'orders.1',
    reply: '$JS.ACK.1',
    header: Buffer.from('NATS/1.0\r\n\r\n'),
    payload: Buffer.from('text'),
    isImported: false,
  }
  const seen: string[] = []
  const note = (run: Run, subject: string): void => {
    composer.begin(run, subject, '7', true)
    const to = allocateBlock(200)
    const end = composer.write(to, 0, run, 0, 1)
    seen.push(`${subjectOf(run)}: ${to.bytes.toString('latin1', 0, end)}`)
  }
  composeRaw(pool, message, (run) => {
    note(run, '')
    note(run, 'what.an.import.makes.of.it')
    const rewrite = { subject: 'elsewhere', reply: 'back', header: '', isImported: true }
    rewriteRun(pool, run, 0, 1, rewrite, (rewritten) => note(rewritten, ''))
  })
  const shown = (reply: string): string => `HMSG orders.1 7 ${reply} 12 16\r\nNATS/1.0\r\n\r\ntext\r\n`
  expect(seen).toEqual([
    `deliver.to: ${shown('$JS.ACK.1')}`,
    `deliver.to: ${shown('$JS.ACK.1')}`,
    `elsewhere: ${shown('back')}`,
  ])
})
