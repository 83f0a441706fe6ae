// How a connection came in, as /connz tells it: by TLS, and who it has proved to be. Public parts only (R10): a token
// that is enough by itself to come in is none.

import { createHash } from 'node:crypto'
import type { Client } from '../connection/client.ts'
import { publicKeyPin, subjectOfCertificate } from '../tls/names.ts'

export interface TlsRow {
  readonly version: string
  readonly cipher: string
  /** TLS came before INFO. */
  readonly first: boolean
}

/** One certificate of a peer: its subject as Go writes it, and hexadecimal SHA-256. */
export interface CertificateRow {
  readonly subject: string
  readonly publicKeyHash: string
  readonly hash: string
}

export interface CredentialsRow {
  readonly jwt: string
  readonly issuer: string
  readonly tags: readonly string[]
  readonly certificates: readonly CertificateRow[]
  /** Key of the trusted proxy that it came by. */
  readonly proxyKey: string
}

/** Undefined: it came in plain. */
export function tlsOf({ tls }: Client): TlsRow | undefined {
  return tls && { version: tls.version, cipher: tls.cipher, first: tls.first }
}

export function credentialsOf({ login: { identity }, tls }: Client): CredentialsRow {
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
