// A subscription of the client as one of nats-core. Ordered consumers change the subject of theirs when they begin anew
// (`_resub`): then another subscription of the client takes its place.

import type { Msg, MsgCallback, Subscription, SubscriptionOptions } from '@nats-io/nats-core'
import type { NatsConnection as OwnConnection, Subscription as OwnSubscription } from '../client/index.ts'
import { asTheirs, rejectAsTheirs, theirError } from './errors.ts'
import { iterationOver } from './iterating.ts'
import { NatsCoreMsg, type Publisher } from './message.ts'

export class NatsCoreSubscription implements Subscription {
  readonly closed: Promise<undefined | Error>
  readonly callback: MsgCallback<Msg>
  /** The one of the client that has the messages now. */
  own: OwnSubscription
  private readonly connection: OwnConnection
  private readonly publisher: Publisher
  private readonly options: SubscriptionOptions
  private resolveClosed: (error: Error | undefined) => void = () => undefined
  /** Messages of those before the present one. */
  private receivedBefore = 0
  private processedBefore = 0

  /** Throws what subscribe() throws. */
  constructor(connection: OwnConnection, publisher: Publisher, subject: string, options: SubscriptionOptions) {
    this.connection = connection
    this.publisher = publisher
    this.options = options
    this.callback = options.callback ?? (() => undefined)
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve
    })
    this.own = this.open(subject, options)
  }

  private open(subject: string, { callback, ...others }: SubscriptionOptions): OwnSubscription {
    const { publisher } = this
    const own = asTheirs(() =>
      this.connection.subscribe(subject, {
        ...others,
        ...(callback === undefined
          ? {}
          : {
              callback: (error, message) => {
                if (error === null) callback(null, new NatsCoreMsg(message, publisher))
                else callback(theirError(error), undefined as unknown as Msg)
              },
            }),
      }),
    )
    own.closed
      .then((error) => {
        if (this.own === own) this.resolveClosed(theirError(error))
      })
      .catch(() => undefined)
    return own
  }

  /** From now on it is for another subject: what is on its way on the one before is lost. */
  resubscribe(subject: string): void {
    const before = this.own
    const { callback, queue } = this.options
    if (callback === undefined) throw new TypeError('a subscription that is iterated over keeps its subject')
    this.receivedBefore += before.getReceived()
    this.processedBefore += before.getProcessed()
    this.own = this.open(subject, { callback, ...(queue === undefined ? {} : { queue }) })
    before.unsubscribe()
  }

  unsubscribe(max?: number): void {
    this.own.unsubscribe(max)
  }

  drain(): Promise<void> {
    return this.own.drain().catch(rejectAsTheirs)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.own[Symbol.asyncDispose]()
  }

  [Symbol.asyncIterator](): AsyncIterator<Msg> {
    return asTheirs(() => iterationOver(this.own, (message) => new NatsCoreMsg(message, this.publisher)))
  }

  isDraining(): boolean {
    return this.own.isDraining()
  }

  isClosed(): boolean {
    return this.own.isClosed()
  }

  getSubject(): string {
    return this.own.getSubject()
  }

  getReceived(): number {
    return this.receivedBefore + this.own.getReceived()
  }

  getProcessed(): number {
    return this.processedBefore + this.own.getProcessed()
  }

  getPending(): number {
    return this.own.getPending()
  }

  getID(): number {
    return this.own.getID()
  }

  getMax(): number | undefined {
    return this.own.getMax()
  }
}
