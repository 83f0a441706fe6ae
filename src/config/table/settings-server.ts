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
import { SLOW_CONSUMER_POLICIES } from '../../options/shapes.ts'
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
  key('listen', 'text', 'host and port in one, `host:port`, or the port alone', { reload: false }),
  text('host', DEFAULT_HOST, 'Address to listen on', {
    aliases: ['net'],
    flags: ['a', 'addr', 'net'],
    argument: '<host>',
  }),
  port('port', DEFAULT_PORT, 'Port for clients; -1 = any free one', { flags: ['p', 'port'] }),
  file('unixSocket', '', 'Unix socket for clients, beside the port. Only in Heddle', {
    flags: ['unix_socket'],
    argument: '<path>',
  }),
  text(
    'unixSocketMode',
    '0600',
    'Permissions of its file in octal digits: who may write to it may connect. Only in Heddle',
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
    defaultText: 'one for each processor but one, 16 at most',
    min: 0,
    max: SHARDS_MAX,
  }),
  text('clientAdvertise', '', 'Address told to clients and other servers', {
    flags: ['client_advertise'],
    argument: '<host:port>',
  }),
  file('pidFile', '', 'File for the process id', { aliases: ['pidfile'], flags: ['P', 'pid'] }),
  file('portsFileDir', '', 'Folder for the ports file, PROGRAM_PID.ports', {
    flags: ['ports_file_dir'],
    argument: '<dir>',
  }),
  time('lameDuckDuration', 120_000, 'Time over which clients are closed in lame duck mode; in the file at least 30 s'),
  time('lameDuckGracePeriod', 10_000, 'Time before the first of them is closed', { min: 0 }),
  boolean('noHeaderSupport', false, 'Messages have no headers'),
  boolean('noFastProducerStall', false, 'Do not hold back publishers whose subscribers fall behind'),
  list('serverTags', [], 'Words that tell this server from others'),
  block('serverMetadata', {}, 'Texts that describe this server, by name'),
  boolean('disableSublistCache', false, 'Accepted, without effect: the cache of matches stays on', {
    aliases: ['no_sublist_cache'],
  }),
  amount(
    'connectErrorReports',
    3600,
    'Failed first connections to another server between two log lines',
    BETWEEN_SERVERS,
  ),
  amount('reconnectErrorReports', 1, 'The same for connections that were there before', BETWEEN_SERVERS),
])

export const LIMIT_SETTINGS = area('Limits', [
  limit('maxConnections', CONNECTIONS_MAX, 'Connections at once; 0 refuses every client', { aliases: ['max_conn'] }),
  size('maxControlLine', CONTROL_LINE_MAX, 'Longest control line', { min: 64, max: 16 * 1024 * 1024 }),
  size('maxPayload', PAYLOAD_MAX, 'Largest payload; must not exceed max_pending', { min: 0, max: INT32_MAX }),
  size('maxPending', PENDING_MAX, 'Bytes that may wait for one connection before it is closed as a slow consumer', {
    min: 1,
    max: SIZE_MAX,
    fromFile: (value) => zeroIsDefault(Math.min(value, SIZE_MAX)),
  }),
  choice(
    'slowConsumer',
    'disconnect',
    'What follows when too much waits for a connection; accounts and users may have their own. Only in Heddle',
    { choices: SLOW_CONSUMER_POLICIES },
  ),
  limit('maxSubscriptions', 0, 'Subscriptions of one connection', {
    aliases: ['max_subs'],
    defaultText: '0 = no limit',
  }),
  integer('maxSubscriptionTokens', 0, "Tokens of a subscription's subject, 1 to 255", {
    keys: ['max_sub_tokens', 'max_subscription_tokens'],
    defaultText: '0 = no limit',
    min: 0,
    max: 255,
  }),
  time('pingInterval', PING_INTERVAL_MS, 'Time between PINGs to a quiet client'),
  amount('pingMax', PING_OUT_MAX, 'Unanswered PINGs after which a client is closed as stale'),
  time('writeDeadline', WRITE_DEADLINE_MS, 'Time that a socket may refuse to take what was written to it'),
  choice(
    'writeTimeout',
    'default',
    'What follows then: close (the default of clients), or retry: more time, if it took some of it meanwhile',
    { choices: ['default', 'close', 'retry'] },
  ),
  size(
    'maxInterestBytes',
    REGION_BYTES_MAX,
    "Largest size of one shard's part of the shared subscription index. Only in Heddle",
    { min: REGION_BYTES, max: REGION_BYTES_MAX * 3 },
  ),
])
