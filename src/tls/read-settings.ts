// From what the operator wrote to what a shard needs for TLS: files read, names translated, everything checked.
//
// Files are read here and nowhere else: by the primary, once at the start and once for each reload. So all shards have
// the same certificates, also one that is started anew while files are being replaced, and what is wrong is found and
// said once. The result is plain data that crosses to the shards as it is. It holds private keys: never print it.

import { TLS_TIMEOUT_MS } from '../base/constants.ts'
import type { OcspPeerOptions } from '../options/shapes.ts'
import { chooseCurves, chooseSuites } from './cipher-suites.ts'
import { buildServer } from './context.ts'
import type { CertificateFiles, TlsOptions } from './options.ts'
import { type KeyPair, type Result, readAuthorities, readKeyPair } from './pem.ts'

/** What a shard needs to serve TLS. */
export interface TlsSettings {
  /** The first is for clients that ask for no name, or for none that there is. */
  readonly pairs: readonly KeyPair[]
  /** Where client certificates must come from, in PEM; undefined: the system's authorities. */
  readonly authorities: readonly string[] | undefined
  /** Clients are asked for a certificate. */
  readonly verify: boolean
  /** They may come without one. */
  readonly certificateOptional: boolean
  /** In OpenSSL's form. */
  readonly ciphers: string
  readonly curves: string
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly timeoutMs: number
  /** Lower-case hexadecimal; empty: any certificate will do. */
  readonly pinnedCerts: readonly string[]
  /** TLS comes before INFO. */
  readonly handshakeFirst: boolean
  /** … unless the client has said nothing for so long; 0 or less = however long. */
  readonly fallbackMs: number
  /** Clients that do not begin TLS are served in plain. */
  readonly allowNonTls: boolean
  /** For clients that ask whether the first certificate is still good (ocsp/stapling.ts). */
  readonly staple?: Staple
  /** Certificates of clients are asked about (ocsp/peers.ts); undefined: they are not. */
  readonly ocspPeer?: OcspPeerOptions
}

/** An OCSP answer about a certificate. */
export interface Staple {
  /** DER. */
  readonly certificate: Uint8Array
  readonly response: Uint8Array
  /** Wall clock, in milliseconds; undefined: no end is known. */
  readonly validUntilMs: number | undefined
}

/** TLS of each port; undefined: the port does without. */
export interface TlsOfPorts {
  readonly client?: TlsSettings | undefined
  readonly webSocket?: TlsSettings | undefined
}

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

/** The same for the WebSocket port, where a client has to begin TLS before it is told anything. */
export function readWebSocketTls(options: TlsOptions): Result<TlsSettings> {
  return readTls({ ...options, handshakeFirst: true, handshakeFirstFallback: 0 }, false)
}

function readPairs(files: readonly CertificateFiles[]): Result<readonly KeyPair[]> {
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
