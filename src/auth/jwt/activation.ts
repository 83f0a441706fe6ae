// Activation tokens: an account's signed permission for another account to import a private export.

import { isPublicKey } from '../nkey.ts'
import type { AccountImport, Revocations, ShareKind, VerifiedAccount } from './account.ts'
import { isSubject, isWithin } from './subjects.ts'
import { type Claims, decodeToken, type Invalid, invalid, isInvalid, whyNotNow } from './token.ts'

export interface Activation {
  readonly claims: Claims
  readonly kind: ShareKind
  readonly subject: string
  /** The exporting account, where one of its signing keys signed. */
  readonly issuerAccount: string
}

export function decodeActivation(text: string): Activation | Invalid {
  const token = decodeToken(text, 'activation')
  if (isInvalid(token)) return token
  const { claims, body, issuerAccount, problems, version } = token
  const kind = body.text(version === 1 ? 'type' : 'kind')
  const subject = body.text('subject')
  if (problems.length > 0) return invalid(problems[0])
  if (kind !== 'stream' && kind !== 'service') return invalid('activation of no kind')
  if (!isSubject(subject)) return invalid('activation of no subject')
  if (issuerAccount !== '' && !isPublicKey(issuerAccount, 'account')) return invalid('issuer account is no account key')
  return { claims, kind, subject, issuerAccount }
}

/** What is wrong with the activation as part of this import of this account. A mismatch refuses (CVE-2021-3127). */
export function whyNotImportedBy(activation: Activation, one: AccountImport, importer: string): string | undefined {
  const { claims, issuerAccount } = activation
  if (claims.issuer !== one.account && issuerAccount !== one.account) return 'activation is by another account'
  if (claims.subject !== importer) return 'activation is for another account'
  if (activation.kind !== one.kind) return 'activation is for another kind'
  const subject = one.kind === 'service' && one.to !== '' ? one.to : one.subject
  return isWithin(subject, activation.subject) ? undefined : 'activation is for another subject'
}

/**
 * Whether an import that needs leave has it, now: its token is by the exporting account, for the importing one, not
 * expired and not revoked. Returns until when (milliseconds; Infinity: forever), or why not.
 */
export function activatedUntilMs(
  one: AccountImport,
  importer: string,
  exporter: VerifiedAccount,
  revocations: Revocations,
  nowMs: number,
): number | Invalid {
  if (one.token === '') return invalid('activation is missing')
  const activation = decodeActivation(one.token)
  if (isInvalid(activation)) return activation
  const { claims, issuerAccount } = activation
  const why = whyNotImportedBy(activation, one, importer) ?? whyNotNow(claims, nowMs)
  if (why !== undefined) return invalid(why)
  if (issuerAccount !== '' && (issuerAccount !== exporter.claims.subject || !exporter.signers.has(claims.issuer))) {
    return invalid('activation is signed by an unknown key')
  }
  if (claims.expires > 0 && claims.expires * 1000 <= nowMs) return invalid('activation has expired')
  if (isRevoked(revocations, claims.subject, claims.issuedAt)) return invalid('activation is revoked')
  return claims.expires > 0 ? claims.expires * 1000 : Number.POSITIVE_INFINITY
}

/** Whether tokens of a key that were issued then are revoked: by its own entry, or by the one for all. */
export function isRevoked(revocations: Revocations, key: string, issuedAt: number): boolean {
  return [key, '*'].some((entry) => issuedAt <= (revocations.get(entry) ?? Number.NEGATIVE_INFINITY))
}
