// From the options of a server to those who decide who may enter it: what each shard builds at birth and at a reload.

import type { Options } from '../options.ts'
import { Authenticator } from './authenticator.ts'
import type { AccountBook } from './jwt/account-book.ts'
import type { Questions } from './questions.ts'
import { authSettings } from './settings.ts'

/** Time for CONNECT where nothing else is said; with TLS, its own time and a second (reference 9). */
const AUTH_TIMEOUT_MS = 2000
const TLS_TIMEOUT_MS = 2000
const AFTER_TLS_MS = 1000

/** What a server with these options waits for CONNECT, in milliseconds. */
export function authTimeoutMs({ authorization, tls }: Options): number {
  const given = authorization?.timeout ?? 0
  if (given > 0) return given
  return tls === undefined ? AUTH_TIMEOUT_MS : (tls.timeout || TLS_TIMEOUT_MS) + AFTER_TLS_MS
}

/** Decides for one shard; what takes long it asks the primary. `accounts`: in operator mode. */
export function createAuthenticator(
  options: Options,
  questions: Questions,
  accounts: AccountBook | undefined,
): Authenticator {
  const settings = authSettings(options)
  return new Authenticator(settings, { passwords: questions, accounts })
}

/** Names of all users that the options tell of. */
export function userNames({ authorization, accounts }: Options): string[] {
  const users = [...(authorization?.users ?? []), ...accounts.flatMap((account) => account.users)]
  return users.map(({ username }) => username).filter((name) => name !== '')
}
