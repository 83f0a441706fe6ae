// The client's parser: each fixture whole, cut at every place, and byte by byte, gives the same calls.

import { expect, test } from 'vitest'
import { ProtocolError } from '../../src/client/errors.ts'
import { Parser, type ParserHandler } from '../../src/client/parser.ts'
import { chooseSeed, Random } from '../support/random.ts'

const text = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.subarray(start, end)).toString('latin1')

/** Writes down each call. */
class Recorder implements ParserHandler {
  readonly calls: string[] = []

  processMsg(m: Parser): void {
    const { bytes } = m
    const parts = [
      text(bytes, m.subjectStart, m.subjectEnd),
      m.sid,
      text(bytes, m.replyStart, m.replyEnd),
      text(bytes, m.headerStart, m.payloadStart),
      text(bytes, m.payloadStart, m.payloadEnd),
    ]
    this.calls.push(`MSG ${JSON.stringify(parts)}`)
  }

  processInfo(json: string): void {
    this.calls.push(`INFO ${json.trim()}`)
  }

  processPing(): void {
    this.calls.push('PING')
  }

  processPong(): void {
    this.calls.push('PONG')
  }

  processOk(): void {
    this.calls.push('OK')
  }

  processErr(error: string): void {
    this.calls.push(`ERR ${error}`)
  }
}

function callsOf(...chunks: readonly Uint8Array[]): string[] {
  const recorder = new Recorder()
  const parser = new Parser(recorder)
  for (const chunk of chunks) parser.parse(chunk)
  return recorder.calls
}

const HEADER = 'NATS/1.0\r\na: b\r\n\r\n'
const FIXTURES = [
  'INFO {"server_id":"a","max_payload":10}\r\n',
  'PING\r\nPONG\r\n+OK\r\n',
  "-ERR 'Authorization Violation'\r\n",
  'MSG foo 1 3\r\nbar\r\n',
  'MSG foo 1 0\r\n\r\n',
  'MSG foo 12 _INBOX.1 5\r\nhello\r\n',
  `HMSG foo 1 ${HEADER.length} ${HEADER.length + 2}\r\n${HEADER}ab\r\n`,
  `HMSG foo 1 reply ${HEADER.length} ${HEADER.length}\r\n${HEADER}\r\n`,
  // The second is like the first; payloads look like operations.
  'MSG foo 1 3\r\nbar\r\nMSG foo 1 3\r\nbaz\r\nMSG foo 1 3\r\nMSG\r\nPING\r\nMSG foo 2 3\r\nbar\r\nMSG foo 2 12\r\nMSG foo 1 3\n\r\n',
]

test('every fixture gives the same calls however it is cut', () => {
  for (const fixture of [...FIXTURES, FIXTURES.join('')]) {
    const bytes = Buffer.from(fixture)
    const whole = callsOf(bytes)
    expect(whole.length).toBeGreaterThan(0)
    for (let at = 1; at < bytes.length; at++) {
      expect(callsOf(bytes.subarray(0, at), bytes.subarray(at)), `cut at ${at}: ${fixture}`).toEqual(whole)
    }
    expect(callsOf(...Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toEqual(whole)
  }
})

test('the parts of a message are what the line says', () => {
  expect(callsOf(Buffer.from(FIXTURES.slice(3, 8).join('')))).toEqual([
    'MSG ["foo",1,"","","bar"]',
    'MSG ["foo",1,"","",""]',
    'MSG ["foo",12,"_INBOX.1","","hello"]',
    `MSG ${JSON.stringify(['foo', 1, '', HEADER, 'ab'])}`,
    `MSG ${JSON.stringify(['foo', 1, 'reply', HEADER, ''])}`,
  ])
})

test('random messages, cut at random, come out as they went in', () => {
  const random = new Random(chooseSeed('client parser'))
  for (let round = 0; round < 200; round++) {
    const expected: string[] = []
    const parts: string[] = []
    for (let i = 0; i < 20; i++) {
      const subject = random.pick(['a', 'b.c', 'a.much.longer.subject', `s${random.below(3)}`])
      const reply = random.chance(0.3) ? `r.${random.below(1000)}` : ''
      const header = random.chance(0.3) ? HEADER : ''
      const payload = 'x'.repeat(random.pick([0, 1, 3, 3, 200]))
      const sid = 1 + random.below(2)
      const sizes = header === '' ? `${payload.length}` : `${header.length} ${header.length + payload.length}`
      parts.push(
        `${header === '' ? 'MSG' : 'HMSG'} ${subject} ${sid}${reply === '' ? '' : ` ${reply}`} ${sizes}\r\n${header}${payload}\r\n`,
      )
      expected.push(`MSG ${JSON.stringify([subject, sid, reply, header, payload])}`)
    }
    const bytes = Buffer.from(parts.join(''))
    const chunks: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + random.below(random.pick([3, 40, 400]))
      chunks.push(bytes.subarray(at, at + length))
      at += length
    }
    expect(callsOf(...chunks)).toEqual(expected)
  }
})

test('what is no operation is refused', () => {
  for (const wrong of [
    'NONSENSE\r\n',
    'MSG\r\n',
    'MSG foo\r\n',
    'MSG foo 1\r\n',
    'MESSAGE foo 1 3\r\nbar\r\n',
    'MSG foo x 3\r\nbar\r\n',
    'MSG foo 1 3x\r\nbar\r\n',
    'MSG foo 0 3\r\nbar\r\n',
    'MSG foo 1 2\r\nbar\r\n',
    'MSG foo 1 -3\r\nbar\r\n',
    'HMSG foo 1 9 3\r\nbar\r\n',
    'HMSG foo 1 3\r\nbar\r\n',
    'PINGS\r\n',
    '\r\n',
    `MSG foo 1 ${'9'.repeat(20)}\r\n`,
    'MSG foo 1 999999999999\r\n',
  ]) {
    expect(() => callsOf(Buffer.from(wrong)), wrong).toThrow(ProtocolError)
  }
})

test('a line without end is not gathered for ever', () => {
  const parser = new Parser(new Recorder())
  const chunk = Buffer.alloc(256 * 1024, 'x')
  chunk[0] = 73
  expect(() => {
    for (let i = 0; i < 8; i++) parser.parse(i === 0 ? chunk : chunk.subarray(1))
  }).toThrow(ProtocolError)
})

test('a stopped parser makes no more calls, in the middle of a chunk too', () => {
  const recorder = new Recorder()
  const parser = new Parser(recorder)
  recorder.processPing = () => parser.stop()
  parser.parse(Buffer.from('PONG\r\nPING\r\nPONG\r\n'))
  parser.parse(Buffer.from('PONG\r\n'))
  expect(recorder.calls).toEqual(['PONG'])
})
