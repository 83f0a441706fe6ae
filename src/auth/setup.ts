// From the options of a server to its authenticator: what each shard builds at its start and at a reload.

import { NATS_VERSION, TLS_TIMEOUT_MS } from '../base/constants.ts'
import type { Options } from '../options/options.ts'
import { Authenticator, type AuthServices } from './authenticator.ts'
import { decodeOperator, type Operator, type OperatorInForce, operatorSettings } from './jwt/operator.ts'
import { type Invalid, isInvalid } from './jwt/token.ts'
import { isBcrypt } from './password.ts'
import { authSettings } from './settings.ts'

/**
 * Time for CONNECT where nothing else is said; with TLS, its own time and a second (docs/reference/limits.md,
 * "Deadlines").
 */
const AUTH_TIMEOUT_MS = 2000
const AFTER_TLS_MS = 1000

/** What a server with these options waits for CONNECT, in milliseconds. */
export function authTimeoutMs({ authorization, tls }: Options): number {
  const given = authorization?.timeout ?? 0
  if (given > 0) return given
  return tls === undefined ? AUTH_TIMEOUT_MS : (tls.timeout || TLS_TIMEOUT_MS) + AFTER_TLS_MS
}

export function isOperatorMode({ operators, trustedKeys }: Options): boolean {
  return operators.length > 0 || trustedKeys.length > 0
}

/**
 * What operators say, or the text with which a server does not start; undefined outside operator mode. Whether their
 * tokens are valid at this time is for the start of a server to ask (`nowMs`, wall clock), not for its shards.
 */
export function operatorOf(options: Options, nowMs?: number): OperatorInForce | Invalid | undefined {
  if (!isOperatorMode(options)) return undefined
  const operators: Operator[] = []
  for (const text of options.operators) {
    const operator = decodeOperator(text)
    if (isInvalid(operator)) return operator
    operators.push(operator)
  }
  return operatorSettings(operators, { ...options, serverVersion: NATS_VERSION, nowMs })
}

/** Decides for one shard; what takes long is done by `services`. The options have been checked. */
export function createAuthenticator(options: Options, services: AuthServices): Authenticator {
  const operator = operatorOf(options)
  if (operator !== undefined && isInvalid(operator)) throw new Error(`unchecked operators: ${operator.invalid}`)
  return new Authenticator(authSettings({ ...options, operator }, services.custom !== undefined), services)
}

/**
 * Whether the options contain a plain password: the log warns of it. A user without a password counts, unless
 * certificates may identify it.
 */
export function hasPlainPassword({ authorization, accounts, tls }: Options): boolean {
  const single = authorization?.password ?? ''
  if (single !== '' && !isBcrypt(single)) return true
  const users = [...(authorization?.users ?? []), ...accounts.flatMap((account) => account.users)]
  return users.some(({ nkey, password }) => {
    if (nkey !== '' || (password === '' && tls?.verifyAndMap === true)) return false
    return !isBcrypt(password)
  })
}

/** Names of all users in the options. */
export function userNames({ authorization, accounts }: Options): string[] {
  const users = [...(authorization?.users ?? []), ...accounts.flatMap((account) => account.users)]
  return users.map(({ username }) => username).filter((name) => name !== '')
}
