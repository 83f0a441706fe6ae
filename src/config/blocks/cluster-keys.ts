// `cluster` and `gateway` (docs/reference/configuration-blocks.md, "Features to come"). The keys are checked, and kept
// for the rules between settings (later-checks.ts) and for cluster-options.ts; those of `gateway` have no effect yet.

import { parseDuration } from '../../base/duration.ts'
import type { AuthorizationOptions, Permissions } from '../../options/shapes.ts'
import { isValidSubject } from '../../subjects/filter.ts'
import { type ConfigEntry, typeName } from '../language/tree.ts'
import type { Checked } from '../layer.ts'
import { quoteText } from '../problems.ts'
import { AUTHORIZATION, readAuthorization } from './authorization.ts'
import { PERMISSIONS, readPermissions } from './permissions.ts'
import { complain, type Key, kind, type Reading, type Schema } from './schema.ts'
import { tls } from './tls.ts'
import { url, urls } from './urls.ts'
import {
  block,
  boolean,
  duration,
  durationOf,
  each,
  got,
  integer,
  listen,
  oneOf,
  such,
  text,
  textsOf,
} from './values.ts'

const ROUTE_PING_MAX_MS = 30_000

/** The rows that say where a block listens. */
export const LISTEN_KEYS: readonly Key<Checked>[] = [
  listen('host', 'listen', 'address and port, or port'),
  text('host', ['host', 'net'], 'address', '0.0.0.0'),
  integer('port', 'port', 'port'),
]

const writeTimeout = kind(
  'text',
  oneOf(['default', 'close', 'retry'], "write_timeout must be 'default', 'close' or 'retry'"),
)

/** The rows that say how long a write may take, and what follows. */
export const WRITE_KEYS: readonly Key<Checked>[] = [
  duration('writeDeadline', 'write_deadline', 'maximum time that a write may block', 'as the top level'),
  writeTimeout(
    'writeTimeout',
    'write_timeout',
    'action when write_deadline has passed: default, close or retry',
    'retry',
  ),
]

function nameKey(what: 'cluster' | 'gateway'): Key<Checked> {
  const name = kind(
    'text',
    such((text) => !text.includes(' '), `${what} name cannot contain spaces`),
  )
  return name('name', 'name', `name of the ${what}, without spaces`)
}

function credentialsKey(what: 'Cluster' | 'Gateway'): Key<Checked> {
  const credentials = kind<AuthorizationOptions>(
    'block',
    (entry, reading, name) => {
      const authorization = readAuthorization(entry, reading)
      if (authorization === undefined) return undefined
      const { hasUsers, token, callout, defaultPermissions } = authorization
      if (hasUsers) return complain(entry, `${what} authorization does not allow multiple users`, reading)
      if (token !== '') return complain(entry, `${what} authorization does not support tokens`, reading)
      if (callout !== undefined) return complain(entry, `${what} authorization does not support callouts`, reading)
      if (what === 'Cluster' && defaultPermissions !== undefined) {
        checkPermissions(entry, defaultPermissions, reading)
        reading.problems.warnUse(entry, name, 'setting "permissions" within cluster authorization block is deprecated')
      }
      return authorization
    },
    { block: AUTHORIZATION },
  )
  return credentials('authorization', 'authorization', 'user and password required of other servers')
}

const TLS_KEY: Key<Checked> = tls('servers')('tls', 'tls', 'TLS between servers; both sides verify certificates')

/** Subjects between servers have no queue groups. */
function checkPermissions(entry: ConfigEntry, { publish, subscribe }: Permissions, reading: Reading): void {
  for (const [what, rules] of [
    ['import', publish],
    ['export', subscribe],
  ] as const) {
    for (const list of ['allow', 'deny'] as const) {
      const wrong = rules?.[list]?.find((subject) => !isValidSubject(subject))
      if (wrong === undefined) continue
      complain(entry, `cluster ${what} ${list}: subject ${quoteText(wrong)} is not a valid subject`, reading)
    }
  }
}

const thresholds = kind<number[]>('list', (entry, { problems }) =>
  problems.array(entry)?.flatMap((item) => {
    const value = problems.string(item)
    const span = value === undefined ? undefined : parseDuration(value)
    if (span === undefined || 'ms' in span) return span?.ms ?? []
    return problems.error(entry, span.wrong) ?? []
  }),
)

const COMPRESSION: Schema<Checked> = {
  title: 'cluster.compression',
  keys: [
    text('mode', 'mode', 'off, accept, s2_fast, s2_better, s2_best, s2_uncompressed or s2_auto'),
    thresholds(
      'thresholds',
      ['rtt_thresholds', 'thresholds', 'rtts', 'rtt'],
      'round-trip times at which s2_auto changes to the next mode',
      '10ms, 50ms, 100ms',
    ),
  ],
}

const noCompression = (mode = ''): Checked => ({ mode, thresholds: [] })
const compressionBlock = block(COMPRESSION, noCompression, (value, name) => {
  return `field ${quoteText(name)} should be a boolean or a structure, got ${typeName(value)}`
})

/** Rows for `compression`. */
const compression = kind<Checked>(
  'text',
  (entry, reading, name) => {
    const { value } = entry
    if (typeof value === 'boolean') return noCompression(value ? 'on' : 'off')
    return typeof value === 'string' ? noCompression(value) : compressionBlock(entry, reading, name)
  },
  { block: COMPRESSION },
)

export function compressionKey(defaultText: string): Key<Checked> {
  const doc = 'compression between servers: a boolean, a mode, or a block'
  return compression('compression', 'compression', doc, defaultText)
}

const permissions = kind<Permissions>(
  'block',
  (entry, reading) => {
    const permissions = readPermissions(entry, reading)
    if (permissions?.responses !== undefined) {
      return complain(entry, 'Cluster permissions do not support dynamic responses', reading)
    }
    if (permissions !== undefined) checkPermissions(entry, permissions, reading)
    return permissions
  },
  { block: PERMISSIONS },
)

const pingInterval = kind<number>('duration', (entry, reading) => {
  const ms = durationOf(entry, 'ping_interval', reading)
  if (ms !== undefined && ms > ROUTE_PING_MAX_MS) {
    reading.problems.warn(entry, "Cluster 'ping_interval' will reset to 30s which is the max for routes")
  }
  return ms
})

const accounts = kind('list', textsOf('accounts'))

export const CLUSTER: Schema<Checked> = {
  title: 'cluster',
  keys: [
    nameKey('cluster'),
    ...LISTEN_KEYS,
    credentialsKey('Cluster'),
    permissions('permissions', 'permissions', 'subjects imported from and exported to other servers'),
    urls('route')('routes', 'routes', 'URLs of other servers'),
    TLS_KEY,
    text('advertise', ['advertise', 'cluster_advertise'], 'address announced to other servers'),
    boolean('noAdvertise', 'no_advertise', 'do not announce other servers to clients'),
    integer('connectRetries', 'connect_retries', 'connection attempts for implicit routes', '0'),
    boolean('connectBackoff', 'connect_backoff', 'increase the wait after each attempt'),
    integer('poolSize', 'pool_size', 'connections between two servers', '3'),
    accounts('accounts', 'accounts', 'accounts with a dedicated connection'),
    compressionKey('accept'),
    pingInterval('pingInterval', 'ping_interval', 'time between PINGs, at most 30 s', '30 s'),
    integer('pingMax', 'ping_max', 'unanswered PINGs', '2'),
    ...WRITE_KEYS,
  ],
}

const REMOTE_GATEWAY: Schema<Checked> = {
  title: 'gateway.gateways[]',
  keys: [
    text('name', 'name', 'name of the other cluster'),
    TLS_KEY,
    url('gateway')('urls', 'url', 'one of its servers'),
    urls('gateway')('urls', 'urls', 'some of its servers'),
  ],
}

const gateways = kind(
  'list',
  each(
    block<Checked>(REMOTE_GATEWAY, () => ({ name: '', urls: [] }), got('Expected gateway entry to be a map/struct')),
    got('Expected gateways field to be an array'),
  ),
  { block: REMOTE_GATEWAY },
)

export const GATEWAY: Schema<Checked> = {
  title: 'gateway',
  keys: [
    nameKey('gateway'),
    ...LISTEN_KEYS,
    credentialsKey('Gateway'),
    TLS_KEY,
    text('advertise', 'advertise', 'address announced to other clusters'),
    integer('connectRetries', 'connect_retries', 'connection attempts', '0'),
    boolean('connectBackoff', 'connect_backoff', 'increase the wait after each attempt'),
    gateways('gateways', 'gateways', 'the other clusters'),
    boolean('rejectUnknown', ['reject_unknown', 'reject_unknown_cluster'], 'refuse clusters that are not listed'),
    ...WRITE_KEYS,
  ],
}
