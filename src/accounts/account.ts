// An account: a subject space of its own (reference 4.3). Nothing published in one is seen in another but by import.

import type { AccountKey } from '../interest/reader.ts'

/** Where everybody is who was not given another account. */
export const GLOBAL_ACCOUNT = '$G'

export class Account implements AccountKey {
  readonly name: string
  /** The name as the bytes that begin the account's paths in the shared index. */
  readonly bytes: Uint8Array

  constructor(name: string) {
    this.name = name
    this.bytes = new Uint8Array(Buffer.from(name, 'latin1'))
  }
}

/** The accounts that a shard has met, one object each. */
export class Accounts {
  private readonly byName = new Map<string, Account>()
  readonly global = this.named(GLOBAL_ACCOUNT)

  named(name: string): Account {
    let account = this.byName.get(name)
    if (account === undefined) {
      account = new Account(name)
      this.byName.set(name, account)
    }
    return account
  }
}
