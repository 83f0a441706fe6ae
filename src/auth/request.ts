// The credentials that a connection sends, and what the server knows about it otherwise.

import type { ConnectionType } from '../options/shapes.ts'

/** The credentials in CONNECT (docs/reference/handshake.md, "CONNECT"); empty: not sent. */
export interface Credentials {
  readonly user: string
  readonly password: string
  readonly token: string
  readonly jwt: string
  /** Public user key. */
  readonly nkey: string
  /** Over the nonce: the user's, and a proxy's. */
  readonly signature: string
  readonly proxySignature: string
}

export const NO_CREDENTIALS: Credentials = Object.freeze({
  user: '',
  password: '',
  token: '',
  jwt: '',
  nkey: '',
  signature: '',
  proxySignature: '',
})

/** The peer's certificate for `verify_and_map`. The TLS part compares its names. */
export interface PeerCertificate {
  /** The configured user that it names; undefined: none, or it is ambiguous. */
  findUser(mayBe: (user: string) => boolean): string | undefined
  /** Its names as text, for an embedding program. */
  readonly names: readonly string[]
}

/** For the callout only. */
export interface TlsDetails {
  /** `1.2` or `1.3`. */
  readonly version: string
  /** As Go names it. */
  readonly cipher: string
  /** PEM of what the peer sent, where it was not verified. */
  readonly certificates: readonly string[]
  /** PEM of each verified chain, the peer's first. */
  readonly verifiedChains: readonly (readonly string[])[]
}

export interface AuthRequest {
  readonly credentials: Credentials
  /** What CONNECT says of the client's program. */
  readonly client: { readonly name: string; readonly lang: string; readonly version: string; readonly protocol: number }
  /** The nonce that INFO gave; empty: none. */
  readonly nonce: string
  /** Numeric address. */
  readonly ip: string
  readonly connectionId: number
  readonly connectionType: ConnectionType
  /** undefined: no TLS, or no certificate. */
  readonly certificate: PeerCertificate | undefined
  readonly tls: TlsDetails | undefined
  /** Wall clock, milliseconds. */
  readonly nowMs: number
  /** What was configured as password when these credentials were found to match it; it need not be asked again. */
  readonly proof?: string | undefined
  /** Aborted when the connection has gone while the answer was awaited. */
  readonly gone?: AbortSignal | undefined
}

/** Of another server that comes as a leaf node. */
export function isLeafnode({ connectionType }: Pick<AuthRequest, 'connectionType'>): boolean {
  return connectionType === 'LEAFNODE' || connectionType === 'LEAFNODE_WS'
}

/** Shown in place of a token. */
export const HIDDEN_TOKEN = '[REDACTED]'

/**
 * The user as monitoring shows it (docs/reference/monitoring.md, "connz: who a connection is"). A token is never shown.
 */
export function shownUser(credentials: Credentials, userKey = ''): string {
  const { nkey, user, jwt, token } = credentials
  return nkey || user || (jwt === '' ? '' : userKey) || (token === '' ? '' : HIDDEN_TOKEN)
}

/** A value now or later. */
export type Soon<T> = T | Promise<T>

/** Goes on with a value when it is there, in the same turn if it is there already. */
export function andThen<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
