// Decentralised identity in configurations (docs/reference/configuration-blocks.md, "Operators and resolvers"):
// operators, where account JWTs come from, trusted keys, trusted proxies.

import { decodeToken, isInvalid, undecorate } from '../../auth/jwt/token.ts'
import type { Draft, ResolverOptions } from '../../options/shapes.ts'
import { type ConfigEntry, isPlainData } from '../language/tree.ts'
import { quotedValue, quoteText } from '../problems.ts'
import { isPublicNkey, publicKey } from './nkey.ts'
import { complain, kind, type Reading, readBlock, type Schema, type Take } from './schema.ts'
import { isUrl } from './urls.ts'
import {
  block,
  boolean,
  each,
  got,
  lastOf,
  ofType,
  only,
  recordOf,
  size,
  spanOf,
  such,
  text,
  textsOf,
} from './values.ts'

/** What an inline JWT begins with. */
const JWT_PREFIX = 'eyJ'

/** Reads `operator`: JWTs, inline or in files. Returns the tokens. */
export function readOperators(entry: ConfigEntry, reading: Reading): string[] {
  const { value } = entry
  if (typeof value !== 'string' && !Array.isArray(value)) {
    complain(entry, ofType('error parsing operators: unsupported type'), reading)
    return []
  }
  const items = (typeof value === 'string' ? [entry] : value).map((item) => item.value)
  for (const item of items) {
    if (typeof item === 'string') continue
    complain(entry, 'error parsing operators: unsupported type *conf.token where string is expected', reading)
  }
  return items
    .filter((item) => typeof item === 'string')
    .flatMap((name) => {
      try {
        const text = undecorate(name.startsWith(JWT_PREFIX) ? name : reading.readFile(name))
        const token = decodeToken(text, 'operator')
        if (!isInvalid(token)) return [text]
        complain(entry, `error parsing operator JWT: ${token.invalid}`, reading)
      } catch (error) {
        complain(entry, `error parsing operator JWT: ${(error as Error).message}`, reading)
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

const span = kind<number>('duration', (entry, reading) => spanOf(entry, reading))

const hardDelete = kind<boolean, ResolverDraft>(
  'boolean',
  (entry, { problems }, _, into) => {
    into.saysHardDelete = true
    return problems.boolean(entry)
  },
  { default: 'false' },
)

export const RESOLVER: Schema<ResolverDraft> = {
  title: 'resolver',
  keys: [
    text('kind', 'type', 'full, cache or memory'),
    text('dir', 'dir', 'directory of the JWTs'),
    boolean('allowDelete', 'allow_delete', 'allow deletion of accounts (full)', 'false'),
    hardDelete('hardDelete', 'hard_delete', 'delete the files as well (full)'),
    size('limit', 'limit', 'maximum number of JWTs'),
    span('ttl', 'ttl', 'time that a JWT is kept (cache)'),
    span('interval', 'interval', 'interval between synchronisations with other servers (full)', '1 min'),
    span('timeout', 'timeout', 'maximum time to fetch a JWT', '1.9 s'),
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
    return complain(entry, ofType('error parsing operator resolver, wrong type'), reading)
  }
  // In a file, unknown keys are ignored here, as in nats-server.
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
export const readPreload = recordOf(
  such(
    (jwt) => !isInvalid(decodeToken(jwt, 'account')),
    'invalid account JWT',
    only('string', 'preload map value should be a string JWT'),
  ),
  'preload should be a map of account_public_key:account_jwt',
)

const readTrusted = textsOf('trusted')

/** Reads `trusted_keys`: public operator keys. */
export const readTrustedKeys: Take<string[]> = (entry, reading, name) => {
  const keys = readTrusted(entry, reading, name) ?? []
  // The error has the place of the last in a list.
  const place = Array.isArray(entry.value) ? lastOf(entry) : entry
  for (const key of keys) {
    if (isPublicNkey(key, 'operator')) continue
    complain(place, `trust key ${quoteText(key)} required to be a valid public operator nkey`, reading)
  }
  return keys
}

const proxyKey = publicKey(undefined, (value) => `invalid proxy key ${quotedValue(value)}`)

const TRUSTED_PROXY: Schema<{ key: string }> = {
  title: 'proxies.trusted[]',
  keys: [proxyKey('key', ['key', 'public_key'], 'public key')],
}

const trusted = kind<{ key: string }[]>(
  'list',
  each(
    block(TRUSTED_PROXY, () => ({ key: '' }), got("expected proxies' trusted entry to be a map/struct")),
    got("expected proxies' trusted field to be an array"),
  ),
  { block: TRUSTED_PROXY },
)

export const PROXIES: Schema<{ trusted: { key: string }[] }> = {
  title: 'proxies',
  keys: [trusted('trusted', 'trusted', 'keys of trusted proxies')],
}

const readBlockOfProxies = block(PROXIES, () => ({ trusted: [] }), got('expected proxies to be a map/struct'))

/** Reads `proxies`: the keys of proxies that are trusted. */
export const readProxies: Take<string[]> = (entry, reading, name) =>
  readBlockOfProxies(entry, reading, name)?.trusted.map(({ key }) => key)
