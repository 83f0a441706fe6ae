// Responders to the requests of shards, on the primary thread: the pool that checks passwords, the resolver of account
// tokens, the OCSP checks of certificates, the embedding program's function. Each is created when it is first needed.

import { askCustom } from '../auth/custom.ts'
import type { PasswordPool } from '../auth/password-pool.ts'
import type { OpenResolver } from '../auth/resolver/open.ts'
import type { AccountResolver } from '../auth/resolver/resolver.ts'
import type { Options } from '../options/options.ts'
import { GLOBAL_ACCOUNT } from '../options/shapes.ts'
import type { Answerers } from '../threads/primary-rpc.ts'
import type { OcspCounts, OcspObserver, OcspPeers } from '../tls/ocsp/peers.ts'
import type { Program } from './program.ts'

/** Something that is ready to be used from the moment on that options are in force. */
export interface Prepared {
  readonly commit: () => void
}

export class AuthResponder {
  readonly answerers: Omit<Answerers, 'system' | 'streams' | 'route' | 'leaf'>
  private pool: Promise<PasswordPool> | undefined
  private resolver: OpenResolver | undefined
  private peers: Promise<OcspPeers> | undefined
  /** What is known of clients' certificates; undefined: no question yet. */
  ocspCounts: OcspCounts | undefined

  /** `options` are those in force at the question; `ocsp` receives reports of revoked certificates. */
  constructor(options: () => Options, program: Pick<Program, 'authenticate' | 'rules'>, ocsp: OcspObserver) {
    this.answerers = {
      password: async ({ hash, password }, gone) => (await this.passwords()).verify(hash, password, gone),
      account: async ({ key }) => this.resolver?.resolver.lookup(key),
      certificate: async ({ chain, options: terms }) => {
        this.peers ??= import('../tls/ocsp/peers.ts').then(
          ({ OcspPeers }) => new OcspPeers(ocsp, () => options().ocspCache),
        )
        const peers = await this.peers
        this.ocspCounts = peers.counts
        return peers.check(chain, terms)
      },
      custom: async ({ request }) => {
        const hasAccount = (name: string): boolean =>
          name === GLOBAL_ACCOUNT || options().accounts.some((account) => account.name === name)
        return askCustom(program.authenticate ?? (() => false), request, hasAccount)
      },
      rules: ({ client }) => program.rules(client),
    }
  }

  /** Where account tokens come from; undefined outside operator mode. */
  get accountResolver(): AccountResolver | undefined {
    return this.resolver?.resolver
  }

  /** Makes ready what these options ask for, or says why no server can go by them. `warn` is for the log. */
  async prepare(options: Options, warn: (text: string) => void): Promise<Prepared | { readonly refused: string }> {
    // Other servers have no use for all that reads tokens. A URL has to be reachable all the same.
    const { operators, trustedKeys, resolver } = options
    if (operators.length === 0 && trustedKeys.length === 0 && resolver?.type !== 'url')
      return { commit: () => undefined }
    const { openResolver } = await import('../auth/resolver/open.ts')
    const opened = await openResolver(options, this.resolver, warn)
    if ('invalid' in opened) return { refused: opened.invalid }
    const commit = (): void => {
      if (this.resolver !== opened) this.resolver?.close()
      this.resolver = opened
    }
    return { commit }
  }

  private passwords(): Promise<PasswordPool> {
    this.pool ??= import('../auth/password-pool.ts').then(({ PasswordPool }) => new PasswordPool())
    return this.pool
  }

  async close(): Promise<void> {
    this.resolver?.close()
    await (await this.pool)?.close()
    ;(await this.peers)?.close()
  }
}
