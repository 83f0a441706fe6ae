// The orders that /connz can list connections in (reference 11.2): by cid, start, uptime and reason the smallest
// first, by everything else the largest. Ties are broken by cid, so that pages do not overlap.

import type { ConnectionRow } from '../stats.ts'
import type { Parameters } from './parameters.ts'

type Measure = (row: ConnectionRow, now: number) => number

const ASCENDING = {
  cid: (row) => row.id,
  // The same order, as connections are numbered when they come.
  start: (row) => row.id,
  uptime: (row, now) => (row.closedAt > 0 ? row.closedAt : now) - row.startedAt,
} as const satisfies Record<string, Measure>

const DESCENDING = {
  subs: (row) => row.subscriptionCount,
  pending: (row) => row.pendingBytes,
  msgs_to: (row) => row.outMessages,
  msgs_from: (row) => row.inMessages,
  bytes_to: (row) => row.outBytes,
  bytes_from: (row) => row.inBytes,
  last: (row) => row.lastActivityAt,
  idle: (row, now) => now - row.lastActivityAt,
  rtt: (row) => row.rttMs,
  stop: (row) => row.closedAt,
} as const satisfies Record<string, Measure>

export type ConnectionSort = keyof typeof ASCENDING | keyof typeof DESCENDING | 'reason'

const isAscending = (name: string): name is keyof typeof ASCENDING => Object.hasOwn(ASCENDING, name)
const isDescending = (name: string): name is keyof typeof DESCENDING => Object.hasOwn(DESCENDING, name)

/** Reads `sort`; refuses what is no order, and what only closed connections can be sorted by. */
export function parseSort(parameters: Parameters, onlyClosed: boolean): ConnectionSort | undefined {
  const name = parameters.bytes('sort')
  if (name === '') return 'cid'
  if (!isAscending(name) && !isDescending(name) && name !== 'reason') {
    parameters.refuseWith(`invalid sorting option: ${name}`)
    return undefined
  }
  if ((name === 'stop' || name === 'reason') && !onlyClosed) {
    parameters.refuseWith(`sort by ${name} only valid on closed connections`)
    return undefined
  }
  return name
}

/** A comparison for Array.sort(). `now` is in milliseconds since 1970. */
export function connectionOrder(sort: ConnectionSort, now: number): (a: ConnectionRow, b: ConnectionRow) => number {
  if (sort === 'reason') {
    return (a, b) => (a.reason < b.reason ? -1 : a.reason > b.reason ? 1 : a.id - b.id)
  }
  if (isAscending(sort)) {
    const measure: Measure = ASCENDING[sort]
    return (a, b) => measure(a, now) - measure(b, now) || a.id - b.id
  }
  const measure: Measure = DESCENDING[sort]
  return (a, b) => measure(b, now) - measure(a, now) || a.id - b.id
}
