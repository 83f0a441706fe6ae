// The members of /varz about TLS, authentication, and the WebSocket port (docs/reference/monitoring.md, "varz"). Texts
// and lists that are empty are left out, as nats-server does it.

import { X509Certificate } from 'node:crypto'
import { authTimeoutMs } from '../../auth/setup.ts'
import { ANY_HOST } from '../../base/addresses.ts'
import { TLS_TIMEOUT_MS } from '../../base/constants.ts'
import { goTime, nanoseconds } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { unlessEmpty, unlessNone } from '../../base/json.ts'
import type { Options } from '../../options/options.ts'
import type { TlsOptions, WebSocketOptions } from '../../options/shapes.ts'
import type { PageContext } from '../page.ts'
import { claimsOf } from './token-account.ts'

const MS_PER_S = 1000

type Members = Readonly<Record<string, Json>>

const unlessFalse = (value: boolean | undefined): true | undefined => (value === true ? true : undefined)
const isVerified = (tls: TlsOptions | undefined): boolean => tls !== undefined && (tls.verify || tls.verifyAndMap)

export function tlsMembers({ tls, allowNonTls }: Options): Members {
  return {
    tls_required: unlessFalse(tls !== undefined && !allowNonTls),
    tls_verify: unlessFalse(isVerified(tls)),
    tls_ocsp_peer_verify: unlessFalse(tls?.ocspPeer?.verify),
  }
}

/** TLS between servers of the cluster. */
export function clusterTlsMembers({ cluster }: Options): Members {
  const { tls } = cluster ?? {}
  return {
    tls_timeout: (tls?.timeout || TLS_TIMEOUT_MS) / MS_PER_S,
    tls_required: unlessFalse(tls !== undefined),
    tls_verify: unlessFalse(tls !== undefined),
  }
}

/** In seconds. */
export function timeouts(options: Options): { readonly auth: number; readonly tls: number } {
  return { auth: authTimeoutMs(options) / MS_PER_S, tls: (options.tls?.timeout || TLS_TIMEOUT_MS) / MS_PER_S }
}

/** The `websocket` object; empty without that port. */
export function webSocketMembers({ server }: PageContext): Json {
  const { websocket } = server.options
  if (websocket === undefined || websocket.port === 0) return {}
  const port = server.identity.webSocket?.port ?? websocket.port
  return { ...listenerMembers(websocket, port), tls_cert_not_after: notAfter(server.certificates.webSocket) }
}

function listenerMembers(websocket: WebSocketOptions, port: number): Members {
  const { tls } = websocket
  return {
    host: websocket.host || ANY_HOST,
    port,
    advertise: unlessEmpty(websocket.advertise),
    no_auth_user: unlessEmpty(websocket.noAuthUser),
    jwt_cookie: unlessEmpty(websocket.jwtCookie),
    handshake_timeout: unlessEmpty(nanoseconds(websocket.handshakeTimeout)),
    auth_timeout: unlessEmpty(websocket.authTimeout / MS_PER_S),
    no_tls: unlessFalse(websocket.noTls),
    tls_map: unlessFalse(tls?.verifyAndMap),
    tls_pinned_certs: unlessNone(tls?.pinnedCerts ?? []),
    same_origin: unlessFalse(websocket.sameOrigin),
    allowed_origins: unlessNone(websocket.allowedOrigins),
    compression: unlessFalse(websocket.compression),
    tls_ocsp_peer_verify: unlessFalse(tls?.ocspPeer?.verify),
  }
}

/** Operators are shown with their tokens, which are public. */
export function operatorMembers({ operators }: Options): Members {
  return {
    trusted_operators_jwt: unlessNone(operators),
    trusted_operators_claim: unlessNone(operators.map(claimsOf)),
  }
}

/** The last members of /varz that have to do with security. */
export function lastMembers({ server }: PageContext): Members {
  const { options, certificates } = server
  return {
    proxies: options.proxies.length === 0 ? undefined : { trusted: options.proxies.map((key) => ({ key })) },
    tls_cert_not_after: notAfter(certificates.client),
  }
}

/** Undefined: nothing is kept of what responders say. */
export function ocspCacheMembers({ server }: PageContext): Json {
  const { tls, websocket, ocspCache } = server.options
  const isAsked = tls?.ocspPeer?.verify === true || websocket?.tls?.ocspPeer?.verify === true
  if (!isAsked || ocspCache?.type === 'none') return undefined
  const counts = server.ocspCounts
  return {
    cache_type: 'local',
    cache_hits: unlessEmpty(counts?.hits ?? 0),
    cache_misses: unlessEmpty(counts?.misses ?? 0),
    cached_responses: unlessEmpty(counts === undefined ? 0 : counts.revoked + counts.good + counts.unknown),
    cached_revoked_responses: unlessEmpty(counts?.revoked ?? 0),
    cached_good_responses: unlessEmpty(counts?.good ?? 0),
    cached_unknown_responses: unlessEmpty(counts?.unknown ?? 0),
  }
}

/** When a certificate ends. */
export function notAfter(certificate: string | undefined): string | undefined {
  return certificate && goTime(new X509Certificate(certificate).validToDate.getTime())
}
