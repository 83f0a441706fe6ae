// The blocks of createServer(): what a program says in place of a block of the configuration file. Each member is the
// key of the same name in camelCase; test/config/embedded-blocks.test.ts compares them with the keys of the file. Times
// are milliseconds, sizes bytes. Everything is plain data, and every member may be left out.

import type { ConnectionType, SlowConsumerPolicy } from './shapes.ts'

/** `authorization`: which users may log in, all of them in the account `$G`. */
export interface AuthorizationBlock {
  /** Name of the only user, instead of `users`. Default: none. */
  user?: string
  /** Password of the only user, plain or as a bcrypt hash. Default: none. */
  password?: string
  /** Token required of all clients, plain or as a bcrypt hash. Default: none. */
  token?: string
  /** Maximum time for CONNECT, in milliseconds. Default: 2000; with `tls`, its `timeout` plus 1000. */
  timeout?: number
  /** The users. Default: none. */
  users?: readonly UserBlock[]
  /** Permissions of users without permissions of their own. Default: everything is allowed. */
  defaultPermissions?: PermissionsBlock
  /** A service that authenticates clients. Default: none. */
  authCallout?: AuthCalloutBlock
  /** Require connections through a trusted proxy (`proxies`). Default: false. */
  proxyRequired?: boolean
}

/** A user with a name and password, or with an nkey. */
export interface UserBlock {
  /** Name. Default: none; then there is an `nkey`. */
  user?: string
  /** Password, plain or as a bcrypt hash. Default: none; then a certificate has to name the user. */
  password?: string
  /** Public user key, `U…`, instead of a name and password. Default: none. */
  nkey?: string
  /** What the user may publish and subscribe to. Default: the `defaultPermissions`. */
  permissions?: PermissionsBlock
  /** Ways the user may connect. Default: all. */
  allowedConnectionTypes?: readonly ConnectionType[]
  /** Require connections through a trusted proxy (`proxies`). Default: false. */
  proxyRequired?: boolean
  /** Action when more would wait for a connection of the user. Default: that of the account. */
  slowConsumer?: SlowConsumerPolicy
}

/** What a user may do. A part that is left out restricts nothing. */
export interface PermissionsBlock {
  /** What may be published to: a subject, a list, or lists of what is allowed and denied. Default: everything. */
  publish?: string | readonly string[] | SubjectRulesBlock
  /** What may be subscribed to; `subject queue` limits the queue group. Default: everything. */
  subscribe?: string | readonly string[] | SubjectRulesBlock
  /** Answers may be published on the reply subjects of received messages: true, or limits. Default: false. */
  allowResponses?: boolean | ResponsesBlock
}

/** Subjects and filters; `deny` wins. */
export interface SubjectRulesBlock {
  /** What is allowed. Default: everything. */
  allow?: string | readonly string[]
  /** What is denied. Default: nothing. */
  deny?: string | readonly string[]
}

export interface ResponsesBlock {
  /** Maximum messages to one reply subject; negative: no limit. Default: 1. */
  maxMessages?: number
  /** Time limit for responses, in milliseconds; negative: no limit. Default: 120,000. */
  expires?: number
}

/** A service, a client of this server, that decides who may log in. */
export interface AuthCalloutBlock {
  /** Public account key, `A…`, that signs the answers. Required. */
  issuer?: string
  /** Account of the service. Default: `$G`. */
  account?: string
  /** Users of the service, by name or nkey; they are not asked about. Required. */
  authUsers?: readonly string[]
  /** Public curve key, `X…`, that requests are encrypted for. Default: not encrypted. */
  xkey?: string
  /** Accounts that answers may name. Default: all. */
  allowedAccounts?: readonly string[]
}

/** `accounts`: each by its name, or the names of empty ones. */
export type AccountsBlock = readonly string[] | { readonly [name: string]: AccountBlock }

/** One of `accounts`: users who see each other's messages, and nobody else's. */
export interface AccountBlock {
  /** Public account key, `A…`. Default: none. */
  nkey?: string
  /** Users of the account. Default: none. */
  users?: readonly UserBlock[]
  /** Permissions of users without permissions of their own. Default: everything is allowed. */
  defaultPermissions?: PermissionsBlock
  /** Exports to other accounts. Default: none. */
  exports?: readonly ExportBlock[]
  /** Imports from other accounts. Default: none. */
  imports?: readonly ImportBlock[]
  /** Subject mappings. Default: none. */
  mappings?: MappingsBlock
  /** Limits of the account. Default: none. */
  limits?: AccountLimitsBlock
  /** JetStream limits of the account. Default: no JetStream. */
  jetstream?: boolean | AccountJetStreamBlock
  /** Where traces of sampled messages go: a subject, or a block. Default: nowhere. */
  msgTrace?: string | MessageTraceBlock
  /** Action when more would wait for a connection. Default: that of the server. */
  slowConsumer?: SlowConsumerPolicy
}

/** A stream or a service of an account that others may import: `stream` or `service` is required. */
export interface ExportBlock {
  /** Subject of the stream. Default: none. */
  stream?: string
  /** Subject of the service. Default: none. */
  service?: string
  /** Accounts that may import it. Default: all. */
  accounts?: readonly string[]
  /** How the service answers. Default: `singleton`, with one message. */
  response?: 'singleton' | 'stream' | 'chunked'
  /** Maximum response time, in milliseconds. Default: 120,000. */
  threshold?: number
  /** Where measurements of the service are published, and of how many percent of the requests. Default: nowhere. */
  latency?: string | { subject: string; sampling?: number | 'headers' }
  /** Position of the importing account's name in the subject, from 1. Default: none. */
  accountTokenPosition?: number
  /** Pass message traces on. Default: false. */
  allowTrace?: boolean
}

/** What an account takes from another: `stream` or `service` is required. */
export interface ImportBlock {
  /** The exporting account and the subject there. Default: none. */
  stream?: { account: string; subject: string }
  /** The exporting account and the subject there. Default: none. */
  service?: { account: string; subject: string }
  /** Prefix for the subject of a stream. Default: none. */
  prefix?: string
  /** Subject in the importing account. Default: the same subject. */
  to?: string
  /** Share details of the requestor with the service. Default: false. */
  share?: boolean
  /** Pass message traces on. Default: false. */
  allowTrace?: boolean
}

/** Subjects that become others: one, or several by weight. */
export type MappingsBlock = {
  readonly [source: string]: string | MappingDestinationBlock | readonly MappingDestinationBlock[]
}

export interface MappingDestinationBlock {
  /** Subject, with functions such as `{{wildcard(1)}}`. Required. */
  destination?: string
  /** Share of the messages in percent, 0 to 100. Required. */
  weight?: number | string
  /** Only in this cluster. Default: in each. */
  cluster?: string
}

export interface AccountLimitsBlock {
  /** Maximum connections. Default: -1, no limit. */
  maxConnections?: number
  /** Subscriptions of all connections. Default: -1, no limit. */
  maxSubscriptions?: number
  /** Bytes of a payload. Default: -1, no limit but the server's. */
  maxPayload?: number
  /** Leaf nodes. Default: -1, no limit. */
  maxLeafnodes?: number
}

export interface MessageTraceBlock {
  /** Subject that traces are published on. Required. */
  dest?: string
  /** How many percent of the messages are traced, 1 to 100. Default: 100. */
  sampling?: number
}

/** `tls`: certificates, and what is demanded of clients. Files are PEM. */
export interface TlsBlock {
  /** File of the server's certificate, with its chain. Required, unless there are `certs`. */
  certFile?: string
  /** File of its private key. Required with `certFile`. */
  keyFile?: string
  /** File of the authorities that client certificates are checked by. Default: those of the system. */
  caFile?: string
  /** Several pairs, chosen by the name that a client asks for (SNI). Default: none. */
  certs?: readonly { certFile: string; keyFile: string }[]
  /** Client certificates: true requires and verifies one, `optional` verifies one if presented. Default: false. */
  verify?: boolean | 'optional'
  /** `verify`, and map the certificate to a user. Default: false. */
  verifyAndMap?: boolean
  /** For connections between servers, of which there are none yet. Default: false. */
  verifyCertAndCheckKnownUrls?: boolean
  /** Do not check the certificate of the other side, for `resolverTls`. Default: false. */
  insecure?: boolean
  /** Cipher suites by their IANA names. Default: the secure ones. */
  cipherSuites?: readonly string[]
  /** `cipherSuites` may name insecure ones. Default: false. */
  allowInsecureCipherSuites?: boolean
  /** Curves, best first. Default: X25519MLKEM768, SecP384r1MLKEM1024, SecP256r1MLKEM768, X25519, CurveP256, … */
  curvePreferences?: readonly string[]
  /** Lowest version. Default: `1.2`. */
  minVersion?: '1.2' | '1.3'
  /** Maximum time for the handshake, in milliseconds. Default: 2000. */
  timeout?: number
  /** Maximum TLS handshakes per second. Default: 0, no limit. */
  connectionRateLimit?: number
  /** SHA-256 of the public key info (SPKI), in hex, of each accepted client certificate. Default: any. */
  pinnedCerts?: readonly string[]
  /** TLS before INFO; `auto`: INFO after 50 ms without a handshake, or after the time span. Default: false. */
  handshakeFirst?: boolean | string
  /** Check client certificates by OCSP. Default: false. */
  ocspPeer?: boolean | OcspPeerBlock
}

export interface OcspPeerBlock {
  /** Check client certificates by OCSP. Default: false. */
  verify?: boolean
  /** Maximum time to wait for the responder, in milliseconds. Default: 2000. */
  caTimeout?: number
  /** Tolerated clock skew, in milliseconds. Default: 30,000. */
  allowedClockskew?: number
  /** Log a warning instead of refusing the client. Default: false. */
  warnOnly?: boolean
  /** Treat the status Unknown as good. Default: false. */
  unknownIsGood?: boolean
  /** Accept clients when the responder cannot be reached. Default: false. */
  allowWhenCaUnreachable?: boolean
  /** Validity of responses without nextUpdate, in milliseconds. Default: 3,600,000. */
  cacheTtlWhenNextUpdateUnset?: number
}

/** `ocsp`: staples for the server's certificate. */
export interface OcspBlock {
  /** When to staple. Default: `auto`, if the certificate demands it. */
  mode?: 'auto' | 'always' | 'must' | 'never'
  /** URL of the responder. Default: the one that the certificate names. */
  url?: string
}

/** `ocspCache`: cache of OCSP responses about client certificates. */
export interface OcspCacheBlock {
  /** Where the cache is stored. Default: `local`, in a directory. */
  type?: 'local' | 'none'
  /** Directory of the cache. Default: `_rc_`. */
  localStore?: string
  /** Keep responses with the status Revoked. Default: false. */
  preserveRevoked?: boolean
  /** Time between writes to disk, in milliseconds, at least 1000. Default: 300,000. */
  saveInterval?: number
}

/** `jetstream`: streams. */
export interface JetStreamBlock {
  /** Whether JetStream is enabled. Default: true. */
  enabled?: boolean
  /** The folder in which they are kept. Default: in the system’s temporary folder. */
  storeDir?: string
  /** Bytes in memory, for all accounts; or a text such as `10G`. Default: three quarters of the memory. */
  maxMem?: number | string
  /** Bytes on disk, for all accounts; or a text such as `10G`. Default: three quarters of what is free. */
  maxFile?: number | string
  /** Domain: a name that begins the subjects of the API. Default: none. */
  domain?: string
  /** Refuse requests with members that nobody knows. Default: true. */
  strict?: boolean
  /** Time between syncs to disk, in milliseconds, or `always`. Default: before each acknowledgement. */
  syncInterval?: number | 'always'
  /** Key for encryption at rest. Default: none. */
  key?: string
  /** Previous key. Default: none. */
  prevKey?: string
  /** Cipher. Default: chacha. */
  cipher?: 'chacha' | 'aes'
  /** Limits. Default: none. */
  limits?: JetStreamLimitsBlock
  /** Bytes of messages that may wait for a stream. Default: 128 MiB. */
  maxBufferedSize?: number | string
  /** Messages that may wait for a stream. Default: 100,000. */
  maxBufferedMsgs?: number
  /** Requests to the API that may wait. Default: 10,000. */
  requestQueueLimit?: number
  /** Requests for information that may wait. Default: as `requestQueueLimit`. */
  infoQueueLimit?: number
}

/** Limits of all streams. */
export interface JetStreamLimitsBlock {
  /** Messages of a consumer that wait for an acknowledgement. Default: none. */
  maxAckPending?: number
  /** Messages that a pull may ask for. Default: none. */
  maxRequestBatch?: number
  /** Longest window for duplicates, in milliseconds. Default: none. */
  duplicateWindow?: number
  /** Limits of batches. Default: as below. */
  batch?: BatchLimitsBlock
}

/** Limits of batches. */
export interface BatchLimitsBlock {
  /** Concurrent batches of one stream. Default: 50. */
  maxInflightPerStream?: number
  /** Concurrent batches of all streams. Default: 1000. */
  maxInflightTotal?: number
  /** Messages of a batch. Default: 1000. */
  maxMsgs?: number
  /** Maximum duration of a batch, in milliseconds. Default: 10,000. */
  timeout?: number
}

/** What an account may have in streams. */
export interface AccountJetStreamBlock {
  /** Bytes in memory. Default: no limit. */
  maxMemory?: number
  /** Bytes on disk. Default: no limit. */
  maxStore?: number
  /** Streams. Default: no limit. */
  maxStreams?: number
  /** Consumers. Default: no limit. */
  maxConsumers?: number
  /** Streams must say how large they may become. Default: false. */
  maxBytesRequired?: boolean
  /** Bytes of a stream in memory. Default: no limit. */
  memMaxStreamBytes?: number
  /** Bytes of a stream on disk. Default: no limit. */
  diskMaxStreamBytes?: number
  /** Messages of a consumer that wait for an acknowledgement. Default: no limit. */
  maxAckPending?: number
}

/** `http_gateway`: a port for HTTP (docs/http.md). */
export interface HttpGatewayBlock {
  /** Address and port in one, `host:port`, or the port alone. Default: `host` and `port`. */
  listen?: string | number
  /** Address. Default: that of the server. */
  host?: string
  /** Port; 0 takes a free one. Required. */
  port?: number
  /** TLS of the port. This or `noTls` is required. */
  tls?: TlsBlock
  /** Serve without TLS. Default: false. */
  noTls?: boolean
  /** Origins of web pages that may use it. Default: none. */
  allowedOrigins?: string | readonly string[]
  /** Default timeout of a request, in milliseconds. Default: 5000. */
  requestTimeout?: number
  /** Interval between keep-alive comments in an event stream, in milliseconds. Default: 15,000. */
  heartbeat?: number
}

/** `cluster`: membership in a cluster of servers. */
export interface ClusterBlock {
  /** Name of the cluster, without spaces. Default: one is made up. */
  name?: string
  /** Address and port in one, `host:port`, or the port alone. Default: `host` and `port`. */
  listen?: string | number
  /** Address for other servers. Default: `0.0.0.0`. */
  host?: string
  /** Port for other servers; -1 takes a free one. Required. */
  port?: number
  /** User and password that other servers have to send. Default: none. */
  authorization?: {
    /** Name. Default: none. */
    user?: string
    /** Password. Default: none. */
    password?: string
    /** Time for CONNECT, in milliseconds. Default: 2000. */
    timeout?: number
  }
  /** Subjects imported from other servers (publish) and exported to them (subscribe). Default: all. */
  permissions?: PermissionsBlock
  /** URLs of other servers. Default: none. */
  routes?: readonly string[]
  /** TLS between servers. Default: none. */
  tls?: TlsBlock
  /** Address announced to other servers, `host:port`. Default: as they see it. */
  advertise?: string
  /** Do not tell clients of other servers. Default: false. */
  noAdvertise?: boolean
  /** Further attempts to reach a server that others told of. Default: 0. */
  connectRetries?: number
  /** Wait longer after each attempt. Default: false. */
  connectBackoff?: boolean
  /** Connections to each other server; -1: one, as of old. Default: 3. */
  poolSize?: number
  /** Accounts with a connection of their own. Default: the system account. */
  accounts?: readonly string[]
  /** Compression between servers: a boolean, or a mode. Default: `accept`. */
  compression?: boolean | string
  /** Time between PINGs, in milliseconds, at most 30,000. Default: as the server’s. */
  pingInterval?: number
  /** Unanswered PINGs. Default: 2. */
  pingMax?: number
  /** Maximum time that a write may block, in milliseconds. Default: as the server’s. */
  writeDeadline?: number
  /** Action when it has passed. Default: `retry`. */
  writeTimeout?: 'default' | 'close' | 'retry'
}

/** `websocket`: a port for WebSocket clients. */
export interface WebSocketBlock {
  /** Address and port in one, `host:port`, or the port alone. Default: `host` and `port`. */
  listen?: string | number
  /** Address. Default: that of the server. */
  host?: string
  /** Port; 0 takes a free one. Required. */
  port?: number
  /** Address announced to clients, `host:port`. Default: none. */
  advertise?: string
  /** TLS of the port. This or `noTls` is required. */
  tls?: TlsBlock
  /** Serve without TLS. Default: false. */
  noTls?: boolean
  /** Accept only pages from the same host. Default: false. */
  sameOrigin?: boolean
  /** Accept only pages from these origins. Default: any. */
  allowedOrigins?: string | readonly string[]
  /** Maximum time for the handshake, in milliseconds. Default: that for CONNECT. */
  handshakeTimeout?: number
  /** Offer permessage-deflate. Default: false. */
  compression?: boolean
  /** Credentials for WebSocket clients alone. Default: as for other clients. */
  authorization?: {
    /** Name. Default: none. */
    user?: string
    /** Password. Default: none. */
    password?: string
    /** Token. Default: none. */
    token?: string
    /** Time for CONNECT, in milliseconds. Default: as for other clients. */
    timeout?: number
  }
  /** User of clients without credentials. Default: none. */
  noAuthUser?: string
  /** Cookie that holds the user JWT. Default: none. */
  jwtCookie?: string
  /** Cookie that holds the user's name. Default: none. */
  userCookie?: string
  /** Cookie that holds the password. Default: none. */
  passCookie?: string
  /** Cookie that holds the token. Default: none. */
  tokenCookie?: string
  /** More headers of the response to the handshake. Default: none. */
  headers?: Readonly<Record<string, string>>
  /** Time between PINGs, in milliseconds. Default: as for other clients. */
  pingInterval?: number
}

/** `resolver`: where account JWTs come from, in operator mode. */
export interface ResolverBlock {
  /** A directory with all JWTs, a directory used as a cache, or memory with `resolverPreload`. Required. */
  type?: 'full' | 'cache' | 'memory'
  /** The directory. Required except for memory. */
  dir?: string
  /** Accounts may be deleted (full). Default: false. */
  allowDelete?: boolean
  /** Delete the files too (full). Default: false. */
  hardDelete?: boolean
  /** Maximum number of JWTs. Default: no limit. */
  limit?: number
  /** Time that a JWT is kept, in milliseconds (cache). Default: no limit. */
  ttl?: number
  /** Interval between synchronisations with other servers, in milliseconds (full). Default: 60,000. */
  interval?: number
  /** Maximum time to fetch a JWT, in milliseconds. Default: 1900. */
  timeout?: number
}

/** `proxies`: those that clients may come through. */
export interface ProxiesBlock {
  /** Public keys of trusted proxies. Default: none. */
  trusted?: readonly { key: string }[]
}
