// What connect() takes, and the defaults.

import type { ServerInfo } from './api.ts'
import { type Authenticator, authenticatorOf } from './authenticator.ts'
import { InvalidArgumentError } from './errors.ts'
import type { Server } from './servers.ts'

/** TLS of a connection over TCP. A browser decides by itself. */
export interface TlsOptions {
  /** TLS before INFO: the server must have `handshake_first`. */
  handshakeFirst?: boolean
  /** Files in PEM format, read at each connect. */
  certFile?: string
  caFile?: string
  keyFile?: string
  /** The same as texts. */
  cert?: string
  ca?: string
  key?: string
  /** The name that the certificate must have; default: the host of the server. (Only this client.) */
  servername?: string
  /** False takes any certificate. (Only this client.) */
  rejectUnauthorized?: boolean
}

/**
 * Chooses the next server to connect to, out of the pool, of which the first would be next: a server, with a delay in
 * milliseconds if wanted, or null for the first one. `info` is what the last server said. If it throws or answers
 * something else, connecting fails.
 */
export type ReconnectToServerHandler = (
  pool: readonly Server[],
  info: ServerInfo | null,
) => Server | { server: Server; delay: number } | null

export interface ConnectionOptions {
  /**
   * `host`, `host:port`, or a URL of `nats`, `tls`, `ws`, `wss`, with user and password or a token; default
   * 127.0.0.1:4222. Those of `ws` and `wss` do not mix with others.
   */
  servers?: string | string[]
  /** Instead of `servers`: a port of 127.0.0.1. */
  port?: number
  /** Shown by the server's monitoring. */
  name?: string
  user?: string
  pass?: string
  token?: string
  /** Answers the server's question who this is; of several, the answers go together. */
  authenticator?: Authenticator | Authenticator[]
  /** Given, even empty: only with TLS. null: never. Left out: as the server wants it. */
  tls?: TlsOptions | null
  /** Milliseconds for connecting to one server, default 20,000, and for requests that give none, default 1,000. */
  timeout?: number
  /** Own messages are not delivered to own subscriptions. */
  noEcho?: boolean
  /** Servers are tried in the order given, not shuffled. */
  noRandomize?: boolean
  pedantic?: boolean
  verbose?: boolean
  /** Milliseconds between PINGs; default 120,000. */
  pingInterval?: number
  /** Unanswered PINGs after which the connection counts as lost; default 2. */
  maxPingOut?: number
  /** Whether another connection is made when one is lost; default true. */
  reconnect?: boolean
  /** Attempts in a row at each server before it is given up; default 10, -1: without end. */
  maxReconnectAttempts?: number
  /** Milliseconds between two attempts at one server; default 2,000. */
  reconnectTimeWait?: number
  /** Milliseconds added to that by chance, at most; default 100, with TLS 1,000. */
  reconnectJitter?: number
  reconnectJitterTLS?: number
  /** Milliseconds to wait before the next attempt, in place of the three above. */
  reconnectDelayHandler?: () => number
  /** The wait doubles with each failed round over all servers, up to this; default 30,000. (Only this client.) */
  reconnectTimeWaitMax?: number
  /** Bytes of messages kept while there is no server; default 8 MiB, -1: none are kept. (Only this client.) */
  reconnectBufSize?: number
  reconnectToServer?: ReconnectToServerHandler
  /** Milliseconds for which drain() waits for iterations; default 30,000. (Only this client.) */
  drainTimeout?: number
  /** The first connect tries as long as a reconnect does. */
  waitOnFirstConnect?: boolean
  /** Servers that the server knows of are not added to the pool. */
  ignoreClusterUpdates?: boolean
  /** Reply subjects begin with it; default `_INBOX`. */
  inboxPrefix?: string
  /** Goes on trying when a server has refused the user twice. */
  ignoreAuthErrorAbort?: boolean
  /** Closes the connection when it is aborted, at any time. (Only this client.) */
  signal?: AbortSignal
  /** Taken for the sake of nats.js, without effect: errors here never cost a second stack. */
  noAsyncTraces?: boolean
  /** Taken for the sake of nats.js, without effect: the operating system resolves names and tries each address. */
  resolve?: boolean
}

/** The options with all defaults. */
export interface CompleteOptions {
  readonly servers: readonly string[]
  readonly name: string | undefined
  readonly authenticator: Authenticator
  /** Whether it answers by itself; otherwise credentials in a server's URL count. */
  readonly hasAuthenticator: boolean
  readonly tls: TlsOptions | null | undefined
  readonly timeoutMs: number
  readonly requestTimeoutMs: number
  readonly echo: boolean
  readonly randomize: boolean
  readonly pedantic: boolean
  readonly verbose: boolean
  readonly pingIntervalMs: number
  readonly pingOutMax: number
  readonly reconnect: boolean
  /** Infinity: without end. */
  readonly reconnectAttemptsMax: number
  readonly reconnectWaitMs: number
  readonly reconnectWaitMaxMs: number
  readonly jitterMs: number
  readonly jitterTlsMs: number
  readonly reconnectDelay: (() => number) | undefined
  readonly bufferMax: number
  readonly reconnectToServer: ReconnectToServerHandler | undefined
  readonly drainTimeoutMs: number
  readonly waitOnFirstConnect: boolean
  readonly ignoreClusterUpdates: boolean
  readonly inboxPrefix: string
  readonly ignoreAuthErrorAbort: boolean
  readonly signal: AbortSignal | undefined
}

const BUFFER_MAX = 8 * 1024 * 1024

function positive(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise
  if (typeof value !== 'number' || !(value > 0)) throw InvalidArgumentError.format(name, 'must be greater than 0')
  return value
}

function notNegative(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise
  if (typeof value !== 'number' || !(value >= 0)) throw InvalidArgumentError.format(name, 'must not be negative')
  return value
}

function checkedPrefix(prefix: string): string {
  for (const char of prefix) {
    if (char <= ' ' || char === '*' || char === '>') {
      throw InvalidArgumentError.format('inboxPrefix', 'must have no blanks and no wildcards')
    }
  }
  if (prefix === '' || prefix.startsWith('.') || prefix.endsWith('.')) {
    throw InvalidArgumentError.format('inboxPrefix', 'must be a subject')
  }
  return prefix
}

/** Adds the defaults. Throws InvalidArgumentError. */
export function completeOptions(given: ConnectionOptions): CompleteOptions {
  if (given.port !== undefined && given.servers !== undefined) {
    throw InvalidArgumentError.format(['servers', 'port'], 'are mutually exclusive')
  }
  if (given.token !== undefined && given.user !== undefined) {
    throw InvalidArgumentError.format(['token', 'user'], 'are mutually exclusive')
  }
  const servers = given.servers === undefined ? [`127.0.0.1:${given.port ?? 4222}`] : [given.servers].flat().map(String)
  if (servers.length === 0) throw InvalidArgumentError.format('servers', 'must not be empty')
  const attempts = given.maxReconnectAttempts ?? 10
  const authenticator = authenticatorOf(given)
  return {
    servers,
    name: given.name,
    authenticator: authenticator ?? (() => undefined),
    hasAuthenticator: authenticator !== undefined,
    tls: given.tls,
    timeoutMs: positive('timeout', given.timeout, 20_000),
    requestTimeoutMs: given.timeout ?? 1_000,
    echo: given.noEcho !== true,
    randomize: given.noRandomize !== true,
    pedantic: given.pedantic === true,
    verbose: given.verbose === true,
    pingIntervalMs: positive('pingInterval', given.pingInterval, 120_000),
    pingOutMax: positive('maxPingOut', given.maxPingOut, 2),
    reconnect: given.reconnect !== false,
    reconnectAttemptsMax: attempts < 0 ? Number.POSITIVE_INFINITY : attempts,
    reconnectWaitMs: notNegative('reconnectTimeWait', given.reconnectTimeWait, 2_000),
    reconnectWaitMaxMs: notNegative('reconnectTimeWaitMax', given.reconnectTimeWaitMax, 30_000),
    jitterMs: notNegative('reconnectJitter', given.reconnectJitter, 100),
    jitterTlsMs: notNegative('reconnectJitterTLS', given.reconnectJitterTLS, 1_000),
    reconnectDelay: given.reconnectDelayHandler,
    bufferMax: Math.max(0, given.reconnectBufSize ?? BUFFER_MAX),
    reconnectToServer: given.reconnectToServer,
    drainTimeoutMs: notNegative('drainTimeout', given.drainTimeout, 30_000),
    waitOnFirstConnect: given.waitOnFirstConnect === true,
    ignoreClusterUpdates: given.ignoreClusterUpdates === true,
    inboxPrefix: checkedPrefix(given.inboxPrefix ?? '_INBOX'),
    ignoreAuthErrorAbort: given.ignoreAuthErrorAbort === true,
    signal: given.signal,
  }
}
