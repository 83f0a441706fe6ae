// What routes need of their shard, and of the primary.

import { comparePassword, equalsPlain, type PasswordVerifier } from '../auth/password.ts'
import { isOperatorMode } from '../auth/setup.ts'
import type { Options } from '../options/options.ts'
import { GLOBAL_ACCOUNT } from '../options/shapes.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { InterestFeed } from '../remote/interest-feed.ts'
import { isWelcome } from '../routes/certificates.ts'
import type { RouteDesk } from '../routes/route-link.ts'
import { byteString } from '../subjects/byte-string.ts'
import { requestSubjects } from '../system/services.ts'
import type { Questions } from '../threads/primary-rpc.ts'

export interface RouteDeskShard {
  readonly options: Options
  readonly identity: ServerIdentity
  readonly system: { readonly account: { readonly name: string } } | undefined
  readonly questions: Pick<Questions, 'ask'> & PasswordVerifier
}

export function createRouteDesk(shard: RouteDeskShard, feed: InterestFeed): RouteDesk {
  /** Names of configured accounts, as byte strings, for the options that they are of. */
  let known: { readonly options: Options; readonly names: ReadonlySet<string> } | undefined
  return {
    feed,
    get identity() {
      return shard.identity
    },
    get systemAccount() {
      return shard.system?.account.name ?? ''
    },
    get systemSubjects() {
      return requestSubjects(shard.identity.serverId)
    },
    knowsAccount(name) {
      const { options } = shard
      // Tokens of accounts may come later.
      if (isOperatorMode(options)) return true
      if (known?.options !== options) {
        const names = [GLOBAL_ACCOUNT, ...options.accounts.map((account) => byteString(account.name))]
        known = { options, names: new Set([...names, shard.system?.account.name ?? '']) }
      }
      return known.names.has(name)
    },
    async mayConnect(user, password, certificate) {
      const { cluster } = shard.options
      const byCertificate = cluster && isWelcome(certificate, cluster)
      if (byCertificate !== undefined) return byCertificate
      const demanded = cluster?.credentials
      if (demanded === undefined) return true
      const verdict = await comparePassword(demanded.password, password, shard.questions, {})
      return equalsPlain(demanded.username, user) && verdict === 'match'
    },
    ask: (event) => shard.questions.ask('route', { event }),
  }
}
