// `leafnodes` (docs/reference/leaf-nodes.md). The keys are checked, and kept for the rules between settings
// (later-checks.ts) and for leafnode-options.ts.

import { fromSeed } from '@nats-io/nkeys'
import type { ConfigEntry } from '../language/tree.ts'
import type { Checked } from '../layer.ts'
import { quoteText } from '../problems.ts'
import { authTimeout } from './authorization.ts'
import { compressionKey, LISTEN_KEYS, WRITE_KEYS } from './cluster-keys.ts'
import { isPublicNkey } from './nkey.ts'
import { readSubjects } from './permissions.ts'
import { complain, kind, type Reading, type Schema, type Take } from './schema.ts'
import { tls } from './tls.ts'
import { isUrl, readUrl, readUrls, withoutUser } from './urls.ts'
import { block, boolean, duration, durationOf, each, got, integer, lastOf, text } from './values.ts'

const VERSION_MIN = [2, 8] as const

const LEAF_USER: Schema<Checked> = {
  title: 'leafnodes.authorization.users[]',
  keys: [
    text('username', ['user', 'username'], 'name'),
    text('password', ['pass', 'password'], 'password'),
    text('account', 'account', 'account of the user', '$G'),
    boolean('proxyRequired', 'proxy_required', 'require a connection through a trusted proxy'),
  ],
}

const users = kind(
  'list',
  each(
    block<Checked>(LEAF_USER, () => ({ username: '', account: '' }), got('Expected user entry to be a map/struct')),
    got('Expected users field to be an array'),
  ),
  { block: LEAF_USER },
)

/** A wrong key counts as one, where users are listed besides. */
const userKey = kind<string>('nkey', (entry, reading) => {
  const key = reading.problems.string(entry)
  if (key !== undefined && !isPublicNkey(key, 'user')) {
    complain(entry, 'Not a valid public nkey for leafnode authorization', reading)
  }
  return key ?? 'wrong'
})

const LEAF_AUTHORIZATION: Schema<Checked> = {
  title: 'leafnodes.authorization',
  keys: [
    text('username', ['user', 'username'], 'name of the single user'),
    text('password', ['pass', 'password'], 'Password required of all clients'),
    userKey('nkey', 'nkey', 'or its public user key'),
    authTimeout('leafnode authorization')(
      'timeout',
      'timeout',
      'maximum time for CONNECT; a number means seconds',
      '2 s',
    ),
    users('users', 'users', 'the users'),
    text('account', 'account', 'account of the only user', '$G'),
    boolean('proxyRequired', 'proxy_required', 'require a connection through a trusted proxy'),
  ],
}

const readAuthorization = block<Checked>(LEAF_AUTHORIZATION, () => ({ username: '', nkey: '', account: '', users: [] }))

const authorization = kind<Checked>(
  'block',
  (entry, reading, key) => {
    const draft = readAuthorization(entry, reading, key)
    const names = ((draft?.['users'] ?? []) as Checked[]).map((user) => user['username'] as string)
    if (draft === undefined || names.length === 0) return draft
    const double = names.find((name, i) => names.indexOf(name) !== i)
    if (draft['username'] !== '') complain(entry, 'can not have a single user/pass and a users array', reading)
    else if (draft['nkey'] !== '') complain(entry, 'can not have a single nkey and a users array', reading)
    else if (double !== undefined) {
      complain(entry, `duplicate user ${quoteText(double)} detected in leafnode authorization`, reading)
    }
    return draft
  },
  { block: LEAF_AUTHORIZATION },
)

// ── Remotes ───────────────────────────────────────────────────────────────────────────────────────────────────

const proxyTimeout = kind<number>('duration', (entry, reading) => durationOf(entry, 'proxy timeout', reading))

const PROXY: Schema<Checked> = {
  title: 'leafnodes.remotes[].proxy',
  keys: [
    text('url', 'url', 'URL of the proxy, http://; https:// is not supported yet'),
    text('username', 'username', 'name'),
    text('password', 'password', 'password'),
    proxyTimeout('timeout', 'timeout', 'maximum time to connect by the proxy', 'dial_timeout'),
    tls('clients')('tls', 'tls', 'TLS of an https proxy; refused, as that is not supported yet'),
  ],
}

/** The entry is kept: it is the place of errors about the proxy. */
const proxy = kind<Checked>(
  'block',
  (entry, reading, name) => {
    const empty = () => ({ entry, url: '', username: '', password: '' })
    return block<Checked>(PROXY, empty, got('Expected proxy to be a map'))(entry, reading, name)
  },
  { block: PROXY },
)

const denied = kind<string[]>('subjects', (entry, { problems }) => readSubjects(entry, false, problems))

const remoteUrls = kind<string[]>('url', (entry, reading) => {
  const { value } = entry
  if (Array.isArray(value)) return readUrls(entry, 'leafnode', reading)
  if (typeof value === 'string') return [readUrl(entry, value, 'leafnode', reading) ?? '']
  return complain(entry, got('Expected remote leafnode url to be an array or string'), reading)
})

const migration = kind<unknown>('boolean', (entry, reading) => {
  const { value } = entry
  const delay = value instanceof Map ? value.get('leader_migrate_delay') : undefined
  if (delay !== undefined) return durationOf(delay, 'leader_migrate_delay', reading)
  if (value instanceof Map || typeof value === 'boolean') return value
  return complain(entry, got('Expected boolean or map for jetstream_cluster_migrate'), reading)
})

const BOTH = 'Remote leafnode can not have both creds and nkey defined'

const credentials = kind<string, Checked>('file', (entry, reading, _, into) => {
  if (into['nkey'] !== undefined) complain(entry, BOTH, reading)
  return reading.problems.string(entry)
})

/** The seed itself is a secret, which nats-server would show in the complaint. */
const seed = kind<string, Checked>('nkey', (entry, reading, _, into) => {
  const seed = reading.problems.string(entry)
  if (seed === undefined) return undefined
  if (!isUserSeed(seed)) complain(entry, 'Remote leafnode nkey is not a valid seed', reading)
  else if (into['credentials'] !== undefined) complain(entry, BOTH, reading)
  return seed
})

export const REMOTE: Schema<Checked> = {
  title: 'leafnodes.remotes[]',
  keys: [
    remoteUrls('urls', ['url', 'urls'], 'servers to connect to'),
    text('account', ['account', 'local'], 'local account', '$G'),
    credentials('credentials', ['credentials', 'creds'], 'credentials file (user JWT and seed)'),
    seed('nkey', ['nkey', 'seed'], 'user seed'),
    tls('clients')('tls', 'tls', 'TLS of the connection'),
    boolean('hub', 'hub', 'act as the hub of the connection'),
    denied('denyImports', ['deny_imports', 'deny_import'], 'subjects not imported'),
    denied('denyExports', ['deny_exports', 'deny_export'], 'subjects not exported'),
    boolean('noRandomize', ['no_randomize', 'dont_randomize'], 'try the URLs in order'),
    boolean(
      'compress',
      ['ws_compression', 'ws_compress', 'websocket_compress', 'websocket_compression'],
      'compress over WebSocket',
    ),
    boolean('noMasking', ['ws_no_masking', 'websocket_no_masking'], 'do not mask over WebSocket'),
    migration(
      'migration',
      ['jetstream_cluster_migrate', 'js_cluster_migrate'],
      'leaders move when the connection is lost; true, or a block with leader_migrate_delay',
    ),
    boolean('isolate', ['isolate_leafnode_interest', 'isolate'], 'isolate the interest of other leaf nodes from it'),
    boolean('requestIsolation', 'request_isolation', 'request isolation from the remote server'),
    compressionKey('s2_auto'),
    duration('firstInfoTimeout', 'first_info_timeout', 'maximum time to wait for INFO', '1 s'),
    duration('dialTimeout', 'dial_timeout', 'maximum time to connect', '1 s'),
    boolean('disabled', 'disabled', 'do not connect'),
    boolean('ignoreDiscovered', 'ignore_discovered_servers', 'connect to configured servers only'),
    proxy('proxy', 'proxy', 'HTTP proxy by which the servers are reached'),
  ],
}

function isUserSeed(seed: string): boolean {
  if (!seed.startsWith('SU')) return false
  try {
    fromSeed(new TextEncoder().encode(seed))
    return true
  } catch {
    return false
  }
}

const readRemote = block<Checked>(
  REMOTE,
  () => ({ urls: [], account: '$G' }),
  got('Expected remote leafnode entry to be a map/struct'),
)

const remotes = kind<Checked[]>(
  'list',
  (entry, reading, key) => {
    const seen = new Set<string>()
    const readUnique: Take<Checked> = (item) => {
      const remote = readRemote(item, reading, key)
      if (remote === undefined) return undefined
      checkProxy(remote, reading)
      const name = nameOf(remote)
      if (seen.has(name)) complain(lastOf(item), `duplicate remote ${shownName(remote)}`, reading)
      seen.add(name)
      return remote
    }
    return each(readUnique, got('Expected remotes field to be an array'))(entry, reading, key)
  },
  { block: REMOTE },
)

/** What tells a remote from others. */
function nameOf(remote: Checked): string {
  const { urls, account, credentials, nkey } = remote
  return JSON.stringify([urls, account ?? '$G', credentials, nkey])
}

function shownName(remote: Checked): string {
  const urls = (remote['urls'] as string[]).map((url) => quoteText(withoutUser(url))).join(' ')
  const { account = '$G', credentials, nkey } = remote
  const more = credentials === undefined ? '' : `, credentials=${quoteText(String(credentials))}`
  return `urls=[${urls}], account=${quoteText(String(account))}${nkey === undefined ? more : ', nkey="[REDACTED]"'}`
}

/** What a proxy needs (nats-server checks it with the remote's other keys). */
function checkProxy(remote: Checked, { problems }: Reading): void {
  const proxy = remote['proxy'] as
    | { entry: ConfigEntry; url: string; username: string; password: string; timeout?: number; tls?: unknown }
    | undefined
  if (proxy === undefined) return
  const { entry, tls } = proxy
  const urls = remote['urls'] as string[]
  if (proxy.url === '') {
    const isEmpty = proxy.username === '' && proxy.password === '' && proxy.timeout === undefined && tls === undefined
    if (!isEmpty) problems.error(entry, 'proxy URL must be specified when other proxy options are set')
    return
  }
  const [, scheme = '', host = ''] = /^(?:([^:/?#]*):)?(?:\/\/(?:[^/?#]*@)?([^/?#]*))?/.exec(proxy.url) ?? []
  if (!isUrl(proxy.url)) problems.error(entry, 'invalid proxy URL')
  else if (scheme !== 'http' && scheme !== 'https') {
    problems.error(entry, `proxy URL scheme must be http or https, got: ${scheme}`)
  } else if (host === '') problems.error(entry, 'proxy URL must specify a host')
  else if ((proxy.timeout ?? 0) < 0) problems.error(entry, 'proxy timeout must be >= 0')
  else if ((proxy.username === '') !== (proxy.password === '')) {
    problems.error(entry, 'proxy username and password must both be specified or both be empty')
  } else if (tls !== undefined && scheme !== 'https') {
    problems.error(entry, `proxy TLS configuration requires an https proxy URL, got: ${scheme}`)
  } else if (remote['tls'] === undefined) {
    const bare = urls.find((url) => url.startsWith('wss:'))
    if (bare === undefined) return
    const what = `proxy is configured but remote URL ${withoutUser(bare)} requires TLS`
    const advice = 'When using proxy with TLS endpoints, ensure TLS is properly configured for the leafnode remote'
    problems.error(entry, `${what} and no TLS configuration is provided. ${advice}`)
  }
}

// ── The block ─────────────────────────────────────────────────────────────────────────────────────────────────

const version = kind<string>('text', (entry, reading) => {
  const value = reading.problems.string(entry)
  if (value === undefined) return undefined
  const parts = /^v?([0-9]+)\.([0-9]+)\.([0-9]+)/.exec(value)
  if (parts === null) return complain(entry, "invalid leafnode's minimum version: invalid semver", reading)
  const [major, minor] = parts.slice(1).map(Number)
  const [majorMin, minorMin] = VERSION_MIN
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return value
  return complain(entry, 'the minimum version should be at least 2.8.0', reading)
})

export const LEAFNODES: Schema<Checked> = {
  title: 'leafnodes',
  keys: [
    ...LISTEN_KEYS,
    authorization('authorization', 'authorization', 'who may connect'),
    remotes('remotes', 'remotes', 'servers to connect to'),
    duration('reconnect', ['reconnect', 'reconnect_delay', 'reconnect_interval'], 'interval between attempts', '1 s'),
    duration('dialTimeout', 'dial_timeout', 'maximum time to connect', '1 s'),
    tls('clients')('tls', 'tls', 'TLS of the listener'),
    text('advertise', ['advertise', 'leafnode_advertise'], 'address announced to leaf nodes'),
    boolean('noAdvertise', 'no_advertise', 'do not announce other servers to leaf nodes'),
    version('version', ['min_version', 'minimum_version'], 'minimum version of a connecting server, at least 2.8.0'),
    compressionKey('s2_auto'),
    boolean('isolate', ['isolate_leafnode_interest', 'isolate'], 'isolate the interest of leaf nodes from each other'),
    ...WRITE_KEYS,
    duration('pingInterval', 'ping_interval', 'time between PINGs', 'as the top level'),
    integer('pingMax', 'ping_max', 'unanswered PINGs', 'as the top level'),
  ],
}
