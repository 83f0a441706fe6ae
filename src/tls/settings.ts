// From what the operator wrote to what a shard needs for TLS: files read, names translated, everything checked.
//
// Files are read here and nowhere else: by the primary, once at the start and once for each reload. So all shards have
// the same certificates, also one that is started anew while files are being replaced, and what is wrong is found and
// said once. The result is plain data that crosses to the shards as it is. It holds private keys: never print it.

import { chooseCurves, chooseSuites } from './cipher-suites.ts'
import { buildServer } from './context.ts'
import type { TlsOptions } from './options.ts'
import { type KeyPair, type Result, readAuthorities, readKeyPair } from './pem.ts'

const TIMEOUT_MS = 2_000
const PIN = /^[a-f0-9]{64}$/

/** What a shard needs to serve TLS. */
export interface TlsSettings {
  /** The first is for clients that ask for no name, or for none that there is. */
  readonly pairs: readonly KeyPair[]
  /** Where client certificates must come from, in PEM; undefined: the system's authorities. */
  readonly authorities: readonly string[] | undefined
  /** Clients must show a certificate. */
  readonly verify: boolean
  /** In OpenSSL's form. */
  readonly ciphers: string
  readonly curves: string
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly timeoutMs: number
  /** Lower-case hexadecimal; undefined: any certificate will do. */
  readonly pinnedCerts: readonly string[] | undefined
  /** TLS comes before INFO. */
  readonly handshakeFirst: boolean
  /** … unless the client has said nothing for so long; 0 = no matter how long. */
  readonly fallbackMs: number
  /** Clients that do not begin TLS are served in plain. */
  readonly allowNonTls: boolean
}

/** Reads the files and checks everything. Errors are worded as nats-server words them. */
export function readTls(options: TlsOptions, allowNonTls: boolean): Result<TlsSettings> {
  const suites = chooseSuites(options.cipherSuites, options.allowInsecureCipherSuites ?? false)
  if ('error' in suites) return suites
  const curves = chooseCurves(options.curvePreferences)
  if ('error' in curves) return curves
  const minVersion = versionOf(options.minVersion ?? '1.2')
  if ('error' in minVersion) return minVersion
  const pinnedCerts = options.pinnedCerts?.map((pin) => pin.toLowerCase())
  const badPin = pinnedCerts?.find((pin) => !PIN.test(pin))
  if (badPin !== undefined) return { error: pinError(badPin) }
  const pairs = readPairs(options)
  if ('error' in pairs) return pairs
  const authorities = options.caFile ? readAuthorities(options.caFile) : { value: undefined }
  if ('error' in authorities) return authorities
  const first = options.handshakeFirst ?? false
  const settings: TlsSettings = {
    pairs: pairs.value,
    authorities: authorities.value,
    verify: options.verify === true || options.verifyAndMap === true,
    ciphers: suites.list,
    curves: curves.list,
    minVersion: minVersion.value,
    timeoutMs: options.timeout === undefined || options.timeout === 0 ? TIMEOUT_MS : options.timeout,
    // An empty list pins nothing.
    pinnedCerts: pinnedCerts?.length === 0 ? undefined : pinnedCerts,
    handshakeFirst: first !== false,
    fallbackMs: typeof first === 'number' ? Math.max(0, first) : 0,
    allowNonTls,
  }
  // What OpenSSL does not like about them is to be known now, not when the shards start.
  const server = buildServer(settings)
  return 'error' in server ? server : { value: settings }
}

function readPairs(options: TlsOptions): Result<readonly KeyPair[]> {
  const { certFile = '', keyFile = '', certs = [] } = options
  if (certs.length > 0 && certFile !== '') {
    return { error: "error parsing tls config, cannot combine 'cert_file' option with 'certs' option" }
  }
  if (certFile !== '' && keyFile === '') return { error: "missing 'key_file' in TLS configuration" }
  if (certFile === '' && keyFile !== '') return { error: "missing 'cert_file' in TLS configuration" }
  const files = certFile !== '' ? [{ certFile, keyFile }] : certs
  const pairs: KeyPair[] = []
  for (const [i, pair] of files.entries()) {
    const read = readKeyPair(pair.certFile, pair.keyFile)
    if ('error' in read) {
      const which = certFile !== '' ? '' : ` ${i + 1}/${files.length}`
      return { error: `error parsing X509 certificate/key pair${which}: ${read.error}` }
    }
    pairs.push(read.value)
  }
  return { value: pairs }
}

function versionOf(version: string): Result<'TLSv1.2' | 'TLSv1.3'> {
  if (version === '1.2' || version === '1.3') return { value: `TLSv${version}` }
  const old = version === '1.0' || version === '1.1'
  const why = old ? `unsupported TLS version: TLS ${version}` : `unknown version: ${version}`
  return { error: `error parsing tls config: ${why}` }
}

function pinError(pin: string): string {
  const form = 'hex-encoded sha256 of DER encoded SubjectPublicKeyInfo'
  return `error parsing tls config, 'pinned_certs' key ${pin} does not look like ${form}`
}
