// The interface that leaf nodes need of their shard.

import type { Account } from '../accounts/account.ts'
import type { Identity, Refusal } from '../auth/identity.ts'
import type { AuthRequest, Soon } from '../auth/request.ts'
import type { CloseReason } from '../base/errors.ts'
import type { LoopClock } from '../base/loop-clock.ts'
import type { LeafnodeOptions } from '../options/leafnodes.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { InterestFeed } from '../remote/interest-feed.ts'
import type { LinkOwner } from '../remote/owner.ts'
import type { Router } from '../routing/router.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { LeafEvent, LeafFacts, LeafVerdict } from './contract.ts'

export interface LeafOwner extends LinkOwner {
  readonly clock: Pick<LoopClock, 'nowMs' | 'dateMs'>
  readonly router: Pick<Router, 'dispatch' | 'map'>
}

/** What the rest of the server has for leaf nodes. */
export interface LeafDesk {
  readonly options: LeafnodeOptions
  readonly identity: ServerIdentity
  readonly feed: InterestFeed
  /** The name of this server’s cluster, or of the server where it is in none and is a leaf node itself. */
  readonly cluster: string
  /** Of streams; empty: none. */
  readonly domain: string
  /** The account of the system; undefined: there is none. */
  readonly systemAccount: Account | undefined
  /** Where leaf nodes may reach this server and the others of its cluster: `host:port` each. */
  readonly urls: readonly string[]
  /** The account of this name (of the configuration, not a byte string). */
  accountNamed(name: string): Account
  /** Sees to it that an account does what its token says. Returns why there is no such account; undefined: there is. */
  learn(account: Account): Soon<string | undefined>
  /** Filters of an account (byte strings) that the server itself takes: services, mappings, the API of streams. */
  ownFilters(account: Account): readonly string[]
  /** Whether the account has streams here. */
  hasStreams(account: Account): boolean
  /** By which this server recognises its own interest when it comes back (docs/reference/leaf-nodes.md, "Loops"). */
  loopSubject(account: Account): string
  /** What a login says of the TLS of its connection. */
  tlsOf(session: TlsSession | undefined): Pick<AuthRequest, 'certificate' | 'tls'>
  /** The identity of a leaf node that logs in as clients do. */
  identify(request: AuthRequest, isGone: () => boolean): Soon<Identity | Refusal>
  ask(event: LeafEvent): Promise<LeafVerdict | undefined>
  /** For those who listen in the account of the system: a link is bound to an account. */
  came(link: LeafFacts): void
  /** The same: a link is closing that was bound, or to which the other server had tried to log in. */
  went(link: LeafFacts, reason: CloseReason): void
}
