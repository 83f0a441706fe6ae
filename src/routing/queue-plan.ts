// A queue group in a plan, over all matching filters and all shards, and the choice of a member. Every member of every
// shard is equally likely.

import assert from 'node:assert/strict'
import type { Account } from '../accounts/account.ts'
import type { Dialect } from '../protocol/encoder.ts'
import type { LinksOfShard } from './link-plan.ts'
import type { Peer } from './peer.ts'
import type { Subscription } from './subscription.ts'

/** A queue group over all matching filters and all shards. */
export interface QueuePlan {
  readonly account: Account
  readonly name: string
  /** Members here, each a group of its own. */
  readonly local: ReceiverGroup[]
  readonly remote: { readonly peer: Peer; readonly members: number }[]
  remoteMembers: number
  /** Links to other servers that have members, by the shard that they are on; undefined: there are none. */
  links: LinksOfShard[] | undefined
}

/** Subscriptions whose messages look the same on the wire: same subject, same sid, same view of headers. */
export interface ReceiverGroup {
  /** The subject that an import gives it; empty: the published one. */
  readonly subject: string
  readonly sid: string
  readonly headers: boolean
  readonly dialect: Dialect
  readonly subscriptions: Subscription[]
}

/** Members of this server, on all shards. */
export function membersHere({ local, remoteMembers }: QueuePlan): number {
  return local.length + remoteMembers
}

/** … and of other servers too. */
export function membersOf(queue: QueuePlan): number {
  let members = membersHere(queue)
  for (const { weight } of queue.links ?? []) members += weight
  return members
}

/**
 * The links of a random member among those of other servers and `others`; undefined: it is one of the others, or there
 * is none. Those that are last are taken if there is nobody else.
 */
export function randomLinks({ links = [] }: QueuePlan, others: number): LinksOfShard | undefined {
  const first = links.filter(({ isLast }) => !isLast)
  return others > 0 || first.length > 0 ? randomOf(first, others) : randomOf(links, 0)
}

function randomOf(links: readonly LinksOfShard[], others: number): LinksOfShard | undefined {
  let all = others
  for (const { weight } of links) all += weight
  let left = Math.random() * all - others
  if (left < 0) return undefined
  for (const link of links) {
    left -= link.weight
    if (left < 0) return link
  }
  return undefined
}

/** The place of a random member: of those here first, then of those on other shards. There is one at least. */
export function randomMember({ local, remoteMembers }: QueuePlan): number {
  return Math.floor(Math.random() * (local.length + remoteMembers))
}

/** The same among those on other shards alone. */
export function randomRemoteMember({ local, remoteMembers }: QueuePlan): number {
  return local.length + Math.floor(Math.random() * remoteMembers)
}

/** The shard of the member at `place`; undefined: it is here. */
export function peerOfMember({ local, remote }: QueuePlan, place: number): Peer | undefined {
  let left = place - local.length
  if (left < 0) return undefined
  for (const { peer, members } of remote) {
    left -= members
    if (left < 0) return peer
  }
  assert.fail('no member has this place')
}
