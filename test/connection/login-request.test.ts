import { expect, test } from 'vitest'
import { type Credentials, NO_CREDENTIALS, type PeerCertificate, type TlsDetails } from '../../src/auth/request.ts'
import { LoopClock } from '../../src/base/loop-clock.ts'
import type { ClientFacts } from '../../src/connection/facts.ts'
import { connectionTypeOf, LoginRequest } from '../../src/connection/login-request.ts'
import type { TlsSession } from '../../src/tls/upgrade.ts'
import { clientFacts, connectOptions, WEB_SOCKET } from './facts.ts'

const CERTIFICATE: PeerCertificate = { findUser: () => 'joe', names: ['joe'] }
const DETAILS: TlsDetails = { version: '1.3', cipher: 'C', certificates: [], verifiedChains: [] }
const SESSION: TlsSession = {
  version: '1.3',
  cipher: 'C',
  first: false,
  peerCertificate: undefined,
  peerChain: () => [],
}
const TLS = {
  certificateOf: (session: TlsSession | undefined) => (session === SESSION ? CERTIFICATE : undefined),
  detailsOf: (session: TlsSession | undefined) => (session === SESSION ? DETAILS : undefined),
  hello: () => undefined,
}
const COOKIES = { jwt: 'cookie jwt', user: 'cookie user', pass: 'cookie pass', token: 'cookie token' }

function request(facts: Partial<ClientFacts>, credentials: Partial<Credentials> = {}, proof?: string): LoginRequest {
  const login = { nonce: 'N', whenGone: () => new AbortController().signal }
  return new LoginRequest(
    { clock: new LoopClock(), tls: TLS },
    clientFacts(facts),
    login,
    { ...NO_CREDENTIALS, ...credentials },
    proof,
  )
}

test('it tells who asks, from where, by what program and with which nonce', () => {
  const options = connectOptions({ name: 'n', lang: 'go', version: '1', protocol: 1, user: 'not from here' })
  const beforeMs = Date.now()
  const told = request({ options }, { user: 'joe', password: 'p' })
  expect(told).toMatchObject({
    credentials: { ...NO_CREDENTIALS, user: 'joe', password: 'p' },
    client: { name: 'n', lang: 'go', version: '1', protocol: 1 },
    nonce: 'N',
    ip: '10.1.2.3',
    connectionId: 7,
    connectionType: 'STANDARD',
    certificate: undefined,
    tls: undefined,
    proof: undefined,
  })
  expect(told.nowMs).toBeGreaterThanOrEqual(beforeMs)
  expect(told.nowMs).toBeLessThanOrEqual(Date.now())
})

test('what is known of its TLS is told with it', () => {
  expect(request({ tls: SESSION })).toMatchObject({ certificate: CERTIFICATE, tls: DETAILS })
})

test('one that is asked about again brings what was found of it before', () => {
  expect(request({}, {}, 'the password').proof).toBe('the password')
})

test('a cookie says what CONNECT does not', () => {
  const { credentials, connectionType } = request({ webSocket: { ...WEB_SOCKET, cookies: COOKIES } })
  expect(connectionType).toBe('WEBSOCKET')
  expect(credentials).toEqual({
    ...NO_CREDENTIALS,
    jwt: 'cookie jwt',
    user: 'cookie user',
    password: 'cookie pass',
    token: 'cookie token',
  })
})

test('what CONNECT says counts before a cookie, each by itself', () => {
  const said = { jwt: 'j', user: 'u', password: 'p', token: 't', nkey: 'n', signature: 's', proxySignature: 'x' }
  const webSocket = { ...WEB_SOCKET, cookies: COOKIES }
  expect(request({ webSocket }, said).credentials).toEqual(said)
  for (const member of ['jwt', 'user', 'password', 'token'] as const) {
    const { credentials } = request({ webSocket }, { [member]: 'said' })
    const others = { jwt: 'cookie jwt', user: 'cookie user', password: 'cookie pass', token: 'cookie token' }
    expect(credentials).toEqual({ ...NO_CREDENTIALS, ...others, [member]: 'said' })
  }
})

test('without a handshake there are no cookies, and what CONNECT said is given on as it is', () => {
  const { credentials } = request({}, { token: 't' })
  expect(credentials).toEqual({ ...NO_CREDENTIALS, token: 't' })
})

test('who works on the answer is told that the connection is gone; nobody else costs a signal', () => {
  const gone = new AbortController()
  let asked = 0
  const whenGone = (): AbortSignal => {
    asked++
    return gone.signal
  }
  const told = new LoginRequest(
    { clock: new LoopClock(), tls: TLS },
    clientFacts(),
    { nonce: '', whenGone },
    NO_CREDENTIALS,
  )
  expect(asked).toBe(0)
  const { gone: signal } = told
  expect(signal.aborted).toBe(false)
  gone.abort()
  expect(signal.aborted).toBe(true)
})

test('a kind of connection is a plain one, a WebSocket, or HTTP', () => {
  expect(connectionTypeOf({ clientType: 'nats' })).toBe('STANDARD')
  expect(connectionTypeOf({ clientType: 'websocket' })).toBe('WEBSOCKET')
  expect(connectionTypeOf({ clientType: 'http' })).toBe('HTTP')
})
