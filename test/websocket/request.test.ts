import { describe, expect, test } from 'vitest'
import { cookiesOf, hasToken, type RequestHead, readRequest } from '../../src/websocket/request.ts'

function read(...lines: string[]): RequestHead {
  const head = readRequest(lines.join('\r\n'))
  if ('status' in head) throw new Error(head.status)
  return head
}

const status = (...lines: string[]): string => {
  const head = readRequest(lines.join('\r\n'))
  return 'status' in head ? head.status : 'good'
}

describe('a request head', () => {
  test('is read with its headers in lower case, each with all its values', () => {
    const head = read('GET /a/b?c#d HTTP/1.1', 'HOST: Me:80', 'X-A: 1', 'x-a:\t2 \t', 'Empty:')
    expect(head).toMatchObject({ method: 'GET', path: '/a/b', host: 'Me:80' })
    expect(head.headers.get('x-a')).toEqual(['1', '2'])
    expect(head.headers.get('empty')).toEqual([''])
  })

  test('may have lines that end in LF alone', () => {
    expect(readRequest('GET / HTTP/1.1\nHost: a')).toMatchObject({ host: 'a' })
  })

  test('may name a whole URL, whose host then counts', () => {
    expect(read('GET http://x:1/p HTTP/1.1', 'Host: a')).toMatchObject({ host: 'x:1', path: '/p' })
  })

  test('of HTTP/1.0 needs no Host', () => {
    expect(read('GET / HTTP/1.0').host).toBe('')
  })

  test.each([
    ['junk', '400 Bad Request', ['hello']],
    ['nothing', '400 Bad Request', ['']],
    ['a TLS hello', '400 Bad Request', ['\x16\x03\x01']],
    ['a line without a colon', '400 Bad Request', ['GET / HTTP/1.1', 'Host: a', 'oh']],
    ['a blank before the colon', '400 Bad Request', ['GET / HTTP/1.1', 'Host: a', 'X : 1']],
    ['a folded line', '400 Bad Request', ['GET / HTTP/1.1', 'Host: a', 'X: 1', ' 2']],
    ['a NUL in a value', '400 Bad Request', ['GET / HTTP/1.1', 'Host: a', 'X: \0']],
    ['a CR in a value', '400 Bad Request', ['GET / HTTP/1.1', 'Host: a', 'X: 1\r2']],
    ['two hosts', '400 Bad Request', ['GET / HTTP/1.1', 'Host: a', 'Host: a']],
    ['a bad escape', '400 Bad Request', ['GET /%zz HTTP/1.1', 'Host: a']],
    ['no path', '400 Bad Request', ['GET * HTTP/1.1', 'Host: a']],
    ['no host', '400 Bad Request: missing required Host header', ['GET / HTTP/1.1']],
    ['a host with a blank', '400 Bad Request: malformed Host header', ['GET / HTTP/1.1', 'Host: a b']],
    ['HTTP/2', '505 HTTP Version Not Supported: unsupported protocol version', ['GET / HTTP/2.0', 'Host: a']],
  ])('is refused with %s', (_, answer, lines) => {
    expect(status(...lines)).toBe(answer)
  })
})

test('a token is found among others, in any letter case', () => {
  const head = read('GET / HTTP/1.1', 'Host: a', 'Connection: keep-alive ,\tUPGRADE', 'Connection: x')
  expect(hasToken(head, 'connection', 'upgrade')).toBe(true)
  expect(hasToken(head, 'connection', 'x')).toBe(true)
  expect(hasToken(head, 'connection', 'keep')).toBe(false)
  expect(hasToken(head, 'upgrade', 'websocket')).toBe(false)
})

test('cookies are read as Go reads them', () => {
  const head = read('GET / HTTP/1.1', 'Host: a', 'Cookie: a=1; b="two words"; c=x"y; =z; d; e= f ; a=3', 'Cookie: g=')
  expect([...cookiesOf(head)]).toEqual([
    ['a', '3'],
    ['b', 'two words'],
    ['e', ' f'],
    ['g', ''],
  ])
})
