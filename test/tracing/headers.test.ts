// What headers say of tracing, and the search that comes before.

import { describe, expect, test } from 'vitest'
import { mayAskForTrace, readTraceHeaders, withTracingDisabled } from '../../src/tracing/headers.ts'
import { Needle } from '../../src/tracing/needle.ts'
import { chooseSeed, Random } from '../support/random.ts'

const block = (...lines: string[]): Buffer =>
  Buffer.from(`NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`)

const mayAsk = (bytes: Buffer, length: number, hasOwnDest: boolean): boolean =>
  mayAskForTrace(bytes, 0, length, length, 1, hasOwnDest)

describe('the search', () => {
  test('finds a word wherever it is, and only between the bounds', () => {
    const random = new Random(chooseSeed('needle'))
    for (const ignoresCase of [false, true]) {
      for (const word of ['a', 'aa', 'aba', 'traceparent', 'nats-trace-dest']) {
        const needle = new Needle(word, ignoresCase)
        for (let i = 0; i < 2_000; i++) {
          // Few letters, so that parts of the word come often.
          const letters = `${word}${word.toUpperCase()}.`
          let text = Array.from({ length: random.below(40) }, () => random.pick([...letters])).join('')
          if (random.chance(0.5)) text = text.slice(0, 3) + word + text.slice(3)
          const start = random.below(text.length + 1)
          const end = start + random.below(text.length - start + 1)
          const piece = text.slice(start, end)
          const expected = (ignoresCase ? piece.toLowerCase() : piece).includes(word)
          expect(needle.isInAny(Buffer.from(text), start, end - start, 0, 1), `${word} in ${piece}`).toBe(expected)
        }
      }
    }
  })

  test('does not look outside of the headers', () => {
    const bytes = Buffer.concat([block('A: b'), Buffer.from('Nats-Trace-Dest: x\r\n')])
    expect(mayAsk(bytes, block('A: b').length, true)).toBe(false)
    expect(mayAsk(bytes, bytes.length, true)).toBe(true)
  })

  test('looks into every message of a run', () => {
    const pieces = ['A: b', 'Nats-Trace-Dest: x', 'C: d'].map(
      (line) => block(line.padEnd(30)).toString() + '–payload'.repeat(2),
    )
    const bytes = Buffer.from(pieces.join(''), 'latin1')
    const length = block(''.padEnd(30)).length
    const stride = bytes.length / 3
    expect([1, 2, 3].map((count) => mayAskForTrace(bytes, 0, length, stride, count, false))).toEqual([
      false,
      true,
      true,
    ])
    expect(mayAskForTrace(bytes, 2 * stride, length, stride, 1, false)).toBe(false)
  })

  test('takes a traceparent of any case, where there is a destination for it', () => {
    const bytes = block('TRACEparent: 00-1-2-01')
    expect(mayAsk(bytes, bytes.length, true)).toBe(true)
    expect(mayAsk(bytes, bytes.length, false)).toBe(false)
  })
})

describe('headers', () => {
  test('names keep their case, values are trimmed, and those without either are left out', () => {
    expect(readTraceHeaders(block('Nats-Trace-Dest:  d\t', 'b: 1', 'B:2', 'b: 3', 'e:', ': v', 'no colon'))).toEqual({
      headers: { B: ['2'], 'Nats-Trace-Dest': ['d'], b: ['1', '3'] },
      destination: 'd',
      isOnlyTraced: false,
      hasOriginAccount: false,
      acceptsGzip: false,
    })
  })

  test.each([
    ['1', true],
    ['TRUE', true],
    ['on', true],
    ['0', false],
    ['yes', false],
  ])('Nats-Trace-Only: %s', (value, expected) => {
    expect(readTraceHeaders(block('Nats-Trace-Dest: d', `Nats-Trace-Only: ${value}`))?.isOnlyTraced).toBe(expected)
  })

  test.each([
    ['00-a-b-01', true],
    ['00-a-b-7f', true],
    ['00-a-b-00', false],
    ['00-a-b-ff', false],
    ['00-a-b-1', false],
    ['00-a-01', false],
    ['00-a-b-c-01', false],
    ['00-a-b-xx', false],
  ])('traceparent: %s', (value, expected) => {
    expect(readTraceHeaders(block(`Traceparent: ${value}`)) !== undefined).toBe(expected)
  })

  test.each([
    ['none', block('A: b')],
    ['another name', block('nats-trace-dest: d')],
    ['turned off', block('Nats-Trace-Dest: trace disabled')],
    ['turned off, with a traceparent', block('traceparent: 00-a-b-01', 'Nats-Trace-Dest: trace disabled')],
    ['no version', Buffer.from('Nats-Trace-Dest: d\r\n\r\n')],
    ['nothing', Buffer.alloc(0)],
  ])('%s: no trace', (_, bytes) => {
    expect(readTraceHeaders(bytes)).toBeUndefined()
  })

  test('any bytes are headers or not, but no error', () => {
    const random = new Random(chooseSeed('headers'))
    const pieces = [
      'NATS/1.0\r\n',
      'Nats-Trace-Dest',
      ':',
      ' ',
      '\r\n',
      '\n',
      '\r',
      '__proto__',
      'traceparent',
      '\xff',
      '-01',
    ]
    for (let i = 0; i < 5_000; i++) {
      const text = Array.from({ length: random.below(12) }, () => random.pick(pieces)).join('')
      const read = readTraceHeaders(Buffer.from(`${random.chance(0.8) ? 'NATS/1.0\r\n' : ''}${text}`, 'latin1'))
      if (read !== undefined) expect(Object.keys(read.headers).length).toBeGreaterThan(0)
    }
  })

  test('tracing is turned off once, at the end', () => {
    const headers = block('A: b', 'Nats-Trace-Dest: x', 'Nats-Trace-Dest: y', 'Nats-Trace-Only: 1').toString()
    expect(withTracingDisabled(headers)).toBe(
      'NATS/1.0\r\nA: b\r\nNats-Trace-Only: 1\r\nNats-Trace-Dest: trace disabled\r\n\r\n',
    )
  })
})
