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
  const matches = rememberedMatch()
  // A delivery is as long as with an empty sid, and its sid.
  const lengths = new Map(
    publishers.flatMap(({ messages }) => messages.map((message) => [message, deliveryText(message, '').length])),
  )
  return subscribers.map(({ account, subscriptions }) => {
    let [count, bytes] = [0, 0]
    for (const publisher of publishers) {
      if (publisher.account !== account) continue
      for (const message of publisher.messages) {
        for (const { filter, sid } of subscriptions) {
          if (!matches(filter, message.subject)) continue
          count++
          bytes += (lengths.get(message) ?? 0) + sid.length
        }
      }
    }
    return { messages: count, bytes }
  })
}

/** Subjects and filters are few beside messages and subscribers: each pair is compared once. */
export function rememberedMatch(): (filter: string, subject: string) => boolean {
  const known = new Map<string, Map<string, boolean>>()
  return (filter, subject) => {
    const ofFilter = known.get(filter) ?? new Map<string, boolean>()
    const isMatch = ofFilter.get(subject) ?? naiveMatch(filter, subject)
    known.set(filter, ofFilter)
    ofFilter.set(subject, isMatch)
    return isMatch
  }
}
