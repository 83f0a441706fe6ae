// Connections that were handed to a shard and wait for their turn: creating a client costs as much as many operations,
// and thousands may arrive in one message, between two reads of other clients.

import { attempt } from '../base/guarded.ts'
import { TurnQueue } from '../base/turn-queue.ts'
import type { Arrival } from '../net/handle.ts'
import type { ArrivalsOwner } from './owner.ts'

/** Each takes about a twentieth of a millisecond. */
const ARRIVALS_A_TURN = 32

export class Arrivals {
  private readonly shard: ArrivalsOwner
  private readonly turns = new TurnQueue(ARRIVALS_A_TURN)
  /** How many wait. */
  waiting = 0

  constructor(shard: ArrivalsOwner) {
    this.shard = shard
  }

  /** The shard takes over a connection at the end of this turn or of one of the next. */
  add(arrival: Arrival): void {
    const { shard } = this
    this.waiting++
    this.turns.add(() => {
      this.waiting--
      attempt(shard.bugMet, () => shard.take(arrival))
      attempt(shard.bugMet, () => shard.endIfEmpty())
    })
  }
}
