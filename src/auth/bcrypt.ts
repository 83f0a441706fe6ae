// One bcrypt check, for the threads of the pool. Nothing else may call this: it takes 60 ms and more.

import { compareSync } from 'bcryptjs'

/**
 * Whether the hash is the password's. Returns false for what is no hash. nats-server does not look at the letter of the
 * variant, so neither do we; and bcrypt looks at the first 72 bytes only.
 */
export function checkBcrypt(hash: string, password: string): boolean {
  try {
    return compareSync(password, `$2b$${hash.slice(4)}`)
  } catch {
    return false
  }
}
