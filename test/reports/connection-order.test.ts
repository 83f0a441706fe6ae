import { describe, expect, it } from 'vitest'
import { parseSort } from '../../src/monitor/connection-sort.ts'
import { Parameters } from '../../src/monitor/parameters.ts'
import { type ConnectionSort, sortKey } from '../../src/reports/connection-order.ts'
import { connectionRow } from '../monitor/rows.ts'

const NOW = 10_000
const rows = [
  connectionRow({ id: 3, startedAt: 300, lastActivityAt: 900, subscriptionCount: 2, rttMs: 3, pendingBytes: 1 }),
  connectionRow({ id: 1, startedAt: 100, lastActivityAt: 500, subscriptionCount: 1, inMessages: 9, outBytes: 7 }),
  connectionRow({ id: 4, startedAt: 400, closedAt: 460, lastActivityAt: 450, reason: 'Parse Error', outMessages: 1 }),
  connectionRow({ id: 2, startedAt: 200, closedAt: 700, lastActivityAt: 650, reason: 'Client Closed', inBytes: 5 }),
]

/** As a shard does it: by key, and by number where keys are equal. */
function inOrder(sort: ConnectionSort): number[] {
  const key = sortKey(sort)
  return rows.toSorted((a, b) => key(a, NOW) - key(b, NOW) || a.id - b.id).map(({ id }) => id)
}

describe('sortKey', () => {
  it.each([
    ['cid', [1, 2, 3, 4]],
    ['start', [1, 2, 3, 4]],
    ['uptime', [4, 2, 3, 1]],
    ['reason', [1, 3, 2, 4]],
    ['stop', [2, 4, 1, 3]],
    ['subs', [3, 1, 2, 4]],
    ['pending', [3, 1, 2, 4]],
    ['rtt', [3, 1, 2, 4]],
    ['msgs_to', [4, 1, 2, 3]],
    ['msgs_from', [1, 2, 3, 4]],
    ['bytes_to', [1, 2, 3, 4]],
    ['bytes_from', [2, 1, 3, 4]],
    ['last', [3, 2, 1, 4]],
    ['idle', [4, 1, 2, 3]],
  ] as const)('sorts by %s, ties by cid', (sort, ids) => expect(inOrder(sort)).toEqual(ids))
})

describe('parseSort', () => {
  it('is cid unless told', () => expect(parseSort(new Parameters(''), false)).toBe('cid'))
  it.each(['stop', 'reason'])('takes %s for closed connections', (sort) => {
    expect(parseSort(new Parameters(`sort=${sort}`), true)).toBe(sort)
  })
  it.each(['stop', 'reason'])('refuses %s for others', (sort) => {
    const parameters = new Parameters(`sort=${sort}`)
    expect(parseSort(parameters, false)).toBeUndefined()
    expect(parameters.refused).toBe(`sort by ${sort} only valid on closed connections`)
  })
  it.each(['zz', 'CID', 'toString', '__proto__'])('refuses %s', (sort) => {
    const parameters = new Parameters(`sort=${sort}`)
    expect(parseSort(parameters, true)).toBeUndefined()
    expect(parameters.refused).toBe(`invalid sorting option: ${sort}`)
  })
})
