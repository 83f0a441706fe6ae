// The audiences of a shard's plans. Plans with the same plain subscriptions share one audience, so that the fan-out
// compares audiences by identity from one message to the next.

import { AUDIENCES_WEIGHT_MAX } from '../base/constants.ts'
import { mix } from '../memory/block.ts'
import { Audience } from './audience.ts'
import type { ReceiverGroup } from './queue-plan.ts'

export class Audiences {
  /** By a hash of their subscriptions: of two with the same hash, the latest. */
  private readonly byHash = new Map<number, Audience>()
  /** Subscriptions in all of them. */
  private weight = 0

  /** The audience of these groups. It may have been made for other groups of the same subscriptions. */
  of(groups: readonly ReceiverGroup[]): Audience {
    const hash = hashOf(groups)
    const known = this.byHash.get(hash)
    if (known?.isFor(groups) === true) return known
    const audience = new Audience(groups)
    this.keep(audience, hash)
    return audience
  }

  /** Forgets all but these, and with them the closed connections that they name. */
  keepOnly(audiences: Iterable<Audience>): void {
    this.clear()
    for (const audience of audiences) this.keep(audience, hashOf(audience.groups))
  }

  private keep(audience: Audience, hash: number): void {
    const known = this.byHash.get(hash)
    if (known === audience) return
    if (this.weight + audience.size > AUDIENCES_WEIGHT_MAX) this.clear()
    this.weight += audience.size - (known?.size ?? 0)
    this.byHash.set(hash, audience)
  }

  private clear(): void {
    this.byHash.clear()
    this.weight = 0
  }
}

function hashOf(groups: readonly ReceiverGroup[]): number {
  let hash = groups.length
  for (const { subscriptions } of groups) {
    for (const { receiver, node } of subscriptions) hash = mix((Math.imul(hash, 31) + receiver.id) ^ node)
  }
  return hash
}
