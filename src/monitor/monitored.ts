// The interface that the pages need of the server.

import type { Json } from '../base/json.ts'
import type { Log } from '../log/log.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { Query, ShardAnswers } from '../reports/query.ts'
import type { ShardState } from '../reports/shard-state.ts'
import type { OcspCounts } from '../tls/ocsp/peers.ts'

export interface MonitorPorts {
  readonly http: number
  readonly https: number
}

/** What streams use, of an account or of all. Sizes are bytes. */
export interface StreamTotals {
  readonly memory: number
  readonly file: number
  readonly reservedMemory: number
  readonly reservedFile: number
  readonly streams: number
  readonly consumers: number
  readonly messages: number
  /** To the API, and those of them that were refused. */
  readonly requests: number
  readonly errors: number
}

/** Streams, as pages see them. Accounts are byte strings. */
export interface MonitoredStreams {
  totals(account?: string): StreamTotals
  /** Proper names of accounts that have or had streams. */
  accountNames(): string[]
  has(account: string, stream: string): boolean
  /** Streams can be created, changed and opened, as far as can be seen. */
  readonly isStorageWell: boolean
  /** What is wrong with the disk of streams, of an account or of all. Account and stream are proper names. */
  ailments(
    account?: string,
    stream?: string,
  ): readonly { readonly account: string; readonly stream: string; readonly text: string }[]
  /** Undefined: that cannot be said now. */
  hasConsumer(account: string, stream: string, consumer: string): Promise<boolean | undefined>
  /** All that is known of an account's streams, as lists of the API show it. */
  details(account: string, withConsumers: boolean): Promise<readonly { readonly [member: string]: Json }[]>
}

export interface Monitored {
  /** Undefined: there are none on this server. */
  readonly streams: MonitoredStreams | undefined
  /** In force. */
  readonly options: Options
  readonly identity: ServerIdentity
  /** Milliseconds since 1970: when the server started, and when its options were taken. */
  readonly startedAt: number
  readonly configLoadedAt: number
  /** The port for HTTP clients; undefined: there is none. */
  readonly httpGatewayPort?: number | undefined
  /** Connections so far. */
  readonly totalConnections: number
  /** Threads replaced so far. */
  readonly restarts: number
  /** Clients are let in. */
  readonly serving: boolean
  /** What is known of the shards without asking them, in their order. */
  readonly shardStates: readonly ShardState[]
  /** The first certificate of each port with TLS, in PEM. */
  readonly certificates: {
    readonly client?: string | undefined
    readonly webSocket?: string | undefined
    readonly cluster?: string | undefined
  }
  /** What is known of clients' certificates; undefined: no question yet. */
  readonly ocspCounts: OcspCounts | undefined
  readonly log: Pick<Log, 'warn' | 'error' | 'complaint' | 'complaintsCounted' | 'bug'>
  /** Leaf links, to hubs and to leaf nodes. */
  readonly leafCount: number
  /** Routes to other servers of the cluster, and how many those are. */
  readonly routeCounts: { readonly routes: number; readonly remotes: number }
  /** Asks every shard. */
  ask(query: Query): Promise<ShardAnswers>
}
