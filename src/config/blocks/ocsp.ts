// OCSP (reference 4.1, 4.4): `ocsp` and `ocsp_cache` at the top level, and `ocsp_peer` in a `tls` block.

import type { Draft, OcspCacheOptions, OcspOptions, OcspPeerOptions } from '../../options/shapes.ts'
import { type ConfigEntry, typeName } from '../language/tree.ts'
import { quoteText } from '../problems.ts'
import { custom, type Key, type Reading, readBlock, type Schema, timeoutOf } from './schema.ts'

export const OCSP_PEER: Schema<Draft<OcspPeerOptions>> = {
  title: 'tls.ocsp_peer',
  unknown: (name) => `error parsing tls peer config, unknown field [${quoteText(name)}]`,
  keys: [
    peerFlag('verify', 'verify', 'check client certificates by OCSP', 'false'),
    peerTime('caTimeout', 'ca_timeout', 'longest wait for the responder', '2 s'),
    peerTime('allowedClockSkew', 'allowed_clockskew', 'clock difference that is let pass', '30 s'),
    peerFlag('warnOnly', 'warn_only', 'log instead of refusing', 'false'),
    peerFlag('unknownIsGood', 'unknown_is_good', 'take the status Unknown for good', 'false'),
    peerFlag('allowWhenCaUnreachable', 'allow_when_ca_unreachable', 'let in when no answer can be had', 'false'),
    peerTime(
      'cacheTtlWhenNextUpdateUnset',
      'cache_ttl_when_next_update_unset',
      'life of answers that name none',
      '1 h',
    ),
  ],
}

function peerFlag(
  member: 'verify' | 'warnOnly' | 'unknownIsGood' | 'allowWhenCaUnreachable',
  name: string,
  doc: string,
  defaultText: string,
): Key<Draft<OcspPeerOptions>> {
  return custom(
    'boolean',
    name,
    doc,
    (entry, into, { problems }) => {
      if (typeof entry.value === 'boolean') into[member] = entry.value
      else problems.error(entry, `error parsing tls peer config, unknown field [${quoteText(name)}]`)
    },
    { default: defaultText },
  )
}

function peerTime(
  member: 'caTimeout' | 'allowedClockSkew' | 'cacheTtlWhenNextUpdateUnset',
  name: string,
  doc: string,
  defaultText: string,
): Key<Draft<OcspPeerOptions>> {
  return custom(
    'duration',
    name,
    doc,
    (entry, into, { problems }) => {
      const ms = timeoutOf(entry)
      if (typeof ms === 'string')
        problems.error(entry, `error parsing tls peer config, conversion error: unexpected type`)
      else if (ms >= 0) into[member] = ms
    },
    { default: defaultText },
  )
}

/** The `ocsp_peer` of a `tls` block: a boolean or a block. */
export function readOcspPeer(entry: ConfigEntry, reading: Reading): OcspPeerOptions {
  const peer: Draft<OcspPeerOptions> = {
    verify: entry.value === true,
    caTimeout: 2_000,
    allowedClockSkew: 30_000,
    warnOnly: false,
    unknownIsGood: false,
    allowWhenCaUnreachable: false,
    cacheTtlWhenNextUpdateUnset: 3_600_000,
  }
  if (entry.value instanceof Map) readBlock(entry.value, OCSP_PEER, peer, reading)
  else if (typeof entry.value !== 'boolean') {
    reading.problems.error(entry, 'error parsing ocsp peer config: unsupported type map[string]interface {}')
  }
  return peer
}

const MODES = ['auto', 'always', 'must', 'never'] as const

export const OCSP: Schema<Draft<OcspOptions>> = {
  title: 'ocsp',
  unknown: () => 'error parsing ocsp config: unsupported field string',
  keys: [
    custom(
      'text',
      'mode',
      MODES.join(', '),
      (entry, into, { problems }) => {
        const value = problems.string(entry)
        const mode = MODES.find((each) => each === value?.toLowerCase())
        if (mode !== undefined) into.mode = mode
        else if (value !== undefined) problems.error(entry, 'error parsing ocsp config: unsupported ocsp mode string')
      },
      { default: 'auto' },
    ),
    custom('text', 'url', 'responder to ask', (entry, into, { problems }) => {
      const url = problems.string(entry)
      if (url !== undefined) into.urls = [url]
    }),
    // nats-server takes no list that a file can hold.
    custom('list', 'urls', 'responders to ask; refused by nats-server, whatever it holds', (entry, _, { problems }) => {
      problems.error(entry, `interface conversion: interface {} is ${typeName(entry.value)}, not []string`)
    }),
  ],
}

/** `ocsp`: a boolean or a block. */
export function readOcsp(entry: ConfigEntry, reading: Reading): OcspOptions | undefined {
  const { value } = entry
  if (typeof value === 'boolean') return { mode: value ? 'auto' : 'never', urls: [] }
  const options: Draft<OcspOptions> = { mode: 'auto', urls: [] }
  if (value instanceof Map) readBlock(value, OCSP, options, reading)
  else reading.problems.error(entry, `error parsing ocsp config: unsupported type ${typeName(value)}`)
  return options
}

const unknownInCache = (name: string): string =>
  `error parsing OCSP peer cache config, unknown field [${quoteText(name)}]`

export const OCSP_CACHE: Schema<Draft<OcspCacheOptions>> = {
  title: 'ocsp_cache',
  unknown: unknownInCache,
  keys: [
    custom(
      'text',
      'type',
      'local or none',
      (entry, into, { problems }, name) => {
        const { value } = entry
        if (typeof value !== 'string') problems.error(entry, unknownInCache(name))
        else if (/^(?:none|local)$/i.test(value)) into.type = value.toLowerCase() as 'none' | 'local'
        else problems.error(entry, `error parsing OCSP peer cache config, unknown type [${value}]`)
      },
      { default: 'local' },
    ),
    custom(
      'file',
      'local_store',
      'folder of the cache',
      (entry, into, { problems }, name) => {
        if (typeof entry.value === 'string') into.localStore = entry.value
        else problems.error(entry, unknownInCache(name))
      },
      { default: '_rc_' },
    ),
    custom(
      'boolean',
      'preserve_revoked',
      'keep what says Revoked',
      (entry, into, { problems }, name) => {
        if (typeof entry.value === 'boolean') into.preserveRevoked = entry.value
        else problems.error(entry, unknownInCache(name))
      },
      { default: 'false' },
    ),
    custom(
      'duration',
      'save_interval',
      'time between writes to disk, at least 1 s',
      (entry, into, { problems }) => {
        const ms = timeoutOf(entry)
        if (typeof ms === 'number') into.saveInterval = Math.max(ms, 1000)
        else problems.error(entry, 'error parsing OCSP peer cache config, conversion error: unexpected type')
      },
      { default: '5 min' },
    ),
  ],
}

/** `ocsp_cache`: a boolean or a block. */
export function readOcspCache(entry: ConfigEntry, reading: Reading): OcspCacheOptions {
  const { value } = entry
  const type = value === false ? 'none' : 'local'
  const options: Draft<OcspCacheOptions> = { type, localStore: '_rc_', preserveRevoked: false, saveInterval: 300_000 }
  if (value instanceof Map) readBlock(value, OCSP_CACHE, options, reading)
  // The wrong word in this complaint is nats-server's.
  else if (typeof value !== 'boolean') {
    reading.problems.error(entry, `error parsing tags: unsupported type ${typeName(value)}`)
  }
  return options
}
