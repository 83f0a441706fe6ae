// The parts of the options with more than one value: users and permissions, accounts, TLS, WebSocket. Plain data,
// frozen and structured-cloneable, because every thread gets a copy. Times are milliseconds; an absent text is empty.
// Keys (an nkey's public half, a bcrypt hash) are kept as text, as on nats-server.

/** The account of clients without another one. */
export const GLOBAL_ACCOUNT = '$G'

/** What a user may publish and subscribe to. A part that is undefined restricts nothing. */
export interface Permissions {
  readonly publish?: SubjectRules | undefined
  readonly subscribe?: SubjectRules | undefined
  readonly responses?: ResponseRules | undefined
}

/**
 * Deny wins. `allow` undefined: everything; empty: nothing may be published, but everything be subscribed to, as in
 * nats-server. A subscribe rule may be `subject queue`.
 */
export interface SubjectRules {
  readonly allow?: readonly string[] | undefined
  readonly deny?: readonly string[] | undefined
}

/** May answer on the reply subjects of what was received: so many messages, for so long; negative = no limit. */
export interface ResponseRules {
  readonly maxMessages: number
  readonly expires: number
}

export const CONNECTION_TYPES = [
  'STANDARD',
  'WEBSOCKET',
  'LEAFNODE',
  'LEAFNODE_WS',
  'MQTT',
  'MQTT_WS',
  'IN_PROCESS',
  'HTTP',
] as const
export type ConnectionType = (typeof CONNECTION_TYPES)[number]

/** What follows when a connection falls behind: it is cut, or messages for it are dropped. */
/** Which worker thread gets the next connection. */
export const PLACEMENTS = ['round_robin', 'pack'] as const
export type Placement = (typeof PLACEMENTS)[number]

export const SLOW_CONSUMER_POLICIES = ['disconnect', 'drop_oldest', 'drop_newest'] as const
export type SlowConsumerPolicy = (typeof SLOW_CONSUMER_POLICIES)[number]

/** A user with a name and password (plain or bcrypt), or one with an nkey. */
export interface UserOptions {
  readonly username: string
  /** Empty: known by certificate only. */
  readonly password: string
  /** Public user key, `U…`; empty for a user with a name. */
  readonly nkey: string
  readonly permissions: Permissions | undefined
  /** Undefined: all of them. */
  readonly connectionTypes: readonly ConnectionType[] | undefined
  readonly proxyRequired: boolean
  /** Undefined: as the account's. */
  readonly slowConsumer?: SlowConsumerPolicy | undefined
}

export interface AuthCalloutOptions {
  /** Public account key that signs the answers. */
  readonly issuer: string
  /** Where requests are published. */
  readonly account: string
  /** Users that are not asked about, by name or nkey: the service itself. */
  readonly authUsers: readonly string[]
  /** Public curve key of the service; empty: requests are readable. */
  readonly xkey: string
  /** Accounts whose users are asked about; empty: all. */
  readonly allowedAccounts: readonly string[]
}

/**
 * `authorization { … }` (docs/reference/authentication.md, "Users"). Default permissions are already in the users that
 * lack their own.
 */
export interface AuthorizationOptions {
  readonly username: string
  readonly password: string
  readonly token: string
  /** Time for CONNECT; 0 = the default, 2 s, or with TLS its timeout and a second. */
  readonly timeout: number
  readonly users: readonly UserOptions[]
  /** Whether `users` was given, if only as an empty list. */
  readonly hasUsers: boolean
  readonly defaultPermissions: Permissions | undefined
  readonly callout: AuthCalloutOptions | undefined
  readonly proxyRequired: boolean
}

/** No client needs credentials. */
export const NO_AUTHORIZATION: AuthorizationOptions = {
  username: '',
  password: '',
  token: '',
  timeout: 0,
  users: [],
  hasUsers: false,
  defaultPermissions: undefined,
  callout: undefined,
  proxyRequired: false,
}

export interface ExportOptions {
  readonly kind: 'stream' | 'service'
  readonly subject: string
  /** Accounts that may import it; undefined: all. */
  readonly accounts: readonly string[] | undefined
  readonly accountTokenPosition: number
  readonly response: 'singleton' | 'stream' | 'chunked'
  /** Longest wait for a service's answer; 0 = the default, 2 min. */
  readonly threshold: number
  /** `sampling` in percent; 0 = asked for by headers. */
  readonly latency: { readonly sampling: number; readonly subject: string } | undefined
  readonly allowTrace: boolean
}

export interface ImportOptions {
  readonly kind: 'stream' | 'service'
  readonly account: string
  readonly subject: string
  /** Local subject; empty: as it is there. */
  readonly to: string
  readonly prefix: string
  readonly share: boolean
  readonly allowTrace: boolean
}

export interface MappingDestination {
  readonly subject: string
  /** Percent. */
  readonly weight: number
  readonly cluster: string
}

export interface MappingOptions {
  readonly source: string
  readonly destinations: readonly MappingDestination[]
}

/** `-1` = no limit. */
export interface AccountLimits {
  readonly maxConnections: number
  readonly maxSubscriptions: number
  readonly maxPayload: number
  readonly maxLeafnodes: number
}

/** What an account may have in streams; -1: no limit. Sizes are bytes. */
export interface JetStreamLimits extends StreamLimits {
  /** By number of replicas, `R1` and so on: then the limits are those of `R1`. */
  readonly tiers?: ReadonlyMap<string, StreamLimits>
}

export interface StreamLimits {
  readonly maxMemory: number
  readonly maxFile: number
  readonly maxStreams: number
  readonly maxConsumers: number
  readonly maxAckPending: number
  /** Of one stream, by storage. */
  readonly memoryMaxStreamBytes: number
  readonly fileMaxStreamBytes: number
  /** Streams must say how large they may become. */
  readonly maxBytesRequired: boolean
}

export const UNLIMITED_STREAMS: JetStreamLimits = Object.freeze({
  maxMemory: -1,
  maxFile: -1,
  maxStreams: -1,
  maxConsumers: -1,
  maxAckPending: -1,
  memoryMaxStreamBytes: -1,
  fileMaxStreamBytes: -1,
  maxBytesRequired: false,
})

/** `jetstream { … }` (docs/jetstream.md). Sizes are bytes, spans milliseconds unless stated otherwise. */
export interface JetStreamOptions {
  /** Folder of the streams; empty: in the system's temporary folder. */
  readonly storeDir: string
  /** For all accounts together; -1: as much as there is. */
  readonly maxMemory: number
  readonly maxFile: number
  readonly domain: string
  readonly uniqueTag: string
  /** Requests with members that nobody knows are refused. */
  readonly strict: boolean
  /** Time between syncs to disk; 0: before each acknowledgement; undefined: not said. */
  readonly syncInterval: number | undefined
  /** Key for encryption at rest, the one before, and the cipher; empty: none. */
  readonly key: string
  readonly previousKey: string
  readonly cipher: 'chacha' | 'aes'
  /** What may wait for the disk, of one stream. */
  readonly maxBufferedBytes: number
  readonly maxBufferedMessages: number
  readonly limits: {
    readonly maxAckPending: number
    readonly maxRequestBatch: number
    /** Nanoseconds; 0: none. */
    readonly duplicateWindow: number
    readonly maxHaAssets: number
    readonly batch: {
      readonly perStream: number
      /** The same of fast batches. */
      readonly fastPerStream: number
      readonly total: number
      readonly messages: number
      readonly timeout: number
    }
  }
}

/** One of `accounts { … }` (docs/reference/accounts.md, "Accounts"). */
export interface AccountOptions {
  readonly name: string
  /** Public account key, `A…`, or empty. */
  readonly nkey: string
  readonly users: readonly UserOptions[]
  readonly defaultPermissions: Permissions | undefined
  readonly exports: readonly ExportOptions[]
  readonly imports: readonly ImportOptions[]
  readonly mappings: readonly MappingOptions[]
  readonly limits: AccountLimits
  /** Undefined: it has no streams. */
  readonly jetstream: JetStreamLimits | undefined
  /** Destination of message traces, and how many percent are traced. */
  readonly trace: { readonly destination: string; readonly sampling: number } | undefined
  /** Undefined: as the server's. */
  readonly slowConsumer?: SlowConsumerPolicy | undefined
}

export interface CertificatePair {
  readonly certFile: string
  readonly keyFile: string
}

/**
 * `tls { … }` (docs/reference/tls.md, "The tls block"). Files were read and checked when the options were made; here
 * are their names.
 */
export interface TlsOptions {
  /** One, or several chosen by SNI. */
  readonly certificates: readonly CertificatePair[]
  readonly caFile: string
  readonly verify: boolean
  /** Instead of `verify`: a certificate is checked if there is one. */
  readonly verifyOptional: boolean
  readonly verifyAndMap: boolean
  readonly verifyAndCheckKnownUrls: boolean
  readonly insecure: boolean
  /** IANA names; empty: the default. */
  readonly cipherSuites: readonly string[]
  readonly curvePreferences: readonly string[]
  readonly minVersion: '1.2' | '1.3'
  /** 0 = the default, 2 s. */
  readonly timeout: number
  /** Handshakes a second; 0 = no limit. */
  readonly connectionRateLimit: number
  /** Lower-case hex SHA-256 of the public key info; empty: any certificate. */
  readonly pinnedCerts: readonly string[]
  readonly handshakeFirst: boolean
  /** With handshakeFirst: INFO is sent after this long without a ClientHello; 0 = never. */
  readonly handshakeFirstFallback: number
  readonly ocspPeer: OcspPeerOptions | undefined
}

export interface OcspPeerOptions {
  readonly verify: boolean
  readonly caTimeout: number
  readonly allowedClockSkew: number
  readonly warnOnly: boolean
  readonly unknownIsGood: boolean
  readonly allowWhenCaUnreachable: boolean
  readonly cacheTtlWhenNextUpdateUnset: number
}

/** `websocket { … }` (docs/reference/websocket.md, "The websocket block"). */
export interface WebSocketOptions {
  readonly host: string
  /** 0 = no listener. */
  readonly port: number
  readonly advertise: string
  readonly tls: TlsOptions | undefined
  readonly noTls: boolean
  readonly sameOrigin: boolean
  readonly allowedOrigins: readonly string[]
  /** 0 = no limit of its own. */
  readonly handshakeTimeout: number
  readonly compression: boolean
  readonly username: string
  readonly password: string
  readonly token: string
  readonly authTimeout: number
  readonly noAuthUser: string
  readonly jwtCookie: string
  readonly userCookie: string
  readonly passCookie: string
  readonly tokenCookie: string
  readonly headers: Readonly<Record<string, string>>
  /** 0 = as other clients. */
  readonly pingInterval: number
}

/** `http_gateway { … }` (docs/http.md). Times in milliseconds. */
export interface HttpGatewayOptions {
  /** Empty: as `host`. */
  readonly host: string
  /** 0 = no listener. */
  readonly port: number
  readonly tls: TlsOptions | undefined
  readonly noTls: boolean
  /** Origins of pages that may use it; none, if empty. */
  readonly allowedOrigins: readonly string[]
  /** How long a request waits for its answer if it does not say. */
  readonly requestTimeout: number
  /** Time between signs of life in an event stream. */
  readonly heartbeat: number
}

/** `resolver` (docs/reference/configuration-blocks.md, "Operators and resolvers"). */
export interface ResolverOptions {
  readonly type: 'memory' | 'url' | 'full' | 'cache'
  readonly url: string
  readonly dir: string
  readonly allowDelete: boolean
  readonly hardDelete: boolean
  readonly limit: number
  readonly ttl: number
  readonly interval: number
  /** 0 = the default, 1.9 s. */
  readonly timeout: number
}

/** `ocsp` and `ocsp_cache`. */
export interface OcspOptions {
  readonly mode: 'auto' | 'always' | 'must' | 'never'
  readonly urls: readonly string[]
}
export interface OcspCacheOptions {
  readonly type: 'none' | 'local'
  readonly localStore: string
  readonly preserveRevoked: boolean
  readonly saveInterval: number
}

/** A shape while it is being filled. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] }
