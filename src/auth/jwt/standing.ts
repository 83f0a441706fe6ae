// Whether connected clients may stay when their account's token changes or ends (docs/reference/authentication.md,
// "Operator mode").

import type { Limits } from '../../accounts/limits.ts'
import type { Fault } from '../../base/errors.ts'
import type { Permissions } from '../../options/shapes.ts'
import { AuthFaults, type Identity } from '../identity.ts'
import { denyPublish } from '../permissions.ts'
import { CALLOUT_SUBJECT } from '../settings.ts'
import type { VerifiedAccount } from './account.ts'
import { isExpired } from './account-book.ts'
import { isRevoked } from './activation.ts'
import { toPermissions } from './rights.ts'

/** What changes for a connection that stays. */
export interface Standing {
  readonly permissions: Permissions | undefined
  readonly limits: Limits
}

/**
 * What becomes of a connection of this identity under a new token of its account: why it must go, or what it may do
 * from now on. `before` is the account as it was; undefined account: it was deleted.
 *
 * A key that does not sign any more, or whose scope has changed, ends its users' connections; they come back with what
 * they have now. Default permissions follow the account.
 */
export function standingOf(
  who: Identity,
  before: VerifiedAccount,
  account: VerifiedAccount | undefined,
  nowMs: number,
): Standing | Fault {
  if (account === undefined || isExpired(account, nowMs)) return AuthFaults.accountExpired
  const { token } = who
  const same = { permissions: who.permissions, limits: who.limits }
  if (token === undefined) return same
  if (token.bearer && account.limits.disallowBearer) return AuthFaults.violation
  if (isRevoked(account.revocations, token.subject, token.issuedAt)) return AuthFaults.revoked
  if (!account.signers.has(token.issuer)) return AuthFaults.signerChanged
  const scope = account.signers.get(token.issuer)
  if (JSON.stringify(scope) !== JSON.stringify(before.signers.get(token.issuer))) return AuthFaults.signerChanged
  if (!who.hasDefaultPermissions) return same
  const permissions = toPermissions(account.defaultPermissions)
  const isAsking = account.authorization.authUsers.length > 0
  return { ...same, permissions: isAsking ? denyPublish(permissions, [CALLOUT_SUBJECT]) : permissions }
}
