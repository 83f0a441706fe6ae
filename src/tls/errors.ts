// What the log says about a handshake that failed, in the words of nats-server (that is, of Go) where it has any.

import type { TLSSocket } from 'node:tls'

export const NOT_TLS = 'tls: first record does not look like a TLS handshake'
export const TIMED_OUT = 'i/o timeout'

/** By OpenSSL's codes. */
const HANDSHAKE_ERRORS = new Map([
  ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', "tls: client didn't provide a certificate"],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'tls: client offered only unsupported versions'],
  ['ERR_SSL_NO_SHARED_CIPHER', 'tls: no cipher suite supported by both client and server'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', NOT_TLS],
  ['ECONNRESET', 'EOF'],
])

const UNKNOWN_AUTHORITY = 'x509: certificate signed by unknown authority'
const OUT_OF_DATE = 'x509: certificate has expired or is not yet valid'
/** By OpenSSL's verdict on the client's certificate. */
const VERDICTS = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNKNOWN_AUTHORITY],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_AUTHORITY],
  ['CERT_HAS_EXPIRED', OUT_OF_DATE],
  ['CERT_NOT_YET_VALID', OUT_OF_DATE],
  ['INVALID_PURPOSE', 'x509: certificate specifies an incompatible key usage'],
])

/** Why a handshake failed. `socket`: the TLS socket, if there was one already. */
export function describeTlsError(error: Error, socket?: TLSSocket): string {
  // What Node calls an Error is the code of OpenSSL's verdict.
  const verdict = socket?.authorizationError as unknown as string | null | undefined
  if (verdict) return `tls: failed to verify certificate: ${VERDICTS.get(verdict) ?? verdict}`
  const { code = '', reason } = error as NodeJS.ErrnoException & { reason?: string }
  const known = HANDSHAKE_ERRORS.get(code)
  if (known !== undefined) return known
  const alert = /\balert (.+)$/.exec(reason ?? '')
  if (alert !== null) return `remote error: tls: ${alert[1]}`
  return reason === undefined ? error.message : `tls: ${reason}`
}
