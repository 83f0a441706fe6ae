// Who answers the questions of shards, on the primary thread: the pool that checks passwords, the resolver of account
// tokens, the embedding program's function. Each is made when it is first needed.

import type { Options } from '../options.ts'
import { type Authenticate, askCustom } from './custom.ts'
import type { PasswordPool } from './password-pool.ts'
import type { Answerers } from './questions.ts'
import type { AccountResolver } from './resolver/resolver.ts'
import { GLOBAL_ACCOUNT } from './settings.ts'

export class AuthDesk {
  readonly answerers: Answerers
  private readonly authenticate: Authenticate | undefined
  private pool: Promise<PasswordPool> | undefined
  resolver: AccountResolver | undefined

  /** `options` are those in force when somebody asks. */
  constructor(options: () => Options, authenticate: Authenticate | undefined) {
    this.authenticate = authenticate
    this.answerers = {
      password: async ({ hash, password }, gone) => (await this.passwords()).verify(hash, password, gone),
      account: async ({ key }) => this.resolver?.lookup(key),
      custom: async ({ request }) => {
        const hasAccount = (name: string): boolean =>
          name === GLOBAL_ACCOUNT || options().accounts.some((account) => account.name === name)
        return askCustom(this.authenticate ?? (() => false), request, hasAccount)
      },
      callout: () => Promise.resolve(undefined),
    }
  }

  private passwords(): Promise<PasswordPool> {
    this.pool ??= import('./password-pool.ts').then(({ PasswordPool }) => new PasswordPool())
    return this.pool
  }

  async close(): Promise<void> {
    await (await this.pool)?.close()
  }
}
