// Every message between the primary and shards, with its sender and its answer. Receivers are exhaustive switches.

import type { MessagePort } from 'node:worker_threads'
import type { HookEvent, HookName } from '../auth/hooks.ts'
import type { ServerKey } from '../auth/server-key.ts'
import type { ShardStreams } from '../jetstream/contract.ts'
import type { LeafTold } from '../leaf/contract.ts'
import type { LogMessage } from '../log/sink.ts'
import type { PeerSetup } from '../mesh/messages.ts'
import type { Arrival, PipeArrival } from '../net/handle.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { Query } from '../reports/query.ts'
import type { RouteTold } from '../routes/contract.ts'
import type { SystemMessage } from '../system/contract.ts'
import type { TlsOfPorts } from '../tls/tls-settings.ts'
import type { AnswerMessage, QuestionMessage } from './primary-rpc.ts'

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
  /** The functions that the embedding program has. */
  readonly hooks: readonly HookName[]
  /** How often the log file was opened again. */
  readonly logOpened: SharedArrayBuffer
  /** Streams that are this shard's; undefined: there are none on this server. */
  readonly streams: ShardStreams | undefined
  /** It takes the place of one that has died: clients do not wait until its streams are open. */
  readonly isReplacement: boolean
}

/** Why a shard is to close some of its connections. */
export type Eviction = 'connections' | 'shutdown'

/** What a link to another server is told. */
export type LinkTold = RouteTold | LeafTold

/** Primary → shard. */
export type ToShard =
  /** It waits until a place wants it; before the setup. */
  | { readonly kind: 'spare' }
  /** What it is to be; before all others. Answered by `ready`. */
  | { readonly kind: 'setup'; readonly setup: ShardSetup }
  /** Where the store thread is reached from now on; the one before was stuck over this call of the shard's. */
  | { readonly kind: 'store'; readonly port: MessagePort; readonly stuckCall: number | undefined }
  /** Connections that are now the shard's. */
  | { readonly kind: 'connections'; readonly arrivals: readonly Arrival[] }
  /** A connection within the process (src/net/port-pipe.ts) that is now the shard's. */
  | {
      readonly kind: 'pipe'
      readonly arrival: PipeArrival
      readonly port: MessagePort
      readonly counters: SharedArrayBuffer
    }
  /** What INFO says has changed: later clients are told, and the connected ones too. */
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
  /** Counters are requested. Answered by `reportPart`s and `reportEnd`. */
  | { readonly kind: 'query'; readonly id: number; readonly query: Query }
  /** The tokens of these accounts are others, or gone. */
  | { readonly kind: 'claims'; readonly accounts: readonly string[] }
  /** Publish this in the system account. */
  | { readonly kind: 'tell'; readonly messages: readonly SystemMessage[] }
  /** Something for a link to another server. */
  | { readonly kind: 'link'; readonly link: number; readonly told: LinkTold }
  /** Close all connections and exit. Answered by the thread's end. */
  | { readonly kind: 'stop' }

/** What a shard tells by itself. */
export type ToPrimary = Extract<FromShard, { kind: 'connectionsChanged' | 'hookEvents' }> | LogMessage | QuestionMessage

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
  /** For the functions of the embedding program, in their order. */
  | { readonly kind: 'hookEvents'; readonly events: readonly HookEvent[] }
  /** A part of the answer to a query: msgpack, with records, of a report that src/reports/rows.ts describes. */
  | { readonly kind: 'reportPart'; readonly id: number; readonly part: Uint8Array }
  /** That was all of it; not `complete`: the report could not be made. */
  | { readonly kind: 'reportEnd'; readonly id: number; readonly complete: boolean }
