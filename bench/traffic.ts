// Traffic: who publishes what, who subscribes to what, and what each subscriber is owed for it. Unlike a stream
// (streams.ts) it does not repeat one message: sizes, subjects and sids are as different as a workload makes them.
//
// A publisher sends its messages in order, again and again. One time of each publisher is a round; what a subscriber
// is owed for a round is known to the byte, so receivers need not parse what they get.

import { naiveMatch } from '../test/model/interest-model.ts'

export interface Message {
  readonly subject: string
  /** `NATS/1.0␍␊…␍␊␍␊`, or '' for none. */
  readonly headers: string
  /** The first KEY_BYTES of it are no other message's. */
  readonly payload: string
}

export interface Publisher {
  /** Its account and user; '' where there are none. */
  readonly account: string
  readonly messages: readonly Message[]
}

export interface Subscription {
  readonly filter: string
  readonly sid: string
}

export interface Subscriber {
  readonly account: string
  readonly subscriptions: readonly Subscription[]
}

export interface Traffic {
  readonly publishers: readonly Publisher[]
  readonly subscribers: readonly Subscriber[]
}

export const KEY_BYTES = 16

/** As its publisher writes it. */
export function publishText({ subject, headers, payload }: Message): string {
  if (headers === '') return `PUB ${subject} ${payload.length}\r\n${payload}\r\n`
  return `HPUB ${subject} ${headers.length} ${headers.length + payload.length}\r\n${headers}${payload}\r\n`
}

/** As a subscriber with this sid gets it. */
export function deliveryText({ subject, headers, payload }: Message, sid: string): string {
  if (headers === '') return `MSG ${subject} ${sid} ${payload.length}\r\n${payload}\r\n`
  return `HMSG ${subject} ${sid} ${headers.length} ${headers.length + payload.length}\r\n${headers}${payload}\r\n`
}

export interface Owed {
  readonly messages: number
  readonly bytes: number
}

/** What each subscriber gets in a round. */
export function owedBy({ publishers, subscribers }: Traffic): Owed[] {
  return subscribers.map(({ account, subscriptions }) => {
    const matcher = new Matcher(subscriptions)
    const messages = publishers.flatMap((publisher) => (publisher.account === account ? publisher.messages : []))
    let [count, bytes] = [0, 0]
    for (const message of messages) {
      const sids = matcher.sidsFor(message.subject)
      if (sids.length === 0) continue
      // A delivery is as long as with no sid, and its sid.
      bytes += sids.length * deliveryText(message, '').length + sids.join('').length
      count += sids.length
    }
    return { messages: count, bytes }
  })
}

/** Which subscriptions of a subscriber match a subject, by comparing it with each; literal ones are found at once. */
export class Matcher {
  private readonly literals = new Map<string, string[]>()
  private readonly wildcards: Subscription[] = []
  private readonly known = new Map<string, readonly string[]>()

  constructor(subscriptions: readonly Subscription[]) {
    for (const subscription of subscriptions) {
      const { filter, sid } = subscription
      if (/[*>]/.test(filter)) this.wildcards.push(subscription)
      else this.literals.set(filter, [...(this.literals.get(filter) ?? []), sid])
    }
  }

  sidsFor(subject: string): readonly string[] {
    const known = this.known.get(subject)
    if (known !== undefined) return known
    const matching = this.wildcards.filter(({ filter }) => naiveMatch(filter, subject)).map(({ sid }) => sid)
    const sids = [...(this.literals.get(subject) ?? []), ...matching]
    this.known.set(subject, sids)
    return sids
  }
}
