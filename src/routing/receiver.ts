// Who owns subscriptions and takes messages: a client today, whatever carries it. The router knows no more of it than
// this, so that another kind of connection needs nothing but these members.

import type { Account } from '../accounts/account.ts'
import type { Traffic } from '../accounts/counters.ts'
import type { Outbound } from '../net/outbound.ts'
import type { SlowConsumerPolicy } from '../options/shapes.ts'
import type { Dialect } from '../protocol/encoder.ts'
import type { Subscription } from './subscription.ts'

/** What a receiver may have, where that is not decided when it subscribes. */
export interface DeliveryRights {
  /** For subscriptions that are `filtered`: the subject as the receiver sees it. */
  mayDeliver(subject: string, queue: string): boolean
  /** Whether delivered() is to be told of reply subjects. */
  readonly mayAnswer: boolean
  /** A message that can be answered at `reply` was delivered. */
  delivered(reply: string): void
}

export interface Receiver extends Traffic {
  /** Unique among all connections of the server. */
  readonly id: number
  /** What kind of connection it is, by nats-server's numbers: 0 is a client. */
  readonly kind: number
  /** It has left, or is leaving: nothing is delivered to it any more. */
  readonly closing: boolean
  /** Where the bytes for it wait. */
  readonly outbound: Outbound
  /** Composes the heads of its messages. One object for all receivers of a kind: they share what is encoded. */
  readonly dialect: Dialect
  readonly options: {
    /** It understands headers. */
    readonly headers: boolean
    /** It wants what it publishes itself. */
    readonly echo: boolean
    /** What it calls itself; empty: nothing. */
    readonly name: string
  }
  /** The account that it is in. */
  readonly account: Account
  /** Undefined: it may have everything. */
  readonly rights: DeliveryRights | undefined
  /** Told of each message while messages are traced in the log: the head, and what follows it. */
  readonly log: { messageWentOut(head: string, message: Buffer, headerSize: number): void }
  outMessages: number
  outBytes: number
  /** On the shard's clock. */
  lastActivityMs: number
  /** What happens to messages for which it has no room, and to how many that has happened. */
  readonly slowConsumerPolicy: SlowConsumerPolicy
  readonly droppedMessages: number
  /** A subscription has had as many messages as it wanted. */
  endSubscription(subscription: Subscription): void
}
