// From the configured `tls` block to the TLS settings of a shard: files are read, names translated, everything checked.
//
// Files are read here and nowhere else: by the primary, once at the start and once for each reload. So all shards have
// the same certificates, including one that is replaced while files change, and a fault is found and reported once. The
// result is plain data that crosses to the shards as it is. It holds private keys: never print it.

import { TLS_TIMEOUT_MS } from '../base/constants.ts'
import type { CertificatePair, TlsOptions } from '../options/shapes.ts'
import { chooseCurves, chooseSuites } from './cipher-suites.ts'
import { buildServer } from './context.ts'
import { type KeyPair, type Result, readAuthorities, readKeyPair } from './pem.ts'
import type { TlsSettings } from './tls-settings.ts'

/** Reads the files and checks everything. Errors are worded as nats-server words them. */
export function readTls(options: TlsOptions, allowNonTls: boolean): Result<TlsSettings> {
  const suites = chooseSuites(options.cipherSuites)
  if ('error' in suites) return suites
  const curves = chooseCurves(options.curvePreferences)
  if ('error' in curves) return curves
  const pairs = readPairs(options.certificates)
  if ('error' in pairs) return pairs
  const authorities = options.caFile === '' ? { value: undefined } : readAuthorities(options.caFile)
  if ('error' in authorities) return authorities
  const { ocspPeer } = options
  const required = options.verify || options.verifyAndMap
  if (ocspPeer?.verify && !required) {
    return { error: 'OCSP peer verification for client connections requires TLS verify (mTLS) to be enabled' }
  }
  const settings: TlsSettings = {
    ...(ocspPeer?.verify ? { ocspPeer } : {}),
    pairs: pairs.value,
    authorities: authorities.value,
    verify: required || options.verifyOptional,
    certificateOptional: options.verifyOptional,
    ciphers: suites.value,
    curves: curves.value,
    minVersion: `TLSv${options.minVersion}`,
    timeoutMs: options.timeout === 0 ? TLS_TIMEOUT_MS : options.timeout,
    pinnedCerts: options.pinnedCerts,
    handshakeFirst: options.handshakeFirst,
    fallbackMs: options.handshakeFirstFallback,
    allowNonTls,
  }
  // What OpenSSL does not like about them is to be known now, not when the shards start.
  const server = buildServer(settings)
  return 'error' in server ? server : { value: settings }
}

/** The same for a port where a client has to begin TLS before the server sends anything (secure-port.ts). */
export function readSecurePortTls(options: TlsOptions): Result<TlsSettings> {
  return readTls({ ...options, handshakeFirst: true, handshakeFirstFallback: 0 }, false)
}

function readPairs(files: readonly CertificatePair[]): Result<readonly KeyPair[]> {
  const pairs: KeyPair[] = []
  for (const [i, { certFile, keyFile }] of files.entries()) {
    const read = readKeyPair(certFile, keyFile)
    if ('error' in read) {
      const which = files.length === 1 ? '' : ` ${i + 1}/${files.length}`
      return { error: `error parsing X509 certificate/key pair${which}: ${read.error}` }
    }
    pairs.push(read.value)
  }
  return { value: pairs }
}
