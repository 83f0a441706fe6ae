// Whatever a stranger sends is read in time by its length: each entry is given the worst of n and of 2n bytes, and may
// take twice the steps.

import { describe, expect, test } from 'vitest'
import { samplingHeaders } from '../src/accounts/trace-headers.ts'
import { readTraceHeaders, withTracingDisabled } from '../src/tracing/headers.ts'
import { HeadCollector } from '../src/websocket/head.ts'
import { OriginPolicy } from '../src/websocket/origin.ts'
import { cookiesOf, hasToken, readRequest } from '../src/websocket/request.ts'
import { workOf } from './support/work.ts'

/** An entry, and inputs of `n` chars that are meant to be hard for it. */
interface Entry {
  readonly name: string
  readonly read: (text: string) => unknown
  readonly shapes: Readonly<Record<string, (n: number) => string>>
}

const blanks = (n: number): string => ' '.repeat(n)
const many = (unit: string, n: number): string => unit.repeat(Math.ceil(n / unit.length))

const request = (header: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${header}`

function readHandshake(text: string): void {
  const head = readRequest(text)
  if ('status' in head) return
  cookiesOf(head)
  hasToken(head, 'connection', 'upgrade')
}

const headers = (lines: string): string => `NATS/1.0\r\n${lines}\r\n\r\n`

/** Lines that are hard for those who look for names, blanks and ends. */
const HEADER_SHAPES: Entry['shapes'] = {
  'blanks inside': (n) => headers(`traceparent: a${blanks(n)}b`),
  'blanks at the end': (n) => headers(`traceparent: a${blanks(n)}\r`),
  'blanks alone': (n) => headers(`Nats-Trace-Dest:${blanks(n)}`),
  tabs: (n) => headers(`Nats-Trace-Dest: t\r\nx: a${'\t'.repeat(n)}b`),
  'lines without colons': (n) => headers(many('a\r\n', n)),
  'many names': (n) => headers(Array.from({ length: n / 10 }, (_, i) => `n${i}: v`).join('\r\n')),
  'one name': (n) => headers(many('Traceparent: a\r\n', n)),
  'empty lines': (n) => headers(many('\r\n', n)),
  'carriage returns': (n) => headers('\r'.repeat(n)),
  dashes: (n) => headers(`traceparent: ${'-'.repeat(n)}`),
  colons: (n) => headers(`uber-trace-id: ${':'.repeat(n)}`),
  'dashes in a name': (n) => headers(`${'a-'.repeat(n / 2)}: b`),
}

const ENTRIES: readonly Entry[] = [
  {
    name: 'the head of a WebSocket handshake',
    read: readHandshake,
    shapes: {
      'blanks inside a value': (n) => request(`x: a${blanks(n)}b`),
      'blanks behind a value': (n) => request(`x: a${blanks(n)}\x01`),
      'blanks before a value': (n) => request(`x:${blanks(n)}\x01`),
      tabs: (n) => request(`x: a${'\t'.repeat(n)}b`),
      'blanks in a cookie': (n) => request(`Cookie: a=b${blanks(n)}"c`),
      'blanks before a cookie': (n) => request(`Cookie: ${many(`${blanks(50)}=;`, n)}`),
      'many cookies': (n) => request(`Cookie: ${many('a=b;', n)}`),
      'many headers': (n) => request(many('a:b\r\n', n).slice(0, -2)),
      'many different headers': (n) => request(Array.from({ length: n / 10 }, (_, i) => `n${i}: v`).join('\r\n')),
      'commas in Connection': (n) => request(`Connection: ${','.repeat(n)}`),
      'blanks in Connection': (n) => request(`Connection: a${blanks(n)}b`),
      'a long name': (n) => request(`${'a'.repeat(n)} : b`),
      'a long method': (n) => 'G'.repeat(n),
      'a long target': (n) => `GET /${'%20'.repeat(n / 3)} HTTP/1.1\r\nHost: a`,
      'blanks in the first line': (n) => `GET${blanks(n)}/ HTTP/1.1\r\nHost: a`,
      'carriage returns': (n) => request(`x: ${'\r'.repeat(n)}`),
      'a scheme without an end': (n) => `GET ${'a'.repeat(n)} HTTP/1.1\r\nHost: a`,
      'marks in the target': (n) => `GET /${'?#'.repeat(n / 2)} HTTP/1.1\r\nHost: a`,
    },
  },
  {
    name: 'a WebSocket handshake, byte by byte',
    read: (text) => {
      const collector = new HeadCollector()
      for (const byte of Buffer.from(text, 'latin1')) collector.take(Uint8Array.of(byte))
    },
    shapes: {
      'no end': (n) => 'a'.repeat(n),
      'carriage returns': (n) => '\r'.repeat(n),
      lines: (n) => many('a\r\n', n),
    },
  },
  {
    name: 'an origin',
    read: (text) => new OriginPolicy(true, ['http://a.b']).objection(text, text, false),
    shapes: {
      'a scheme': (n) => 'a'.repeat(n),
      host: (n) => `http://${'a'.repeat(n)}`,
      users: (n) => `http://${'a@'.repeat(n / 2)}`,
      brackets: (n) => `http://${'['.repeat(n)}`,
      port: (n) => `http://a:${'1'.repeat(n)}x`,
    },
  },
  {
    name: 'headers that may ask for a trace',
    read: (text) => {
      readTraceHeaders(Buffer.from(text, 'latin1'))
      withTracingDisabled(text)
    },
    shapes: HEADER_SHAPES,
  },
  {
    name: 'headers that may ask for a sample',
    read: (text) => samplingHeaders(Buffer.from(text)),
    shapes: HEADER_SHAPES,
  },
]

describe('the count', () => {
  const text = 'a'.repeat(1_000)

  test('sees loops of the product, built-in functions in them, and expressions that are not linear', () => {
    expect(workOf(() => new HeadCollector().take(Buffer.from(text))).steps).toBeGreaterThan(1_000)
    expect(
      workOf(() => {
        for (let i = 0; i < 10; i++) text.indexOf('b')
      }).steps,
    ).toBeGreaterThan(10_000)
    expect(workOf(() => text.replace(/[ab]+$/, '')).expressions).toEqual(['/[ab]+$/'])
  })

  test('is the same each time', () => {
    const head = request(`Cookie: ${many('a=b; ', 1_000)}`)
    readHandshake(head)
    const { steps } = workOf(() => readHandshake(head))
    expect(workOf(() => readHandshake(head)).steps).toBe(steps)
  })
})

const N = 2_000

describe.each(ENTRIES)('$name', ({ read, shapes }) => {
  test.each(Object.entries(shapes))('%s', (_, shape) => {
    const [once, twice] = [shape(N), shape(2 * N)]
    read(once) // what is made at the first use is not counted
    const { steps, expressions } = workOf(() => read(once))
    expect(expressions).toEqual([])
    expect(workOf(() => read(twice)).steps).toBeLessThan(2.2 * steps + 100)
  })
})
