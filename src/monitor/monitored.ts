// The interface that the pages need of the server.

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

export interface Monitored {
  /** In force. */
  readonly options: Options
  readonly identity: ServerIdentity
  /** Milliseconds since 1970: when the server started, and when its options were taken. */
  readonly startedAt: number
  readonly configLoadedAt: number
  /** Connections so far. */
  readonly totalConnections: number
  /** Threads replaced so far. */
  readonly restarts: number
  /** Clients are let in. */
  readonly serving: boolean
  /** What is known of the shards without asking them, in their order. */
  readonly shardStates: readonly ShardState[]
  /** The first certificate of each port with TLS, in PEM. */
  readonly certificates: { readonly client?: string | undefined; readonly webSocket?: string | undefined }
  /** What is known of clients' certificates; undefined: no question yet. */
  readonly ocspCounts: OcspCounts | undefined
  readonly log: Pick<Log, 'warn' | 'error' | 'complaint' | 'complaintsCounted' | 'bug'>
  /** Asks every shard. */
  ask(query: Query): Promise<ShardAnswers>
}
