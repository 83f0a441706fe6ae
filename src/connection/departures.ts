// Queue subscriptions that one client has ended: its next operations wait for messages that are still on their way to
// them.

import type { Departures } from '../routing/departures.ts'
import type { Subscription } from '../routing/subscription.ts'

/** A client whose members of queue groups leave. */
export interface DepartureHost {
  readonly closing: boolean
  endSubscription(subscription: Subscription): void
  /** Takes nothing more until the function that it returns is called. */
  suspend(): () => void
  /** Does something of this connection's for the event loop. */
  attempt(act: () => unknown): void
}

/** What it needs of those of the shard. */
type ShardDepartures = Pick<Departures, 'begin'>

/** The members that one client has ended: what it asks for next is carried out when nothing more can come for them. */
export class ClientDepartures {
  private readonly client: DepartureHost
  private readonly departures: ShardDepartures
  private underWay = 0
  /** The operation that waits; no more are read meanwhile. */
  private waiting: (() => void) | undefined

  constructor(client: DepartureHost, departures: ShardDepartures) {
    this.client = client
    this.departures = departures
  }

  begin(subscription: Subscription): void {
    this.underWay++
    if (!this.departures.begin(subscription, () => this.ended())) this.underWay--
    this.client.endSubscription(subscription)
  }

  /** Returns false if nothing is to be waited for; otherwise `operation` is carried out later. */
  holdBack(operation: () => void): boolean {
    if (this.underWay === 0) return false
    this.waiting = holdBack(this.client, operation)
    return true
  }

  private ended(): void {
    if (--this.underWay > 0) return
    const { waiting } = this
    this.waiting = undefined
    waiting?.()
  }
}

/** Takes no more of a client's operations until the function that it answers is called, which carries out this one. */
export function holdBack(client: DepartureHost, operation: () => void): () => void {
  const goOn = client.suspend()
  return () => {
    client.attempt(() => client.closing || operation())
    goOn()
  }
}
