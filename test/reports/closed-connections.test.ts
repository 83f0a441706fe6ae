import { expect, it } from 'vitest'
import {
  CLOSED_CLIENTS_MAX,
  CLOSED_DETAIL_CHARS_MAX,
  CLOSED_ROWS_CHARS_MAX,
  CLOSED_SUBSCRIPTIONS_MAX,
} from '../../src/base/constants.ts'
import { ClosedConnections } from '../../src/reports/closed-connections.ts'
import type { ConnectionRow, SubscriptionRow } from '../../src/reports/rows.ts'
import { connectionRow } from '../monitor/rows.ts'

const MIB = 1024 * 1024

function subscriptionsOf(connection: number, count: number, subject = 'orders.new'): SubscriptionRow[] {
  const base = { account: 'A', accountTag: 'Team A', queue: 'workers', delivered: 7, max: 0, connection }
  return Array.from({ length: count }, (_, i) => ({ ...base, subject: `${subject}.${i}`, sid: `${i}` }))
}

/** One that has gone, as most are: a name, a user, a few subscriptions. */
function gone(id: number, members: Partial<ConnectionRow> = {}): ConnectionRow {
  return connectionRow({
    id,
    startedAt: 1_764_435_678_123.456,
    lastActivityAt: 1_764_435_679_123.456,
    closedAt: 1_764_435_680_000 + id,
    reason: 'Client Closed',
    name: 'a client of usual length',
    lang: 'nats.js',
    version: '3.1.0',
    account: 'A',
    accountTag: 'Team A',
    authorizedUser: 'someone',
    subscriptionCount: 5,
    tls: { version: '1.3', cipher: 'TLS_AES_128_GCM_SHA256', first: true },
    credentials: { jwt: 'j', issuer: 'i', tags: ['t'], certificates: [], proxyKey: '' },
    subscriptions: subscriptionsOf(id, 5),
    ...members,
  })
}

const all = (closed: ClosedConnections): ConnectionRow[] => [...closed.rows(0, Number.POSITIVE_INFINITY, true)]

it('gives back what it was given', () => {
  const closed = new ClosedConnections()
  const rows = [gone(1), gone(2, { tls: undefined, credentials: undefined, subscriptions: [], name: 'ünïcode 名' })]
  for (const row of rows) closed.add(row, 10)
  expect(all(closed)).toEqual(rows)
  expect(closed.get(2)).toEqual(rows[1])
  expect(closed.get(3)).toBeUndefined()
  expect(closed.times()).toEqual(rows.map(({ closedAt }) => closedAt))
})

it('keeps the latest', () => {
  const closed = new ClosedConnections()
  for (let id = 1; id <= 7; id++) closed.add(gone(id), 3)
  expect(all(closed).map(({ id }) => id)).toEqual([5, 6, 7])
  expect(closed.size).toBe(3)
  closed.add(gone(8), 2)
  expect(all(closed).map(({ id }) => id)).toEqual([7, 8])
})

it('tells of those of a span', () => {
  const closed = new ClosedConnections()
  for (let id = 1; id <= 5; id++) closed.add(gone(id, { closedAt: id * 10 }), 10)
  expect([...closed.rows(20, 40, false)].map(({ id }) => id)).toEqual([3, 4])
  expect([...closed.rows(20, 40, false)].every((row) => row.subscriptions.length === 0)).toBe(true)
})

it('keeps ten thousand in less than 10 MiB', () => {
  const closed = new ClosedConnections()
  for (let id = 1; id <= 2 * CLOSED_CLIENTS_MAX; id++) closed.add(gone(id), CLOSED_CLIENTS_MAX)
  expect(closed.size).toBe(CLOSED_CLIENTS_MAX)
  expect(closed.chars).toBeLessThan(10 * MIB)
  // Those that left last have their subscriptions.
  expect(closed.get(2 * CLOSED_CLIENTS_MAX)?.subscriptions).toHaveLength(5)
})

it('remembers no more than the first subscriptions of one that had very many', () => {
  const closed = new ClosedConnections()
  closed.add(gone(1, { subscriptions: subscriptionsOf(1, 100_000), subscriptionCount: 100_000 }), 10)
  expect(closed.get(1)).toMatchObject({ subscriptionCount: 100_000 })
  expect(closed.get(1)?.subscriptions).toEqual(subscriptionsOf(1, CLOSED_SUBSCRIPTIONS_MAX))
  expect(closed.chars).toBeLessThan(20_000)
})

it('leaves the oldest without subscriptions and credentials when these take too much', () => {
  const closed = new ClosedConnections()
  const subscriptions = subscriptionsOf(1, CLOSED_SUBSCRIPTIONS_MAX, 'x'.repeat(200))
  for (let id = 1; id <= 1_000; id++) closed.add(gone(id, { subscriptions }), CLOSED_CLIENTS_MAX)
  expect(closed.size).toBe(1_000)
  expect(closed.chars).toBeLessThan(CLOSED_DETAIL_CHARS_MAX + MIB)
  expect(closed.get(1)).toMatchObject({ id: 1, credentials: undefined, subscriptions: [], subscriptionCount: 5 })
  expect(closed.get(1_000)?.subscriptions).toHaveLength(CLOSED_SUBSCRIPTIONS_MAX)
})

it('forgets the oldest when names take too much', () => {
  const closed = new ClosedConnections()
  const name = 'n'.repeat(100_000)
  for (let id = 1; id <= 1_000; id++) closed.add(gone(id, { name }), CLOSED_CLIENTS_MAX)
  expect(closed.chars).toBeLessThan(CLOSED_ROWS_CHARS_MAX + CLOSED_DETAIL_CHARS_MAX)
  expect(closed.size).toBe(Math.floor(CLOSED_ROWS_CHARS_MAX / (name.length + 300)))
  expect(closed.get(1_000)?.name).toBe(name)
})
