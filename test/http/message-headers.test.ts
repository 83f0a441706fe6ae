// Headers of messages and of HTTP, in both directions.

import { expect, test } from 'vitest'
import { MsgHdrsImpl } from '../../src/client/headers.ts'
import { toHttp, toMessage } from '../../src/http/message-headers.ts'
import { isProblem } from '../../src/http/problems.ts'

function message(...raw: string[]): Record<string, string[]> | undefined {
  const headers = toMessage(raw)
  if (headers === undefined) return undefined
  if (isProblem(headers)) throw new Error(headers.text)
  return headers.toRecord()
}

function http(lines: string): object {
  return toHttp(MsgHdrsImpl.decode(Buffer.from(`NATS/1.0${lines}\r\n\r\n`)))
}

test('what is the message’s goes with it, spelled as usual', () => {
  expect(message('Host', 'a', 'Cookie', 'b', 'X-Api-Key', 'c', 'Content-Type', 'text/plain')).toBeUndefined()
  expect(message('nats-msg-id', '1', 'Nats-Expected-Last-Msg-Id', '2', 'NATS-ODD', '3')).toEqual({
    'Nats-Msg-Id': ['1'],
    'Nats-Expected-Last-Msg-Id': ['2'],
    'NATS-ODD': ['3'],
  })
  expect(message('nats-ttl', '1s', 'nats-schedule-ttl', '2s')).toEqual({
    'Nats-TTL': ['1s'],
    'Nats-Schedule-TTL': ['2s'],
  })
  expect(message('nats-header-a', '1', 'Nats-Header-A', '2', 'Nats-Header-bB', '3')).toEqual({
    A: ['1', '2'],
    bB: ['3'],
  })
  expect(message('Traceparent', '00', 'tracestate', 'x')).toEqual({ traceparent: ['00'], tracestate: ['x'] })
  expect(
    message(
      'Nats-A',
      'é'
        .split('')
        .map((char) => Buffer.from(char).toString('latin1'))
        .join(''),
    ),
  ).toEqual({ 'Nats-A': ['é'] })
  expect(message('Nats-A', '\xe9')).toEqual({ 'Nats-A': ['é'] })
  expect(() => message('Nats-Header-', 'x')).toThrow('must be followed by a name')
})

test('headers of a message become those of an answer, and nothing else', () => {
  expect(toHttp(undefined)).toEqual({})
  expect(http('\r\nA: 1\r\nA: 2\r\nNats-Msg-Id: 3\r\ntraceparent: 4')).toEqual({
    'Nats-Header-A': ['1', '2'],
    'Nats-Msg-Id': ['3'],
    traceparent: ['4'],
  })
  expect(http('\r\ncontent-type: a/b\r\ncontent-type: c/d')).toEqual({ 'Content-Type': ['a/b'] })
  expect(http('\r\nContent-Length: 5\r\nSet-Cookie: a')).toEqual({
    'Nats-Header-Content-Length': ['5'],
    'Nats-Header-Set-Cookie': ['a'],
  })
  expect(http(' 404 Not Found\r\nA b: 1\r\nC: \x01\r\nD\n: 2')).toEqual({ 'Nats-Status': ['404 Not Found'] })
  expect(http('\r\nA: é')).toEqual({ 'Nats-Header-A': ['\xc3\xa9'] })
})
