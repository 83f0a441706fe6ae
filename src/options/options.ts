// Options: the argument of createServer(), and the complete, checked and frozen form that every thread receives. The
// table of settings (config/table/settings.ts) has the origin, default, bounds and key of each; docs/configuration.md
// is generated from it.

import type {
  AccountsBlock,
  AuthorizationBlock,
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
import type {
  AccountOptions,
  AuthorizationOptions,
  HttpGatewayOptions,
  JetStreamOptions,
  MappingOptions,
  OcspCacheOptions,
  OcspOptions,
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
  /** Path of a Unix socket on which clients are served as well. Default: none. */
  readonly unixSocket: string
  /** Who may connect to it: the permissions of its file, in octal digits. Default `0600`: the server's own user. */
  readonly unixSocketMode: string
  /** Server name; no blanks. Default: the server id. */
  readonly name: string
  /** Worker threads; 0: everything on the calling thread. Default: one for each processor but one, 16 at most. */
  readonly workers: number
  /** Address told to clients, `host:port`. Default: none. */
  readonly clientAdvertise: string
  /** File for the process id. Default: none. */
  readonly pidFile: string
  /** Folder for the ports file. Default: none. */
  readonly portsFileDir: string
  /** Time over which clients are closed in lame duck mode, at least 30 s. Default 2 min. */
  readonly lameDuckDuration: number
  /** Time before the first of them is closed. Default 10 s. */
  readonly lameDuckGracePeriod: number
  /** Messages have no headers. Default false. */
  readonly noHeaderSupport: boolean
  /** Do not hold back publishers whose subscribers fall behind. Default false. */
  readonly noFastProducerStall: boolean
  /** Words that tell this server from others. Default: none. */
  readonly serverTags: readonly string[]
  /** Texts that describe this server, by name. Default: none. */
  readonly serverMetadata: Readonly<Record<string, string>>
  /** Accepted, without effect: the cache of matches stays on. Default false. */
  readonly disableSublistCache: boolean
  /** Of connections between servers, which there are none of yet. Default 3600. */
  readonly connectErrorReports: number
  /** The same. Default 1. */
  readonly reconnectErrorReports: number
  /** Connections at once; 0 refuses everybody. Default 65,536. */
  readonly maxConnections: number
  /** Longest control line. Default 4096. */
  readonly maxControlLine: number
  /** Largest payload. Default 1 MiB. */
  readonly maxPayload: number
  /** Bytes that may wait for one connection before it is closed as a slow consumer. Default 64 MiB. */
  readonly maxPending: number
  /** What follows when more would wait: it is closed (default), or messages are dropped, the oldest or the newest. */
  readonly slowConsumer: SlowConsumerPolicy
  /** Subscriptions of one connection; 0 = no limit (default). */
  readonly maxSubscriptions: number
  /** Tokens of a subscription's subject; 0 = no limit (default). */
  readonly maxSubscriptionTokens: number
  /** Time between PINGs to a quiet client. Default 2 min. */
  readonly pingInterval: number
  /** Unanswered PINGs after which a client is closed as stale. Default 2. */
  readonly pingMax: number
  /** Time that a socket may refuse to take what was written to it. Default 10 s. */
  readonly writeDeadline: number
  /** What follows then: it is closed (default), or, with `retry`, given as much time again if it took some of it. */
  readonly writeTimeout: 'default' | 'close' | 'retry'
  /** Largest size of one shard's part of the shared subscription index. Default 1 GiB. */
  readonly maxInterestBytes: number
  /** Log debug lines. Default false. */
  readonly debug: boolean
  /** Log every protocol operation. Default false. */
  readonly trace: boolean
  /** Trace the system account, too. Default false. */
  readonly traceVerbose: boolean
  /** Trace the headers of messages without their payload. Default false. */
  readonly traceHeaders: boolean
  /** Bytes of a message that a trace shows; 0 = all (default). */
  readonly maxTracedMessageLength: number
  /** Where log lines go; `program`: to the program's logger. Default `none`, `stderr` for the command. */
  readonly log: 'stderr' | 'none' | 'program'
  /** File for the log, instead of stderr. Default: none. */
  readonly logFile: string
  /** Size at which a new log file is begun; 0 = never (default). */
  readonly logSizeLimit: number
  /** Log files kept; 0 = all (default). */
  readonly logMaxNum: number
  /** Log lines begin with the time. Default true. */
  readonly logTime: boolean
  /** … in UTC. Default false. */
  readonly logTimeUtc: boolean
  /** `text` (default), or `json`: one object a line. */
  readonly logFormat: 'text' | 'json'
  /** Log to syslog. Default false. */
  readonly syslog: boolean
  /** Address of a syslog server, `udp://localhost:514`. Default: none. */
  readonly remoteSyslog: string
  /** Address of the monitoring pages. Default: as `host`. */
  readonly monitorHost: string
  /** Port of the HTTP monitoring pages; 0 or -1 takes a free one. Default: none. */
  readonly monitorPort: number | undefined
  /** The same over HTTPS, by the certificates of `tls`; not both. Default: none. */
  readonly httpsPort: number | undefined
  /** What the paths of the monitoring pages begin with, such as `/nats`. Default: nothing. */
  readonly monitorBasePath: string
  /** User that the monitoring pages ask for (HTTP Basic). Default: none, the pages are open. */
  readonly monitorUser: string
  /** Their password. Default: none. */
  readonly monitorPassword: string
  /** Closed connections to remember for the monitoring pages. Default 10,000. */
  readonly maxClosedClients: number
  /** Of the profiling pages of Go. Default 0. */
  readonly profPort: number
  /** The same. Default 0. */
  readonly profBlockRate: number
  /** Which users may connect; undefined: every client. */
  readonly authorization: AuthorizationOptions | undefined
  /** Accounts. */
  readonly accounts: readonly AccountOptions[]
  /** Subjects of the account `$G` that become others. */
  readonly mappings: readonly MappingOptions[]
  /** User that clients are who give no credentials. Default: none; where there are users they are refused. */
  readonly noAuthUser: string
  /** Account of the system events. Default `$SYS`. */
  readonly systemAccount: string
  /** There is no system account. Default false. */
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
  /** Where tokens of accounts come from: memory, a URL, or a folder. */
  readonly resolver: ResolverOptions | undefined
  /** TLS towards a resolver with a URL. */
  readonly resolverTls: TlsOptions | undefined
  /** Tokens of accounts by their public keys. Default: none. */
  readonly resolverPreload: Readonly<Record<string, string>>
  /** Public keys of the only accounts that may be entered. Default: all. */
  readonly resolverPinnedAccounts: readonly string[]
  /** Public keys of operators, in place of their tokens. Default: none. */
  readonly trustedKeys: readonly string[]
  /** The token of clients without one, in operator mode. Default: none. */
  readonly defaultSentinel: string
  /** Client connections may begin with the PROXY protocol, which names the client behind a proxy. Default false. */
  readonly proxyProtocol: boolean
  /** Public keys of trusted proxies. */
  readonly proxies: readonly string[]
  /** Streams; undefined: there are none (default). */
  readonly jetstream: JetStreamOptions | undefined
  /** Folder of the streams, unless `jetstream` names it. Default: in the system’s temporary folder. */
  readonly storeDir: string
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
type Idle = 'disableSublistCache' | 'connectErrorReports' | 'reconnectErrorReports' | 'profPort' | 'profBlockRate'

/** Options that a program gives in another form (blocks.ts). */
interface Blocks {
  /** Where log lines go, unless a `logger` is given. Default: `none`. */
  log?: 'stderr' | 'none'
  /** Which users may log in, in the account `$G`. Default: every client. */
  authorization?: AuthorizationBlock
  /** Accounts by their names, or names of empty ones. Default: `$G` and the system account alone. */
  accounts?: AccountsBlock
  /** Subjects of the account `$G` that become others. Default: none. */
  mappings?: MappingsBlock
  /** TLS on the client port. Default: none. */
  tls?: TlsBlock
  /** OCSP staples for the server's certificate. Default: if the certificate demands them. */
  ocsp?: boolean | OcspBlock
  /** Cache of OCSP answers about clients' certificates. Default: in the folder `_rc_`. */
  ocspCache?: boolean | OcspCacheBlock
  /** Where account JWTs come from, in operator mode: `MEMORY`, `URL(…)`, or a block. Default: none. */
  resolver?: string | ResolverBlock
  /** TLS towards a resolver with a URL. Default: none. */
  resolverTls?: TlsBlock
  /** Proxies that clients may come through. Default: none. */
  proxies?: ProxiesBlock
  /** Streams. Default: none. */
  jetstream?: boolean | JetStreamBlock
  /** A port for HTTP: publish, request, streams of events. Default: none. */
  httpGateway?: HttpGatewayBlock
  /** A port for WebSocket clients. Default: none. */
  websocket?: WebSocketBlock
}

type Simple = { -readonly [K in keyof Options as Exclude<K, Idle | keyof Blocks>]?: Options[K] }

/** What createServer() takes. Every member may be left out. Times are milliseconds, sizes bytes. */
export interface ServerOptions extends Simple, Blocks {}
