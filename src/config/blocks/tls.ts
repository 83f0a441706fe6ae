// `tls { … }` (docs/reference/tls.md, "The tls block"), at the top level and in most blocks that listen or connect. Its
// files are read together with the configuration, so that `-t` finds a missing certificate, not the first client.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { CertificatePair, TlsOptions } from '../../options/shapes.ts'
import type { ConfigEntry } from '../language/tree.ts'
import { kind, type Reading, readBlock } from './schema.ts'
import { TLS, type TlsDraft, type TlsPlace, wrongTls } from './tls-keys.ts'
import { CIPHER_SUITES } from './tls-names.ts'

/** Reads a `tls` block and the files it names. */
export function readTls(entry: ConfigEntry, place: TlsPlace, reading: Reading): TlsOptions | undefined {
  const { problems } = reading
  const map = problems.map(entry)
  if (map === undefined) return undefined
  const errorsBefore = problems.errors.length
  const draft = newTls(place)
  readBlock(map, TLS, draft, reading)
  const { certFile, keyFile, allowInsecure, place: _, ...tls } = draft
  if (tls.certificates.length > 0 && certFile !== '') {
    problems.error(entry, wrongTls("cannot combine 'cert_file' option with 'certs' option"))
  }
  if (tls.verifyOptional && (tls.verifyAndMap || tls.verifyAndCheckKnownUrls)) {
    problems.error(entry, wrongTls("cannot combine 'verify: optional' with options requiring client certificates"))
  }
  const insecure = tls.cipherSuites.filter((name) => CIPHER_SUITES.get(name) === false)
  if (insecure.length > 0 && !allowInsecure) {
    const names = insecure.join(', ')
    problems.error(
      entry,
      `insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: ${names}`,
    )
  }
  if (problems.errors.length > errorsBefore) return undefined
  return loadTls({ ...tls, certFile, keyFile }, entry, reading)
}

/** Rows for a `tls` block. */
export const tls = (place: TlsPlace) =>
  kind<TlsOptions>('block', (entry, reading) => readTls(entry, place, reading), { block: TLS })

function newTls(place: TlsPlace): TlsDraft {
  return {
    certificates: [],
    caFile: '',
    verify: false,
    verifyOptional: false,
    verifyAndMap: false,
    verifyAndCheckKnownUrls: false,
    insecure: false,
    cipherSuites: [],
    curvePreferences: [],
    minVersion: '1.2',
    timeout: 0,
    connectionRateLimit: 0,
    pinnedCerts: [],
    handshakeFirst: false,
    handshakeFirstFallback: 0,
    ocspPeer: undefined,
    certFile: '',
    keyFile: '',
    allowInsecure: false,
    place,
  }
}

/** What the flags --tls… say, as a block would. */
export function tlsFromFlags(
  given: { certFile: string; keyFile: string; caFile: string; verify: boolean; verifyOptional: boolean },
  reading: Reading,
): TlsOptions | undefined {
  const { allowInsecure: _, place: __, ...tls } = { ...newTls('clients'), ...given }
  return loadTls(tls, undefined, reading)
}

/** Checks the files; what is answered names a certificate with its key, or several, or none. */
function loadTls(
  tls: TlsOptions & { certFile: string; keyFile: string },
  entry: ConfigEntry | undefined,
  reading: Reading,
): TlsOptions | undefined {
  const { certFile, keyFile, ...options } = tls
  const { problems } = reading
  if (certFile !== '' && keyFile === '') return problems.error(entry, "missing 'key_file' in TLS configuration")
  if (certFile === '' && keyFile !== '') return problems.error(entry, "missing 'cert_file' in TLS configuration")
  const single = certFile !== ''
  const certificates = single ? [{ certFile, keyFile }] : options.certificates
  for (const [i, pair] of certificates.entries()) {
    const which = single ? '' : ` ${i + 1}/${certificates.length}`
    const reason = whyNoPair(pair, reading)
    if (reason !== undefined) {
      return problems.error(entry, `error parsing X509 certificate/key pair${which}: ${reason}`)
    }
  }
  if (options.caFile !== '') {
    try {
      if (!hasCertificate(reading.readFile(options.caFile))) {
        return problems.error(entry, 'failed to parse root ca certificate')
      }
    } catch (error) {
      return problems.error(entry, (error as Error).message)
    }
  }
  return { ...options, certificates }
}

function whyNoPair({ certFile, keyFile }: CertificatePair, { readFile }: Reading): string | undefined {
  let cert: string
  let key: string
  try {
    cert = readFile(certFile)
    key = readFile(keyFile)
  } catch (error) {
    return (error as Error).message
  }
  const wrong = whyNoCertificate(pemTypes(cert)) ?? whyNoKey(pemTypes(key))
  if (wrong !== undefined) return wrong
  try {
    const certificate = new X509Certificate(cert)
    return certificate.checkPrivateKey(createPrivateKey(key)) ? undefined : 'tls: private key does not match public key'
  } catch {
    return 'tls: failed to parse certificate or private key'
  }
}

function pemTypes(text: string): string[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, type]) => type)
}

function whyNoCertificate(types: readonly string[]): string | undefined {
  if (types.includes('CERTIFICATE')) return undefined
  if (types.length === 0) return 'tls: failed to find any PEM data in certificate input'
  const what = 'tls: failed to find certificate PEM data in certificate input'
  if (types.length === 1 && types[0].endsWith('PRIVATE KEY')) {
    return `${what}, but did find a private key; PEM inputs may have been switched`
  }
  return skipped('"CERTIFICATE" PEM block in certificate', types)
}

function whyNoKey(types: readonly string[]): string | undefined {
  if (types.some((type) => type.endsWith('PRIVATE KEY'))) return undefined
  if (types.length === 0) return 'tls: failed to find any PEM data in key input'
  if (types.length === 1 && types[0] === 'CERTIFICATE') {
    return 'tls: found a certificate rather than a key in the PEM for the private key'
  }
  return skipped('PEM block with type ending in "PRIVATE KEY" in key', types)
}

function skipped(what: string, types: readonly string[]): string {
  return `tls: failed to find ${what} input after skipping PEM blocks of the following types: [${types.join(' ')}]`
}

function hasCertificate(pem: string): boolean {
  const block = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(pem)
  if (block === null) return false
  try {
    return new X509Certificate(block[0]).subject !== undefined
  } catch {
    return false
  }
}
