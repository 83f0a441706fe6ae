// The two sides of a handshake agree, and what is no answer of a WebSocket is none.

import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { blockReader } from '../../src/config/file.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { readFile } from '../../src/config/surroundings.ts'
import { ClientHandshake } from '../../src/websocket/client-handshake.ts'
import { Handshake } from '../../src/websocket/handshake.ts'

const TARGET = { host: 'localhost:80', path: '/a/leafnode', compression: false, masking: true }

function answer(request: string, compression: boolean): string {
  const { websocket } = normaliseOptions({ websocket: { port: -1, noTls: true, compression } }, blockReader(readFile))
  assert(websocket !== undefined)
  const verdict = new Handshake(websocket).judge(request.trimEnd(), undefined)
  expect(verdict.kind).toBe('leaf')
  return verdict.response.trimEnd()
}

test.each([
  [{ compression: false, masking: true }, true, { compression: false, masks: true }],
  [{ compression: true, masking: true }, false, { compression: false, masks: true }],
  [{ compression: true, masking: true }, true, { compression: true, masks: true }],
  [{ compression: true, masking: false }, true, { compression: true, masks: false }],
  [{ compression: false, masking: false }, false, { compression: false, masks: false }],
])('%j, and the server compresses: %j', (asked, compression, agreed) => {
  const handshake = new ClientHandshake({ ...TARGET, ...asked })
  expect(handshake.judge(answer(handshake.request, compression))).toEqual(agreed)
})

test.each<[string, (good: string) => string]>([
  ['another status', (good) => good.replace('101', '200')],
  ['no HTTP', () => 'INFO {}'],
  ['another protocol', (good) => good.replace('Upgrade: websocket', 'Upgrade: h2c')],
  ['no upgrade', (good) => good.replace('Connection: Upgrade', 'Connection: close')],
  ['the answer to another key', (good) => good.replace(/Accept: ./, 'Accept: =')],
  ['a line that is no header', (good) => `${good}\r\nnothing`],
])('%s is no WebSocket', (_, spoil) => {
  const handshake = new ClientHandshake(TARGET)
  expect(handshake.judge(spoil(answer(handshake.request, false)))).toBe('invalid websocket connection')
})

test.each([
  ['that nobody asked for', false, 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'],
  ['with context takeover', true, 'permessage-deflate; client_no_context_takeover'],
])('compression %s is not agreed upon', (_, compression, extension) => {
  const handshake = new ClientHandshake({ ...TARGET, compression })
  const good = answer(handshake.request, false)
  expect(handshake.judge(`${good}\r\nSec-WebSocket-Extensions: ${extension}`)).toBe('invalid compression negotiation')
})
