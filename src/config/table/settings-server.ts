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
 * network work and the other programs. On two processors shared with the load, one shard had 0.93 to 1.3 of the rate
 * of two, for 0.55 to 0.84 of their processor time: no message crosses, no thread waits to be woken.
 */
export function defaultWorkers(processors: number): number {
  return Math.min(Math.max(processors - 1, 1), SHARDS_MAX)
}

const WORKERS = defaultWorkers(availableParallelism())
const BETWEEN_SERVERS = { missing: { feature: 'connections between servers' } }

export const SERVER_SETTINGS = area('Server', [
  key('listen', 'text', 'host and port in one, `host:port`, or the port alone', { reload: false }),
  text('host', ['host', 'net'], DEFAULT_HOST, 'Address to listen on', {
    flags: ['a', 'addr', 'net'],
    argument: '<host>',
  }),
  port('port', 'port', DEFAULT_PORT, 'Port for clients; -1 = any free one', { flags: ['p', 'port'] }),
  text('name', 'server_name', '', 'Server name, without spaces', {
    flags: ['n', 'name', 'server_name'],
    argument: '<name>',
    defaultText: 'the server id',
  }),
  integer(
    'workers',
    'workers',
    WORKERS,
    'Worker threads that serve clients; 0 = everything on one thread. Only in Heddle',
    {
      flags: ['workers'],
      argument: '<n>',
      defaultText: 'one for each processor but one',
      min: 0,
      max: SHARDS_MAX,
    },
  ),
  text('clientAdvertise', 'client_advertise', '', 'Address told to clients and other servers', {
    flags: ['client_advertise'],
    argument: '<host:port>',
  }),
  file('pidFile', ['pid_file', 'pidfile'], '', 'File for the process id', { flags: ['P', 'pid'] }),
  file('portsFileDir', 'ports_file_dir', '', 'Folder for the ports file, PROGRAM_PID.ports', {
    flags: ['ports_file_dir'],
    argument: '<dir>',
  }),
  time(
    'lameDuckDuration',
    'lame_duck_duration',
    120_000,
    'Time over which clients are closed in lame duck mode; in the file at least 30 s',
  ),
  time('lameDuckGracePeriod', 'lame_duck_grace_period', 10_000, 'Time before the first of them is closed', { min: 0 }),
  boolean('noHeaderSupport', 'no_header_support', false, 'Messages have no headers'),
  boolean(
    'noFastProducerStall',
    'no_fast_producer_stall',
    false,
    'Do not hold back publishers whose subscribers fall behind',
  ),
  list('serverTags', 'server_tags', [], 'Words that tell this server from others'),
  block('serverMetadata', 'server_metadata', {}, 'Texts that describe this server, by name'),
  boolean(
    'disableSublistCache',
    ['disable_sublist_cache', 'no_sublist_cache'],
    false,
    'Accepted, without effect: the cache of matches stays on',
  ),
  amount(
    'connectErrorReports',
    'connect_error_reports',
    3600,
    'Failed first connections to another server between two log lines',
    BETWEEN_SERVERS,
  ),
  amount(
    'reconnectErrorReports',
    'reconnect_error_reports',
    1,
    'The same for connections that were there before',
    BETWEEN_SERVERS,
  ),
])

export const LIMIT_SETTINGS = area('Limits', [
  limit('maxConnections', ['max_connections', 'max_conn'], CONNECTIONS_MAX, 'Connections at once; 0 refuses everybody'),
  size('maxControlLine', 'max_control_line', CONTROL_LINE_MAX, 'Longest control line', {
    min: 64,
    max: 16 * 1024 * 1024,
  }),
  size('maxPayload', 'max_payload', PAYLOAD_MAX, 'Largest payload; must not exceed max_pending', {
    min: 0,
    max: INT32_MAX,
  }),
  size(
    'maxPending',
    'max_pending',
    PENDING_MAX,
    'Bytes that may wait for one connection before it is closed as a slow consumer',
    {
      min: 1,
      max: SIZE_MAX,
      fromFile: (value) => zeroIsDefault(Math.min(value, SIZE_MAX)),
    },
  ),
  choice(
    'slowConsumer',
    'slow_consumer',
    'disconnect',
    'What follows when too much waits for a connection; accounts and users may have their own. Only in Heddle',
    {
      choices: SLOW_CONSUMER_POLICIES,
    },
  ),
  limit('maxSubscriptions', ['max_subscriptions', 'max_subs'], 0, 'Subscriptions of one connection', {
    defaultText: '0 = no limit',
  }),
  integer(
    'maxSubscriptionTokens',
    ['max_sub_tokens', 'max_subscription_tokens'],
    0,
    "Tokens of a subscription's subject, 1 to 255",
    {
      defaultText: '0 = no limit',
      min: 0,
      max: 255,
    },
  ),
  time('pingInterval', 'ping_interval', PING_INTERVAL_MS, 'Time between PINGs to a quiet client'),
  amount('pingMax', 'ping_max', PING_OUT_MAX, 'Unanswered PINGs after which a client is closed as stale'),
  time(
    'writeDeadline',
    'write_deadline',
    WRITE_DEADLINE_MS,
    'Time that a socket may refuse to take what was written to it',
  ),
  choice(
    'writeTimeout',
    'write_timeout',
    'default',
    'What follows then: close (the default of clients), or retry: more time, if it took some of it meanwhile',
    {
      choices: ['default', 'close', 'retry'],
    },
  ),
  size(
    'maxInterestBytes',
    [],
    REGION_BYTES_MAX,
    "Largest size of one shard's part of the shared subscription index; for the embedding API",
    {
      min: REGION_BYTES,
      max: REGION_BYTES_MAX * 3,
    },
  ),
])
