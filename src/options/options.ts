// Options: the argument of createServer(), and the complete, checked and frozen form that every thread receives. The
// table of settings (config/table/settings.ts) has the origin, default, bounds and key of each; docs/configuration.md
// is generated from it.

import type {
  AccountsBlock,
  AuthorizationBlock,
  ClusterBlock,
  HttpGatewayBlock,
  JetStreamBlock,
  MappingsBlock,
  OcspBlock,
  OcspCacheBlock,
  ProxiesBlock,
  ResolverBlock,
  TlsBlock,
  WebSocketBlock,
} from './blocks.ts'
import type { ClusterOptions } from './cluster.ts'
import type { LeafnodeOptions } from './leafnodes.ts'
import type {
  AccountOptions,
  AuthorizationOptions,
  HttpGatewayOptions,
  JetStreamOptions,
  MappingOptions,
  OcspCacheOptions,
  OcspOptions,
  Placement,
  ResolverOptions,
  SlowConsumerPolicy,
  TlsOptions,
  WebSocketOptions,
} from './shapes.ts'

/** The options in force. Plain data, structured-cloneable. Times are milliseconds, sizes bytes; empty: not given. */
export interface Options {
  /** Address to listen on. Default `127.0.0.1` for createServer(), `0.0.0.0` for the command. */
  readonly host: string
  /** Client port; 0 or -1 takes a free one. Default 4222. */
  readonly port: number
  /** Path of a Unix socket for clients, in addition to the port. Default: none. */
  readonly unixSocket: string
  /** File mode of the Unix socket in octal; write permission is needed to connect. Default `0600`. */
  readonly unixSocketMode: string
  /** Server name; no blanks. Default: the server id. */
  readonly name: string
  /** Worker threads; 0: everything on the calling thread. Default: number of processors minus one, 1 to 16. */
  readonly workers: number
  /** Which worker thread gets the next connection. Default: round_robin. */
  readonly placement: Placement
  /** Address announced to clients, `host:port`. Default: none. */
  readonly clientAdvertise: string
  /** File to write the process id to. Default: none. */
  readonly pidFile: string
  /** Directory for the ports file. Default: none. */
  readonly portsFileDir: string
  /** Time over which lame duck mode closes the clients, at least 30 s. Default 2 min. */
  readonly lameDuckDuration: number
  /** Time before lame duck mode closes the first client. Default 10 s. */
  readonly lameDuckGracePeriod: number
  /** Disable message headers. Default false. */
  readonly noHeaderSupport: boolean
  /** Do not slow down publishers whose subscribers fall behind. Default false. */
  readonly noFastProducerStall: boolean
  /** Tags of this server. Default: none. */
  readonly serverTags: readonly string[]
  /** Metadata of this server, as names and values. Default: none. */
  readonly serverMetadata: Readonly<Record<string, string>>
  /** Accepted, without effect: the cache of matches stays on. Default false. */
  readonly disableSublistCache: boolean
  /** Of connections between servers, which there are none of yet. Default 3600. */
  readonly connectErrorReports: number
  /** The same. Default 1. */
  readonly reconnectErrorReports: number
  /** Maximum number of connections; 0 refuses every client. Default 65,536. */
  readonly maxConnections: number
  /** Maximum length of a control line. Default 4096. */
  readonly maxControlLine: number
  /** Maximum payload size. Default 1 MiB. */
  readonly maxPayload: number
  /** Maximum bytes waiting for one connection before it is closed as a slow consumer. Default 64 MiB. */
  readonly maxPending: number
  /** Action when more would wait: close the connection (default), or drop messages, the oldest or the newest. */
  readonly slowConsumer: SlowConsumerPolicy
  /** Maximum number of subscriptions of one connection; 0 = no limit (default). */
  readonly maxSubscriptions: number
  /** Maximum number of tokens in a subscription's subject; 0 = no limit (default). */
  readonly maxSubscriptionTokens: number
  /** Interval between PINGs to an idle client. Default 2 min. */
  readonly pingInterval: number
  /** Unanswered PINGs after which a client is closed as stale. Default 2. */
  readonly pingMax: number
  /** Maximum time that a write to a client may block. Default 10 s. */
  readonly writeDeadline: number
  /** Action when `writeDeadline` has passed: close (default), or `retry` if some data was sent. */
  readonly writeTimeout: 'default' | 'close' | 'retry'
  /** Maximum size of one shard's part of the shared subscription index. Default 1 GiB. */
  readonly maxInterestBytes: number
  /** Enable debug logging. Default false. */
  readonly debug: boolean
  /** Log every protocol operation. Default false. */
  readonly trace: boolean
  /** Trace the system account as well. Default false. */
  readonly traceVerbose: boolean
  /** Trace message headers without payloads. Default false. */
  readonly traceHeaders: boolean
  /** Maximum bytes of a message shown in a trace; 0 = all (default). */
  readonly maxTracedMessageLength: number
  /** Where log lines go; `program`: to the program's logger. Default `none`, `stderr` for the command. */
  readonly log: 'stderr' | 'none' | 'program'
  /** File for the log, instead of stderr. Default: none. */
  readonly logFile: string
  /** Size at which the log file is rotated; 0 = never (default). */
  readonly logSizeLimit: number
  /** Number of log files kept; 0 = all (default). */
  readonly logMaxNum: number
  /** Begin log lines with the time. Default true. */
  readonly logTime: boolean
  /** Log times in UTC. Default false. */
  readonly logTimeUtc: boolean
  /** `text` (default), or `json`: one object per line. */
  readonly logFormat: 'text' | 'json'
  /** Log to syslog. Default false. */
  readonly syslog: boolean
  /** Address of a syslog server, `udp://localhost:514`. Default: none. */
  readonly remoteSyslog: string
  /** Address of the monitoring pages. Default: as `host`. */
  readonly monitorHost: string
  /** Port of the HTTP monitoring pages; 0 or -1 takes a free one. Default: none. */
  readonly monitorPort: number | undefined
  /** Port of the monitoring pages over HTTPS, with the certificates of `tls`; not both. Default: none. */
  readonly httpsPort: number | undefined
  /** Prefix of the paths of the monitoring pages, such as `/nats`. Default: none. */
  readonly monitorBasePath: string
  /** User for the monitoring pages (HTTP Basic). Default: none, without login. */
  readonly monitorUser: string
  /** Password for the monitoring pages. Default: none. */
  readonly monitorPassword: string
  /** Number of closed connections kept for the monitoring pages. Default 10,000. */
  readonly maxClosedClients: number
  /** Of the profiling pages of Go. Default 0. */
  readonly profPort: number
  /** The same. Default 0. */
  readonly profBlockRate: number
  /** Which users may connect; undefined: every client. */
  readonly authorization: AuthorizationOptions | undefined
  /** Accounts. */
  readonly accounts: readonly AccountOptions[]
  /** Subject mappings of the account `$G`. */
  readonly mappings: readonly MappingOptions[]
  /** User of clients without credentials. Default: none; if there are users, such clients are refused. */
  readonly noAuthUser: string
  /** The system account. Default `$SYS`. */
  readonly systemAccount: string
  /** Disable the system account. Default false. */
  readonly noSystemAccount: boolean
  /** TLS on the client port. */
  readonly tls: TlsOptions | undefined
  /** Clients may connect without TLS as well. Default false. */
  readonly allowNonTls: boolean
  /** OCSP staples for the server's certificate. */
  readonly ocsp: OcspOptions | undefined
  /** Cache of OCSP answers. */
  readonly ocspCache: OcspCacheOptions | undefined
  /** Operator mode: the operators' tokens. Default: none. */
  readonly operators: readonly string[]
  /** Where account tokens come from: memory, a URL, or a directory. */
  readonly resolver: ResolverOptions | undefined
  /** TLS for connections to a URL resolver. */
  readonly resolverTls: TlsOptions | undefined
  /** Tokens of accounts by their public keys. Default: none. */
  readonly resolverPreload: Readonly<Record<string, string>>
  /** Public keys of the only accounts that may be resolved. Default: all. */
  readonly resolverPinnedAccounts: readonly string[]
  /** Public keys of operators, in place of their tokens. Default: none. */
  readonly trustedKeys: readonly string[]
  /** Bearer token of clients without credentials, in operator mode. Default: none. */
  readonly defaultSentinel: string
  /** Accept the PROXY protocol header, which names the client behind a proxy. Default false. */
  readonly proxyProtocol: boolean
  /** Public keys of trusted proxies. */
  readonly proxies: readonly string[]
  /** Streams; undefined: there are none (default). */
  readonly jetstream: JetStreamOptions | undefined
  /** Directory of the streams, unless `jetstream` names it. Default: in the system’s temporary directory. */
  readonly storeDir: string
  /** Membership in a cluster; undefined: the server is alone (default). */
  readonly cluster: ClusterOptions | undefined
  /** Leaf nodes, and servers of which this one is a leaf node; undefined: none (default). */
  readonly leafnodes: LeafnodeOptions | undefined
  /** Listener for WebSocket clients. */
  readonly websocket: WebSocketOptions | undefined
  /** Listener for HTTP: publish, request, streams of events. */
  readonly httpGateway: HttpGatewayOptions | undefined
  /** The configuration file that these come from, and its digest: named in the log and the monitoring pages. */
  readonly configFile: string
  readonly configDigest: string
}

/** An option that a setting may set. */
export type OptionName = Exclude<keyof Options, 'configFile' | 'configDigest'>

/** Options without effect so far: not offered. */
type Idle =
  | 'leafnodes'
  | 'disableSublistCache'
  | 'connectErrorReports'
  | 'reconnectErrorReports'
  | 'profPort'
  | 'profBlockRate'

/** Options that a program gives in another form (blocks.ts). */
interface Blocks {
  /** Where log lines go, unless a `logger` is given. Default: `none`. */
  log?: 'stderr' | 'none'
  /** Which users may log in, in the account `$G`. Default: every client. */
  authorization?: AuthorizationBlock
  /** Accounts by their names, or names of empty ones. Default: `$G` and the system account alone. */
  accounts?: AccountsBlock
  /** Subject mappings of the account `$G`. Default: none. */
  mappings?: MappingsBlock
  /** TLS on the client port. Default: none. */
  tls?: TlsBlock
  /** OCSP staples for the server's certificate. Default: if the certificate demands them. */
  ocsp?: boolean | OcspBlock
  /** Cache of OCSP answers about clients' certificates. Default: in the folder `_rc_`. */
  ocspCache?: boolean | OcspCacheBlock
  /** Where account JWTs come from, in operator mode: `MEMORY`, `URL(…)`, or a block. Default: none. */
  resolver?: string | ResolverBlock
  /** TLS for connections to a URL resolver. Default: none. */
  resolverTls?: TlsBlock
  /** Proxies that clients may come through. Default: none. */
  proxies?: ProxiesBlock
  /** Streams. Default: none. */
  jetstream?: boolean | JetStreamBlock
  /** A port for HTTP: publish, request, streams of events. Default: none. */
  httpGateway?: HttpGatewayBlock
  /** Membership in a cluster of servers. Default: none. */
  cluster?: ClusterBlock
  /** A port for WebSocket clients. Default: none. */
  websocket?: WebSocketBlock
}

type Simple = { -readonly [K in keyof Options as Exclude<K, Idle | keyof Blocks>]?: Options[K] }

/** What createServer() takes. Every member may be left out. Times are milliseconds, sizes bytes. */
export interface ServerOptions extends Simple, Blocks {}
