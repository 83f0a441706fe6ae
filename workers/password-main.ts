// The entry of a thread that checks passwords. Wiring only.

import { setPriority } from 'node:os'
import { checkBcrypt } from '../src/auth/bcrypt.ts'
import type { PasswordTask } from '../src/auth/password-pool.ts'

// Logins come after messages. Only Linux has priorities for single threads; elsewhere this would be the process's.
if (process.platform === 'linux') setPriority(0, 10)

export default function checkPassword({ hash, password }: PasswordTask): boolean {
  return checkBcrypt(hash, password)
}
