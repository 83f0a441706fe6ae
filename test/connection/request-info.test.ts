import { expect, test } from 'vitest'
import { identity } from '../../src/auth/identity.ts'
import type { ClientFacts } from '../../src/connection/facts.ts'
import { requestInfo } from '../../src/connection/request-info.ts'
import { clientFacts, connectOptions, OPEN, WEB_SOCKET } from './facts.ts'

const SHARD = { identity: { serverName: 'S' }, wallClock: (ms: number) => Date.UTC(2020, 0, 1) + ms }

function told(facts: Partial<ClientFacts>, share = true, service = ''): Record<string, unknown> {
  const text = requestInfo(clientFacts(facts), SHARD, share, service)
  return JSON.parse(Buffer.from(text, 'latin1').toString('utf8'))
}

function loginAs(who: ReturnType<typeof identity>): Pick<ClientFacts, 'login'> {
  return { login: { greeting: OPEN, nonce: '', identity: who } }
}

const TOKEN = { jwt: 'ey.user.token', subject: 'UABC', issuer: 'AABC', issuedAt: 1, bearer: false }

test('without sharing, nothing is told but the account and how far away it is', () => {
  const facts = { ...loginAs(identity('password', 'joe', 'A')), options: connectOptions({ name: 'n' }), rttMs: 1.5 }
  expect(told(facts, false)).toEqual({ acc: 'A', rtt: 1_500_000 })
})

test('a round trip that was not measured is left out, not zero', () => {
  expect(told({}, false)).toEqual({ acc: 'A' })
  expect(told({})).not.toHaveProperty('rtt')
})

test('the account by whose own service the request came is named either way', () => {
  expect(told({}, false, 'B')).toEqual({ acc: 'A', svc: 'B' })
  expect(told({}, true, 'B')).toMatchObject({ acc: 'A', svc: 'B' })
})

test('who shares is told of with all that it said of itself', () => {
  const options = connectOptions({ name: 'orders', lang: 'go', version: '1.2' })
  const who = identity('password', 'joe', 'A', { nameTag: 'Joe', tags: ['x', 'y'] })
  expect(told({ ...loginAs(who), options, rttMs: 0.001 })).toEqual({
    start: '2020-01-01T00:00:01.000Z',
    host: '10.1.2.3',
    id: 7,
    acc: 'A',
    user: 'joe',
    name: 'orders',
    lang: 'go',
    ver: '1.2',
    rtt: 1_000,
    server: 'S',
    name_tag: 'Joe',
    tags: ['x', 'y'],
    kind: 'Client',
    client_type: 'nats',
  })
})

test('what is empty, or not known yet, is left out', () => {
  const members = Object.keys(told({}))
  expect(members).toEqual(['start', 'host', 'id', 'acc', 'server', 'kind', 'client_type'])
  expect(Object.keys(told(loginAs(identity('none', '', 'A'))))).toEqual(members)
})

test('a token is told, and who signed it', () => {
  const who = identity('jwt', 'UABC', 'A', { token: TOKEN })
  expect(told(loginAs(who))).toMatchObject({ jwt: TOKEN.jwt, issuer_key: 'AABC', user: 'UABC' })
})

test.each([
  [
    'a bearer token, as whoever has it can come in by it',
    identity('jwt', 'U', 'A', { token: { ...TOKEN, bearer: true } }),
  ],
  ['a token that a callout answered with', identity('callout', 'U', 'A', { token: TOKEN })],
])('%s is not told', (_, who) => {
  expect(JSON.stringify(told(loginAs(who)))).not.toContain(TOKEN.jwt)
})

test('one that came by WebSocket says so', () => {
  expect(told({ webSocket: WEB_SOCKET })).toMatchObject({ kind: 'Client', client_type: 'websocket' })
})

test('it is a byte string, whatever a client calls itself', () => {
  const text = requestInfo(clientFacts({ options: connectOptions({ name: 'Grüße 😀' }) }), SHARD, true, '')
  for (const character of text) expect(character.charCodeAt(0)).toBeLessThan(256)
  expect(told({ options: connectOptions({ name: 'Grüße 😀' }) })).toMatchObject({ name: 'Grüße 😀' })
})
