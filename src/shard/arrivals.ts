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
    this.waiting++
    this.turns.add(() => {
      this.waiting--
      this.take(arrival)
      attempt(this.shard.bugMet, () => this.shard.endIfEmpty())
    })
  }

  /** A bug costs this connection. */
  private take(arrival: Arrival): void {
    const { shard } = this
    try {
      shard.take(arrival)
    } catch (error) {
      const client = shard.clients.get(arrival.id)
      if (client !== undefined) {
        client.failed(error)
        return
      }
      shard.bugMet(error)
      arrival.handle.close()
      shard.lost(arrival)
    }
  }
}
