// TLS and credentials of a connection for /connz. Public parts only (docs/reference/reliability.md, "Secrets"): a token
// that is enough by itself to log in is not public.

import { createHash } from 'node:crypto'
import { publicKeyPin, subjectOfCertificate } from '../tls/names.ts'
import type { ReportedClient } from './client.ts'
import type { CertificateRow, CredentialsRow, TlsRow } from './rows.ts'

/** Undefined: it came in plain. */
export function tlsOf({ tls }: ReportedClient): TlsRow | undefined {
  return tls && { version: tls.version, cipher: tls.cipher, first: tls.first }
}

export function credentialsOf({ login: { identity }, tls }: ReportedClient): CredentialsRow {
  const token = identity?.token
  const own = tls?.peerCertificate
  // When the connection has ended, only its own is left of the chain.
  const chain = tls?.peerChain() ?? []
  const certificates = chain.length === 0 && own !== undefined ? [own] : chain
  return {
    jwt: token === undefined || token.bearer ? '' : token.jwt,
    issuer: token?.issuer ?? '',
    tags: identity?.tags ?? [],
    certificates: certificates.map(certificateRow),
    proxyKey: identity?.proxyKey ?? '',
  }
}

function certificateRow(der: Buffer): CertificateRow {
  return {
    subject: subjectOfCertificate(der),
    publicKeyHash: publicKeyPin(der) ?? '',
    hash: createHash('sha256').update(der).digest('hex'),
  }
}
