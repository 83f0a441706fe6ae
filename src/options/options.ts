// Options: what createServer() may say, and the complete, checked and frozen form that every thread is given. Where
// each comes from, its default, bounds and key in the configuration file stand in the table of settings
// (config/settings.ts), from which docs/configuration.md is made.

import type {
  AccountOptions,
  AuthorizationOptions,
  MappingOptions,
  OcspCacheOptions,
  OcspOptions,
  ResolverOptions,
  SlowConsumerPolicy,
  TlsOptions,
  WebSocketOptions,
} from './shapes.ts'

/** The options in force. Plain data, structured-cloneable. Times are milliseconds, sizes bytes. */
export interface Options {
  readonly host: string
  /** -1: any free one. */
  readonly port: number
  readonly name: string
  readonly workers: number
  readonly clientAdvertise: string
  readonly pidFile: string
  readonly portsFileDir: string
  readonly lameDuckDuration: number
  readonly lameDuckGracePeriod: number
  readonly noHeaderSupport: boolean
  readonly noFastProducerStall: boolean
  readonly serverTags: readonly string[]
  readonly serverMetadata: Readonly<Record<string, string>>
  readonly disableSublistCache: boolean
  readonly connectErrorReports: number
  readonly reconnectErrorReports: number
  readonly maxConnections: number
  readonly maxControlLine: number
  readonly maxPayload: number
  readonly maxPending: number
  readonly slowConsumer: SlowConsumerPolicy
  readonly maxSubscriptions: number
  readonly maxSubscriptionTokens: number
  readonly pingInterval: number
  readonly pingMax: number
  readonly writeDeadline: number
  readonly writeTimeout: 'default' | 'close' | 'retry'
  readonly maxInterestBytes: number
  readonly debug: boolean
  readonly trace: boolean
  readonly traceVerbose: boolean
  readonly traceHeaders: boolean
  readonly maxTracedMessageLength: number
  readonly log: 'stderr' | 'none'
  /** Empty: stderr. */
  readonly logFile: string
  readonly logSizeLimit: number
  readonly logMaxNum: number
  readonly logTime: boolean
  readonly logTimeUtc: boolean
  readonly logFormat: 'text' | 'json'
  readonly syslog: boolean
  readonly remoteSyslog: string
  readonly monitorHost: string
  /** undefined: no monitoring. */
  readonly monitorPort: number | undefined
  readonly httpsPort: number | undefined
  readonly monitorBasePath: string
  /** Both empty: everybody may see the pages. */
  readonly monitorUser: string
  readonly monitorPassword: string
  readonly maxClosedClients: number
  readonly profPort: number
  readonly profBlockRate: number
  /** undefined: everybody may enter. */
  readonly authorization: AuthorizationOptions | undefined
  readonly accounts: readonly AccountOptions[]
  /** Mappings of the account $G. */
  readonly mappings: readonly MappingOptions[]
  readonly noAuthUser: string
  /** Empty: $SYS. */
  readonly systemAccount: string
  readonly noSystemAccount: boolean
  readonly tls: TlsOptions | undefined
  readonly allowNonTls: boolean
  readonly ocsp: OcspOptions | undefined
  readonly ocspCache: OcspCacheOptions | undefined
  /** Operator JWTs. */
  readonly operators: readonly string[]
  readonly resolver: ResolverOptions | undefined
  readonly resolverTls: TlsOptions | undefined
  readonly resolverPreload: Readonly<Record<string, string>>
  readonly resolverPinnedAccounts: readonly string[]
  readonly trustedKeys: readonly string[]
  readonly defaultSentinel: string
  readonly proxyProtocol: boolean
  /** Public keys of trusted proxies. */
  readonly proxies: readonly string[]
  readonly websocket: WebSocketOptions | undefined
  /** Path of the configuration file; empty if there is none. */
  readonly configFile: string
  /** `sha256:<hex>` of what it says. */
  readonly configDigest: string
}

/** An option that a setting may set. */
export type OptionName = Exclude<keyof Options, 'configFile' | 'configDigest'>

/** What createServer() takes. Every member may be left out. Times are milliseconds, sizes bytes. */
export interface ServerOptions {
  /** Address to listen on. Default `0.0.0.0`. */
  host?: string
  /** Client port; -1 takes a free one, 0 means the default 4222. */
  port?: number
  /** Port of the HTTP monitoring pages; -1 takes a free one, 0 means none (default). */
  monitorPort?: number
  /** The same over HTTPS, by the certificates of `tls`; not both. */
  httpsPort?: number
  /** Address of the monitoring pages. Default: as `host`. */
  monitorHost?: string
  /** What the paths of the monitoring pages begin with, such as `/nats`. Default: nothing. */
  monitorBasePath?: string
  /** User and password that the monitoring pages ask for (HTTP Basic); both empty: everybody may see them (default). */
  monitorUser?: string
  monitorPassword?: string
  /** Server name; no blanks. Default: the server id. */
  name?: string
  /** Worker threads; 0 runs everything on the calling thread. Default: defaultWorkers(). */
  workers?: number
  /** Address told to clients, `host:port`. */
  clientAdvertise?: string
  /** Log debug lines. Default false. */
  debug?: boolean
  /** Log every protocol operation. Default false. */
  trace?: boolean
  /** Trace the system account, too. Default false. */
  traceVerbose?: boolean
  /** Trace the headers of messages without their payload. Default false. */
  traceHeaders?: boolean
  /** Bytes of a message that a trace shows; 0 = all (default). */
  maxTracedMessageLength?: number
  /** Where log lines go: `stderr`, or `none`. Default `none` for createServer(), `stderr` for the command. */
  log?: 'stderr' | 'none'
  /** File for the log, instead of stderr. */
  logFile?: string
  /** Size at which a new log file is begun; 0 = never (default). */
  logSizeLimit?: number
  /** Log files kept; 0 = all (default). */
  logMaxNum?: number
  /** Log lines begin with the time. Default true. */
  logTime?: boolean
  /** … in UTC. Default false. */
  logTimeUtc?: boolean
  /** `text` (default), or `json`: one object a line. */
  logFormat?: 'text' | 'json'
  /** Log to syslog. Default false. */
  syslog?: boolean
  /** Address of a syslog server, `udp://localhost:514`. */
  remoteSyslog?: string
  /** File for the process id. */
  pidFile?: string
  /** Folder for the ports file. */
  portsFileDir?: string
  /** Longest control line. Default 4096. */
  maxControlLine?: number
  /** Largest payload. Default 1 MiB. */
  maxPayload?: number
  /** Bytes that may wait for one connection before it is closed as a slow consumer. Default 64 MiB. */
  maxPending?: number
  /** What follows when more would wait: it is closed (default), or messages are dropped, the oldest or the newest. */
  slowConsumer?: SlowConsumerPolicy
  /** Connections at once; 0 refuses everybody. Default 65,536. */
  maxConnections?: number
  /** Subscriptions of one connection; 0 = no limit (default). */
  maxSubscriptions?: number
  /** Tokens of a subscription's subject; 0 = no limit (default). */
  maxSubscriptionTokens?: number
  /** Time between PINGs to a quiet client. Default 2 min. */
  pingInterval?: number
  /** Unanswered PINGs after which a client is closed as stale. Default 2. */
  pingMax?: number
  /** Time that a socket may refuse to take what was written to it. Default 10 s. */
  writeDeadline?: number
  /** What follows then: it is closed (default), or, with `retry`, given as much time again if it took some of it. */
  writeTimeout?: 'default' | 'close' | 'retry'
  /** Do not hold back publishers whose subscribers fall behind. Default false. */
  noFastProducerStall?: boolean
  /** Messages have no headers. Default false. */
  noHeaderSupport?: boolean
  /** Time over which clients are closed in lame duck mode, at least 30 s. Default 2 min. */
  lameDuckDuration?: number
  /** Time before the first of them is closed. Default 10 s. */
  lameDuckGracePeriod?: number
  /** Closed connections to remember for the monitoring pages. Default 10,000. */
  maxClosedClients?: number
  /** Largest size of one shard's part of the shared subscription index. Default 1 GiB. */
  maxInterestBytes?: number
  /** Words that tell this server from others. */
  serverTags?: readonly string[]
  /** Texts that describe this server, by name. */
  serverMetadata?: Readonly<Record<string, string>>
  /** The configuration file that these options come from, and its digest: named in the log and the monitoring pages. */
  configFile?: string
  configDigest?: string
  /** Who may enter: the file's block as plain data. */
  authorization?: ConfigData
  /** Accounts: the file's block as plain data. */
  accounts?: ConfigData
  /** Subjects of the account `$G` that become others: the file's block as plain data. */
  mappings?: ConfigData
  /** User whose part clients take that say nothing of themselves. */
  noAuthUser?: string
  /** Account of the system events. Default `$SYS`. */
  systemAccount?: string
  /** Operator mode: the operators' tokens. */
  operators?: readonly string[]
  /** Where tokens of accounts come from: `MEMORY`, or the file's block as plain data. */
  resolver?: ConfigData
  /** Tokens of accounts by their public keys. */
  resolverPreload?: Readonly<Record<string, string>>
  /** Public keys of the only accounts that may be entered. */
  resolverPinnedAccounts?: readonly string[]
  /** Public keys of operators, in place of their tokens. */
  trustedKeys?: readonly string[]
  /** The token of clients that bring none, in operator mode. */
  defaultSentinel?: string
  /** TLS on the client port: the file's block as plain data. */
  tls?: ConfigData
  /** WebSocket listener: the file's block as plain data. */
  websocket?: ConfigData
  /** Client connections may begin with the header of the PROXY protocol, which says for whom a proxy speaks. */
  proxyProtocol?: boolean
}

/** What the embedding API takes for a block: the same keys and values as in the file, as plain data. */
export type ConfigData = string | boolean | number | readonly ConfigData[] | { readonly [key: string]: ConfigData }
