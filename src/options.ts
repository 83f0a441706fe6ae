// Options: what the command line and createServer() may say, their defaults and bounds, and the frozen form that
// every thread is given.

import { availableParallelism } from 'node:os'
import {
  CLOSED_CLIENTS_MAX,
  CONNECTIONS_MAX,
  CONTROL_LINE_MAX,
  DEFAULT_HOST,
  DEFAULT_PORT,
  PAYLOAD_MAX,
  PENDING_MAX,
  PING_INTERVAL_MS,
  PING_OUT_MAX,
  REGION_BYTES,
  REGION_BYTES_MAX,
  SHARDS_MAX,
  WRITE_DEADLINE_MS,
} from './constants.ts'

/** What createServer() takes. Every member may be left out. */
export interface ServerOptions {
  /** Address to listen on. Default `0.0.0.0`. */
  host?: string
  /** Client port; -1 takes a free one, 0 means the default 4222. */
  port?: number
  /** Port of the HTTP monitoring pages; -1 takes a free one, 0 means none (default). */
  monitorPort?: number
  /** User and password that the monitoring pages ask for (HTTP Basic); both empty: everybody may see them (default). */
  monitorUser?: string
  monitorPassword?: string
  /** Server name; no blanks. Default: the server id. */
  name?: string
  /** Worker threads; 0 runs everything on the calling thread. Default: defaultWorkers(). */
  workers?: number
  /** Log debug lines. Default false. */
  debug?: boolean
  /** Log every protocol operation. Default false. */
  trace?: boolean
  /** Where log lines go: `stderr`, or `none`. Default `none` for createServer(), `stderr` for the command. */
  log?: 'stderr' | 'none'
  /** Longest control line in bytes. Default 4096. */
  maxControlLine?: number
  /** Largest payload in bytes. Default 1 MiB. */
  maxPayload?: number
  /** Bytes that may wait for one connection before it is closed as a slow consumer. Default 64 MiB. */
  maxPending?: number
  /** Connections at once; 0 refuses everybody. Default 65,536. */
  maxConnections?: number
  /** Subscriptions of one connection; 0 = no limit (default). */
  maxSubscriptions?: number
  /** Tokens of a subscription's subject; 0 = no limit (default). */
  maxSubscriptionTokens?: number
  /** Milliseconds between PINGs to a quiet client. Default 2 min. */
  pingInterval?: number
  /** Unanswered PINGs after which a client is closed as stale. Default 2. */
  pingMax?: number
  /** Milliseconds that a socket may refuse to take what was written to it. Default 10 s. */
  writeDeadline?: number
  /** Closed connections to remember for the monitoring pages. Default 10,000. */
  maxClosedClients?: number
  /** Largest size in bytes of one shard's part of the shared subscription index. Default 1 GiB. */
  maxInterestBytes?: number
}

/** The options in force: complete, checked, frozen. */
export type Options = Readonly<Required<Omit<ServerOptions, 'monitorPort'>>> & {
  /** undefined: no monitoring. */
  readonly monitorPort: number | undefined
}

/** A bad option. The message names it. */
export class OptionError extends Error {
  override name = 'OptionError'
}

interface Bounds {
  readonly min: number
  readonly max: number
}

const PORT: Bounds = { min: -1, max: 65535 }
const INT32: Bounds = { min: 0, max: 2 ** 31 - 1 }
const BOUNDS = {
  port: PORT,
  monitorPort: PORT,
  workers: { min: 0, max: SHARDS_MAX },
  maxControlLine: { min: 64, max: 16 * 1024 * 1024 },
  maxPayload: INT32,
  maxPending: { min: 1, max: Number.MAX_SAFE_INTEGER },
  maxConnections: INT32,
  maxSubscriptions: INT32,
  maxSubscriptionTokens: { min: 0, max: 255 },
  pingInterval: { min: 1, max: 2 ** 31 - 1 },
  pingMax: INT32,
  writeDeadline: { min: 1, max: 2 ** 31 - 1 },
  maxClosedClients: INT32,
  maxInterestBytes: { min: REGION_BYTES, max: REGION_BYTES_MAX * 3 },
} as const satisfies Partial<Record<keyof ServerOptions, Bounds>>

function integer(name: keyof typeof BOUNDS, value: number): number {
  const { min, max } = BOUNDS[name]
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new OptionError(`${name} must be a whole number from ${min} to ${max}, not ${value}`)
  }
  return value
}

/**
 * Worker threads for a machine with so many processors: one processor is left to the primary thread, the kernel's
 * network work and the other programs. On two processors shared with the load, one shard had 0.93 to 1.3 of the rate
 * of two, for 0.55 to 0.84 of their processor time: no message crosses, no thread waits to be woken.
 */
export function defaultWorkers(processors: number): number {
  return Math.min(Math.max(processors - 1, 1), SHARDS_MAX)
}

/** Completes and checks options. Throws OptionError. */
export function normaliseOptions(given: ServerOptions): Options {
  const name = given.name ?? ''
  if (/\s/.test(name)) throw new OptionError('server name cannot contain spaces')
  const port = integer('port', given.port ?? DEFAULT_PORT)
  const options: Options = {
    host: given.host ?? DEFAULT_HOST,
    port: port === 0 ? DEFAULT_PORT : port,
    monitorPort:
      given.monitorPort === undefined || given.monitorPort === 0
        ? undefined
        : integer('monitorPort', given.monitorPort),
    monitorUser: given.monitorUser ?? '',
    monitorPassword: given.monitorPassword ?? '',
    name,
    workers: integer('workers', given.workers ?? defaultWorkers(availableParallelism())),
    debug: given.debug ?? false,
    trace: given.trace ?? false,
    log: given.log ?? 'none',
    maxControlLine: integer('maxControlLine', given.maxControlLine ?? CONTROL_LINE_MAX),
    maxPayload: integer('maxPayload', given.maxPayload ?? PAYLOAD_MAX),
    maxPending: integer('maxPending', given.maxPending ?? PENDING_MAX),
    maxConnections: integer('maxConnections', given.maxConnections ?? CONNECTIONS_MAX),
    maxSubscriptions: integer('maxSubscriptions', given.maxSubscriptions ?? 0),
    maxSubscriptionTokens: integer('maxSubscriptionTokens', given.maxSubscriptionTokens ?? 0),
    pingInterval: integer('pingInterval', given.pingInterval ?? PING_INTERVAL_MS),
    pingMax: integer('pingMax', given.pingMax ?? PING_OUT_MAX),
    writeDeadline: integer('writeDeadline', given.writeDeadline ?? WRITE_DEADLINE_MS),
    maxClosedClients: integer('maxClosedClients', given.maxClosedClients ?? CLOSED_CLIENTS_MAX),
    maxInterestBytes: integer('maxInterestBytes', given.maxInterestBytes ?? REGION_BYTES_MAX),
  }
  if (options.maxPayload > options.maxPending) {
    throw new OptionError(
      `max_payload (${options.maxPayload}) cannot be higher than max_pending (${options.maxPending})`,
    )
  }
  return Object.freeze(options)
}
