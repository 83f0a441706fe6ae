import { expect, test } from 'vitest'
import { identity } from '../../src/auth/identity.ts'
import { CLOSED_SUBSCRIPTIONS_MAX } from '../../src/base/constants.ts'
import { CloseReason } from '../../src/base/errors.ts'
import {
  authorizedUserOf,
  closedRow,
  connectionRow,
  emptyMeasures,
  measure,
  subscriptionRow,
} from '../../src/reports/connection-row.ts'
import { connectOptions, OPEN } from '../connection/facts.ts'
import { reportedClient, subscriptionsOf } from './client.ts'

const SHARD = {
  admission: { accountTag: (name: string) => `tag of ${name}` },
  wallClock: (ms: number) => 1_000_000 + ms,
}
const TOKEN = { jwt: 'ey.user.token', subject: 'UABC', issuer: 'AABC', issuedAt: 1, bearer: false }

function loginAs(who: ReturnType<typeof identity> | undefined, claimedUser = '') {
  return { greeting: OPEN, nonce: '', identity: who, claimedUser }
}

test('a row tells what is known of a connection, its times on the wall clock', () => {
  const client = reportedClient({
    options: connectOptions({ name: 'n', lang: 'go', version: '1' }),
    login: loginAs(identity('password', 'joe', 'A')),
    subscriptions: subscriptionsOf(3),
    outbound: { pendingBytes: 9, waitingMs: 1 },
    readGate: { stalls: 4 },
    droppedMessages: 5,
    rttMs: 0.5,
    inMessages: 1,
    inBytes: 2,
    outMessages: 3,
    outBytes: 4,
  })
  expect(connectionRow(SHARD, client, { credentials: false })).toEqual({
    type: 'nats',
    id: 7,
    ip: '10.1.2.3',
    port: 111,
    startedAt: 1_001_000,
    lastActivityAt: 1_001_500,
    closedAt: 0,
    reason: '',
    rttMs: 0.5,
    pendingBytes: 9,
    inMessages: 1,
    inBytes: 2,
    outMessages: 3,
    outBytes: 4,
    droppedMessages: 5,
    stalls: 4,
    subscriptionCount: 3,
    name: 'n',
    lang: 'go',
    version: '1',
    account: 'A',
    accountTag: 'tag of A',
    authorizedUser: 'joe',
    tls: undefined,
    credentials: undefined,
    subscriptions: [],
  })
})

test('one that closes says when and why; one that does not has no end, whatever stands in it', () => {
  const end = { closeReason: CloseReason.kicked, closedAtMs: 2_000 }
  const row = (closing: boolean) => connectionRow(SHARD, reportedClient({ ...end, closing }), { credentials: false })
  expect(row(true)).toMatchObject({ closedAt: 1_002_000, reason: 'Kicked' })
  expect(row(false).closedAt).toBe(0)
})

test('one that came by WebSocket says so', () => {
  expect(connectionRow(SHARD, reportedClient({ clientType: 'websocket' }), { credentials: false }).type).toBe(
    'websocket',
  )
})

test('who it is counts before who it said it is', () => {
  expect(authorizedUserOf(reportedClient({ login: loginAs(undefined, 'claimed') }))).toBe('claimed')
  const known = loginAs(identity('password', 'joe', 'A'), 'claimed')
  expect(authorizedUserOf(reportedClient({ login: known }))).toBe('joe')
  expect(authorizedUserOf(reportedClient())).toBe('')
})

test('credentials are told where they are asked for, and no token that is enough by itself', () => {
  const row = (bearer: boolean) => {
    const login = loginAs(identity('jwt', 'UABC', 'A', { token: { ...TOKEN, bearer }, tags: ['x'], proxyKey: 'P' }))
    return connectionRow(SHARD, reportedClient({ login }), { credentials: true }).credentials
  }
  const credentials = { jwt: TOKEN.jwt, issuer: 'AABC', tags: ['x'], certificates: [], proxyKey: 'P' }
  expect(row(false)).toEqual(credentials)
  expect(row(true)).toEqual({ ...credentials, jwt: '' })
})

test('of one that has gone a bounded number of subscriptions is kept, though all are counted', () => {
  const count = CLOSED_SUBSCRIPTIONS_MAX + 1
  const row = closedRow(SHARD, reportedClient({ subscriptions: subscriptionsOf(count) }))
  expect(row.subscriptions).toHaveLength(CLOSED_SUBSCRIPTIONS_MAX)
  expect(row.subscriptionCount).toBe(count)
  expect(row.credentials).toBeDefined()
  expect(closedRow(SHARD, reportedClient({ subscriptions: subscriptionsOf(2) })).subscriptions).toHaveLength(2)
})

test('the row of a subscription is text for people, whatever bytes came', () => {
  const byteString = Buffer.from('Größe').toString('latin1')
  const subscription = subscriptionsOf(1, byteString, byteString).get('0') ?? expect.fail()
  Object.assign(subscription, { delivered: 3, max: 4 })
  expect(subscriptionRow(SHARD, subscription)).toEqual({
    account: 'A',
    accountTag: 'tag of A',
    subject: 'Größe',
    queue: 'Größe',
    sid: '0',
    delivered: 3,
    max: 4,
    connection: 7,
  })
})

test('one object takes the measures of one client after the other, with nothing left of the one before', () => {
  const measures = emptyMeasures()
  const closed = {
    closing: true,
    closeReason: CloseReason.kicked,
    closedAtMs: 2_000,
    subscriptions: subscriptionsOf(2),
  }
  measure(measures, reportedClient({ ...closed, inMessages: 9 }), SHARD)
  measure(measures, reportedClient({ id: 8 }), SHARD)
  const fresh = emptyMeasures()
  measure(fresh, reportedClient({ id: 8 }), SHARD)
  expect(measures).toEqual(fresh)
})
