// The opening handshake (docs/reference/websocket.md, "Opening handshake"): what is answered to good and bad requests,
// by Heddle and by nats-server.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HANDSHAKE_BYTES_MAX } from '../../src/base/constants.ts'
import { ownServer } from '../support/harness.ts'
import { until } from '../support/until.ts'
import { DEFLATE, RawWebSocket, request } from '../support/websocket.ts'
import { type WebSocketServer, webSocketServers } from '../support/websocket-servers.ts'

const UPGRADED = 'HTTP/1.1 101 Switching Protocols'
const FORBIDDEN = 'HTTP/1.1 403 Forbidden'
const BAD_REQUEST = 'HTTP/1.1 400 Bad Request'
const BROWSER = { Origin: 'http://page.example' }

/** Each with the first line that answers it; empty: closed without an answer. */
const REQUESTS: readonly (readonly [string, string, string])[] = [
  ['a good one', request(), UPGRADED],
  ['any path', request({}, 'GET /a/b?c=d HTTP/1.1'), UPGRADED],
  ['Upgrade among others', request({ Upgrade: 'h2c, WebSocket' }), UPGRADED],
  ['Connection among others', request({ Connection: 'keep-alive, upgrade' }), UPGRADED],
  ['HTTP/1.0', request({}, 'GET / HTTP/1.0'), UPGRADED],
  ['lines that end in LF', request().replaceAll('\r\n', '\n'), UPGRADED],
  ['a subprotocol, which is ignored', request({ 'Sec-WebSocket-Protocol': 'nats' }), UPGRADED],
  ['the path of leaf nodes, closed behind the answer', request({}, 'GET /leafnode HTTP/1.1'), UPGRADED],
  ['the path of MQTT', request({}, 'GET /mqtt HTTP/1.1'), 'HTTP/1.1 404 Not Found'],
  ['POST', request({}, 'POST / HTTP/1.1'), 'HTTP/1.1 405 Method Not Allowed'],
  ['get', request({}, 'get / HTTP/1.1'), 'HTTP/1.1 405 Method Not Allowed'],
  ['no Host', request({ Host: undefined }), `${BAD_REQUEST}: missing required Host header`],
  ['an empty Host', request({ Host: '' }), BAD_REQUEST],
  ['a Host with a blank', request({ Host: 'a b' }), `${BAD_REQUEST}: malformed Host header`],
  ['no Upgrade', request({ Upgrade: undefined }), BAD_REQUEST],
  ['another Upgrade', request({ Upgrade: 'h2c' }), BAD_REQUEST],
  ['no Connection', request({ Connection: undefined }), BAD_REQUEST],
  ['another Connection', request({ Connection: 'close' }), BAD_REQUEST],
  ['no key', request({ 'Sec-WebSocket-Key': undefined }), BAD_REQUEST],
  ['a short key', request({ 'Sec-WebSocket-Key': 'abc' }), BAD_REQUEST],
  ['a key of 17 bytes', request({ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAAA=' }), BAD_REQUEST],
  ['version 8', request({ 'Sec-WebSocket-Version': '8' }), BAD_REQUEST],
  ['no version', request({ 'Sec-WebSocket-Version': undefined }), BAD_REQUEST],
  ['a page', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', BAD_REQUEST],
  ['junk', 'hello\r\n\r\n', BAD_REQUEST],
  ['HTTP/2.0', request({}, 'GET / HTTP/2.0'), 'HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version'],
  ['two hosts', request().replace('\r\n', '\r\nHost: b\r\n'), BAD_REQUEST],
  ['a header that is none', request().replace('\r\n', '\r\noh\r\n'), BAD_REQUEST],
  ['a frame behind the request', `${request()}\x82\x80abcd`, ''],
]

async function answer(port: number, text: string): Promise<string> {
  const client = await RawWebSocket.dial(port)
  client.socket.write(text, 'latin1')
  const [line] = await until('an answer', () => {
    const found = /^[^\r]+/.exec(client.response || client.rest)
    return found ?? (client.closed ? [''] : undefined)
  })
  client.socket.destroy()
  return line
}

describe.each(webSocketServers('the WebSocket handshake'))('$name', (kind) => {
  let server: WebSocketServer
  beforeAll(async () => {
    server = await kind.start({ headers: { 'X-Extra': 'a b', 'X-More': '1' } })
  })
  afterAll(() => server?.stop())

  test.each(REQUESTS)('answers %s', async (_, text, line) => {
    expect(await answer(server.port, text)).toBe(line)
  })

  test('says what RFC 6455 wants, the configured headers, and nothing of compression that is off', async () => {
    const { response } = await RawWebSocket.open(server.port, DEFLATE)
    expect(response.split('\r\n').sort()).toEqual(
      [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
        'X-Extra: a b',
        'X-More: 1',
      ].sort(),
    )
  })

  test('says INFO in a frame, with the address of this listener', async () => {
    const client = await RawWebSocket.open(server.port)
    const info = await client.readInfo()
    expect(info).toMatchObject({ host: '127.0.0.1', port: server.port, headers: true, client_ip: '127.0.0.1' })
    expect(info).not.toHaveProperty('tls_required')
    expect(info).not.toHaveProperty('connect_urls')
    expect(info).not.toHaveProperty('ws_connect_urls')
  })

  test('agrees not to mask where that is asked for', async () => {
    const client = await RawWebSocket.open(server.port, { 'Nats-No-Masking': 'true' })
    expect(client.response).toContain('\r\nNats-No-Masking: true')
    client.send(Buffer.from([0x82, 6, ...Buffer.from('PING\r\n')]))
    await client.expectText(/PONG\r\n/)
  })
})

describe.each(webSocketServers('origins', [1]))('$name', (kind) => {
  async function statusFor(
    options: Parameters<typeof kind.start>[0],
    ...origins: (readonly [origin: string, host: string])[]
  ): Promise<string[]> {
    const server = await kind.start(options)
    try {
      const lines: string[] = []
      for (const [origin, host] of origins) {
        lines.push(await answer(server.port, request({ Host: host, ...(origin === '' ? {} : { Origin: origin }) })))
      }
      return lines
    } finally {
      await server.stop()
    }
  }

  test('lets every page in by default', async () => {
    expect(await statusFor({}, ['http://page.example', 'a'], ['null', 'a'])).toEqual([UPGRADED, UPGRADED])
  })

  test('with same_origin, lets pages of the same host and port in', async () => {
    const lines = await statusFor(
      { sameOrigin: true },
      ['', 'page.example'],
      ['http://Page.example', 'page.example:80'],
      ['http://page.example:81', 'page.example:80'],
      ['https://page.example', 'page.example'],
      ['null', 'page.example'],
      ['http://a:1:2', 'page.example'],
    )
    expect(lines).toEqual([UPGRADED, UPGRADED, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN])
  })

  test('with allowed_origins, lets those in', async () => {
    const lines = await statusFor(
      { allowedOrigins: [BROWSER.Origin, 'https://other.example:8443'] },
      ['', 'a'],
      [BROWSER.Origin, 'a'],
      ['https://other.example:8443', 'a'],
      ['https://other.example', 'a'],
      ['https://page.example', 'a'],
    )
    expect(lines).toEqual([UPGRADED, UPGRADED, UPGRADED, FORBIDDEN, FORBIDDEN])
  })

  test('agrees upon compression, without context takeover', async () => {
    const server = await kind.start({ compression: true })
    try {
      const { response } = await RawWebSocket.open(server.port, DEFLATE)
      expect(response).toContain(
        'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover',
      )
      expect((await RawWebSocket.open(server.port)).response).not.toContain('Extensions')
      expect((await RawWebSocket.open(server.port, { 'Sec-WebSocket-Extensions': 'x' })).response).not.toContain('Ext')
    } finally {
      await server.stop()
    }
  })
})

describe('heddle', () => {
  const own = async (handshakeTimeout: number): Promise<number> => {
    const websocket = { host: '127.0.0.1', port: -1, noTls: true, handshakeTimeout }
    return (await ownServer({ workers: 1, websocket })).webSocketPort as number
  }

  test('cuts who does not finish the handshake in time, silent or a byte at a time', async () => {
    const port = await own(200)
    const silent = await Promise.all(Array.from({ length: 50 }, () => RawWebSocket.dial(port)))
    const slow = await RawWebSocket.dial(port)
    const drip = setInterval(() => slow.socket.write('G'), 10)
    try {
      await until('all of them to be cut', () => slow.closed && silent.every(({ closed }) => closed))
    } finally {
      clearInterval(drip)
    }
    expect((await RawWebSocket.open(port)).response).toContain('101')
  })

  test('takes a head in small pieces, but not one that is too large', async () => {
    const port = await own(10_000)
    const client = await RawWebSocket.dial(port)
    for (const byte of request()) {
      client.socket.write(byte)
      await new Promise(setImmediate)
    }
    await client.readInfo()
    const large = request({ 'X-Large': 'x'.repeat(HANDSHAKE_BYTES_MAX) })
    expect(await answer(port, large)).toBe('HTTP/1.1 431 Request Header Fields Too Large')
    expect(await answer(port, large.slice(0, HANDSHAKE_BYTES_MAX + 10))).toContain('431')
  })

  test('does not take up compression with a window that nats-server would ignore', async () => {
    const websocket = { host: '127.0.0.1', port: -1, noTls: true, compression: true }
    const port = (await ownServer({ workers: 1, websocket })).webSocketPort as number
    const offers = { 'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=9' }
    expect((await RawWebSocket.open(port, offers)).response).not.toContain('Extensions')
    const second = { 'Sec-WebSocket-Extensions': `${offers['Sec-WebSocket-Extensions']}, permessage-deflate` }
    expect((await RawWebSocket.open(port, second)).response).toContain('Extensions')
  })

  test.each([
    [{ port: -1 }, 'websocket requires TLS configuration'],
    [{ port: -1, noTls: true, allowedOrigins: ['a'] }, 'unable to parse allowed origin'],
    [{ port: -1, noTls: true, headers: { Upgrade: 'x' } }, 'websocket: invalid header "Upgrade" not allowed'],
    [{ port: -1, noTls: true, headers: { 'sec-websocket-x': 'x' } }, '"Sec-WebSocket-" prefix not allowed'],
    [{ port: -1, noTls: true, headers: { X: 'a\r\nSet-Cookie: b' } }, 'websocket: invalid header "X"'],
    [{ port: 70_000, noTls: true }, 'websocket port'],
  ])('refuses the options %j', async (websocket, text) => {
    await expect(async () => ownServer({ websocket })).rejects.toThrow(text)
  })
})
