// Whatever a stranger sends is read in time by its length: each entry is given the worst of n and of 2n bytes, and may
// take about twice the steps.

import { describe, expect, test } from 'vitest'
import { Members } from '../src/auth/jwt/members.ts'
import { readRights, whyNotRights } from '../src/auth/jwt/rights.ts'
import { isOneWithinAnother } from '../src/auth/jwt/subjects.ts'
import { fillTemplates } from '../src/auth/jwt/templates.ts'
import { decodeAnyToken } from '../src/auth/jwt/token.ts'
import { CompiledPermissions } from '../src/auth/permissions.ts'
import { quote } from '../src/base/errors.ts'
import { readCredentials } from '../src/http/credentials.ts'
import { toMessage } from '../src/http/message-headers.ts'
import { readWish } from '../src/http/wish.ts'
import { traceOperation } from '../src/log/trace.ts'
import { allocateBlock } from '../src/memory/block.ts'
import { BasicAuth } from '../src/monitor/basic-auth.ts'
import { prefersOpenMetrics } from '../src/monitor/pages/open-metrics.ts'
import { parseTarget } from '../src/monitor/parameters.ts'
import { parseConnect } from '../src/protocol/connect.ts'
import { defaultConnectOptions } from '../src/protocol/handshake.ts'
import { Parser } from '../src/protocol/parser.ts'
import { samplingHeaders } from '../src/services/sampling-headers.ts'
import { compileTransform } from '../src/subjects/transform.ts'
import { bodyShape, readBody } from '../src/system/primary/request-options.ts'
import { OriginPolicy } from '../src/text/origin.ts'
import { goText } from '../src/text/utf8.ts'
import { der, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET } from '../src/tls/der.ts'
import { peerNames } from '../src/tls/names.ts'
import { readTraceHeaders, withTracingDisabled } from '../src/tracing/headers.ts'
import { offersIn } from '../src/websocket/extensions.ts'
import { CARRY_MAX, type FrameHandler, FrameReader } from '../src/websocket/frame-reader.ts'
import { HeadCollector } from '../src/websocket/head.ts'
import { cookiesOf, hasToken, readRequest } from '../src/websocket/request.ts'
import { CountingPool } from './memory/counting-pool.ts'
import { CallRecorder, FEED_DEFAULTS } from './protocol/feed.ts'
import { frame, Opcode } from './support/websocket.ts'
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

/** Members of an object, with names that are all different. */
const objectMembers = (n: number): string => Array.from({ length: n / 10 }, (_, i) => `"m${i}":1`).join(',')
const base64 = (text: string): string => Buffer.from(text).toString('base64url')
const tokenOf = (header: string, claims: string): string => `${base64(header)}.${base64(claims)}.${'a'.repeat(86)}`
const WHO = { id: '', subject: '', issuer: '', audience: '', issuedAt: 0, expires: 0, notBefore: 0, tags: ['a:b'] }
const NAMED = { user: { ...WHO, name: 'u' }, account: { ...WHO, name: 'a' }, issuerAccount: '' }

/** Parts of a subject, as a byte string: so many of a type (hex, with tag and length). */
function attributes(count: number, type: string, value: string): string {
  const one = der(SET, der(SEQUENCE, Buffer.from(type, 'hex'), der(0x0c, Buffer.from(value))))
  return Buffer.concat(new Array(count).fill(one)).toString('latin1')
}

/** What is read of a certificate, around the parts of its subject. */
function certificateOf(subject: Buffer): Buffer {
  const empty = der(SEQUENCE)
  const head = [der(INTEGER, Buffer.from([1])), empty, empty, empty]
  return der(SEQUENCE, der(SEQUENCE, ...head, der(SEQUENCE, subject), empty))
}

const NO_FRAMES: FrameHandler = {
  frameData: () => undefined,
  frameCompressed: () => true,
  framePing: () => undefined,
  frameClose: () => undefined,
  frameFault: ({ text }) => expect.fail(text),
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
    name: 'a request by HTTP',
    read: (url) => ['GET', 'POST'].map((method) => readWish({ method, url, headers: { accept: url } }, 1000)),
    shapes: {
      'a subject': (n) => `/v1/subjects/${'a'.repeat(n)}`,
      tokens: (n) => `/v1/subjects/${many('a.', n)}b`,
      escapes: (n) => `/v1/subjects/${many('%41', n)}`,
      slashes: (n) => `/v1/subjects${'/'.repeat(n)}`,
      parameters: (n) => `/v1/requests/a?${many('a=b&', n)}`,
      'a time span': (n) => `/v1/requests/a?timeout=${many('1s', n)}`,
      'a queue': (n) => `/v1/subjects/a?queue=${many('%C3%A9', n)}`,
    },
  },
  {
    name: 'headers of HTTP for a message',
    read: (text) => toMessage(text.split('\n')),
    shapes: {
      'many names': (n) => Array.from({ length: n / 10 }, (_, i) => `nats-${i}\nv`).join('\n'),
      'one name often': (n) => many('nats-a\nv\n', n).slice(0, -1),
      'a long name': (n) => `nats-${many('a-', n)}\nv`,
      'a long value': (n) => `nats-a\n${'\xe9'.repeat(n)}`,
    },
  },
  {
    name: 'credentials by HTTP',
    read: (text) => readCredentials(text, false),
    shapes: {
      Basic: (n) => `Basic ${base64(':'.repeat(n))}`,
      blanks: (n) => `Bearer${blanks(n)}x`,
      'a scheme': (n) => 'a'.repeat(n),
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
    name: 'a token',
    read: (text) => decodeAnyToken(text),
    shapes: {
      dots: (n) => '.'.repeat(n),
      letters: (n) => `${'a'.repeat(n)}.b.!`,
      'header of blanks': (n) => tokenOf(`{"typ":"JWT"${blanks(n)}}`, '{}'),
      'nested claims': (n) =>
        tokenOf('{"typ":"JWT","alg":"ed25519"}', `{"nats":${many('[', n / 2)}${many(']', n / 2)}}`),
      'many members': (n) => tokenOf('{"typ":"JWT","alg":"ed25519"}', `{${objectMembers(n)}}`),
      'many tags': (n) => tokenOf('{"typ":"JWT","alg":"ed25519"}', `{"nats":{"tags":[${many('"",', n)}""]}}`),
      'an algorithm': (n) => tokenOf(`{"typ":"JWT","alg":"ed25519${'-nkey'.repeat(n / 5)}"}`, '{}'),
    },
  },
  {
    name: 'rights of a token',
    read: (text) => {
      const rights = readRights(new Members(JSON.parse(text), '', []), 0)
      if (whyNotRights(rights) === undefined) fillTemplates(rights, NAMED)
      fillTemplates(rights, NAMED)
    },
    shapes: {
      sources: (n) => JSON.stringify({ src: many('1.2.3.4/8 , ', n) }),
      'a source': (n) => JSON.stringify({ src: `${'1'.repeat(n)}/` }),
      'a time of day': (n) => JSON.stringify({ times: [{ start: `1:11:11.${'1'.repeat(n)}x`, end: '' }] }),
      'open braces': (n) => JSON.stringify({ pub: { allow: [many('{', n)] } }),
      'braces without operations': (n) => JSON.stringify({ pub: { allow: [many('{{}', n)] } }),
      templates: (n) => JSON.stringify({ pub: { allow: [many('{{name()}}.', n)] } }),
      'templates of many spellings': (n) =>
        JSON.stringify({
          pub: { allow: [Array.from({ length: n / 50 }, (_, i) => `{{${blanks(i % 40)}name()}}`).join('.')] },
        }),
      'a tag': (n) => JSON.stringify({ pub: { allow: [`{{tag(${'('.repeat(n)}}}`] } }),
      'tags without values': (n) => JSON.stringify({ pub: { allow: [many('{{tag(none)}}', n)] } }),
      'dots in a subject': (n) => JSON.stringify({ sub: { allow: [many('.', n)] } }),
      'many subjects': (n) => JSON.stringify({ sub: { allow: new Array(n / 10).fill('a.b') } }),
    },
  },
  {
    name: 'permissions',
    read: (text) => new CompiledPermissions({ publish: { allow: [text] }, subscribe: undefined, responses: undefined }),
    shapes: {
      blanks: (n) => `a${blanks(n)}b`,
      words: (n) => many('a ', n),
      dots: (n) => many('a.', n),
    },
  },
  {
    name: 'a destination of a mapping',
    read: (text) => compileTransform('a.*.>', text),
    shapes: {
      'blanks in a call': (n) => `{{a${blanks(n)}(}}`,
      'ends of calls': (n) => `{{partition(${many(')  ', n)}x}}`,
      arguments: (n) => `b.{{partition(9${many(', 1', n)})}}.>`,
      'blanks behind a comma': (n) => `b.{{partition(9,${blanks(n)}1)}}.>`,
      number: (n) => `b.{{wildcard(${'1'.repeat(n)})}}.>`,
      tokens: (n) => `${many('$1.', n)}>`,
    },
  },
  {
    name: 'exports and imports of an account',
    read: (text) => isOneWithinAnother(text.split(' ')),
    shapes: {
      'all different': (n) => Array.from({ length: n / 10 }, (_, i) => `a.b${i}.c`).join(' '),
      'with wildcards': (n) => Array.from({ length: n / 10 }, (_, i) => `a.*.c${i}.>`).join(' '),
      'ever longer': (n) => Array.from({ length: Math.sqrt(n) }, (_, i) => `${many('a.', 2 * i)}b`).join(' '),
      'many tokens': (n) => `${many('a.', n)}b ${many('*.', n)}c`,
      equal: (n) => new Array(n / 2).fill('a').join(' '),
    },
  },
  {
    name: 'a certificate’s names',
    read: (text) => peerNames(certificateOf(Buffer.from(text, 'latin1'))),
    shapes: {
      'many parts': (n) => attributes(n / 10, '0603550403', 'a'),
      'many domains': (n) => attributes(n / 10, '060a0992268993f22c640119', 'a'),
      'a long name': (n) => attributes(1, '0603550403', `${blanks(n)}${','.repeat(n)}`),
      'a long type': (n) => attributes(1, der(OBJECT_IDENTIFIER, Buffer.alloc(n, 0x55)).toString('hex'), 'a'),
    },
  },
  {
    name: 'extensions that a WebSocket offers',
    read: offersIn,
    shapes: {
      commas: (n) => ','.repeat(n),
      blanks: (n) => `a${blanks(n)}`,
      offers: (n) => many('a;b=c,', n),
      parameters: (n) => `a${many(';b="c"', n)}`,
      'a quote without an end': (n) => `a;b="${'\\'.repeat(n)}`,
    },
  },
  {
    name: 'frames of one byte',
    read: (text) => {
      const bytes = Buffer.concat(Array.from(text, (char) => frame(Opcode.continuation, char, { fin: false })))
      const whole = Buffer.concat([frame(Opcode.binary, '', { fin: false }), bytes])
      const block = allocateBlock(CARRY_MAX + whole.length)
      whole.copy(block.bytes, CARRY_MAX)
      const reader = new FrameReader(NO_FRAMES, true, false)
      for (let at = 0; at < whole.length; at++) reader.push(block, CARRY_MAX + at, CARRY_MAX + at + 1)
    },
    shapes: { fragments: (n) => 'a'.repeat(n) },
  },
  {
    name: 'what the log quotes',
    read: quote,
    shapes: {
      controls: (n) => '\x01'.repeat(n),
      'bytes that are no text': (n) => '\xe2\x82'.repeat(n / 2),
      quotes: (n) => '"'.repeat(n),
    },
  },
  {
    name: 'CONNECT',
    read: (text) => parseConnect(goText(Buffer.from(text, 'latin1')), defaultConnectOptions()),
    shapes: {
      'nested lists': (n) => `{"x":${'['.repeat(n / 2)}${']'.repeat(n / 2)}}`,
      'one name': (n) => `{${many('"name":"a",', n)}"name":"b"}`,
      'many names': (n) => `{${objectMembers(n)}}`,
      'a long number': (n) => `{"protocol":${'1'.repeat(n)}}`,
      'blanks behind a value': (n) => `{"name":"a"${blanks(n)}}`,
      'bytes that are no text': (n) => `{"name":"${'\xe2\x82'.repeat(n / 2)}"}`,
      'halves of pairs': (n) => `{"name":"${many('\\ud800', n)}"}`,
      permissions: (n) => `{"import":{"allow":[${many('"a",', n)}"a"]}}`,
      'no end': (n) => `{"name":"${'a'.repeat(n)}`,
    },
  },
  {
    name: 'CONNECT in the trace',
    read: (text) => traceOperation('CONNECT', text),
    shapes: {
      'blanks behind a text': (n) => `{"name":"a"${blanks(n)}}`,
      quotes: (n) => `{"name":"${many('\\"', n)}"}`,
      'many texts': (n) => `{"name":[${many('"",', n)}""]}`,
      numbers: (n) => `{"name":[${many('1,', n)}1]}`,
      'one number': (n) => `{"name":${'1'.repeat(n)}}`,
      'many members': (n) => `{${objectMembers(n)}}`,
      'no end': (n) => `{"name":"${'a'.repeat(n)}`,
    },
  },
  {
    name: 'a page’s address',
    read: (text) => {
      const { parameters } = parseTarget(text)
      parameters.integer('a')
      parameters.unsigned('a')
      parameters.boolean('b')
      parameters.text('c')
    },
    shapes: {
      zeros: (n) => `/?a=${'0'.repeat(n)}x`,
      digits: (n) => `/?a=${'9'.repeat(n)}x`,
      escapes: (n) => `/?c=${'%20'.repeat(n / 3)}%`,
      pairs: (n) => `/?${many('a=1&', n)}`,
      'different pairs': (n) => `/?${Array.from({ length: n / 10 }, (_, i) => `p${i}=1`).join('&')}`,
      marks: (n) => `/${many('?#', n)}`,
      pluses: (n) => `/?c=${'+'.repeat(n)}`,
      'an authority': (n) => `http://${'a'.repeat(n)}`,
    },
  },
  {
    name: 'credentials of a page',
    read: (text) => new BasicAuth('a', 'b').allows(text),
    shapes: {
      letters: (n) => `Basic ${'a'.repeat(n)}!`,
      blanks: (n) => `Basic ${blanks(n)}a`,
      paddings: (n) => `Basic ${'='.repeat(n)}`,
    },
  },
  {
    name: 'what a page is wanted as',
    read: prefersOpenMetrics,
    shapes: {
      commas: (n) => ','.repeat(n),
      semicolons: (n) => `text/plain${';'.repeat(n)}`,
      blanks: (n) => `text/plain;${blanks(n)}q=1`,
      ranges: (n) => many('text/plain;q=0.1,', n),
    },
  },
  {
    name: 'a request to the server itself',
    read: (text) => readBody(Buffer.from(text), bodyShape('Statsz', {})),
    shapes: {
      blanks: (n) => blanks(n),
      'no JSON': (n) => `${blanks(n)}x${blanks(n)}`,
      'no end': (n) => `{"tags":[${many('"a",', n)}`,
      tags: (n) => `{"tags":[${many('"a",', n)}"a"]}`,
      members: (n) => `{${objectMembers(n)}}`,
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
})

const N = 2_000
/** Of twice the length, at most so many times the steps; the square would be four times. V8 may miss a few. */
const MOST = 3

/** Bytes in pieces, as a parser is given them by its shard. */
function feedInPieces(text: string, pieceBytes: number, maxControlLine: number): void {
  const parser = new Parser(new CallRecorder(), new CountingPool(), { ...FEED_DEFAULTS, maxControlLine })
  parser.allowHeaders(true)
  const start = 2 * maxControlLine
  const block = allocateBlock(start + pieceBytes)
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const length = bytes.copy(block.bytes, start, at, at + pieceBytes)
    parser.push(block, start, start + length)
  }
  parser.stop()
}

describe('operations, byte by byte', () => {
  test.each<[string, (n: number) => string]>([
    ['CONNECT', (n) => `CONNECT {"name":"${'a'.repeat(n)}"}\r\n`],
    ['CONNECT without an end', (n) => `CONNECT ${'{'.repeat(n)}`],
    ['a long subject', (n) => `SUB ${'a'.repeat(n)} 1\r\n`],
    ['many arguments', (n) => `SUB ${'a '.repeat(n / 2)}`],
    ['blanks', (n) => `PUB ${' '.repeat(n)}a 1`],
    ['carriage returns', (n) => `PUB a${'\r'.repeat(n)}`],
    ['a line that is not read', (n) => `PING ${'a'.repeat(n)}\r\n`],
    ['many lines', (n) => many('SUB a 1\r\n', n)],
    ['a message', (n) => `PUB a ${n}\r\n${'a'.repeat(n)}\r\n`],
  ])('%s', (_, shape) => {
    const max = 1 << 16
    const [once, twice] = [shape(N), shape(2 * N)]
    feedInPieces(once, 1, max)
    const { steps } = workOf(() => feedInPieces(once, 1, max))
    expect(workOf(() => feedInPieces(twice, 1, max)).steps).toBeLessThan(MOST * steps + 1_000)
  })
})

describe.each(ENTRIES)('$name', ({ read, shapes }) => {
  test.each(Object.entries(shapes))('%s', (_, shape) => {
    const [once, twice] = [shape(N), shape(2 * N)]
    read(once) // what is made at the first use is not counted
    const { steps, expressions } = workOf(() => read(once))
    expect(expressions).toEqual([])
    expect(workOf(() => read(twice)).steps).toBeLessThan(MOST * steps + 100)
  })
})
