// Cipher suites and curves: Go's names, used in configurations, and OpenSSL's names.
//
// As in Go, the order in a configuration does not matter: the server prefers the suites in the order below. The suites
// of TLS 1.3 cannot be chosen, they are always on.

import { getCiphers } from 'node:tls'
import type { Result } from './pem.ts'

interface Suite {
  readonly openssl: string
  readonly insecure: boolean
}

const suite = (openssl: string): Suite => ({ openssl, insecure: false })
const insecure = (openssl: string): Suite => ({ openssl, insecure: true })

const TLS13_SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

/** All suites of nats-server 2.15, best first. */
const SUITES = new Map<string, Suite>([
  ...TLS13_SUITES.map((name): [string, Suite] => [name, suite(name)]),
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', suite('ECDHE-ECDSA-AES128-GCM-SHA256')],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', suite('ECDHE-RSA-AES128-GCM-SHA256')],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', suite('ECDHE-ECDSA-AES256-GCM-SHA384')],
  ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', suite('ECDHE-RSA-AES256-GCM-SHA384')],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', suite('ECDHE-ECDSA-CHACHA20-POLY1305')],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', suite('ECDHE-RSA-CHACHA20-POLY1305')],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', suite('ECDHE-ECDSA-AES128-SHA')],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', suite('ECDHE-RSA-AES128-SHA')],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', suite('ECDHE-ECDSA-AES256-SHA')],
  ['TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', suite('ECDHE-RSA-AES256-SHA')],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', insecure('ECDHE-ECDSA-AES128-SHA256')],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', insecure('ECDHE-RSA-AES128-SHA256')],
  ['TLS_RSA_WITH_AES_128_GCM_SHA256', insecure('AES128-GCM-SHA256')],
  ['TLS_RSA_WITH_AES_256_GCM_SHA384', insecure('AES256-GCM-SHA384')],
  ['TLS_RSA_WITH_AES_128_CBC_SHA', insecure('AES128-SHA')],
  ['TLS_RSA_WITH_AES_256_CBC_SHA', insecure('AES256-SHA')],
  ['TLS_RSA_WITH_AES_128_CBC_SHA256', insecure('AES128-SHA256')],
  ['TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA', insecure('ECDHE-RSA-DES-CBC3-SHA')],
  ['TLS_RSA_WITH_3DES_EDE_CBC_SHA', insecure('DES-CBC3-SHA')],
  ['TLS_ECDHE_ECDSA_WITH_RC4_128_SHA', insecure('ECDHE-ECDSA-RC4-SHA')],
  ['TLS_ECDHE_RSA_WITH_RC4_128_SHA', insecure('ECDHE-RSA-RC4-SHA')],
  ['TLS_RSA_WITH_RC4_128_SHA', insecure('RC4-SHA')],
])

/** Curves by the names of Go, in the order that nats-server prefers. */
const CURVES = new Map<string, string>([
  ['X25519MLKEM768', 'X25519MLKEM768'],
  ['SecP384r1MLKEM1024', 'SecP384r1MLKEM1024'],
  ['SecP256r1MLKEM768', 'SecP256r1MLKEM768'],
  ['X25519', 'X25519'],
  ['CurveP256', 'P-256'],
  ['CurveP384', 'P-384'],
  ['CurveP521', 'P-521'],
])

/**
 * The suites for OpenSSL; none named: all that are not insecure. An error: one that there is not. Whether insecure ones
 * may be named is for the configuration to say.
 */
export function chooseSuites(names: readonly string[]): Result<string> {
  const unknown = names.find((name) => !SUITES.has(name))
  if (unknown !== undefined) return { error: `unrecognized cipher ${unknown}` }
  // OpenSSL would leave out in silence what it was built without.
  const built = new Set(getCiphers())
  const missing = names.find((name) => !built.has(SUITES.get(name)?.openssl.toLowerCase() ?? ''))
  if (missing !== undefined)
    return { error: `cipher ${missing} is not available with OpenSSL ${process.versions.openssl}` }
  const isChosen = (name: string, { insecure }: Suite): boolean =>
    TLS13_SUITES.includes(name) || (names.length > 0 ? names.includes(name) : !insecure)
  const chosen = [...SUITES].filter(([name, suite]) => isChosen(name, suite))
  return { value: chosen.map(([, { openssl }]) => openssl).join(':') }
}

/** The curves for OpenSSL, the best first; none named: all. An error: one that there is not. */
export function chooseCurves(names: readonly string[]): Result<string> {
  const unknown = names.find((name) => !CURVES.has(name))
  if (unknown !== undefined) return { error: `unrecognized curve preference ${unknown}` }
  const chosen = names.length > 0 ? names : [...CURVES.keys()]
  return { value: chosen.map((name) => CURVES.get(name)).join(':') }
}
