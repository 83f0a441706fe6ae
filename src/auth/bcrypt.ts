// One bcrypt check, for the threads of the pool. Nothing else may call this: it takes 60 ms and more.

import { compareSync } from 'bcryptjs'

/**
 * Whether the hash is the password's. Returns false for what is no hash. nats-server ignores the letter of the variant,
 * and so does Heddle; bcrypt uses the first 72 bytes only.
 */
export function checkBcrypt(hash: string, password: string): boolean {
  try {
    return compareSync(password, `$2b$${hash.slice(4)}`)
  } catch {
    return false
  }
}
