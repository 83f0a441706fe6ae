// The keys of `tls { … }` (docs/reference/tls.md, "The tls block").

import { parseDuration } from '../../base/duration.ts'
import type { CertificatePair, Draft, TlsOptions } from '../../options/shapes.ts'
import { quoteText, shownValue } from '../problems.ts'
import { ocspPeer } from './ocsp.ts'
import { complain, type Key, kind, type Schema, type Take } from './schema.ts'
import { CIPHER_SUITES, CURVES, OPTIONAL } from './tls-names.ts'
import { block, each, got, lastOf, ofType, only, such, timeoutOf } from './values.ts'

/** INFO is sent after this long without a ClientHello, where `handshake_first` is `auto`. */
const HANDSHAKE_FALLBACK_MS = 50

/** The place of the block determines its keys. */
export type TlsPlace = 'clients' | 'servers'

export interface TlsDraft extends Draft<TlsOptions> {
  certFile: string
  keyFile: string
  allowInsecure: boolean
  place: TlsPlace
}

export const wrongTls = (text: string): string => `error parsing tls config, ${text}`

// ── Kinds of values ───────────────────────────────────────────────────────────────────────────────────────────

const expected = (name: string, what: string): string => `expected '${name}' to be ${what}`
const isFlag = (name: string): Take<boolean> => only('boolean', wrongTls(expected(name, 'a boolean')))

/** Rows for a file, or for a boolean, with the complaint that this block has for others. */
const file = (member: 'certFile' | 'keyFile' | 'caFile', name: string, doc: string): Key<TlsDraft> =>
  kind('file', only('string', wrongTls(expected(name, 'filename'))))(member, name, doc)
const flag = (member: 'insecure' | 'allowInsecure', name: string, doc: string): Key<TlsDraft> =>
  kind('boolean', isFlag(name))(member, name, doc)

/** Rows for lists of names that are known. */
function names(key: string, isKnown: (name: string) => boolean, what: string) {
  const take = such(isKnown, (value) => `unrecognized ${what} ${value}`)
  return kind<string[]>('list', (entry, reading, name) => {
    const items = reading.problems.array(entry)
    if (items?.length === 0) return complain(entry, wrongTls(`'${key}' cannot be empty`), reading)
    return items?.flatMap((item) => take(item, reading, name) ?? [])
  })
}
const ciphers = names('cipher_suites', (name) => CIPHER_SUITES.has(name), 'cipher')
const curves = names('curve_preferences', (name) => CURVES.includes(name), 'curve preference')

const handshakeTime = kind<number>('duration', (entry, reading) => {
  const ms = timeoutOf(entry)
  return typeof ms === 'number' ? ms : complain(entry, wrongTls(ms), reading)
})

const version = kind<TlsOptions['minVersion']>('text', (entry, reading) => {
  const { value } = entry
  if (value === '1.2' || value === '1.3') return value
  const known = value === '1.0' || value === '1.1'
  const reason = known ? `unsupported TLS version: TLS ${value}` : `unknown version: ${value}`
  const wrong = typeof value === 'string' ? reason : `'min_version' wrong type: ${shownValue(value)}`
  return complain(entry, `error parsing tls config: ${wrong}`, reading)
})

const rate = kind('integer', only('bigint', wrongTls("'connection_rate_limit' wrong type")))

const KEY_INFO = 'hex-encoded sha256 of DER encoded SubjectPublicKeyInfo'

const hashes = kind<string[]>(
  'list',
  each(
    (item, reading) => {
      const hash = reading.problems.string(item)?.toLowerCase()
      if (hash === undefined || /^[a-f0-9]{64}$/.test(hash)) return hash
      return complain(item, wrongTls(`'pinned_certs' key ${hash} does not look like ${KEY_INFO}`), reading)
    },
    wrongTls(expected('pinned_certs', `a list of ${KEY_INFO}`)),
  ),
)

const inPairs = (what: string): string => `error parsing certificates config: ${what}`
const wrongPairType = ofType(inPairs('unsupported type'))
const pairFile = kind('file', only('string', wrongPairType))

const PAIR: Schema<Draft<CertificatePair>> = {
  title: 'tls.certs[]',
  unknown: (name) => `error parsing tls certs config, unknown field ${quoteText(name)}`,
  keys: [pairFile('certFile', 'cert_file', 'PEM file'), pairFile('keyFile', 'key_file', 'PEM file')],
}

const readPair = block(PAIR, () => ({ certFile: '', keyFile: '' }), wrongPairType)

const pairs = kind<CertificatePair[]>(
  'list',
  each((item, reading, name) => {
    const errorsBefore = reading.problems.errors.length
    const pair = readPair(item, reading, name)
    if (reading.problems.errors.length === errorsBefore && (pair?.certFile === '' || pair?.keyFile === '')) {
      complain(lastOf(item), inPairs("both 'cert_file' and 'cert_key' options are required"), reading)
    }
    return pair
  }, inPairs('unsupported type map[string]interface {}')),
  { block: PAIR },
)

/** Rows for what is only checked: certificate stores are those of Windows. */
const unused = (called: string, take: Take<unknown>) =>
  kind<never>(called, (entry, reading, name) => {
    take(entry, reading, name)
    return undefined
  })

const filled = (name: string): Take<string> => {
  const wrong = expected(name, 'a valid non-empty string')
  return such((text) => text !== '', wrong, only('string', wrong))
}

const store = unused(
  'text',
  such(
    () => false,
    (value) =>
      /^windows(?:currentuser|localmachine)$/i.test(String(value))
        ? 'cert_store not compatible with current operating system'
        : 'cert store type not implemented',
    filled('cert_store'),
  ),
)
const matchBy = unused(
  'text',
  such(
    (text) => /^(?:issuer|subject|thumbprint)$/i.test(text),
    'cert match by type not implemented',
    filled('cert_match_by'),
  ),
)
const match = unused('text', filled('cert_match'))
const matchedAuthorities = unused('list', (entry, reading) => {
  const { value } = entry
  if (!Array.isArray(value) || value.every((item) => typeof item.value === 'string')) return undefined
  return complain(entry, 'error parsing ca_cert_match: unsupported type *conf.token where string is expected', reading)
})
const skipInvalid = unused('boolean', only('boolean', expected('cert_match_skip_invalid', 'a boolean')))

// ── What demands more of clients ──────────────────────────────────────────────────────────────────────────────

const verify = kind<boolean, TlsDraft>('text', (entry, reading, _, into) => {
  const { value } = entry
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string' || value.toLowerCase() !== OPTIONAL) {
    return complain(entry, wrongTls("expected 'verify' to be a boolean or 'optional'"), reading)
  }
  into.verifyOptional = true
  return undefined
})

const verifyAndMap = kind<boolean, TlsDraft>('boolean', (entry, reading, name, into) => {
  const on = isFlag('verify_and_map')(entry, reading, name)
  if (on) into.verify = true
  return on
})
const verifyKnownUrls = kind<boolean, TlsDraft>('boolean', (entry, reading, key, into) => {
  const on = isFlag('verify_cert_and_check_known_urls')(entry, reading, key)
  if (on) into.verify = true
  if (on && into.place === 'clients') {
    complain(entry, 'verify_cert_and_check_known_urls not supported in this context', reading)
  }
  return on
})

const handshakeFirst = kind<boolean, TlsDraft>(
  'text',
  (entry, reading, name, into) => {
    const { value } = entry
    if (typeof value === 'boolean') return value
    const field = `field ${quoteText(name)}`
    if (typeof value !== 'string') return complain(entry, got(`${field} should be a boolean or a string`), reading)
    const word = value.toLowerCase()
    if (['true', 'on', 'false', 'off'].includes(word)) return word === 'true' || word === 'on'
    const span = parseDuration(value)
    if (word !== 'auto' && word !== 'auto_fallback' && 'wrong' in span) {
      return complain(entry, `${field}'s value ${quoteText(value)} is invalid`, reading)
    }
    into.handshakeFirstFallback = 'ms' in span ? span.ms : HANDSHAKE_FALLBACK_MS
    return true
  },
  { default: 'false' },
)

// ── The block ─────────────────────────────────────────────────────────────────────────────────────────────────

const CLIENT_CERTIFICATE = 'client certificates: true requires and verifies one, optional verifies one if presented'
const HANDSHAKE_FIRST = 'TLS before INFO: true, false, auto (INFO after 50 ms without a handshake), or a duration'

export const TLS: Schema<TlsDraft> = {
  title: 'tls',
  unknown: (name) => wrongTls(`unknown field ${quoteText(name)}`),
  keys: [
    file('certFile', 'cert_file', "the server's certificate, PEM"),
    file('keyFile', 'key_file', 'private key of the certificate, PEM'),
    file('caFile', 'ca_file', 'certificate authorities for client certificates, PEM'),
    pairs('certificates', ['certs', 'certificates'], 'several pairs of cert_file and key_file, chosen by SNI'),
    verify('verify', 'verify', CLIENT_CERTIFICATE),
    verifyAndMap('verifyAndMap', 'verify_and_map', 'verify, and map the certificate to a user'),
    verifyKnownUrls(
      'verifyAndCheckKnownUrls',
      'verify_cert_and_check_known_urls',
      'verify, and compare with known URLs (cluster, gateway)',
    ),
    flag('insecure', 'insecure', 'do not check the certificates of remote servers'),
    ciphers('cipherSuites', 'cipher_suites', 'cipher suites, by their IANA names'),
    flag('allowInsecure', 'allow_insecure_cipher_suites', 'allow insecure suites in cipher_suites'),
    curves('curvePreferences', 'curve_preferences', 'curves, best first', CURVES.join(', ')),
    version('minVersion', 'min_version', 'minimum TLS version: 1.2 or 1.3', '1.2'),
    handshakeTime('timeout', 'timeout', 'maximum time for the handshake; a number means seconds', '2 s'),
    rate('connectionRateLimit', 'connection_rate_limit', 'maximum TLS handshakes per second', '0 = no limit'),
    hashes(
      'pinnedCerts',
      'pinned_certs',
      'SHA-256 of the public key info (SPKI), in hex, of each accepted certificate',
    ),
    handshakeFirst('handshakeFirst', ['handshake_first', 'first', 'immediate'], HANDSHAKE_FIRST),
    ocspPeer('ocspPeer', 'ocsp_peer', 'check client certificates by OCSP; true, or a block'),
    store('place', 'cert_store', 'Windows certificate store'),
    matchBy('place', 'cert_match_by', 'search criterion in cert_store: issuer, subject, thumbprint'),
    match('place', 'cert_match', 'value to search for in cert_store'),
    matchedAuthorities('place', 'ca_certs_match', 'certificate authorities to search for in cert_store'),
    skipInvalid('place', 'cert_match_skip_invalid', 'skip expired certificates in cert_store'),
  ],
}
