// The queries of the primary to its shards; some are orders.

import type { ConnectionSort } from './connection-order.ts'
import type { Report } from './rows.ts'

export const LONG_QUERIES = {
  findConnections: true,
  connections: true,
  countSubscriptions: true,
  subscriptions: true,
} as const

/** The queries of the primary to its shards; some are orders. */
export type Query =
  /** Several questions at once, answered in their order: short ones. */
  | { readonly kind: 'batch'; readonly queries: readonly ShortQuery[] }
  | { readonly kind: 'totals' }
  /** All that is known of an account's streams, by name: those that this shard owns. */
  | {
      readonly kind: 'streams'
      readonly account: string
      readonly names: readonly string[]
      readonly consumers: boolean
    }
  /** Routes to other servers of the cluster. */
  | { readonly kind: 'routes'; readonly subscriptions: boolean }
  /** Leaf links. */
  | { readonly kind: 'leafs'; readonly subscriptions: boolean }
  | { readonly kind: 'accounts' }
  /** The token of an account as it is in force; empty: it has none, or is not known here. */
  | { readonly kind: 'accountToken'; readonly account: string }
  /** How busy the thread is, and what goes through its rings. */
  | { readonly kind: 'load' }
  /** Slow connections, and those closed as slow. */
  | { readonly kind: 'slow' }
  /** What happened after an instant, in milliseconds since 1970. */
  | { readonly kind: 'incidents'; readonly since: number }
  /** When connections were closed that are remembered. */
  | { readonly kind: 'closings' }
  /** The first `max` connections in an order: their numbers, and if there are few, their rows without subscriptions. */
  | {
      readonly kind: 'findConnections'
      readonly filter: ConnectionFilter
      readonly sort: ConnectionSort
      readonly max: number
      readonly withRows: boolean
      /** With how they came in. */
      readonly credentials?: boolean
    }
  | {
      readonly kind: 'connections'
      readonly state: ConnectionState
      readonly subscriptions: 'none' | 'list' | 'detail'
      readonly credentials?: boolean
      /** Only this connection; 0 = all. */
      readonly id: number
      /** Only these. */
      readonly ids?: readonly number[]
    }
  /** Close this connection, for it was kicked; answered by whether it is here. */
  | { readonly kind: 'kick'; readonly id: number }
  /** Put the clock forward, and do what is due then. */
  | { readonly kind: 'advanceClock'; readonly ms: number }
  /** Make the disk of the streams fail so. */
  | { readonly kind: 'setDiskFaults'; readonly isFull: boolean; readonly delayMs: number }
  /** Tell this connection alone that the server is about to end. */
  | { readonly kind: 'lameDuckOne'; readonly id: number }
  | { readonly kind: 'countSubscriptions'; readonly filter: SubscriptionFilter }
  /** Those of the connections `from` to `to`, at most `max` of each. */
  | {
      readonly kind: 'subscriptions'
      readonly filter: SubscriptionFilter
      readonly from: number
      readonly to: number
      readonly max: number
    }

/** Queries over all connections or subscriptions: shards answer them in parts, over many turns of their loop. */
export type LongQuery = Extract<Query, { kind: keyof typeof LONG_QUERIES }>

/** The others, one by one. */
export type ShortQuery = Exclude<Query, LongQuery | { kind: 'batch' }>

export function isLong(query: Query): query is LongQuery {
  return Object.hasOwn(LONG_QUERIES, query.kind)
}

export type ConnectionState = 'open' | 'closed' | 'all'

/** Which connections are meant; empty texts mean all. */
export interface ConnectionFilter {
  readonly state: ConnectionState
  /** Closed ones only if they were closed after this, in milliseconds since 1970. */
  readonly closedAfter: number
  readonly account: string
  readonly user: string
  readonly mqttClient: string
  /** With a subscription that has something in common with this filter. */
  readonly subject: string
  /** In lower case; is in the number, name, address, user, account or library. */
  readonly search: string
}

/** Which subscriptions are meant; empty texts mean all. */
export interface SubscriptionFilter {
  readonly account: string
  /** Those that a message on this subject would reach. */
  readonly test: string
  /** Those on a part of this filter. */
  readonly within?: string
  readonly queue?: string
  /** Those on exactly this filter. */
  readonly subject: string
}

/** What the shards say to a question. */
export interface ShardAnswers {
  /** Of those that answered, in the order of the shards. */
  readonly reports: readonly Report[]
  /** The shards that serve and have not answered: what they have is missing. */
  readonly silent: readonly number[]
}
