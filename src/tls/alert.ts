// The alert that tells a client that its certificate is refused.
//
// Node tells OpenSSL that every certificate is good, and reads OpenSSL's verdict when the handshake is done; so OpenSSL
// sends no such alert. At that moment the last messages of the handshake have not been written yet. With TLS 1.2 these
// turn encryption on: before them an alert is sent in plain. With TLS 1.3 the alert takes the place of the first record
// that is sealed with the secret of the server's application traffic.

import { createCipheriv, createHmac } from 'node:crypto'

/** Codes of RFC 8446, section 6. */
export const Alert = {
  handshakeFailure: 40,
  badCertificate: 42,
  certificateExpired: 45,
  unknownAuthority: 48,
  certificateRequired: 116,
} as const

export type AlertCode = (typeof Alert)[keyof typeof Alert]

const FATAL = 2
/** Types of records. */
const ALERT = 0x15
const APPLICATION_DATA = 0x17
/** Both versions say of their records that they are TLS 1.2. */
const RECORD_VERSION = [3, 3]
const TAG_BYTES = 16
const IV_BYTES = 12

/** By TLS 1.3's names of cipher suites. */
const SUITES = new Map([
  ['TLS_AES_128_GCM_SHA256', { algorithm: 'aes-128-gcm', keyBytes: 16, hash: 'sha256' }],
  ['TLS_AES_256_GCM_SHA384', { algorithm: 'aes-256-gcm', keyBytes: 32, hash: 'sha384' }],
  ['TLS_CHACHA20_POLY1305_SHA256', { algorithm: 'chacha20-poly1305', keyBytes: 32, hash: 'sha256' }],
] as const)

/** The record of an alert by TLS 1.2, for a client that waits for the end of the server's handshake. */
export function plainAlert(code: AlertCode): Buffer {
  return Buffer.from([ALERT, ...RECORD_VERSION, 0, 2, FATAL, code])
}

/**
 * The record of an alert by TLS 1.3, as the first that is sealed with `secret`, the server's application traffic
 * secret. Undefined for a cipher suite that is not known here.
 */
export function sealedAlert(code: AlertCode, cipherSuite: string, secret: Buffer): Buffer | undefined {
  const suite = SUITES.get(cipherSuite as never)
  if (suite === undefined) return undefined
  const key = expandLabel(suite.hash, secret, 'key', suite.keyBytes)
  const iv = expandLabel(suite.hash, secret, 'iv', IV_BYTES) // the first record's number, 0, leaves it as it is
  const content = Buffer.from([FATAL, code, ALERT])
  const header = Buffer.from([APPLICATION_DATA, ...RECORD_VERSION, 0, content.length + TAG_BYTES])
  // The algorithms have the same interface; the types know each by its name.
  const cipher = createCipheriv(suite.algorithm as 'aes-128-gcm', key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(header)
  const sealed = Buffer.concat([header, cipher.update(content), cipher.final(), cipher.getAuthTag()])
  key.fill(0)
  return sealed
}

/** HKDF-Expand-Label of RFC 8446, section 7.1, without a context; `bytes`: no more than the hash has. */
function expandLabel(hash: string, secret: Buffer, name: string, bytes: number): Buffer {
  const label = Buffer.from(`tls13 ${name}`)
  const info = Buffer.concat([Buffer.from([0, bytes, label.length]), label, Buffer.from([0, 1])])
  return createHmac(hash, secret).update(info).digest().subarray(0, bytes)
}

/** The server's application traffic secret, if that is what a line of the key log holds. */
export function trafficSecretOf(line: Buffer): Buffer | undefined {
  const [name, , secret] = line.toString('latin1').trimEnd().split(' ')
  return name === 'SERVER_TRAFFIC_SECRET_0' ? Buffer.from(secret, 'hex') : undefined
}
