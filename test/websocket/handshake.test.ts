// What a handshake says of a client, for whoever decides who it is. What is answered is tested in e2e, beside
// nats-server.

import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { readFile } from '../../src/config/surroundings.ts'
import type { WebSocketOptions } from '../../src/options/shapes.ts'
import { Handshake, type WebSocketSession } from '../../src/websocket/handshake.ts'
import { request } from '../support/websocket.ts'

function session(headers: Record<string, string>, given: Partial<WebSocketOptions> = {}): WebSocketSession {
  const { websocket } = normaliseOptions({ websocket: { port: -1, noTls: true } }, blockReader(readFile))
  assert(websocket !== undefined)
  const verdict = new Handshake({ ...websocket, ...given }).judge(request(headers).trimEnd(), undefined)
  if (verdict.kind !== 'client') throw new Error(verdict.response)
  return verdict.session
}

test('credentials come in the cookies that the options name, and in no others', () => {
  const Cookie = 'u=me; p="se cret"; t=tok; j=eyJ.a.b; other=x'
  expect(session({ Cookie }).cookies).toEqual({ jwt: '', user: '', pass: '', token: '' })
  const named = { userCookie: 'u', passCookie: 'p', tokenCookie: 't', jwtCookie: 'j' }
  expect(session({ Cookie }, named).cookies).toEqual({ jwt: 'eyJ.a.b', user: 'me', pass: 'se cret', token: 'tok' })
  expect(session({}, named).cookies).toEqual({ jwt: '', user: '', pass: '', token: '' })
})

test('the address that a proxy speaks for is taken down if it is one', () => {
  expect(session({ 'X-Forwarded-For': '203.0.113.7' }).forwardedFor).toBe('203.0.113.7')
  expect(session({ 'X-Forwarded-For': '203.0.113.7, 10.0.0.1' }).forwardedFor).toBe('')
  expect(session({}).forwardedFor).toBe('')
})

test('browsers are told from others, and Safari from browsers', () => {
  const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36'
  const safari = 'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15'
  expect(session({ 'User-Agent': chrome }).browser).toBe('other')
  expect(session({ 'User-Agent': safari }).browser).toBe('safari')
  expect(session({ 'User-Agent': 'node' }).browser).toBe('none')
  expect(session({}).browser).toBe('none')
})

test('compression and masks are as both sides want them', () => {
  const offer = { 'Sec-WebSocket-Extensions': 'x, permessage-deflate; client_max_window_bits' }
  expect(session(offer).compression).toBe(false)
  expect(session(offer, { compression: true }).compression).toBe(true)
  expect(session({ 'Sec-WebSocket-Extensions': ';;' }, { compression: true }).compression).toBe(false)
  expect(session({}).masked).toBe(true)
  expect(session({ 'Nats-No-Masking': 'true' }).masked).toBe(false)
  expect(session({ 'Nats-No-Masking': 'yes' }).masked).toBe(true)
})
