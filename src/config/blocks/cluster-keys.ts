// `cluster` and `gateway` (reference 4.5, 4.6). Neither is there yet: the keys are checked, and kept for the rules
// between settings (later-checks.ts).

import { parseDuration } from '../../base/duration.ts'
import type { Permissions } from '../../options/shapes.ts'
import { isValidSubject } from '../../subjects/filter.ts'
import { type ConfigEntry, typeName } from '../language/tree.ts'
import type { Checked } from '../layer.ts'
import { quoteText } from '../problems.ts'
import { AUTHORIZATION, readAuthorization } from './authorization.ts'
import { PERMISSIONS, readPermissions } from './permissions.ts'
import {
  boolean,
  custom,
  duration,
  durationOf,
  integer,
  type Key,
  listenOf,
  type Reading,
  readBlock,
  type Schema,
  text,
  textsOf,
} from './schema.ts'
import { readTls } from './tls.ts'
import { TLS } from './tls-keys.ts'
import { readUrl, readUrls } from './urls.ts'

const ROUTE_PING_MAX_MS = 30_000

/** The rows that say where a block listens. */
export function listenKeys(): Key<Checked>[] {
  return [
    custom('listen', 'listen', 'address and port, or port', (entry, into, reading) => {
      Object.assign(into, listenOf(entry, reading))
    }),
    text('host', ['host', 'net'], 'address', '0.0.0.0'),
    integer('port', 'port', 'port'),
  ]
}

/** The rows that say how long a write may take, and what follows. */
export function writeKeys(): Key<Checked>[] {
  return [duration('writeDeadline', 'write_deadline', 'longest write', 'as the top level'), writeTimeout('retry')]
}

export const WRITE_TIMEOUTS = ['default', 'close', 'retry'] as const

function writeTimeout(defaultText: string): Key<Checked> {
  return custom(
    'text',
    'write_timeout',
    'what follows: default, close or retry',
    (entry, into, { problems }) => {
      const value = problems.string(entry)
      const known = WRITE_TIMEOUTS.find((each) => each === value)
      if (known !== undefined) into['writeTimeout'] = known
      else if (value !== undefined) problems.error(entry, "write_timeout must be 'default', 'close' or 'retry'")
    },
    { default: defaultText },
  )
}

function nameKey(what: 'cluster' | 'gateway'): Key<Checked> {
  return custom('text', 'name', `name of the ${what}, without spaces`, (entry, into, { problems }) => {
    const value = problems.string(entry)
    if (value?.includes(' ')) problems.error(entry, `${what} name cannot contain spaces`)
    else into['name'] = value
  })
}

function credentialsKey(what: 'Cluster' | 'Gateway'): Key<Checked> {
  return custom(
    'block',
    'authorization',
    'one user and password that other servers show',
    (entry, _, reading, name) => {
      const { problems } = reading
      const authorization = readAuthorization(entry, reading)
      if (authorization === undefined) return
      const { hasUsers, token, callout, defaultPermissions } = authorization
      if (hasUsers) problems.error(entry, `${what} authorization does not allow multiple users`)
      else if (token !== '') problems.error(entry, `${what} authorization does not support tokens`)
      else if (callout !== undefined) problems.error(entry, `${what} authorization does not support callouts`)
      else if (what === 'Cluster' && defaultPermissions !== undefined) {
        checkPermissions(entry, defaultPermissions, reading)
        problems.warnUse(entry, name, 'setting "permissions" within cluster authorization block is deprecated')
      }
    },
    { block: AUTHORIZATION as Schema<never> },
  )
}

function tlsKey(): Key<Checked> {
  return custom(
    'block',
    'tls',
    'TLS between servers; certificates of both sides are checked',
    (entry, _, reading) => {
      readTls(entry, 'servers', reading)
    },
    { block: TLS as Schema<never> },
  )
}

/** Subjects between servers have no queue groups. */
function checkPermissions(entry: ConfigEntry, { publish, subscribe }: Permissions, { problems }: Reading): void {
  for (const [what, rules] of [
    ['import', publish],
    ['export', subscribe],
  ] as const) {
    for (const list of ['allow', 'deny'] as const) {
      const wrong = rules?.[list]?.find((subject) => !isValidSubject(subject))
      if (wrong === undefined) continue
      problems.error(entry, `cluster ${what} ${list}: subject ${quoteText(wrong)} is not a valid subject`)
    }
  }
}

const COMPRESSION: Schema<Checked> = {
  title: 'cluster.compression',
  keys: [
    text('mode', 'mode', 'off, accept, s2_fast, s2_better, s2_best, s2_uncompressed or s2_auto'),
    custom(
      'list',
      ['rtt_thresholds', 'thresholds', 'rtts', 'rtt'],
      'round trips from which on s2_auto takes the next mode',
      (entry, into, { problems }) => {
        const thresholds: number[] = []
        for (const item of problems.array(entry) ?? []) {
          const value = problems.string(item)
          const span = value === undefined ? undefined : parseDuration(value)
          if (span === undefined) continue
          if ('wrong' in span) problems.error(entry, span.wrong)
          else thresholds.push(span.ms)
        }
        into['thresholds'] = thresholds
      },
      { default: '10ms, 50ms, 100ms' },
    ),
  ],
}

export function compressionKey(defaultText: string): Key<Checked> {
  return custom(
    'text',
    'compression',
    'compression between servers: a boolean, a mode, or a block',
    (entry, into, reading, name) => {
      const { value } = entry
      const compression: Checked = { mode: '', thresholds: [] }
      into['compression'] = compression
      if (value instanceof Map) readBlock(value, COMPRESSION, compression, reading)
      else if (typeof value === 'string') compression['mode'] = value
      else if (typeof value !== 'boolean') {
        const what = `field ${quoteText(name)} should be a boolean or a structure`
        reading.problems.error(entry, `${what}, got ${typeName(value)}`)
      }
    },
    { default: defaultText, block: COMPRESSION as Schema<never> },
  )
}

export const CLUSTER: Schema<Checked> = {
  title: 'cluster',
  keys: [
    nameKey('cluster'),
    ...listenKeys(),
    credentialsKey('Cluster'),
    custom(
      'block',
      'permissions',
      'what is imported from and exported to other servers',
      (entry, _, reading) => {
        const permissions = readPermissions(entry, reading)
        if (permissions?.responses !== undefined) {
          reading.problems.error(entry, 'Cluster permissions do not support dynamic responses')
        } else if (permissions !== undefined) checkPermissions(entry, permissions, reading)
      },
      { block: PERMISSIONS as Schema<never> },
    ),
    custom('list', 'routes', 'URLs of other servers', (entry, _, reading) => {
      readUrls(entry, 'route', reading)
    }),
    tlsKey(),
    text('advertise', ['advertise', 'cluster_advertise'], 'address told to other servers'),
    boolean('noAdvertise', 'no_advertise', 'do not tell clients of other servers', 'false'),
    integer('connectRetries', 'connect_retries', 'tries for routes that others told of', '0'),
    boolean('connectBackoff', 'connect_backoff', 'wait longer after each try', 'false'),
    integer('poolSize', 'pool_size', 'connections between two servers', '3'),
    custom('list', 'accounts', 'accounts with a connection of their own', (entry, into, reading) => {
      into['accounts'] = textsOf(entry, 'accounts', reading)
    }),
    compressionKey('accept'),
    custom(
      'duration',
      'ping_interval',
      'time between PINGs, at most 30 s',
      (entry, _, reading) => {
        const ms = durationOf(entry, 'ping_interval', reading)
        if (ms === undefined || ms <= ROUTE_PING_MAX_MS) return
        reading.problems.warn(entry, "Cluster 'ping_interval' will reset to 30s which is the max for routes")
      },
      { default: '30 s' },
    ),
    integer('pingMax', 'ping_max', 'unanswered PINGs', '2'),
    ...writeKeys(),
  ],
}

const REMOTE_GATEWAY: Schema<Checked> = {
  title: 'gateway.gateways[]',
  keys: [
    text('name', 'name', 'name of the other cluster'),
    tlsKey(),
    custom('url', 'url', 'one of its servers', (entry, into, reading) => {
      const value = reading.problems.string(entry)
      if (value !== undefined) into['urls'] = [readUrl(entry, value, 'gateway', reading)]
    }),
    custom('list', 'urls', 'some of its servers', (entry, into, reading) => {
      into['urls'] = readUrls(entry, 'gateway', reading)
    }),
  ],
}

export const GATEWAY: Schema<Checked> = {
  title: 'gateway',
  keys: [
    nameKey('gateway'),
    ...listenKeys(),
    credentialsKey('Gateway'),
    tlsKey(),
    text('advertise', 'advertise', 'address told to other clusters'),
    integer('connectRetries', 'connect_retries', 'tries', '0'),
    boolean('connectBackoff', 'connect_backoff', 'wait longer after each try', 'false'),
    custom('list', 'gateways', 'the other clusters', readGateways, { block: REMOTE_GATEWAY as Schema<never> }),
    boolean(
      'rejectUnknown',
      ['reject_unknown', 'reject_unknown_cluster'],
      'refuse clusters that are not listed',
      'false',
    ),
    ...writeKeys(),
  ],
}

function readGateways(entry: ConfigEntry, into: Checked, reading: Reading): void {
  const { problems } = reading
  if (!Array.isArray(entry.value)) {
    problems.error(entry, `Expected gateways field to be an array, got ${typeName(entry.value)}`)
    return
  }
  const gateways: Checked[] = []
  into['gateways'] = gateways
  for (const item of entry.value) {
    const gateway: Checked = { name: '', urls: [] }
    gateways.push(gateway)
    if (item.value instanceof Map) readBlock(item.value, REMOTE_GATEWAY, gateway, reading)
    else problems.error(item, `Expected gateway entry to be a map/struct, got ${typeName(item.value)}`)
  }
}

/** Reads a block that is only checked so far; `expected` begins the complaint about what is no block. */
export function checkBlock(entry: ConfigEntry, schema: Schema<Checked>, expected: string, reading: Reading): Checked {
  const checked: Checked = {}
  if (entry.value instanceof Map) readBlock(entry.value, schema, checked, reading)
  else reading.problems.error(entry, `${expected}, got ${typeName(entry.value)}`)
  return checked
}
