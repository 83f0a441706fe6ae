// What /accountz says of an account that comes from a token (docs/reference/monitoring.md, "accountz and accstatz").

import type { AccountSettings } from '../../accounts/accounts.ts'
import { decodeAccount } from '../../auth/jwt/account.ts'
import { isExpired } from '../../auth/jwt/account-book.ts'
import { accountOptions } from '../../auth/jwt/account-options.ts'
import { isInvalid } from '../../auth/jwt/token.ts'
import { goTime } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { unlessNone } from '../../base/json.ts'

const MS_PER_S = 1000

export interface TokenAccount {
  readonly settings: Pick<AccountSettings, 'mappings' | 'exports' | 'imports'>
  readonly isExpired: boolean
  readonly members: Readonly<Record<string, Json>>
}

/** `jwt`: as a shard goes by it; it was verified there. */
export function tokenAccount(jwt: string): TokenAccount | undefined {
  const account = decodeAccount(jwt)
  if (isInvalid(account)) return undefined
  const { claims, revocations } = account
  const revoked = [...revocations].map(([key, atS]) => [key, goTime(atS * MS_PER_S)] as const)
  return {
    settings: accountOptions(account),
    isExpired: isExpired(account, Date.now()),
    members: {
      jwt,
      issuer_key: claims.issuer,
      name_tag: claims.name || claims.subject,
      tags: unlessNone(claims.tags),
      decoded_jwt: claimsOf(jwt),
      revoked_user: revoked.length === 0 ? undefined : Object.fromEntries(revoked),
    },
  }
}

/** The contents of a token, unchanged. */
export function claimsOf(jwt: string): Json {
  return JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url').toString()) as Json
}
