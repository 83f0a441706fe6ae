// Where account tokens come from in operator mode (docs/reference/configuration-blocks.md, "Operators and resolvers").
// One per server, on the primary thread; shards ask through threads/primary-rpc.ts and keep the answers
// (jwt/account-book.ts).
//
// The code that uses a token decides whether it is trusted; this file decides what may be stored.

import type { Account } from '../jwt/account.ts'
import { decodeAccount } from '../jwt/account.ts'
import { whyNotAccount } from '../jwt/account-check.ts'
import { decodeAnyToken, type Invalid, invalid, isInvalid } from '../jwt/token.ts'
import { isPublicKey } from '../nkey.ts'

export interface AccountResolver {
  /** The token of an account by its public key; undefined: there is none. Never rejects. */
  lookup(key: string): Promise<string | undefined>
  /** Stores a token, unless the present one is newer. Returns the obstacle, if there is one. */
  storeNewer(key: string, jwt: string): Promise<Invalid | undefined>
}

/** Tokens in the configuration (`resolver: MEMORY`, `resolver_preload`). */
export class MemoryResolver implements AccountResolver {
  private readonly tokens: Map<string, string>

  constructor(preload: Readonly<Record<string, string>> = {}) {
    this.tokens = new Map(Object.entries(preload))
  }

  async lookup(key: string): Promise<string | undefined> {
    return this.tokens.get(key)
  }

  async storeNewer(key: string, jwt: string): Promise<undefined> {
    this.tokens.set(key, jwt)
    return undefined
  }
}

// ── What may be stored ──────────────────────────────────────────────────────────────────────────────────────

/** The operator as far as requests to change the directory are concerned. */
export interface DirectoryOperator {
  readonly subject: string
  readonly isStrict: boolean
  /** Keys that may ask for deletions: the operator's own unless it is strict, and its signing keys. */
  readonly keys: readonly string[]
}

/**
 * The account of a token to be stored, or the text of the refusal. `key`: the account that the request named, if it
 * did. Times are not checked: a token may be stored before it is valid.
 */
export function checkUpdate(jwt: string, key: string | undefined, operator: DirectoryOperator): Account | Invalid {
  const account = decodeAccount(jwt)
  if (isInvalid(account)) return account
  const { claims } = account
  if (key !== undefined && claims.subject !== key) return invalid('subject does not match jwt content')
  if (claims.issuer === operator.subject && operator.isStrict) {
    return invalid('operator requires issuer to be a signing key')
  }
  const timeless = { ...account, claims: { ...claims, expires: 0, notBefore: 0 } }
  const why = whyNotAccount(timeless, 0)
  return why === undefined ? account : invalid(`validation errors: [${why}]`)
}

/** The accounts that a signed request asks to delete, or the text of the refusal. */
export function checkDelete(jwt: string, operator: DirectoryOperator, systemAccount: string): string[] | Invalid {
  const token = decodeAnyToken(jwt.trim())
  if (isInvalid(token)) return token
  const { claims, body, problems } = token
  if (claims.subject !== claims.issuer) return invalid('not self signed')
  if (!operator.keys.includes(claims.issuer)) return invalid('not trusted')
  const accounts = body.texts('accounts')
  if (accounts === undefined || problems.length > 0) return invalid('malformed request')
  if (!accounts.every((account) => isPublicKey(account, 'account'))) return invalid('malformed request')
  if (accounts.includes(systemAccount)) return invalid('not allowed to delete system account')
  return [...accounts]
}
