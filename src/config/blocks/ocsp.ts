// OCSP (docs/reference/tls.md, "OCSP staples"): `ocsp` and `ocsp_cache` at the top level, and `ocsp_peer` in a `tls`
// block.

import type { Draft, OcspCacheOptions, OcspOptions, OcspPeerOptions } from '../../options/shapes.ts'
import { type ConfigValue, typeName } from '../language/tree.ts'
import { quoteText } from '../problems.ts'
import { type Complaint, complain, type Key, kind, type Schema, type Take } from './schema.ts'
import { block, ofType, only, such, timeoutOf } from './values.ts'

/** Seconds as a number or a time span. */
const timeOr =
  (wrong: Complaint): Take<number> =>
  (entry, reading) => {
    const ms = timeoutOf(entry)
    return typeof ms === 'number' ? ms : complain(entry, wrong, reading)
  }

/** A boolean, or a block. `begun` is what holds for the one, and what the other begins with. */
const blockOr =
  <T>(schema: Schema<T>, begun: (value: ConfigValue) => T, wrong: Complaint): Take<T> =>
  (entry, reading, name) => {
    const begin = () => begun(entry.value)
    return typeof entry.value === 'boolean' ? begin() : block(schema, begin, wrong)(entry, reading, name)
  }

// ── ocsp_peer ─────────────────────────────────────────────────────────────────────────────────────────────────

const unknownInPeer = (name: string): string => `error parsing tls peer config, unknown field [${quoteText(name)}]`

type Flag = 'verify' | 'warnOnly' | 'unknownIsGood' | 'allowWhenCaUnreachable'

function peerFlag(member: Flag, name: string, doc: string): Key<Draft<OcspPeerOptions>> {
  return kind('boolean', only('boolean', unknownInPeer(name)))(member, name, doc, 'false')
}

const readTime = timeOr('error parsing tls peer config, conversion error: unexpected type')

const peerTime = kind<number>('duration', (entry, reading, name) => {
  const ms = readTime(entry, reading, name)
  return ms === undefined || ms < 0 ? undefined : ms
})

const OCSP_PEER: Schema<Draft<OcspPeerOptions>> = {
  title: 'tls.ocsp_peer',
  unknown: unknownInPeer,
  keys: [
    peerFlag('verify', 'verify', 'check client certificates by OCSP'),
    peerTime('caTimeout', 'ca_timeout', 'maximum time to wait for the responder', '2 s'),
    peerTime('allowedClockSkew', 'allowed_clockskew', 'tolerated clock skew', '30 s'),
    peerFlag('warnOnly', 'warn_only', 'log a warning instead of refusing the client'),
    peerFlag('unknownIsGood', 'unknown_is_good', 'treat the status Unknown as good'),
    peerFlag(
      'allowWhenCaUnreachable',
      'allow_when_ca_unreachable',
      'accept clients when the responder cannot be reached',
    ),
    peerTime(
      'cacheTtlWhenNextUpdateUnset',
      'cache_ttl_when_next_update_unset',
      'validity of responses without nextUpdate',
      '1 h',
    ),
  ],
}

/** Rows for the `ocsp_peer` of a `tls` block. */
export const ocspPeer = kind<OcspPeerOptions>(
  'boolean',
  blockOr(
    OCSP_PEER,
    (value) => ({
      verify: value === true,
      caTimeout: 2_000,
      allowedClockSkew: 30_000,
      warnOnly: false,
      unknownIsGood: false,
      allowWhenCaUnreachable: false,
      cacheTtlWhenNextUpdateUnset: 3_600_000,
    }),
    'error parsing ocsp peer config: unsupported type map[string]interface {}',
  ),
  { block: OCSP_PEER },
)

// ── ocsp ──────────────────────────────────────────────────────────────────────────────────────────────────────

const MODES = ['auto', 'always', 'must', 'never'] as const

const mode = kind<OcspOptions['mode']>('text', (entry, reading) => {
  const value = reading.problems.string(entry)?.toLowerCase()
  if (value === undefined) return undefined
  const known = MODES.find((each) => each === value)
  return known ?? complain(entry, 'error parsing ocsp config: unsupported ocsp mode string', reading)
})
const urls = kind<string[]>('text', (entry, { problems }) => {
  const url = problems.string(entry)
  return url === undefined ? undefined : [url]
})
/** nats-server takes no list that a file can hold. */
const noUrls = kind<string[]>('list', (entry, reading) => {
  const wrong = `interface conversion: interface {} is ${typeName(entry.value)}, not []string`
  return complain(entry, wrong, reading)
})

export const OCSP: Schema<Draft<OcspOptions>> = {
  title: 'ocsp',
  unknown: () => 'error parsing ocsp config: unsupported field string',
  keys: [
    mode('mode', 'mode', MODES.join(', '), 'auto'),
    urls('urls', 'url', 'URL of the responder'),
    noUrls('urls', 'urls', 'refused, as by nats-server'),
  ],
}

/** `ocsp`: a boolean or a block. */
export const readOcsp = blockOr<Draft<OcspOptions>>(
  OCSP,
  (value) => ({ mode: value === false ? 'never' : 'auto', urls: [] }),
  ofType('error parsing ocsp config: unsupported type'),
)

// ── ocsp_cache ────────────────────────────────────────────────────────────────────────────────────────────────

const inCache = (text: string): string => `error parsing OCSP peer cache config, ${text}`
const unknownInCache = (name: string): string => inCache(`unknown field [${quoteText(name)}]`)
const wrongInCache: Complaint = (_, name) => unknownInCache(name)

const readType = such(
  (text) => /^(?:none|local)$/i.test(text),
  (value) => inCache(`unknown type [${value}]`),
  only('string', wrongInCache),
)
const type = kind<OcspCacheOptions['type']>('text', (entry, reading, name) => {
  return readType(entry, reading, name)?.toLowerCase() as OcspCacheOptions['type'] | undefined
})
const file = kind('file', only('string', wrongInCache))
const flag = kind('boolean', only('boolean', wrongInCache))
const readInterval = timeOr(inCache('conversion error: unexpected type'))
const interval = kind<number>('duration', (entry, reading, name) => {
  const ms = readInterval(entry, reading, name)
  return ms === undefined ? undefined : Math.max(ms, 1000)
})

export const OCSP_CACHE: Schema<Draft<OcspCacheOptions>> = {
  title: 'ocsp_cache',
  unknown: unknownInCache,
  keys: [
    type('type', 'type', 'local or none', 'local'),
    file('localStore', 'local_store', 'directory of the cache', '_rc_'),
    flag('preserveRevoked', 'preserve_revoked', 'keep responses with the status Revoked', 'false'),
    interval('saveInterval', 'save_interval', 'interval between writes to disk, at least 1 s', '5 min'),
  ],
}

/** `ocsp_cache`: a boolean or a block. */
export const readOcspCache = blockOr<Draft<OcspCacheOptions>>(
  OCSP_CACHE,
  (value) => ({
    type: value === false ? 'none' : 'local',
    localStore: '_rc_',
    preserveRevoked: false,
    saveInterval: 300_000,
  }),
  // The wrong word in this complaint is nats-server's.
  ofType('error parsing tags: unsupported type'),
)
