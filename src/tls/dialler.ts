// TLS of connections that this server dials: the settings for Node, and whether the certificate of the other server is
// for the host that was dialled, by Go's rules and with its texts.

import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { readCertificate } from './certificate.ts'
import { NAME_RULES } from './context.ts'
import type { TlsSettings } from './tls-settings.ts'

/** What Node puts before an address among the names of a certificate. */
const ADDRESS = 'IP Address:'

/** Plain data. It holds a private key: never print it. */
export type DiallerSettings = Pick<
  ConnectionOptions,
  'cert' | 'key' | 'ca' | 'ciphers' | 'ecdhCurve' | 'minVersion' | 'rejectUnauthorized'
>

/** `insecure`: certificates of other servers are not looked at. */
export function diallerSettings(settings: TlsSettings, insecure: boolean): DiallerSettings {
  const { pairs, authorities, ciphers, curves, minVersion } = settings
  const [pair] = pairs
  const own = pair === undefined ? {} : { cert: pair.cert, key: pair.key }
  const ca = [...(authorities ?? process.getBuiltinModule('node:tls').getCACertificates('system'))]
  return { ...own, ca, ciphers, ecdhCurve: curves, minVersion, rejectUnauthorized: !insecure }
}

/** Why a certificate (DER) is for none of these hosts, the text being about the first; undefined: it is for one. */
export function whyNotFor(der: Buffer, hosts: readonly string[]): Error | undefined {
  const certificate = new X509Certificate(der)
  if (hosts.some((host) => isFor(certificate, host))) return undefined
  return new Error(`tls: failed to verify certificate: x509: ${mismatch(certificate, hosts[0] ?? '')}`)
}

function isFor(certificate: X509Certificate, host: string): boolean {
  try {
    if (isIP(host) !== 0) return certificate.checkIP(host) !== undefined
    return certificate.checkHost(host, NAME_RULES) !== undefined
  } catch {
    return false
  }
}

function mismatch(certificate: X509Certificate, host: string): string {
  if (isIP(host) === 0) {
    const names = readCertificate(certificate.raw)?.dnsNames ?? []
    if (names.length === 0) return `certificate is not valid for any names, but wanted to match ${host}`
    return `certificate is valid for ${names.join(', ')}, not ${host}`
  }
  const all = (certificate.subjectAltName ?? '').split(', ')
  const addresses = all.filter((name) => name.startsWith(ADDRESS)).map((name) => name.slice(ADDRESS.length))
  if (addresses.length === 0) return `cannot validate certificate for ${host} because it doesn't contain any IP SANs`
  return `certificate is valid for ${addresses.join(', ')}, not ${host}`
}
