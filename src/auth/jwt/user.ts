// User tokens: the identity of a client, signed by its account (docs/reference/authentication.md, "Operator mode").

import { NO_LIMIT } from '../../accounts/limits.ts'
import { isPublicKey } from '../nkey.ts'
import { type Rights, readRights, whyNotRights } from './rights.ts'
import { type Claims, decodeToken, type Invalid, invalid, isInvalid, whyNotNow } from './token.ts'

export interface User {
  readonly claims: Claims
  /** The account, where one of its signing keys signed; empty: the issuer is the account. */
  readonly issuerAccount: string
  readonly rights: Rights
}

/** Reads a user's token. Its signature is checked, but not whose it is. */
export function decodeUser(text: string): User | Invalid {
  const token = decodeToken(text, 'user')
  if (isInvalid(token)) return token
  const { claims, issuerAccount, body, problems, version } = token
  const user = { claims, issuerAccount, rights: readRights(body, version === 1 ? NO_LIMIT : 0) }
  return problems.length > 0 ? invalid(problems[0]) : user
}

/** What is wrong with the user at this time, apart from the account's side of it. */
export function whyNotUser({ claims, issuerAccount, rights }: User, nowMs: number): string | undefined {
  if (!isPublicKey(claims.subject, 'user')) return 'subject is no user key'
  if (issuerAccount !== '' && !isPublicKey(issuerAccount, 'account')) return 'issuer account is no account key'
  return whyNotNow(claims, nowMs) ?? whyNotRights(rights)
}
