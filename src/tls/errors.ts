// The log text for a failed handshake: nats-server's (that is, Go's), where it has one.

import type { TLSSocket } from 'node:tls'
import { Alert, type AlertCode } from './alert.ts'

export const NOT_TLS = 'tls: first record does not look like a TLS handshake'
export const TIMED_OUT = 'i/o timeout'

/** By OpenSSL's codes. */
const HANDSHAKE_ERRORS = new Map([
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'tls: client offered only unsupported versions'],
  ['ERR_SSL_NO_SHARED_CIPHER', 'tls: no cipher suite supported by both client and server'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', NOT_TLS],
  ['ECONNRESET', 'EOF'],
])

/** What is wrong with a client's certificate. */
interface CertificateFault {
  /** For the log. */
  readonly text: string
  /** For the client. */
  readonly alert: AlertCode
}

const NO_CERTIFICATE = "tls: client didn't provide a certificate"
const unknownAuthority = { text: 'x509: certificate signed by unknown authority', alert: Alert.unknownAuthority }
const outOfDate = { text: 'x509: certificate has expired or is not yet valid', alert: Alert.certificateExpired }
const NOT_VERIFIED = 'tls: failed to verify certificate'
/** By OpenSSL's verdict on the other side's certificate. */
const VERDICTS = new Map<string, CertificateFault>([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', unknownAuthority],
  ['SELF_SIGNED_CERT_IN_CHAIN', unknownAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT', unknownAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', unknownAuthority],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', unknownAuthority],
  ['CERT_HAS_EXPIRED', outOfDate],
  ['CERT_NOT_YET_VALID', outOfDate],
  ['INVALID_PURPOSE', { text: 'x509: certificate specifies an incompatible key usage', alert: Alert.badCertificate }],
])

/** Why OpenSSL does not trust the client of a connection that is asked for a certificate; alerts as Go sends them. */
export function certificateFault(socket: TLSSocket): CertificateFault {
  if (socket.getPeerX509Certificate() === undefined) {
    const isNew = socket.getProtocol() === 'TLSv1.3'
    return { text: NO_CERTIFICATE, alert: isNew ? Alert.certificateRequired : Alert.handshakeFailure }
  }
  // What Node calls an Error is the code of OpenSSL's verdict.
  const verdict = String(socket.authorizationError)
  const { text, alert } = VERDICTS.get(verdict) ?? { text: verdict, alert: Alert.badCertificate }
  return { text: `${NOT_VERIFIED}: ${text}`, alert }
}

/** Why a handshake failed. */
export function describeTlsError(error: Error): string {
  const { code = '', reason } = error as NodeJS.ErrnoException & { reason?: string }
  const known = HANDSHAKE_ERRORS.get(code)
  if (known !== undefined) return known
  const verdict = VERDICTS.get(code)
  if (verdict !== undefined) return `${NOT_VERIFIED}: ${verdict.text}`
  const alert = /\balert (.+)$/.exec(reason ?? '')
  if (alert !== null) return `remote error: tls: ${alert[1]}`
  return reason === undefined ? error.message : `tls: ${reason}`
}
