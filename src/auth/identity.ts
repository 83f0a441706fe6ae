// The result of authentication: an identity, or a refusal.
//
// Refusals are values. The peer gets one of a few fixed texts (docs/reference/errors.md, "Texts that close"); the cause
// is for the log only and never holds a secret (docs/reference/reliability.md, "Secrets").

import { type Limits, NO_LIMITS } from '../accounts/limits.ts'
import type { CloseReason, Fault } from '../base/errors.ts'
import type { ConnectionType, Permissions, SlowConsumerPolicy, SubjectRules } from '../options/shapes.ts'

/** The way in which a connection authenticated (docs/reference/authentication.md, "Ways to authenticate"). */
export type Way = 'none' | 'token' | 'password' | 'nkey' | 'certificate' | 'jwt' | 'callout' | 'noAuthUser' | 'custom'

/** What a user's token adds; it is needed again when the account's token changes (jwt/standing.ts). */
export interface TokenStanding {
  /** The token as it came. */
  readonly jwt: string
  /** Public key of the user, `U…`. */
  readonly subject: string
  /** Key that signed it: the account's own, or one of its signing keys. */
  readonly issuer: string
  /** In seconds, as revocations are. */
  readonly issuedAt: number
  readonly bearer: boolean
}

/** What an embedding program has said of a client's permissions (hooks.ts). */
export interface HookRules {
  readonly publish: SubjectRules | undefined
  readonly subscribe: SubjectRules | undefined
}

export interface Identity {
  readonly way: Way
  /** As monitoring shows it: nkey, user name, public key, `[REDACTED]` for a token, or empty. */
  readonly user: string
  readonly account: string
  /** undefined: everything is allowed. */
  readonly permissions: Permissions | undefined
  /** What an embedding program said of them: it holds over those of the user, also when they change (hooks.ts). */
  readonly hookRules?: HookRules | undefined
  /** The permissions are the account's defaults, and change with them. */
  readonly hasDefaultPermissions: boolean
  readonly limits: Limits
  /** Empty: all. */
  readonly connectionTypes: readonly ConnectionType[]
  /** Undefined: as the account's. */
  readonly slowConsumer?: SlowConsumerPolicy | undefined
  /** When the connection is to be closed with AuthFaults.expired, in milliseconds of the wall clock. */
  readonly expiresAtMs: number | undefined
  /** Name and tags of the user's token. */
  readonly nameTag: string
  readonly tags: readonly string[]
  /** Those that came by a token of an operator's tree, or by callout. */
  readonly token: TokenStanding | undefined
  /** Public key of the trusted proxy that vouched for the address; empty: none did. */
  readonly proxyKey: string
}

/** An identity of one way in one account that may do everything; the rest as given. */
export function identity(way: Way, user: string, account: string, rest: Partial<Identity> = {}): Identity {
  return {
    way,
    user,
    account,
    permissions: undefined,
    hasDefaultPermissions: false,
    limits: NO_LIMITS,
    connectionTypes: [],
    expiresAtMs: undefined,
    nameTag: '',
    tags: [],
    token: undefined,
    proxyKey: '',
    ...rest,
  }
}

// ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────

const fault = (text: string | undefined, reason: CloseReason): Fault => Object.freeze({ text, reason })

export const AuthFaults = {
  violation: fault('Authorization Violation', 'Authentication Failure'),
  /** A proxy's signature is wrong; the client gets the usual text. */
  proxyNotTrusted: fault('Authorization Violation', 'Proxy Not Trusted'),
  proxyRequired: fault('Authorization Violation', 'Proxy Required'),
  timeout: fault('Authentication Timeout', 'Authentication Timeout'),
  expired: fault('User Authentication Expired', 'Authentication Expired'),
  accountExpired: fault('Account Authentication Expired', 'Authentication Expired'),
  /** The key that signed a user's token is not the account's any more, or grants something else: closed in silence. */
  signerChanged: fault(undefined, 'Authentication Failure'),
  /** A reload took the user away, or put it into another account: closed in silence, as nats-server does. */
  forgotten: fault(undefined, 'Client Closed'),
  revoked: fault('User Authentication Revoked', 'Credentials Revoked'),
  accountConnections: fault('maximum account active connections exceeded', 'Maximum Account Connections Exceeded'),
} as const

export interface Refusal {
  readonly fault: Fault
  /** For the log, of level debug. */
  readonly cause: string
  /** … or of level warning: the operator has to act. */
  readonly warns?: boolean
  /** The identity by the peer's certificate, whatever name it sent. */
  readonly certified?: string
}

export function refuse(cause: string, why: Fault = AuthFaults.violation): Refusal {
  return { fault: why, cause }
}

export function isRefusal(value: object): value is Refusal {
  return 'fault' in value
}
