// Every kind of message that crosses a thread boundary: who sends it, who answers. Receivers are exhaustive switches.

import type { MessagePort } from 'node:worker_threads'
import type { Handle } from '../base/node-private.ts'
import type { LogMessage } from '../log/sink.ts'
import type { Options } from '../options/options.ts'
import type { ServerKey } from '../primary/server-identity.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { ConnectionSort } from '../reports/connection-order.ts'
import type { SystemMessage } from '../system/shard/shard-system.ts'
import type { TlsOfPorts } from '../tls/read-settings.ts'
import type { TraceEvent } from '../tracing/message-trace.ts'
import type { AnswerMessage, QuestionMessage } from './primary-rpc.ts'

/** What a shard needs to know another one. The same two rings and the other end of the port go to the other one. */
export interface PeerSetup {
  readonly index: number
  /** The peer's region of the shared index. */
  readonly region: SharedArrayBuffer
  /** Rings to the peer and from it. */
  readonly ringOut: SharedArrayBuffer
  readonly ringIn: SharedArrayBuffer
  readonly port: MessagePort
}

/** What a shard is born with. */
export interface ShardSetup {
  readonly index: number
  readonly options: Options
  readonly identity: ServerIdentity
  /** Seed of all hash tables that peers fill. */
  readonly seed: number
  /** This shard's own region. */
  readonly region: SharedArrayBuffer
  readonly generations: SharedArrayBuffer
  readonly gauges: SharedArrayBuffer
  /** Number of shards of the server. */
  readonly shards: number
  /** How many connections accounts with a limit have. */
  readonly accountConnections: SharedArrayBuffer
  /** Numbers what is published, for all shards. */
  readonly publishOrder: SharedArrayBuffer
  /** The latest number of a message about the server. */
  readonly systemSequence: SharedArrayBuffer
  /** The server's own key pair. */
  readonly key: ServerKey
  /** It holds private keys. */
  readonly tls: TlsOfPorts
  readonly handshakeLimit: SharedArrayBuffer
  /** The embedding program decides who may enter. */
  readonly asksProgram: boolean
  /** How often the log file was opened anew. */
  readonly logOpened: SharedArrayBuffer
}

/** A connection on its way to the shard that will serve it. */
export interface Arrival {
  readonly id: number
  /** Which listener it came to. */
  readonly kind: 'client' | 'websocket'
  readonly handle: Handle
  /** The server is full: tell it so and close. */
  readonly refused: boolean
}

/** Why a shard is to close some of its connections. */
export type Eviction = 'connections' | 'shutdown'

/** Primary → shard. */
export type ToShard =
  /** What it is to be; the first message. Answered by `ready`. */
  | { readonly kind: 'setup'; readonly setup: ShardSetup }
  /** Connections that are now the shard's. */
  | { readonly kind: 'connections'; readonly arrivals: readonly Arrival[] }
  /** What INFO says has changed: it is told to clients from now on, and to those who are there. */
  | { readonly kind: 'identity'; readonly identity: ServerIdentity }
  /** New options are in force. Answered by `applied`. */
  | { readonly kind: 'options'; readonly options: Options; readonly tls: TlsOfPorts }
  /** Close so many connections, whichever. */
  | { readonly kind: 'evict'; readonly count: number; readonly eviction: Eviction }
  | AnswerMessage
  /** Another shard has come, or come again. Answered by `joined`. */
  | { readonly kind: 'peer'; readonly peer: PeerSetup }
  /** Another shard has died: forget it. */
  | { readonly kind: 'peerGone'; readonly index: number }
  /** Somebody asks for counters. Answered by `reportPart`s and `reportEnd`. */
  | { readonly kind: 'query'; readonly id: number; readonly query: Query }
  /** The tokens of these accounts are others, or gone. */
  | { readonly kind: 'claims'; readonly accounts: readonly string[] }
  /** Publish this in the system account. */
  | { readonly kind: 'tell'; readonly messages: readonly SystemMessage[] }
  /** Close all connections and exit. Answered by the thread's end. */
  | { readonly kind: 'stop' }

/** What a shard tells by itself. */
export type ToPrimary = Extract<FromShard, { kind: 'connectionsChanged' }> | LogMessage | QuestionMessage

/** Shard → primary. */
export type FromShard =
  /** Ready for connections. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'joined'; readonly index: number }
  /** Options have been taken; answers come in the order in which options were sent. */
  | { readonly kind: 'applied' }
  /** Something about the log that only the primary can do. */
  | LogMessage
  | QuestionMessage
  /** Connections of these accounts have come or gone, and the system account wants to know. */
  | { readonly kind: 'connectionsChanged'; readonly accounts: readonly string[] }
  /** A part of the answer to a query: msgpack, with records, of a report that src/reports/report.ts describes. */
  | { readonly kind: 'reportPart'; readonly id: number; readonly part: Uint8Array }
  /** That was all of it; not `complete`: the report could not be made. */
  | { readonly kind: 'reportEnd'; readonly id: number; readonly complete: boolean }

/** Shard ↔ shard: there are frames in the ring, or there is room in it again. A bare number, as it is sent often. */
export const WAKE = 0

/** Shard ↔ shard, over their own port. */
export type PeerMessage =
  | typeof WAKE
  /** A receiver of this publisher has fallen behind: slow it down until `release`. */
  | { readonly kind: 'hold'; readonly connection: number }
  | { readonly kind: 'release'; readonly connection: number }
  /** Send a fence with this number behind all that you have sent to me so far. */
  | { readonly kind: 'fence'; readonly number: number }
  /** What you sent before your fence of this number has been dealt with, and what of it goes on is on its way. */
  | { readonly kind: 'passed'; readonly number: number }
  /** What happened here to a message that is traced. */
  | { readonly kind: 'traced'; readonly trace: number; readonly events: readonly TraceEvent[] }
  /** Who is this publisher? Answered by `thisIs`. */
  | { readonly kind: 'whoIs'; readonly connection: number; readonly id: number }
  /** JSON as a byte string; empty: it has gone. */
  | { readonly kind: 'thisIs'; readonly id: number; readonly info: string }

/** What the primary may ask of its shards; some is asked for its effect. */
export type Query =
  /** Several questions at once, answered in their order: short ones. */
  | { readonly kind: 'batch'; readonly queries: readonly ShortQuery[] }
  | { readonly kind: 'totals' }
  | { readonly kind: 'accounts' }
  /** The token of an account as it is in force; empty: it has none, or is not known here. */
  | { readonly kind: 'accountToken'; readonly account: string }
  /** How busy the thread is, and what goes through its rings. */
  | { readonly kind: 'load' }
  /** Who is behind, and who was closed for it. */
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

/** Those that look at all connections or subscriptions: shards answer them in parts, over many turns of their loop. */
export type LongQuery = Extract<Query, { kind: keyof typeof LONG_QUERIES }>

const LONG_QUERIES = {
  findConnections: true,
  connections: true,
  countSubscriptions: true,
  subscriptions: true,
} as const

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
