// Settings of the server itself and its limits.

import { availableParallelism } from 'node:os'
import {
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
  SHARDS_DEFAULT_MAX,
  SHARDS_MAX,
  WRITE_DEADLINE_MS,
} from '../../base/constants.ts'
import { PLACEMENTS, SLOW_CONSUMER_POLICIES } from '../../options/shapes.ts'
import {
  amount,
  area,
  block,
  boolean,
  choice,
  file,
  INT32_MAX,
  integer,
  key,
  limit,
  list,
  port,
  SIZE_MAX,
  size,
  text,
  time,
  zeroIsDefault,
} from './settings.ts'

/**
 * Worker threads for a machine with so many processors: one processor is left to the primary thread, the kernel's
 * network work and the other programs. More shards cost more for each message and gain rate as long as they have
 * processors of their own, up to a bound: docs/performance.md, "What a shard costs".
 */
export function defaultWorkers(processors: number): number {
  return Math.min(Math.max(processors - 1, 1), SHARDS_DEFAULT_MAX)
}

const WORKERS = defaultWorkers(availableParallelism())
const BETWEEN_SERVERS = { feature: 'settings of clusters' }

export const SERVER_SETTINGS = area('Server', [
  key('listen', 'text', 'Address and port for clients: `host:port`, or the port alone', { reload: false }),
  text('host', DEFAULT_HOST, 'Address to listen on', {
    aliases: ['net'],
    flags: ['a', 'addr', 'net'],
    argument: '<host>',
  }),
  port('port', DEFAULT_PORT, 'Port for clients; -1 = any free port', { flags: ['p', 'port'] }),
  file('unixSocket', '', 'Unix socket for clients, in addition to the port. Only in Heddle', {
    flags: ['unix_socket'],
    argument: '<path>',
  }),
  text(
    'unixSocketMode',
    '0600',
    'File mode of the Unix socket, in octal. Write permission is needed to connect. Only in Heddle',
  ),
  text('name', '', 'Server name, without spaces', {
    keys: ['server_name'],
    flags: ['n', 'name', 'server_name'],
    argument: '<name>',
    defaultText: 'the server id',
  }),
  integer('workers', WORKERS, 'Worker threads that serve clients; 0 = everything on one thread. Only in Heddle', {
    flags: ['workers'],
    argument: '<n>',
    defaultText: 'number of processors minus one, 1 to 16',
    min: 0,
    max: SHARDS_MAX,
  }),
  choice(
    'placement',
    'round_robin',
    'Worker thread of the next connection: each in turn, or the first that is less than half busy. Only in Heddle',
    { choices: PLACEMENTS, flags: ['placement'], argument: '<policy>' },
  ),
  text('clientAdvertise', '', 'Address announced to clients and other servers', {
    flags: ['client_advertise'],
    argument: '<host:port>',
  }),
  file('pidFile', '', 'File to write the process id to', { aliases: ['pidfile'], flags: ['P', 'pid'] }),
  file('portsFileDir', '', 'Directory for the ports file, PROGRAM_PID.ports', {
    flags: ['ports_file_dir'],
    argument: '<dir>',
  }),
  time('lameDuckDuration', 120_000, 'Time over which lame duck mode closes the clients; at least 30 s in the file'),
  time('lameDuckGracePeriod', 10_000, 'Time before lame duck mode closes the first client', { min: 0 }),
  boolean('noHeaderSupport', false, 'Disable message headers'),
  boolean('noFastProducerStall', false, 'Do not slow down publishers whose subscribers fall behind'),
  list('serverTags', [], 'Tags of this server'),
  block('serverMetadata', {}, 'Metadata of this server, as names and values'),
  boolean('disableSublistCache', false, 'Accepted without effect: the cache of subject matches stays on', {
    aliases: ['no_sublist_cache'],
  }),
  amount(
    'connectErrorReports',
    3600,
    'Failed attempts at a first connection to another server between two log lines',
    BETWEEN_SERVERS,
  ),
  amount('reconnectErrorReports', 1, 'The same for attempts to reconnect', BETWEEN_SERVERS),
])

export const LIMIT_SETTINGS = area('Limits', [
  limit('maxConnections', CONNECTIONS_MAX, 'Maximum number of connections; 0 refuses every client', {
    aliases: ['max_conn'],
  }),
  size('maxControlLine', CONTROL_LINE_MAX, 'Maximum length of a control line', { min: 64, max: 16 * 1024 * 1024 }),
  size('maxPayload', PAYLOAD_MAX, 'Maximum payload size; must not exceed max_pending', { min: 0, max: INT32_MAX }),
  size('maxPending', PENDING_MAX, 'Maximum bytes waiting for one connection before it is closed as a slow consumer', {
    min: 1,
    max: SIZE_MAX,
    fromFile: (value) => zeroIsDefault(Math.min(value, SIZE_MAX)),
  }),
  choice(
    'slowConsumer',
    'disconnect',
    'Action when more would wait for a connection; accounts and users may override it. Only in Heddle',
    { choices: SLOW_CONSUMER_POLICIES },
  ),
  limit('maxSubscriptions', 0, 'Maximum number of subscriptions of one connection', {
    aliases: ['max_subs'],
    defaultText: '0 = no limit',
  }),
  integer('maxSubscriptionTokens', 0, "Maximum number of tokens in a subscription's subject, 1 to 255", {
    keys: ['max_sub_tokens', 'max_subscription_tokens'],
    defaultText: '0 = no limit',
    min: 0,
    max: 255,
  }),
  time('pingInterval', PING_INTERVAL_MS, 'Interval between PINGs to an idle client'),
  amount('pingMax', PING_OUT_MAX, 'Unanswered PINGs after which a client is closed as stale'),
  time('writeDeadline', WRITE_DEADLINE_MS, 'Maximum time that a write to a client may block'),
  choice(
    'writeTimeout',
    'default',
    'Action when write_deadline has passed: close (the default for clients), or retry if some data was sent',
    { choices: ['default', 'close', 'retry'] },
  ),
  size(
    'maxInterestBytes',
    REGION_BYTES_MAX,
    "Maximum size of one shard's part of the shared subscription index. Only in Heddle",
    { min: REGION_BYTES, max: REGION_BYTES_MAX * 3 },
  ),
])
