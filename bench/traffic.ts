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
  const owed = alike(subscribers, ({ account, subscriptions }) => {
    const matcher = new Matcher(subscriptions)
    /** For each subscription; bytes are those of deliveries without a sid. */
    const counts = subscriptions.map(() => 0)
    let bytes = 0
    for (const publisher of publishers) {
      if (publisher.account !== account) continue
      for (const message of publisher.messages) {
        const matching = matcher.matching(message.subject)
        if (matching.length > 0) bytes += matching.length * deliveryText(message, '').length
        for (const number of matching) counts[number]++
      }
    }
    return { counts, bytes }
  })
  return subscribers.map(({ subscriptions }, i) => {
    const { counts, bytes } = owed[i]
    return {
      messages: counts.reduce((sum, count) => sum + count, 0),
      bytes: counts.reduce((sum, count, number) => sum + count * subscriptions[number].sid.length, bytes),
    }
  })
}

/** One T for each subscriber, the same for those with the same account and filters: there may be many of them. */
export function alike<T>(subscribers: readonly Subscriber[], make: (subscriber: Subscriber) => T): T[] {
  const known = new Map<string, T>()
  return subscribers.map((subscriber) => {
    const key = JSON.stringify([subscriber.account, ...subscriber.subscriptions.map(({ filter }) => filter)])
    const made = known.get(key) ?? make(subscriber)
    known.set(key, made)
    return made
  })
}

/** Which subscriptions match a subject, by comparing it with each; literal ones are found at once. */
export class Matcher {
  private readonly filters: readonly string[]
  private readonly literals = new Map<string, number[]>()
  private readonly wildcards: number[] = []
  private readonly known = new Map<string, readonly number[]>()

  constructor(subscriptions: readonly Subscription[]) {
    this.filters = subscriptions.map(({ filter }) => filter)
    for (const [number, filter] of this.filters.entries()) {
      if (/[*>]/.test(filter)) this.wildcards.push(number)
      else this.literals.set(filter, [...(this.literals.get(filter) ?? []), number])
    }
  }

  /** The numbers of the subscriptions. */
  matching(subject: string): readonly number[] {
    const known = this.known.get(subject)
    if (known !== undefined) return known
    const wildcards = this.wildcards.filter((number) => naiveMatch(this.filters[number], subject))
    const matching = [...(this.literals.get(subject) ?? []), ...wildcards]
    this.known.set(subject, matching)
    return matching
  }
}
