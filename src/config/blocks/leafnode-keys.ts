// `leafnodes` (reference 4.7). They are not there yet: the keys are checked, and kept for the rules
// between settings (later-checks.ts).

import { fromSeed } from '@nats-io/nkeys'
import { type ConfigEntry, typeName } from '../language/tree.ts'
import type { Checked } from '../layer.ts'
import { quoteText } from '../problems.ts'
import { readAuthTimeout } from './authorization.ts'
import { compressionKey, listenKeys, writeKeys } from './cluster-keys.ts'
import { isPublicNkey } from './nkey.ts'
import { readSubjects } from './permissions.ts'
import {
  boolean,
  custom,
  duration,
  durationOf,
  type Key,
  type Reading,
  readBlock,
  type Schema,
  text,
} from './schema.ts'
import { readTls } from './tls.ts'
import { TLS } from './tls-keys.ts'
import { isUrl, readUrl, readUrls, withoutUser } from './urls.ts'

const VERSION_MIN = [2, 8, 0] as const

const LEAF_USER: Schema<Checked> = {
  title: 'leafnodes.authorization.users[]',
  keys: [
    text('username', ['user', 'username'], 'name'),
    text('password', ['pass', 'password'], 'password'),
    text('account', 'account', 'account it is bound to', '$G'),
    boolean('proxyRequired', 'proxy_required', 'only through a trusted proxy', 'false'),
  ],
}

const LEAF_AUTHORIZATION: Schema<Checked> = {
  title: 'leafnodes.authorization',
  keys: [
    text('username', ['user', 'username'], "the only user's name"),
    text('password', ['pass', 'password'], 'and password'),
    custom('nkey', 'nkey', 'or its public user key', (entry, into, { problems }) => {
      const key = problems.string(entry)
      if (key !== undefined && !isPublicNkey(key, 'user')) {
        problems.error(entry, 'Not a valid public nkey for leafnode authorization')
      }
      into['nkey'] = key
    }),
    custom(
      'duration',
      'timeout',
      'time for CONNECT; a number means seconds',
      (entry, _, reading, name) => {
        readAuthTimeout(entry, name, 'leafnode authorization', reading)
      },
      { default: '2 s' },
    ),
    custom('list', 'users', 'the users', readLeafUsers, { block: LEAF_USER as Schema<never> }),
    text('account', 'account', 'account of the only user', '$G'),
    boolean('proxyRequired', 'proxy_required', 'only through a trusted proxy', 'false'),
  ],
}

function readLeafUsers(entry: ConfigEntry, into: Checked, reading: Reading): void {
  const { problems } = reading
  if (!Array.isArray(entry.value)) {
    problems.error(entry, `Expected users field to be an array, got ${typeName(entry.value)}`)
    return
  }
  const users: Checked[] = []
  for (const item of entry.value) {
    const user: Checked = { username: '', account: '' }
    if (item.value instanceof Map) readBlock(item.value, LEAF_USER, user, reading)
    else problems.error(item, `Expected user entry to be a map/struct, got ${typeName(item.value)}`)
    users.push(user)
  }
  into['users'] = users
}

function readLeafAuthorization(entry: ConfigEntry, into: Checked, reading: Reading): void {
  const { problems } = reading
  const map = problems.map(entry)
  if (map === undefined) return
  const draft: Checked = { username: '', nkey: '', account: '', users: [] }
  readBlock(map, LEAF_AUTHORIZATION, draft, reading)
  into['authorization'] = draft
  const names = (draft['users'] as Checked[]).map((user) => user['username'] as string)
  if (names.length === 0) return
  const double = names.find((name, i) => names.indexOf(name) !== i)
  if (draft['username'] !== '') problems.error(entry, 'can not have a single user/pass and a users array')
  else if (draft['nkey'] !== '') problems.error(entry, 'can not have a single nkey and a users array')
  else if (double !== undefined) {
    problems.error(entry, `duplicate user ${quoteText(double)} detected in leafnode authorization`)
  }
}

const PROXY: Schema<Checked> = {
  title: 'leafnodes.remotes[].proxy',
  keys: [
    text('url', 'url', 'URL of the proxy'),
    text('username', 'username', 'name'),
    text('password', 'password', 'password'),
    custom('duration', 'timeout', 'longest wait for it', (entry, into, reading) => {
      into['timeout'] = durationOf(entry, 'proxy timeout', reading)
    }),
  ],
}

function denied(names: readonly string[], doc: string): Key<Checked> {
  return custom('subjects', names, doc, (entry, _, { problems }) => {
    readSubjects(entry, false, problems)
  })
}

const BOTH = 'Remote leafnode can not have both creds and nkey defined'

export const REMOTE: Schema<Checked> = {
  title: 'leafnodes.remotes[]',
  keys: [
    custom('url', ['url', 'urls'], 'servers to connect to', readRemoteUrls),
    text('account', ['account', 'local'], 'account here', '$G'),
    custom('file', ['credentials', 'creds'], 'file of user JWT and seed', (entry, into, { problems }) => {
      if (into['nkey'] !== undefined) problems.error(entry, BOTH)
      into['credentials'] = problems.string(entry)
    }),
    custom('nkey', ['nkey', 'seed'], 'user seed', (entry, into, { problems }) => {
      const seed = problems.string(entry)
      if (seed === undefined) return
      // The seed itself is a secret, which nats-server would show here.
      if (!isUserSeed(seed)) problems.error(entry, 'Remote leafnode nkey is not a valid seed')
      else if (into['credentials'] !== undefined) problems.error(entry, BOTH)
      into['nkey'] = seed
    }),
    custom(
      'block',
      'tls',
      'TLS of the connection',
      (entry, into, reading) => {
        into['tls'] = readTls(entry, 'clients', reading) !== undefined
      },
      { block: TLS as Schema<never> },
    ),
    boolean('hub', 'hub', 'be the hub of the connection', 'false'),
    denied(['deny_imports', 'deny_import'], 'subjects that do not come in'),
    denied(['deny_exports', 'deny_export'], 'subjects that do not go out'),
    boolean('noRandomize', ['no_randomize', 'dont_randomize'], 'try the URLs in order', 'false'),
    boolean(
      'compress',
      ['ws_compression', 'ws_compress', 'websocket_compress', 'websocket_compression'],
      'compress over WebSocket',
      'false',
    ),
    boolean('noMasking', ['ws_no_masking', 'websocket_no_masking'], 'do not mask over WebSocket', 'false'),
    custom(
      'boolean',
      ['jetstream_cluster_migrate', 'js_cluster_migrate'],
      'leaders move when the connection is lost; true, or a block with leader_migrate_delay',
      readMigrate,
    ),
    boolean(
      'isolate',
      ['isolate_leafnode_interest', 'isolate'],
      'interest of other leaf nodes is kept from it',
      'false',
    ),
    boolean('requestIsolation', 'request_isolation', 'ask the other side for the same', 'false'),
    compressionKey('s2_auto'),
    duration('firstInfoTimeout', 'first_info_timeout', 'longest wait for INFO', '1 s'),
    duration('dialTimeout', 'dial_timeout', 'longest wait for the connection', '1 s'),
    boolean('disabled', 'disabled', 'do not connect', 'false'),
    boolean('ignoreDiscovered', 'ignore_discovered_servers', 'connect to none but those named', 'false'),
    custom(
      'block',
      'proxy',
      'HTTP proxy for WebSocket',
      (entry, into, reading) => {
        const proxy: Checked = { entry, url: '', username: '', password: '' }
        if (entry.value instanceof Map) readBlock(entry.value, PROXY, proxy, reading)
        else reading.problems.error(entry, `Expected proxy to be a map, got ${typeName(entry.value)}`)
        into['proxy'] = proxy
      },
      { block: PROXY as Schema<never> },
    ),
  ],
}

function readRemoteUrls(entry: ConfigEntry, into: Checked, reading: Reading): void {
  const { value } = entry
  if (Array.isArray(value)) into['urls'] = readUrls(entry, 'leafnode', reading)
  else if (typeof value === 'string') into['urls'] = [readUrl(entry, value, 'leafnode', reading) ?? '']
  else reading.problems.error(entry, `Expected remote leafnode url to be an array or string, got ${typeName(value)}`)
}

function readMigrate(entry: ConfigEntry, _: Checked, reading: Reading): void {
  const { value } = entry
  if (value instanceof Map) {
    const delay = value.get('leader_migrate_delay')
    if (delay !== undefined) durationOf(delay, 'leader_migrate_delay', reading)
  } else if (typeof value !== 'boolean') {
    reading.problems.error(entry, `Expected boolean or map for jetstream_cluster_migrate, got ${typeName(value)}`)
  }
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

function readRemotes(entry: ConfigEntry, into: Checked, reading: Reading): void {
  const { problems } = reading
  if (!Array.isArray(entry.value)) {
    problems.error(entry, `Expected remotes field to be an array, got ${typeName(entry.value)}`)
    return
  }
  const seen = new Set<string>()
  const remotes: Checked[] = []
  into['remotes'] = remotes
  for (const item of entry.value) {
    if (!(item.value instanceof Map)) {
      problems.error(item, `Expected remote leafnode entry to be a map/struct, got ${typeName(item.value)}`)
      continue
    }
    const remote: Checked = { urls: [], account: '$G' }
    remotes.push(remote)
    readBlock(item.value, REMOTE, remote, reading)
    checkProxy(remote, reading)
    const name = nameOf(remote)
    // The complaint stands at the entry's last key.
    if (seen.has(name)) problems.error([...item.value.values()].pop() ?? item, `duplicate remote ${shownName(remote)}`)
    seen.add(name)
  }
}

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
    | { entry: ConfigEntry; url: string; username: string; password: string; timeout?: number }
    | undefined
  if (proxy === undefined || proxy.url === '') return
  const { entry } = proxy
  const urls = remote['urls'] as string[]
  const [, scheme = '', host = ''] = /^(?:([^:/?#]*):)?(?:\/\/(?:[^/?#]*@)?([^/?#]*))?/.exec(proxy.url) ?? []
  if (!isUrl(proxy.url)) problems.error(entry, 'invalid proxy URL')
  else if (scheme !== 'http' && scheme !== 'https') {
    problems.error(entry, `proxy URL scheme must be http or https, got: ${scheme}`)
  } else if (host === '') problems.error(entry, 'proxy URL must specify a host')
  else if ((proxy.timeout ?? 0) < 0) problems.error(entry, 'proxy timeout must be >= 0')
  else if ((proxy.username === '') !== (proxy.password === '')) {
    problems.error(entry, 'proxy username and password must both be specified or both be empty')
  } else if (urls.length > 0) checkProxied(entry, urls, remote['tls'] === true, problems)
}

function checkProxied(
  entry: ConfigEntry,
  urls: readonly string[],
  hasTls: boolean,
  problems: Reading['problems'],
): void {
  const bare = urls.find((url) => url.startsWith('wss:'))
  const proxied = urls.filter((url) => /^wss?:/.test(url)).length
  if (bare !== undefined && !hasTls) {
    const what = `proxy is configured but remote URL ${withoutUser(bare)} requires TLS`
    const advice = 'When using proxy with TLS endpoints, ensure TLS is properly configured for the leafnode remote'
    problems.error(entry, `${what} and no TLS configuration is provided. ${advice}`)
  } else if (proxied === 0) {
    const why = 'proxy settings only apply to WebSocket connections (ws:// or wss://)'
    problems.warn(
      entry,
      `proxy configuration will be ignored: ${why}, but all configured URLs use TCP connections (nats://)`,
    )
  } else if (proxied < urls.length) {
    const why = 'proxy settings do not apply to TCP connections (nats://)'
    problems.warn(entry, `proxy configuration will only be used for WebSocket URLs: ${why}`)
  }
}

export const LEAFNODES: Schema<Checked> = {
  title: 'leafnodes',
  keys: [
    ...listenKeys(),
    custom('block', 'authorization', 'who may connect', readLeafAuthorization, {
      block: LEAF_AUTHORIZATION as Schema<never>,
    }),
    custom('list', 'remotes', 'servers to connect to', readRemotes, { block: REMOTE as Schema<never> }),
    custom(
      'duration',
      ['reconnect', 'reconnect_delay', 'reconnect_interval'],
      'time between tries',
      (entry, _, reading) => {
        durationOf(entry, 'reconnect', reading)
      },
      { default: '1 s' },
    ),
    duration('dialTimeout', 'dial_timeout', 'longest wait for a connection', '1 s'),
    custom(
      'block',
      'tls',
      'TLS of the listener',
      (entry, _, reading) => {
        readTls(entry, 'clients', reading)
      },
      { block: TLS as Schema<never> },
    ),
    text('advertise', ['advertise', 'leafnode_advertise'], 'address told to leaf nodes'),
    boolean('noAdvertise', 'no_advertise', 'do not tell leaf nodes of other servers', 'false'),
    custom(
      'text',
      ['min_version', 'minimum_version'],
      'oldest server that may connect, 2.8.0 or newer',
      readMinVersion,
    ),
    compressionKey('s2_auto'),
    boolean(
      'isolate',
      ['isolate_leafnode_interest', 'isolate'],
      'keep the interest of leaf nodes from each other',
      'false',
    ),
    ...writeKeys(),
  ],
}

function readMinVersion(entry: ConfigEntry, _: Checked, { problems }: Reading): void {
  const value = problems.string(entry)
  if (value === undefined) return
  const parts = /^v?([0-9]+)\.([0-9]+)\.([0-9]+)/.exec(value)
  if (parts === null) {
    problems.error(entry, "invalid leafnode's minimum version: invalid semver")
    return
  }
  const [major, minor, patch] = parts.slice(1).map(Number)
  const [m, n, p] = VERSION_MIN
  if (major > m || (major === m && (minor > n || (minor === n && patch >= p)))) return
  problems.error(entry, 'the minimum version should be at least 2.8.0')
}
