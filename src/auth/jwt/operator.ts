// Operator tokens: the keys whose signatures on accounts this server accepts (docs/reference/configuration-blocks.md,
// "Operators and resolvers").

import { isPublicKey } from '../nkey.ts'
import type { OperatorSettings } from '../settings.ts'
import { isEmpty } from './rights.ts'
import { type Claims, decodeToken, type Invalid, invalid, isInvalid, undecorate, whyNotNow } from './token.ts'
import { decodeUser } from './user.ts'

export interface Operator {
  readonly claims: Claims
  readonly signingKeys: readonly string[]
  /** Public account key; empty: not said. */
  readonly systemAccount: string
  /** Oldest nats-server release that it works with, such as `2.9.0`; empty: any. */
  readonly serverVersion: string
  /** Accounts must be signed by a signing key, and sign their users by one. */
  readonly isStrict: boolean
}

/** Reads an operator's token, alone or within a file. */
export function decodeOperator(text: string): Operator | Invalid {
  const token = decodeToken(undecorate(text), 'operator')
  if (isInvalid(token)) return token
  const { body, problems, claims } = token
  const operator: Operator = {
    claims,
    signingKeys: body.texts('signing_keys') ?? [],
    systemAccount: body.text('system_account'),
    serverVersion: body.text('assert_server_version'),
    isStrict: body.flag('strict_signing_key_usage'),
  }
  if (problems.length > 0) return invalid(problems[0])
  for (const key of [claims.subject, ...operator.signingKeys]) {
    if (!isPublicKey(key, 'operator')) {
      return invalid(`trusted Keys ${JSON.stringify(key)} are required to be a valid public operator nkey`)
    }
  }
  if (operator.systemAccount !== '' && !isPublicKey(operator.systemAccount, 'account')) {
    return invalid('system account is no account key')
  }
  return operator
}

/** What else configuration says in operator mode, by the names of its options. */
export interface OperatorInput {
  /** Operator keys without tokens. */
  readonly trustedKeys: readonly string[]
  readonly systemAccount: string
  readonly defaultSentinel: string
  readonly resolverPinnedAccounts: readonly string[]
  /** The release of nats-server whose behaviour we follow. */
  readonly serverVersion: string
  /** Wall clock; undefined: whether tokens are valid now was asked before. */
  readonly nowMs: number | undefined
}

export type OperatorInForce = OperatorSettings & { readonly systemAccount: string }

/**
 * What the authenticator needs of operators, or the text with which the server does not start (nats-server's, where it
 * has one). `systemAccount` of the answer is the one in force.
 */
export function operatorSettings(operators: readonly Operator[], input: OperatorInput): OperatorInForce | Invalid {
  const { resolverPinnedAccounts, nowMs } = input
  for (const operator of operators) {
    const late = nowMs === undefined ? undefined : whyNotNow(operator.claims, nowMs)
    const why = late ?? whyNotVersion(operator, input.serverVersion)
    if (why !== undefined) return invalid(why)
  }
  const named = operators.map(({ systemAccount }) => systemAccount).filter((key) => key !== '')
  if (input.systemAccount !== '' && named.length > 0 && !named.includes(input.systemAccount)) {
    return invalid('system_account in config and operator JWT must be identical')
  }
  const systemAccount = input.systemAccount || (operators[0]?.systemAccount ?? '')
  for (const key of resolverPinnedAccounts) {
    if (!isPublicKey(key, 'account')) {
      return invalid(`pinned account key ${JSON.stringify(key)} is not a valid public account nkey`)
    }
  }
  const sentinel = whyNotSentinel(input.defaultSentinel)
  if (sentinel !== undefined) return invalid(sentinel)
  const isPinned = resolverPinnedAccounts.length > 0 && systemAccount !== ''
  const trustedKeys = operators.flatMap(({ claims, signingKeys, isStrict }) =>
    isStrict ? signingKeys : [claims.subject, ...signingKeys],
  )
  return {
    trustedKeys: [...input.trustedKeys, ...trustedKeys],
    strictKeys: operators.flatMap(({ signingKeys, isStrict }) => (isStrict ? signingKeys : [])),
    defaultSentinel: input.defaultSentinel,
    pinnedAccounts: isPinned ? [...resolverPinnedAccounts, systemAccount] : resolverPinnedAccounts,
    systemAccount,
  }
}

function whyNotSentinel(text: string): string | undefined {
  if (text === '') return undefined
  const user = decodeUser(text)
  if (isInvalid(user)) return 'default sentinel JWT not valid'
  // One that says nothing may get the right from the scope of its signing key; that is seen when it is used.
  const isScoped = user.issuerAccount !== '' && isEmpty(user.rights)
  return user.rights.bearer || isScoped ? undefined : 'default sentinel must be a bearer token'
}

function whyNotVersion({ claims, serverVersion }: Operator, ours: string): string | undefined {
  if (serverVersion === '') return undefined
  const wanted = /^(\d+)\.(\d+)\.(\d+)$/.exec(serverVersion)?.slice(1).map(Number)
  if (wanted === undefined) return `operator ${claims.subject} expects a version of another form`
  const have = ours.split('.').map(Number)
  for (const [i, part] of ['major', 'minor', 'update'].entries()) {
    if (have[i] > wanted[i]) return undefined
    if (have[i] < wanted[i]) {
      return `operator ${claims.subject} expected ${part} version ${wanted[i]} > server ${part} version ${have[i]}`
    }
  }
  return undefined
}
