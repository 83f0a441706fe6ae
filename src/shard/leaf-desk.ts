// What leaf nodes need of their shard, and of the primary.

import { createHash } from 'node:crypto'
import type { Account } from '../accounts/account.ts'
import { authenticateConfigured } from '../auth/configured.ts'
import type { Identity, Refusal } from '../auth/identity.ts'
import type { PasswordVerifier } from '../auth/password.ts'
import type { AuthRequest, Soon } from '../auth/request.ts'
import { type AuthSettings, authSettings, type KnownUser } from '../auth/settings.ts'
import type { LeafDesk } from '../leaf/owner.ts'
import type { LeafnodeOptions, LeafUser } from '../options/leafnodes.ts'
import type { Options } from '../options/options.ts'
import type { TlsOptions } from '../options/shapes.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { InterestFeed } from '../remote/interest-feed.ts'
import { byteString } from '../subjects/byte-string.ts'
import { IMPLICIT_IMPORTS } from '../system/services.ts'
import type { ConnectionEvents } from '../system/shard/connection-events.ts'
import type { Questions } from '../threads/primary-rpc.ts'
import { PeerDirectory } from '../tls/names.ts'
import type { TlsEntry } from './tls-entry.ts'

/** What is told of links in the account of the system. */
type LinkEvents = Pick<ConnectionEvents, 'connected' | 'closed'>

export interface LeafDeskShard {
  readonly options: Options
  readonly identity: ServerIdentity
  readonly accounts: { named(name: string): Account }
  readonly system: { readonly account: Account; readonly events: LinkEvents } | undefined
  readonly admission: {
    identifyInTurn(request: AuthRequest, isGone: () => boolean): Soon<Identity | Refusal>
    whyNoAccount(name: string): Soon<string | undefined>
  }
  readonly questions: Pick<Questions, 'ask'> & PasswordVerifier
  readonly jetstream: object | undefined
  readonly tls: Pick<TlsEntry, 'certificateOf' | 'detailsOf'>
}

const LOOP_PREFIX = '$LDS.'
/** As long as the names that nats-server makes up. */
const LOOP_NAME_CHARS = 22

export function createLeafDesk(shard: LeafDeskShard, feed: InterestFeed): LeafDesk {
  const hasStreams = (account: Account): boolean => shard.jetstream !== undefined && account.jetstream !== undefined
  /** Users of leaf nodes alone, for the options that they are of. */
  let own: { readonly of: LeafnodeOptions; readonly settings: AuthSettings | undefined } | undefined
  const settingsOf = (options: LeafnodeOptions): AuthSettings | undefined => {
    if (own?.of !== options) own = { of: options, settings: options.users && settingsFor(options.users, options.tls) }
    return own.settings
  }
  const desk: LeafDesk = {
    feed,
    get options() {
      return shard.options.leafnodes as LeafnodeOptions
    },
    get identity() {
      return shard.identity
    },
    get cluster() {
      const { cluster, serverName } = shard.identity
      return cluster?.name ?? (desk.options.remotes.length > 0 ? serverName : '')
    },
    get domain() {
      return shard.options.jetstream?.domain ?? ''
    },
    get systemAccount() {
      return shard.system?.account
    },
    get urls() {
      return shard.identity.leaf?.urls ?? []
    },
    accountNamed: (name) => shard.accounts.named(byteString(name)),
    learn: ({ name }) => shard.admission.whyNoAccount(name),
    hasStreams,
    ownFilters(account) {
      const filters = account.serviceImports.map(({ subject }) => subject)
      for (const source of account.mappings.sources) filters.push(source)
      if (shard.system !== undefined && account !== shard.system.account) {
        for (const { subject } of IMPLICIT_IMPORTS) filters.push(subject)
      }
      if (hasStreams(account)) {
        filters.push('$JS.API.>')
        if (desk.domain !== '') filters.push(`$JS.${desk.domain}.API.>`)
      }
      return [...new Set(filters)]
    },
    loopSubject({ name }) {
      const digest = createHash('sha256').update(`${shard.identity.serverId}\n${name}`, 'latin1').digest('hex')
      return LOOP_PREFIX + digest.slice(0, LOOP_NAME_CHARS)
    },
    identify(request, isGone) {
      const settings = settingsOf(desk.options)
      if (settings === undefined) return shard.admission.identifyInTurn(request, isGone)
      return authenticateConfigured(settings, request, false, shard.questions)
    },
    tlsOf(session) {
      const settings = settingsOf(desk.options)
      const directory = settings === undefined ? undefined : new PeerDirectory([...settings.users.keys()])
      return { certificate: shard.tls.certificateOf(session, directory), tls: shard.tls.detailsOf(session) }
    },
    ask: (event) => shard.questions.ask('leaf', { event }),
    came: (link) => shard.system?.events.connected(link),
    went: (link, reason) => shard.system?.events.closed(link, reason),
  }
  return desk
}

/** Settings with these users alone. */
function settingsFor(users: readonly LeafUser[], tls: TlsOptions | undefined): AuthSettings {
  const known = users.map(
    ({ username, password, nkey, account }): KnownUser => ({
      username,
      password,
      nkey,
      account,
      permissions: undefined,
      connectionTypes: undefined,
      proxyRequired: false,
    }),
  )
  return {
    ...authSettings({ leafnodes: { tls } }),
    users: new Map(known.filter(({ nkey }) => nkey === '').map((user) => [user.username, user])),
    nkeys: new Map(known.filter(({ nkey }) => nkey !== '').map((user) => [user.nkey, user])),
    isRequired: true,
  }
}
