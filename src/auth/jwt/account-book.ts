// The accounts of operator mode that this thread knows: fetched by public key when one is first requested, verified,
// and kept until a newer token comes. It decides whether an account is trusted, and nothing else.

import { isPublicKey } from '../nkey.ts'
import { andThen, type Soon } from '../request.ts'
import type { OperatorSettings } from '../settings.ts'
import { type Account, decodeAccount, type VerifiedAccount } from './account.ts'
import { whyNotAccount } from './account-check.ts'
import { type Invalid, invalid, isInvalid } from './token.ts'

/** The token of an account by its public key; undefined: there is none. Never rejects. */
export type FetchAccount = (key: string) => Soon<string | undefined>

/** Whose signatures on accounts count. */
export type TrustedSigners = Pick<OperatorSettings, 'trustedKeys' | 'strictKeys'>

/** Fetches under way at once. Logins of unknown accounts beyond that are refused and do not wait. */
export const FETCHES_MAX = 256
/** An expired account is not fetched again sooner than this. */
const REFETCH_MS = 1000

export class AccountBook {
  private readonly trusted: TrustedSigners
  private readonly fetch: FetchAccount
  private readonly accounts = new Map<string, VerifiedAccount>()
  private readonly fetchedMs = new Map<string, number>()
  private readonly fetches = new Map<string, Promise<VerifiedAccount | Invalid>>()

  constructor(trusted: TrustedSigners, fetch: FetchAccount) {
    this.trusted = trusted
    this.fetch = fetch
  }

  /** An account that is trusted and has not expired; at once if it is known, after a fetch if not. */
  lookup(key: string, nowMs: number): Soon<VerifiedAccount | Invalid> {
    const known = this.accounts.get(key)
    if (known !== undefined && !isExpired(known, nowMs)) return known
    if (!isPublicKey(key, 'account')) return invalid('account key is none')
    if (known !== undefined && nowMs - (this.fetchedMs.get(key) ?? 0) < REFETCH_MS)
      return invalid('account has expired')
    const underway = this.fetches.get(key)
    if (underway !== undefined) return underway
    if (this.fetches.size >= FETCHES_MAX) return invalid('too many accounts are being looked for')
    const found = andThen(this.fetch(key), (jwt) =>
      jwt === undefined ? invalid('account is unknown') : this.update(key, jwt, nowMs),
    )
    if (!(found instanceof Promise)) return found
    this.fetches.set(key, found)
    const done = (): boolean => this.fetches.delete(key)
    found.then(done, done)
    return found
  }

  /** The account as it was last verified, expired or not. */
  get(key: string): VerifiedAccount | undefined {
    return this.accounts.get(key)
  }

  /** Takes a newer token in if it is the account's and can be trusted; otherwise the old one stays. */
  update(key: string, jwt: string, nowMs: number): VerifiedAccount | Invalid {
    const account = decodeAccount(jwt)
    if (isInvalid(account)) return account
    const verified = this.verify(account, key, nowMs)
    if (isInvalid(verified)) return verified
    this.accounts.set(key, verified)
    this.fetchedMs.set(key, nowMs)
    return verified
  }

  /** The account was deleted. */
  remove(key: string): void {
    this.accounts.delete(key)
    this.fetchedMs.delete(key)
  }

  private verify(account: Account, key: string, nowMs: number): VerifiedAccount | Invalid {
    const { claims, signingKeys } = account
    if (claims.subject !== key) return invalid('token is of another account')
    if (!this.trusted.trustedKeys.includes(claims.issuer)) return invalid('account is not signed by the operator')
    const why = whyNotAccount(account, nowMs)
    if (why !== undefined) return invalid(why)
    const signers = new Map(signingKeys)
    // An operator that requires signing keys requires them of its accounts as well.
    if (!this.trusted.strictKeys.includes(claims.issuer)) signers.set(claims.subject, undefined)
    return { ...account, signers }
  }
}

export function isExpired({ claims }: Account, nowMs: number): boolean {
  return claims.expires > 0 && claims.expires * 1000 <= nowMs
}
