// Passwords and tokens as configuration has them: plain, or hashed by bcrypt (docs/reference/authentication.md,
// "Passwords").

import { hash, timingSafeEqual } from 'node:crypto'

/**
 * What became of a check. `busy`: too many are waiting, or the check itself failed; `gone`: the client has left. Only
 * `match` admits a client.
 */
export type PasswordVerdict = 'match' | 'mismatch' | 'busy' | 'gone'

/** Checks bcrypt hashes away from the event loop: password-pool.ts, or a shard's way to the primary's. */
export interface PasswordVerifier {
  /** `gone` is aborted when the client has left, so that no work is done for it. Never rejects. */
  verify(hashed: string, password: string, gone?: AbortSignal): Promise<PasswordVerdict>
}

/** Whether a configured password is a bcrypt hash. nats-server takes $2x$ as well, and all variants alike. */
export function isBcrypt(configured: string): boolean {
  return /^\$2[abxy]\$\d\d\$/.test(configured)
}

/** Compares in a time that tells nothing of how much is right. Digests are compared, as lengths may differ. */
export function equalsPlain(configured: string, given: string): boolean {
  return timingSafeEqual(digest(configured), digest(given))
}

const digest = (text: string): Buffer => hash('sha256', text, 'buffer')

/**
 * Whether a password is right: at once for a plain one, later for a hash. `request.gone` is read only then: it may be
 * made when it is first wanted.
 */
export function comparePassword(
  configured: string,
  given: string,
  verifier: PasswordVerifier,
  request: { readonly gone?: AbortSignal | undefined; readonly proof?: string | undefined },
): PasswordVerdict | Promise<PasswordVerdict> {
  const { proof = '' } = request
  if (proof !== '' && proof === configured) return 'match'
  if (isBcrypt(configured)) return verifier.verify(configured, given, request.gone)
  return equalsPlain(configured, given) ? 'match' : 'mismatch'
}
