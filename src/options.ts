// Options: what the command line and createServer() may say, their defaults and bounds, and the frozen form that
// every thread is given.

import { availableParallelism } from 'node:os'
import {
  CLOSED_CLIENTS_MAX,
  CONNECTIONS_MAX,
  CONTROL_LINE_MAX,
  DEFAULT_HOST,
  DEFAULT_PORT,
  LAME_DUCK_DURATION_MS,
  LAME_DUCK_GRACE_PERIOD_MS,
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
  /** File to log to instead, unless `log` is `none`. Empty: none (default). */
  logFile?: string
  /** Bytes after which the log file is put aside under its name and the time; 0 = never (default). */
  logSizeLimit?: number
  /** Log files to keep, the one in use included; 0 = all (default). */
  logMaxNum?: number
  /** Log lines begin with the time. Default true. */
  logTime?: boolean
  /** That time is UTC, not local time. Default false. */
  logTimeUtc?: boolean
  /** Log lines are `text` as nats-server's (default), or `json` objects. */
  logFormat?: 'text' | 'json'
  /** Log to the machine's syslog. Default false. */
  syslog?: boolean
  /** Log to another machine's syslog: `udp://host:port`, `tcp://host:port`, `unix:///path`. */
  remoteSyslog?: string
  /** Trace what the system account does, too. Default false. */
  traceVerbose?: boolean
  /** Of traced messages show only the headers. Default false. */
  traceHeaders?: boolean
  /** Bytes of a traced message that are shown; 0 = all (default). */
  maxTracedMessageLength?: number
  /** File to write the process id to. Empty: none (default). */
  pidFile?: string
  /** Folder for the file that lists the ports in use. Empty: none (default). */
  portsFileDir?: string
  /** Milliseconds of lame duck mode, grace period included, in which connections are closed. Default 2 min. */
  lameDuckDuration?: number
  /** Milliseconds before the first of them is closed. Default 10 s. */
  lameDuckGracePeriod?: number
  /** Do not hold back publishers whose receivers have fallen behind. Default false. */
  noFastProducerStall?: boolean
  /** Clients are told that headers are not supported. Default false. */
  noHeaderSupport?: boolean
  /** Words about this server for the monitoring pages. */
  serverTags?: readonly string[]
  serverMetadata?: Readonly<Record<string, string>>
  /** `host:port`, or `host`, that INFO names instead of the address listened on. */
  clientAdvertise?: string
  /** The config file that these options come from, and its digest: named in the log and the monitoring pages. */
  configFile?: string
  configDigest?: string
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
  logSizeLimit: { min: 0, max: Number.MAX_SAFE_INTEGER },
  logMaxNum: INT32,
  maxTracedMessageLength: INT32,
  lameDuckDuration: { min: 1, max: 2 ** 31 - 1 },
  lameDuckGracePeriod: INT32,
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
    name,
    workers: integer('workers', given.workers ?? defaultWorkers(availableParallelism())),
    debug: given.debug ?? false,
    trace: given.trace ?? false,
    log: given.log ?? 'none',
    logFile: given.logFile ?? '',
    logSizeLimit: integer('logSizeLimit', given.logSizeLimit ?? 0),
    logMaxNum: integer('logMaxNum', given.logMaxNum ?? 0),
    logTime: given.logTime ?? true,
    logTimeUtc: given.logTimeUtc ?? false,
    logFormat: given.logFormat ?? 'text',
    syslog: given.syslog ?? false,
    remoteSyslog: given.remoteSyslog ?? '',
    traceVerbose: given.traceVerbose ?? false,
    traceHeaders: given.traceHeaders ?? false,
    maxTracedMessageLength: integer('maxTracedMessageLength', given.maxTracedMessageLength ?? 0),
    pidFile: given.pidFile ?? '',
    portsFileDir: given.portsFileDir ?? '',
    lameDuckDuration: integer('lameDuckDuration', given.lameDuckDuration ?? LAME_DUCK_DURATION_MS),
    lameDuckGracePeriod: integer('lameDuckGracePeriod', given.lameDuckGracePeriod ?? LAME_DUCK_GRACE_PERIOD_MS),
    noFastProducerStall: given.noFastProducerStall ?? false,
    noHeaderSupport: given.noHeaderSupport ?? false,
    serverTags: Object.freeze([...(given.serverTags ?? [])]),
    serverMetadata: Object.freeze({ ...given.serverMetadata }),
    clientAdvertise: given.clientAdvertise ?? '',
    configFile: given.configFile ?? '',
    configDigest: given.configDigest ?? '',
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
