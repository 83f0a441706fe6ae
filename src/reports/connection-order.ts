// The orders that /connz can list connections in (docs/reference/monitoring.md, "connz"): by cid, start, uptime and
// reason the smallest first, by everything else the largest. Each order is a number per connection, the smallest first,
// so that shards can sort their own and the primary merges the results by comparing numbers. Ties are broken by cid.

import { CloseReason } from '../base/errors.ts'

/** What can be sorted by. Times are milliseconds since 1970. */
export interface Measurable {
  id: number
  startedAt: number
  lastActivityAt: number
  /** 0 while open. */
  closedAt: number
  reason: string
  rttMs: number
  pendingBytes: number
  inMessages: number
  outMessages: number
  inBytes: number
  outBytes: number
  subscriptionCount: number
}

const REASONS: readonly string[] = Object.values(CloseReason).toSorted()

/** `now` is in milliseconds since 1970. */
const KEYS = {
  cid: (row) => row.id,
  // The same order, as connections are numbered when they come.
  start: (row) => row.id,
  uptime: (row, now) => (row.closedAt > 0 ? row.closedAt : now) - row.startedAt,
  reason: (row) => REASONS.indexOf(row.reason),
  subs: (row) => -row.subscriptionCount,
  pending: (row) => -row.pendingBytes,
  msgs_to: (row) => -row.outMessages,
  msgs_from: (row) => -row.inMessages,
  bytes_to: (row) => -row.outBytes,
  bytes_from: (row) => -row.inBytes,
  last: (row) => -row.lastActivityAt,
  idle: (row) => row.lastActivityAt,
  rtt: (row) => -row.rttMs,
  stop: (row) => -row.closedAt,
} as const satisfies Record<string, (row: Measurable, now: number) => number>

export type ConnectionSort = keyof typeof KEYS

/** Whether an order has this name. */
export const isSort = (name: string): name is ConnectionSort => Object.hasOwn(KEYS, name)

/** Whether the key of an order is the connection's number, and nothing else of it is read. */
export function isByNumber(sort: ConnectionSort): boolean {
  return sort === 'cid' || sort === 'start'
}

/** What to sort by: smaller keys come first, equal ones in the order of their ids. */
export function sortKey(sort: ConnectionSort): (row: Measurable, now: number) => number {
  return KEYS[sort]
}
