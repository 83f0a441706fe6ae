// Connections of accounts at other servers, by what these tell.

import { expect, test } from 'vitest'
import { ACCOUNT_CONNECTIONS_INTERVAL_MS } from '../../../src/base/constants.ts'
import { Elsewhere } from '../../../src/system/primary/elsewhere.ts'
import type { ServiceName } from '../../../src/system/service-names.ts'

function track() {
  const now = new Map<string, number>()
  const elsewhere = new Elsewhere((account, count) => now.set(account, count))
  const hear = (name: ServiceName, account: string, body: unknown, atMs = 0): void => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    elsewhere.heard({ service: { name, account }, body: Buffer.from(text) }, atMs)
  }
  const tell = (account: string, id: string, conns: number, atMs = 0): void =>
    hear('NEWS.CONNS', account, { server: { id }, acc: account, conns }, atMs)
  return { now, elsewhere, hear, tell }
}

test('counts of servers are added up, and each replaces the one before', () => {
  const { now, tell } = track()
  tell('A', 'one', 2)
  tell('A', 'two', 3)
  tell('B', 'two', 1)
  expect(Object.fromEntries(now)).toEqual({ A: 5, B: 1 })
  tell('A', 'one', 0)
  tell('B', 'two', 4)
  expect(Object.fromEntries(now)).toEqual({ A: 3, B: 4 })
})

test.each([
  ['says it', (id: string): unknown => ({ name: 'S', id })],
  ['says it as nats-server did', (id: string): unknown => ({ server: { id } })],
])('a server that ends, and %s, has no connections', (_, body) => {
  const { now, hear, tell } = track()
  tell('A', 'one', 2)
  tell('A', 'two', 3)
  hear('NEWS.SHUTDOWN', '', body('one'))
  expect(now.get('A')).toBe(3)
})

test('a server that has been silent for long is gone', () => {
  const { now, elsewhere, tell } = track()
  tell('A', 'one', 2)
  tell('A', 'two', 3, ACCOUNT_CONNECTIONS_INTERVAL_MS)
  elsewhere.sweep(3 * ACCOUNT_CONNECTIONS_INTERVAL_MS)
  expect(now.get('A')).toBe(5)
  elsewhere.sweep(3 * ACCOUNT_CONNECTIONS_INTERVAL_MS + 1)
  expect(now.get('A')).toBe(3)
})

test.each(['', 'null', '3', '[]', '{', '{"server":null}', '{"server":{"id":1},"conns":1}'])(
  '%j says nothing',
  (body) => {
    const { now, hear } = track()
    hear('NEWS.CONNS', 'A', body)
    expect(now.size).toBe(0)
  },
)

test.each([-1, 1.5, '7', null, {}])('%j is no count', (conns) => {
  const { now, hear } = track()
  hear('NEWS.CONNS', 'A', { server: { id: 'one' }, conns })
  expect([...now.values()].filter((count) => count !== 0)).toEqual([])
})
