// Receivers and their subscriptions. A receiver owns subscriptions and takes messages; clients are the only kind today.
// The router knows no more of it than this interface, so that a new kind of connection only implements these members.
// An Entry is what an account has under a filter: a receiver's subscription, its counterpart in an exporting account,
// or one of the server.

import type { Account, StreamImport } from '../accounts/account.ts'
import type { Traffic } from '../accounts/counters.ts'
import type { Outbound } from '../net/outbound.ts'
import type { SlowConsumerPolicy } from '../options/shapes.ts'
import type { Dialect } from '../protocol/encoder.ts'
import type { Run } from '../protocol/run.ts'
import type { Publisher } from './publisher.ts'

/** In place of a node: it is not listed any more, but still takes what is on its way (departures.ts). */
export const LEAVING = -1

/** An entry of the list under a filter of an account. */
export abstract class Entry {
  readonly account: Account
  /** Filter and queue group (empty: none): byte strings. */
  readonly subject: string
  readonly queue: string
  /** Its node in the region, and its place in that node's list; 0 = not listed, LEAVING = not any more. */
  node = 0
  place = 0
  /** As how many members of its queue group it counts: another server's may stand for many. */
  readonly weight: number
  /** The cluster of the leaf node that it is for (empty: it names none); undefined: it is no leaf node's. */
  leafCluster: string | undefined

  constructor(account: Account, subject: string, queue: string, weight = 1) {
    this.account = account
    this.subject = subject
    this.queue = queue
    this.weight = weight
  }
}

/** What a receiver may have, where that is not decided when it subscribes. */
export interface DeliveryRights {
  /** For subscriptions that are `filtered`: the subject as the receiver sees it. */
  mayDeliver(subject: string, queue: string): boolean
  /** Whether delivered() is called for reply subjects. */
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

/** A receiver's. */
export class Subscription extends Entry {
  readonly receiver: Receiver
  /** Byte string. */
  readonly sid: string
  /** Messages delivered since SUB, those of imports too. */
  delivered = 0
  /** Deliveries after which it ends by itself; 0 = never. */
  max = 0
  /** Its receiver may not have all that its filter matches: each subject is asked about (DeliveryRights.mayDeliver). */
  filtered = false
  /** Its counterparts in accounts from which its own account imports. */
  imported: ImportedSubscription[] | undefined

  constructor(receiver: Receiver, account: Account, subject: string, queue: string, sid: string, weight = 1) {
    super(account, subject, queue, weight)
    this.receiver = receiver
    this.sid = sid
  }

  /** The one that SUB made, which counts the deliveries. */
  get origin(): Subscription {
    return this
  }
}

/** The counterpart in an exporting account of a client's subscription in the importing one. */
export class ImportedSubscription extends Subscription {
  readonly via: StreamImport
  private readonly madeFor: Subscription

  constructor(madeFor: Subscription, via: StreamImport, subject: string, exporter: Account) {
    super(madeFor.receiver, exporter, subject, madeFor.queue, madeFor.sid, madeFor.weight)
    this.madeFor = madeFor
    this.via = via
  }

  override get origin(): Subscription {
    return this.madeFor
  }
}

/** The server's own: it is called with each run. */
export class InternalSubscription extends Entry {
  readonly handle: (run: Run, publisher: Publisher) => void
  /** It sends the same messages on: a trace follows them. */
  readonly passesOn: boolean

  constructor(account: Account, subject: string, handle: (run: Run, publisher: Publisher) => void, passesOn = false) {
    super(account, subject, '')
    this.handle = handle
    this.passesOn = passesOn
  }
}
