// Which servers may make routes by their certificates, where the cluster goes by these (`verify_and_map`,
// `verify_cert_and_check_known_urls`): passwords count for nothing there.

import type { ClusterOptions } from '../options/cluster.ts'
import { readServerUrl } from '../text/server-url.ts'
import { readCertificate } from '../tls/certificate.ts'
import { PeerDirectory, peerNames } from '../tls/names.ts'

/** `certificate`: DER, verified. Undefined: the cluster does not go by certificates. */
export function isWelcome(certificate: Buffer | undefined, options: ClusterOptions): boolean | undefined {
  const { tls, credentials, routes } = options
  if (tls === undefined || !(tls.verifyAndMap || tls.verifyAndCheckKnownUrls)) return undefined
  if (certificate === undefined) return false
  if (tls.verifyAndCheckKnownUrls && isOfKnownHost(certificate, routes)) return true
  return tls.verifyAndMap && isOfUser(certificate, credentials?.username ?? '')
}

function isOfUser(certificate: Buffer, user: string): boolean {
  return user !== '' && new PeerDirectory([user]).find(peerNames(certificate)) !== undefined
}

/** Whether a DNS name of the certificate is that of a configured route. */
function isOfKnownHost(certificate: Buffer, urls: readonly string[]): boolean {
  const names = (readCertificate(certificate)?.dnsNames ?? []).map(labelsOf)
  const hosts = urls.flatMap((url) => readServerUrl(url)?.host ?? []).map(labelsOf)
  return names.some((name) => hosts.some((host) => areAlike(name, host)))
}

const labelsOf = (host: string): string[] => host.toLowerCase().split('.')

/** A first label `*` is any. */
function areAlike(name: readonly string[], host: readonly string[]): boolean {
  return name.length === host.length && name.every((label, i) => label === host[i] || (i === 0 && label === '*'))
}
