// Rights that are asked for message by message.

/** What a receiver may have, where that is not decided when it subscribes. */
export interface DeliveryRights {
  /** For subscriptions that are `filtered`: the subject as the receiver sees it. */
  mayDeliver(subject: string, queue: string): boolean
  /** Whether delivered() is to be told of reply subjects. */
  readonly mayAnswer: boolean
  /** A message that can be answered at `reply` was delivered. */
  delivered(reply: string): void
}
