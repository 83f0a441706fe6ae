// The subjects with the connections of an account in the system account: the older one and the newer one.

import { byteString } from '../subjects/byte-string.ts'

/** Byte strings. */
export function connectionSubjects(account: string): readonly string[] {
  const token = byteString(account)
  return [`$SYS.SERVER.ACCOUNT.${token}.CONNS`, `$SYS.ACCOUNT.${token}.SERVER.CONNS`]
}
