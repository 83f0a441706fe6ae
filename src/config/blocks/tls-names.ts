// Names of cipher suites and curves in `tls` blocks.

/** Cipher suites by their IANA names; what is false needs `allow_insecure_cipher_suites`. */
export const CIPHER_SUITES: ReadonlyMap<string, boolean> = new Map([
  ['TLS_AES_128_GCM_SHA256', true],
  ['TLS_AES_256_GCM_SHA384', true],
  ['TLS_CHACHA20_POLY1305_SHA256', true],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', true],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', true],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', true],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', true],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', true],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', true],
  ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', true],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', true],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', true],
  ['TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', true],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', false],
  ['TLS_ECDHE_ECDSA_WITH_RC4_128_SHA', false],
  ['TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA', false],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', false],
  ['TLS_ECDHE_RSA_WITH_RC4_128_SHA', false],
  ['TLS_RSA_WITH_3DES_EDE_CBC_SHA', false],
  ['TLS_RSA_WITH_AES_128_CBC_SHA', false],
  ['TLS_RSA_WITH_AES_128_CBC_SHA256', false],
  ['TLS_RSA_WITH_AES_128_GCM_SHA256', false],
  ['TLS_RSA_WITH_AES_256_CBC_SHA', false],
  ['TLS_RSA_WITH_AES_256_GCM_SHA384', false],
  ['TLS_RSA_WITH_RC4_128_SHA', false],
])

export const CURVES: readonly string[] = [
  'X25519MLKEM768',
  'SecP384r1MLKEM1024',
  'SecP256r1MLKEM768',
  'X25519',
  'CurveP256',
  'CurveP384',
  'CurveP521',
]

/** The word of `verify` and of --tlsverify, in any case: certificates of clients that have one are checked. */
export const OPTIONAL = 'optional'
