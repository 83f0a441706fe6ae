// A queue group in a plan, over all matching filters and all shards, and the choice of a member. Every member of every
// shard is equally likely.

import assert from 'node:assert/strict'
import type { Account } from '../accounts/account.ts'
import type { Dialect } from '../protocol/encoder.ts'
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
