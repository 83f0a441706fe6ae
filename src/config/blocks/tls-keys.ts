// The keys of `tls { … }` (reference 4.4).

import { parseDuration } from '../../base/duration.ts'
import type { CertificatePair, Draft, TlsOptions } from '../../options/shapes.ts'
import { type ConfigEntry, typeName } from '../language/tree.ts'
import { type Problems, quoteText, shownValue } from '../problems.ts'
import { OCSP_PEER, readOcspPeer } from './ocsp.ts'
import { custom, type Reading, readBlock, type Schema, timeoutOf } from './schema.ts'
import { CIPHER_SUITES, CURVES, OPTIONAL } from './tls-names.ts'

/** INFO is sent after this long without a ClientHello, where `handshake_first` is `auto`. */
const HANDSHAKE_FALLBACK_MS = 50

const CLIENT_CERTIFICATE =
  'client certificates: true demands and checks one, optional checks that of a client that has one'

/** Where the block stands decides what it may say. */
export type TlsPlace = 'clients' | 'servers'

export interface TlsDraft extends Draft<TlsOptions> {
  certFile: string
  keyFile: string
  certStore: boolean
  allowInsecure: boolean
  place: TlsPlace
}

export const wrongTls = (text: string): string => `error parsing tls config, ${text}`

/** A row whose value must be of a type, with the complaint that this block has for others. */
function checked<V extends string | boolean>(
  kind: 'file' | 'boolean',
  named = kind === 'file' ? 'filename' : 'a boolean',
) {
  return (name: string, doc: string, set: (into: TlsDraft, value: V, entry: ConfigEntry, problems: Problems) => void) =>
    custom<TlsDraft>(kind, name, doc, (entry, into, { problems }) => {
      if (typeof entry.value === (kind === 'file' ? 'string' : 'boolean')) set(into, entry.value as V, entry, problems)
      else problems.error(entry, wrongTls(`expected '${name}' to be ${named}`))
    })
}

const file = checked<string>('file')
const flag = checked<boolean>('boolean')

const PAIR: Schema<Draft<CertificatePair>> = {
  title: 'tls.certs[]',
  unknown: (name) => `error parsing tls certs config, unknown field ${quoteText(name)}`,
  keys: (['cert_file', 'key_file'] as const).map((name) =>
    custom<Draft<CertificatePair>>('file', name, 'PEM file', (entry, into, { problems }) => {
      if (typeof entry.value !== 'string') {
        problems.error(entry, `error parsing certificates config: unsupported type ${typeName(entry.value)}`)
      } else if (name === 'cert_file') into.certFile = entry.value
      else into.keyFile = entry.value
    }),
  ),
}

export const TLS: Schema<TlsDraft> = {
  title: 'tls',
  unknown: (name) => wrongTls(`unknown field ${quoteText(name)}`),
  keys: [
    file('cert_file', "the server's certificate, PEM", (into, value) => {
      into.certFile = value
    }),
    file('key_file', 'its private key, PEM', (into, value) => {
      into.keyFile = value
    }),
    file('ca_file', 'authorities that client certificates are checked by, PEM', (into, value) => {
      into.caFile = value
    }),
    custom('list', ['certs', 'certificates'], 'several pairs of cert_file and key_file, chosen by SNI', readPairs, {
      block: PAIR as Schema<never>,
    }),
    custom('text', 'verify', CLIENT_CERTIFICATE, (entry, into, { problems }) => {
      const { value } = entry
      if (typeof value === 'boolean') into.verify = value
      else if (typeof value === 'string' && value.toLowerCase() === OPTIONAL) into.verifyOptional = true
      else problems.error(entry, wrongTls("expected 'verify' to be a boolean or 'optional'"))
    }),
    flag('verify_and_map', 'verify, and take the user from the certificate', (into, value) => {
      into.verifyAndMap = value
      if (value) into.verify = true
    }),
    flag('verify_cert_and_check_known_urls', 'verify, and compare with known URLs (cluster, gateway)', checkKnownUrls),
    flag('insecure', 'do not check the certificates of remote servers', (into, value) => {
      into.insecure = value
    }),
    custom('list', 'cipher_suites', 'cipher suites, by their IANA names', readCiphers),
    flag('allow_insecure_cipher_suites', 'let cipher_suites name insecure ones', (into, value) => {
      into.allowInsecure = value
    }),
    custom('list', 'curve_preferences', 'curves, best first', readCurves, { default: CURVES.join(', ') }),
    custom('text', 'min_version', 'lowest TLS version: 1.2 or 1.3', readMinVersion, { default: '1.2' }),
    custom(
      'duration',
      'timeout',
      'longest handshake; a number means seconds',
      (entry, into, { problems }) => {
        const ms = timeoutOf(entry)
        if (typeof ms === 'string') problems.error(entry, wrongTls(ms))
        else into.timeout = ms
      },
      { default: '2 s' },
    ),
    custom(
      'integer',
      'connection_rate_limit',
      'handshakes a second',
      (entry, into, { problems }) => {
        if (typeof entry.value === 'bigint') into.connectionRateLimit = Number(entry.value)
        else problems.error(entry, wrongTls("'connection_rate_limit' wrong type"))
      },
      { default: '0 = no limit' },
    ),
    custom('list', 'pinned_certs', 'hex SHA-256 of the public key info of each certificate that is let in', readPinned),
    custom(
      'text',
      ['handshake_first', 'first', 'immediate'],
      'TLS before INFO: true, false, auto (INFO after 50 ms without a handshake), or a duration',
      readHandshakeFirst,
      { default: 'false' },
    ),
    custom(
      'boolean',
      'ocsp_peer',
      'check client certificates by OCSP; true, or a block',
      (entry, into, reading) => {
        into.ocspPeer = readOcspPeer(entry, reading)
      },
      { block: OCSP_PEER as Schema<never> },
    ),
    custom('text', 'cert_store', 'certificate store of Windows', readCertStore),
    custom('text', 'cert_match_by', 'how to look there: issuer, subject, thumbprint', readMatchBy),
    custom('text', 'cert_match', 'what to look for there', (entry, _, { problems }) => {
      if (typeof entry.value !== 'string' || entry.value === '') {
        problems.error(entry, "expected 'cert_match' to be a valid non-empty string")
      }
    }),
    custom('list', 'ca_certs_match', 'authorities to look for there', (entry, _, { problems }) => {
      const { value } = entry
      if (!Array.isArray(value) || value.every((item) => typeof item.value === 'string')) return
      problems.error(entry, 'error parsing ca_cert_match: unsupported type *conf.token where string is expected')
    }),
    custom('boolean', 'cert_match_skip_invalid', 'pass over what is out of date there', (entry, _, { problems }) => {
      if (typeof entry.value !== 'boolean') {
        problems.error(entry, "expected 'cert_match_skip_invalid' to be a boolean")
      }
    }),
  ],
}

// ── Rows that need more than a type ───────────────────────────────────────────────────────────────────────────

function readPairs(entry: ConfigEntry, into: TlsDraft, reading: Reading): void {
  const { problems } = reading
  if (!Array.isArray(entry.value)) {
    problems.error(entry, `error parsing certificates config: unsupported type map[string]interface {}`)
    return
  }
  into.certificates = entry.value.flatMap((item) => {
    if (!(item.value instanceof Map)) {
      problems.error(item, `error parsing certificates config: unsupported type ${typeName(item.value)}`)
      return []
    }
    const pair = { certFile: '', keyFile: '' }
    const errorsBefore = problems.errors.length
    readBlock(item.value, PAIR, pair, reading)
    if (problems.errors.length === errorsBefore && (pair.certFile === '' || pair.keyFile === '')) {
      const both = "both 'cert_file' and 'cert_key' options are required"
      problems.error([...item.value.values()].pop() ?? item, `error parsing certificates config: ${both}`)
    }
    return [pair]
  })
}

function checkKnownUrls(into: TlsDraft, value: boolean, entry: ConfigEntry, problems: Problems): void {
  if (value && into.place === 'clients') {
    problems.error(entry, 'verify_cert_and_check_known_urls not supported in this context')
  }
  into.verifyAndCheckKnownUrls = value
  if (value) into.verify = true
}

function readNames(
  entry: ConfigEntry,
  key: string,
  isKnown: (name: string) => boolean,
  what: string,
  problems: Problems,
) {
  const items = problems.array(entry)
  if (items?.length === 0) problems.error(entry, wrongTls(`'${key}' cannot be empty`))
  return (items ?? []).flatMap((item) => {
    const name = problems.string(item)
    if (name !== undefined && !isKnown(name)) problems.error(item, `unrecognized ${what} ${name}`)
    return name === undefined ? [] : [name]
  })
}

function readCiphers(entry: ConfigEntry, into: TlsDraft, { problems }: Reading): void {
  into.cipherSuites = readNames(entry, 'cipher_suites', (name) => CIPHER_SUITES.has(name), 'cipher', problems)
}

function readCurves(entry: ConfigEntry, into: TlsDraft, { problems }: Reading): void {
  const isKnown = (name: string): boolean => CURVES.includes(name)
  into.curvePreferences = readNames(entry, 'curve_preferences', isKnown, 'curve preference', problems)
}

function readMinVersion(entry: ConfigEntry, into: TlsDraft, { problems }: Reading): void {
  const { value } = entry
  if (value === '1.2' || value === '1.3') into.minVersion = value
  else {
    const reason =
      typeof value !== 'string'
        ? `'min_version' wrong type: ${shownValue(value)}`
        : value === '1.0' || value === '1.1'
          ? `unsupported TLS version: TLS ${value}`
          : `unknown version: ${value}`
    problems.error(entry, `error parsing tls config: ${reason}`)
  }
}

const KEY_INFO = 'hex-encoded sha256 of DER encoded SubjectPublicKeyInfo'

function readPinned(entry: ConfigEntry, into: TlsDraft, { problems }: Reading): void {
  if (!Array.isArray(entry.value)) {
    problems.error(entry, wrongTls(`expected 'pinned_certs' to be a list of ${KEY_INFO}`))
    return
  }
  into.pinnedCerts = entry.value.flatMap((item) => {
    const hash = problems.string(item)?.toLowerCase()
    if (hash === undefined) return []
    if (/^[a-f0-9]{64}$/.test(hash)) return [hash]
    problems.error(item, wrongTls(`'pinned_certs' key ${hash} does not look like ${KEY_INFO}`))
    return []
  })
}

function readHandshakeFirst(entry: ConfigEntry, into: TlsDraft, { problems }: Reading, name: string): void {
  const { value } = entry
  if (typeof value === 'boolean') {
    into.handshakeFirst = value
    return
  }
  if (typeof value !== 'string') {
    problems.error(entry, `field ${quoteText(name)} should be a boolean or a string, got ${typeName(value)}`)
    return
  }
  const word = value.toLowerCase()
  const span = parseDuration(value)
  if (['true', 'on', 'false', 'off'].includes(word)) into.handshakeFirst = word === 'true' || word === 'on'
  else if (word === 'auto' || word === 'auto_fallback' || 'ms' in span) {
    into.handshakeFirst = true
    into.handshakeFirstFallback = 'ms' in span ? span.ms : HANDSHAKE_FALLBACK_MS
  } else problems.error(entry, `field ${quoteText(name)}'s value ${quoteText(value)} is invalid`)
}

function readCertStore(entry: ConfigEntry, into: TlsDraft, { problems }: Reading): void {
  const { value } = entry
  into.certStore = true
  if (typeof value !== 'string' || value === '') {
    problems.error(entry, "expected 'cert_store' to be a valid non-empty string")
  } else if (/^windows(?:currentuser|localmachine)$/i.test(value)) {
    problems.error(entry, 'cert_store not compatible with current operating system')
  } else problems.error(entry, 'cert store type not implemented')
}

function readMatchBy(entry: ConfigEntry, _: TlsDraft, { problems }: Reading): void {
  const { value } = entry
  if (typeof value !== 'string' || value === '') {
    problems.error(entry, "expected 'cert_match_by' to be a valid non-empty string")
  } else if (!/^(?:issuer|subject|thumbprint)$/i.test(value))
    problems.error(entry, 'cert match by type not implemented')
}
