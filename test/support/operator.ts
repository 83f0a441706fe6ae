// An operator with accounts and users for tests, made by the official libraries, and the configuration of a server that
// trusts it.

import { encodeAccount, encodeOperator, encodeUser, fmtCreds } from '@nats-io/jwt'
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys'

type AccountBody = NonNullable<Parameters<typeof encodeAccount>[2]>
type AccountTimes = NonNullable<Parameters<typeof encodeAccount>[3]>
type OperatorBody = NonNullable<Parameters<typeof encodeOperator>[2]>
type UserBody = NonNullable<Parameters<typeof encodeUser>[3]>
type UserTimes = NonNullable<Parameters<typeof encodeUser>[4]>

const UNLIMITED = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }

/** A user with its key and its token. */
export interface TokenUser {
  readonly key: KeyPair
  readonly jwt: string
  readonly seed: Uint8Array
  /** What a `.creds` file holds. */
  readonly creds: Uint8Array
}

export class TestAccount {
  readonly key = createAccount()
  readonly name: string
  readonly id = this.key.getPublicKey()

  constructor(name: string) {
    this.name = name
  }

  async user(body: UserBody = {}, times: UserTimes = {}, name = 'alice'): Promise<TokenUser> {
    const key = createUser()
    const jwt = await encodeUser(name, key, this.key, body, times)
    return { key, jwt, seed: key.getSeed(), creds: fmtCreds(jwt, key) }
  }
}

export class TestOperator {
  readonly key = createOperator()
  readonly system = new TestAccount('SYS')
  /** By public key. */
  readonly tokens = new Map<string, string>()
  /** Of the operator itself: a reload cannot change it. */
  private token = ''

  /** Signs an account's token, in place of the one that it may have. */
  async sign(account: TestAccount, body: AccountBody = {}, times: AccountTimes = {}): Promise<string> {
    const full = { ...body, limits: { ...UNLIMITED, ...body.limits } }
    const jwt = await encodeAccount(account.name, account.key, full, { signer: this.key, ...times })
    this.tokens.set(account.id, jwt)
    return jwt
  }

  /** The text of a configuration with all tokens in it, or with another resolver. `body`: what the operator says. */
  async config(resolver = 'MEMORY', isPreloaded = true, body: OperatorBody = {}): Promise<string> {
    if (!this.tokens.has(this.system.id)) await this.sign(this.system)
    this.token ||= await encodeOperator('op', this.key, { system_account: this.system.id, ...body })
    const preload = [...this.tokens].map(([key, jwt]) => `${key}: ${jwt}`).join('\n')
    return `operator: ${this.token}\nresolver: ${resolver}\n${isPreloaded ? `resolver_preload {\n${preload}\n}` : ''}\n`
  }
}
