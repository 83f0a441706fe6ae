// Looks into what a subscriber gets: parses a sample of it, and compares each message in it with what was published.
// Within a sample, a publisher's messages must follow each other as they were published, with none left out.

import { alike, KEY_BYTES, Matcher, type Message, type Publisher, type Subscriber, type Traffic } from '../traffic.ts'

/** A sample is cut there: the load is to be light. */
const SAMPLE_BYTES = 16 * 1024
const BEGIN = /(?:^|\r\n)(?=H?MSG )/
const HEAD = /^H?MSG (\S+) (\S+) (?:(\d+) )?(\d+)$/
const PING = 'PING\r\n'

/** The place of a message among those of its publisher that a subscriber is owed for a round. */
interface Place {
  readonly publisher: Publisher
  readonly index: number
  /** The index of the next one. */
  readonly next: number
}

function wrong(what: string): never {
  throw new Error(`a subscriber got, unexpectedly: ${what.slice(0, 200)}`)
}

export class Inspector {
  private readonly traffic: Traffic
  private readonly messages = new Map<string, Message>()
  /** By subscriber. */
  private readonly matchers: readonly Matcher[]
  private readonly places: readonly Map<Message, Place>[]

  constructor(traffic: Traffic) {
    this.traffic = traffic
    for (const { messages } of traffic.publishers) {
      for (const message of messages) this.messages.set(message.payload.slice(0, KEY_BYTES), message)
    }
    this.matchers = alike(traffic.subscribers, ({ subscriptions }) => new Matcher(subscriptions))
    this.places = alike(traffic.subscribers, (subscriber) => this.placesFor(subscriber))
  }

  /** `bytes` are some of what a subscriber gets. Throws if there is a message among them that it should not get now. */
  inspect(subscriber: number, bytes: Buffer): void {
    const text = bytes.toString('latin1', 0, SAMPLE_BYTES)
    const begin = BEGIN.exec(text)
    if (begin === null) return
    const latest = new Map<Publisher, { readonly place: Place; readonly sid: string }>()
    for (let at = begin.index + begin[0].length; ; ) {
      const lineEnd = text.indexOf('\r\n', at)
      if (lineEnd < 0) return
      if (text.startsWith(PING, at)) {
        at += PING.length
        continue
      }
      const line = text.slice(at, lineEnd)
      const [, subject, sid, headerBytes = '0', totalBytes] = HEAD.exec(line) ?? wrong(line)
      const bodyAt = lineEnd + 2
      const payloadAt = bodyAt + Number(headerBytes)
      const end = bodyAt + Number(totalBytes)
      at = end + 2
      if (at > text.length) return
      const payload = text.slice(payloadAt, end)
      const message = this.messages.get(payload.slice(0, KEY_BYTES)) ?? wrong(line)
      const place = this.places[subscriber].get(message) ?? wrong(line)
      const isWhole =
        subject === message.subject &&
        text.slice(bodyAt, payloadAt) === message.headers &&
        payload === message.payload &&
        text.startsWith('\r\n', end)
      if (!isWhole || !this.isSubscribed(subscriber, sid, subject)) wrong(line)
      const before = latest.get(place.publisher)
      const isNext = before === undefined || place.index === before.place.next
      // One message comes several times where several subscriptions match.
      if (!isNext && !(place === before.place && sid !== before.sid)) wrong(`${line} (out of order)`)
      latest.set(place.publisher, { place, sid })
    }
  }

  private isSubscribed(subscriber: number, sid: string, subject: string): boolean {
    const { subscriptions } = this.traffic.subscribers[subscriber]
    return this.matchers[subscriber].matching(subject).some((number) => subscriptions[number].sid === sid)
  }

  private placesFor({ account, subscriptions }: Subscriber): Map<Message, Place> {
    const matcher = new Matcher(subscriptions)
    const places = new Map<Message, Place>()
    for (const publisher of this.traffic.publishers) {
      if (publisher.account !== account) continue
      const owed = publisher.messages.filter(({ subject }) => matcher.matching(subject).length > 0)
      for (const [index, message] of owed.entries()) {
        places.set(message, { publisher, index, next: (index + 1) % owed.length })
      }
    }
    return places
  }
}
