// Decentralised identity in configurations (reference 4.1): operators, where account JWTs come from, trusted keys,
// trusted proxies.

import { decodeToken, isInvalid, undecorate } from '../../auth/jwt/token.ts'
import { parseDuration } from '../../base/duration.ts'
import type { Draft, ResolverOptions } from '../../options/shapes.ts'
import { type ConfigEntry, isPlainData, typeName } from '../language/tree.ts'
import { quoteText } from '../problems.ts'
import { isPublicNkey } from './nkey.ts'
import { boolean, custom, type Key, type Reading, readBlock, type Schema, size, text, textsOf } from './schema.ts'
import { isUrl } from './urls.ts'

/** What an inline JWT begins with. */
const JWT_PREFIX = 'eyJ'

/** Reads `operator`: JWTs, inline or in files. Answers the tokens. */
export function readOperators(entry: ConfigEntry, reading: Reading): string[] {
  const { problems } = reading
  const { value } = entry
  const named: string[] = []
  if (typeof value === 'string') named.push(value)
  else if (!Array.isArray(value)) {
    problems.error(entry, `error parsing operators: unsupported type ${typeName(value)}`)
  } else {
    for (const item of value) {
      if (typeof item.value === 'string') named.push(item.value)
      else problems.error(entry, 'error parsing operators: unsupported type *conf.token where string is expected')
    }
  }
  return named.flatMap((name) => {
    try {
      const text = undecorate(name.startsWith(JWT_PREFIX) ? name : reading.readFile(name))
      const token = decodeToken(text, 'operator')
      if (!isInvalid(token)) return [text]
      problems.error(entry, `error parsing operator JWT: ${token.invalid}`)
    } catch (error) {
      problems.error(entry, `error parsing operator JWT: ${(error as Error).message}`)
    }
    return []
  })
}

/** The resolver that an operator's JWT names; a server with several operators, or none, has to name one itself. */
export function resolverOfOperators(tokens: readonly string[]): ResolverOptions | undefined {
  if (tokens.length !== 1) return undefined
  const token = decodeToken(tokens[0], 'operator')
  const url = isInvalid(token) ? '' : token.body.text('account_server_url')
  if (url === '' || !isUrl(url)) return undefined
  return { ...noResolver(), type: 'url', url: `${url.trim()}/accounts` }
}

interface ResolverDraft extends Draft<Omit<ResolverOptions, 'type'>> {
  kind: string
  saysHardDelete: boolean
}

function span(member: 'ttl' | 'interval' | 'timeout', doc: string, defaultText = ''): Key<ResolverDraft> {
  return custom(
    'duration',
    member,
    doc,
    (entry, into, { problems }) => {
      const value = problems.string(entry)
      const result = value === undefined ? undefined : parseDuration(value)
      if (result === undefined) return
      if ('ms' in result) into[member] = result.ms
      else problems.error(entry, result.wrong)
    },
    { default: defaultText },
  )
}

export const RESOLVER: Schema<ResolverDraft> = {
  title: 'resolver',
  keys: [
    text('kind', 'type', 'full, cache or memory'),
    text('dir', 'dir', 'folder of the JWTs'),
    boolean('allowDelete', 'allow_delete', 'accounts may be deleted (full)', 'false'),
    custom(
      'boolean',
      'hard_delete',
      'delete the files, too (full)',
      (entry, into, { problems }) => {
        into.hardDelete = problems.boolean(entry) ?? false
        into.saysHardDelete = true
      },
      { default: 'false' },
    ),
    size('limit', 'limit', 'JWTs at most'),
    span('ttl', 'life of a JWT (cache)'),
    span('interval', 'time between comparisons with other servers (full)', '1 min'),
    span('timeout', 'longest wait for a JWT', '1.9 s'),
  ],
}

const NO_RESOLVER =
  'error parsing account resolver, should be MEM or  URL("url") or a map containing dir and type state=[FULL|CACHE])'

/** Reads `resolver`: `MEMORY`, `URL(<url>)`, or a block. */
export function readResolver(entry: ConfigEntry, reading: Reading): ResolverOptions | undefined {
  const { problems } = reading
  const { value } = entry
  const none = noResolver()
  if (typeof value === 'string') {
    if (/mem/i.test(value)) return { ...none, type: 'memory' }
    const url = /url(?:\(\s*"?([^\s"]*?)"?\s*\))?/i.exec(value)
    if (url === null) return problems.error(entry, NO_RESOLVER)
    if (isUrl(url[1] ?? '')) return { ...none, type: 'url', url: url[1] ?? '' }
    return problems.error(entry, `error parsing account resolver url [${quoteText(url[1] ?? '')}]`)
  }
  if (!(value instanceof Map)) {
    return problems.error(entry, `error parsing operator resolver, wrong type ${typeName(value)}`)
  }
  // In a file, keys that nobody knows are passed over here, in nats-server too.
  const known = isPlainData(entry)
    ? value
    : new Map([...value].filter(([name]) => RESOLVER.keys.some((key) => key.names.includes(name))))
  const draft: ResolverDraft = { ...none, kind: '', saysHardDelete: false }
  readBlock(known, RESOLVER, draft, reading)
  return checkedResolver(draft, entry, reading)
}

function noResolver(): Omit<ResolverOptions, 'type'> {
  return { url: '', dir: '', allowDelete: false, hardDelete: false, limit: 0, ttl: 0, interval: 0, timeout: 0 }
}

function checkedResolver(draft: ResolverDraft, entry: ConfigEntry, { problems }: Reading): ResolverOptions | undefined {
  const { kind, saysHardDelete, ...options } = draft
  const word = kind.toLowerCase()
  if (word === 'mem' || word === 'memory') return { ...options, type: 'memory' }
  if (word !== 'cache' && word !== 'full') return problems.error(entry, NO_RESOLVER)
  if (draft.dir === '') problems.error(entry, 'dir has no value and needs to point to a directory')
  if (word === 'cache') {
    if (draft.interval !== 0) problems.error(entry, 'CACHE does not accept sync')
    if (draft.allowDelete) problems.error(entry, 'CACHE does not accept allow_delete')
    if (saysHardDelete) problems.error(entry, 'CACHE does not accept hard_delete')
  } else {
    if (draft.ttl !== 0) problems.error(entry, 'FULL does not accept ttl')
    if (saysHardDelete && !draft.allowDelete) problems.error(entry, 'hard_delete has no effect without delete')
  }
  return { ...options, type: word }
}

/** Reads `resolver_preload`: account JWTs by account key. */
export function readPreload(entry: ConfigEntry, { problems }: Reading): Record<string, string> {
  if (!(entry.value instanceof Map)) {
    problems.error(entry, 'preload should be a map of account_public_key:account_jwt')
    return {}
  }
  const jwts: [string, string][] = []
  for (const [key, item] of entry.value) {
    if (typeof item.value !== 'string') problems.error(item, 'preload map value should be a string JWT')
    else if (isInvalid(decodeToken(item.value, 'account'))) problems.error(item, 'invalid account JWT')
    else jwts.push([key, item.value])
  }
  return Object.fromEntries(jwts)
}

/** Reads `resolver_pinned_accounts`. */
export function readPinnedAccounts(entry: ConfigEntry, reading: Reading): string[] | undefined {
  return textsOf(entry, 'resolver_pinned_accounts', reading)
}

/** Reads `trusted_keys`: public operator keys. */
export function readTrustedKeys(entry: ConfigEntry, reading: Reading): string[] {
  const keys = textsOf(entry, 'trusted', reading) ?? []
  // The complaint stands at the last of a list.
  const place = Array.isArray(entry.value) ? (entry.value[entry.value.length - 1] ?? entry) : entry
  for (const key of keys) {
    if (isPublicNkey(key, 'operator')) continue
    reading.problems.error(place, `trust key ${quoteText(key)} required to be a valid public operator nkey`)
  }
  return keys
}

const TRUSTED_PROXY: Schema<{ key: string }> = {
  title: 'proxies.trusted[]',
  keys: [
    custom('nkey', ['key', 'public_key'], 'public key', (entry, into, { problems }) => {
      const key = problems.string(entry)
      if (key !== undefined && !isPublicNkey(key)) problems.error(entry, `invalid proxy key ${quoteText(key)}`)
      into.key = key ?? ''
    }),
  ],
}

export const PROXIES: Schema<{ trusted: string[] }> = {
  title: 'proxies',
  keys: [
    custom('list', 'trusted', 'keys of trusted proxies', readTrustedProxies, { block: TRUSTED_PROXY as Schema<never> }),
  ],
}

function readTrustedProxies(entry: ConfigEntry, into: { trusted: string[] }, reading: Reading): void {
  const { problems } = reading
  if (!Array.isArray(entry.value)) {
    problems.error(entry, `expected proxies' trusted field to be an array, got ${typeName(entry.value)}`)
    return
  }
  into.trusted = entry.value.map((item) => {
    const proxy = { key: '' }
    if (item.value instanceof Map) readBlock(item.value, TRUSTED_PROXY, proxy, reading)
    else problems.error(item, `expected proxies' trusted entry to be a map/struct, got ${typeName(item.value)}`)
    return proxy.key
  })
}

/** Reads `proxies`: the keys of proxies that are trusted. */
export function readProxies(entry: ConfigEntry, reading: Reading): string[] {
  const proxies = { trusted: [] as string[] }
  if (entry.value instanceof Map) readBlock(entry.value, PROXIES, proxies, reading)
  else reading.problems.error(entry, `expected proxies to be a map/struct, got ${typeName(entry.value)}`)
  return proxies.trusted
}
