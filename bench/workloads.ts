// Traffic as systems have it: sizes vary, subjects vary, each subscriber has a sid of its own. The same in each run and
// for each server.

import { Random } from '../test/support/random.ts'
import { type Message, type Publisher, publishText, type Subscriber, type Traffic } from './traffic.ts'

const SEED = 1
/** A round is about this long: servers find nothing of it again in the caches of a processor. */
const ROUND_BYTES = 2 * 1024 * 1024
const SUBJECT = 'orders.created'
const KIB = 1024

/** What a message is made by. */
interface Makers {
  readonly subject: (random: Random) => string
  readonly bytes: (random: Random) => number
  readonly headers?: (random: Random) => string
}

export const sizesAtRandom = (random: Random): number => 16 + random.below(1024 - 16 + 1)

/** Lower case only. The number of the message in front makes it unlike any other. */
function payloadOf(random: Random, number: number, bytes: number): string {
  // Longer ones are made of a few random words: random to a server, and quickly made.
  const words = Array.from({ length: 8 }, () => random.below(2 ** 31).toString(36)).join('')
  return `${number.toString(36)}_${words.repeat(Math.ceil(bytes / words.length))}`.slice(0, bytes)
}

/** A publisher of messages whose text takes `bytes`. `first`: the number of its first message. */
function publisher(
  { subject, bytes, headers }: Makers,
  random: Random,
  roundBytes = ROUND_BYTES,
  first = 0,
): Publisher {
  const messages: Message[] = []
  for (let length = 0; length < roundBytes; ) {
    const message: Message = {
      subject: subject(random),
      headers: headers?.(random) ?? '',
      payload: payloadOf(random, first + messages.length, bytes(random)),
    }
    messages.push(message)
    length += publishText(message).length
  }
  return { account: '', messages }
}

/** Different sids of one to five digits, as those of clients that have been connected for more or less long. */
function sids(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${[1, 101, 1_001, 10_001][i % 4] + i}`)
}

/** `count` subscribers, each with a sid of its own, and with the filters in turn. */
function subscribers(count: number, filters: readonly string[]): Subscriber[] {
  return sids(count).map((sid, i) => ({ account: '', subscriptions: [{ filter: filters[i % filters.length], sid }] }))
}

/** Subjects such as `orders.eu.k17.item.204.created`, of five or six tokens. */
function deepSubjects(count: number, random: Random): string[] {
  const subjects = new Set<string>()
  while (subjects.size < count) {
    const region = random.pick(['eu', 'us', 'apac', 'latam'])
    const item = `orders.${region}.k${random.below(100)}.item.${random.below(1_000)}`
    subjects.add(random.chance(0.25) ? item : `${item}.${random.pick(['created', 'paid', 'sent', 'returned'])}`)
  }
  return [...subjects]
}

/** One publisher and one subject. */
export function oneSubject(receivers: number, bytes: Makers['bytes']): Traffic {
  const publishers = [publisher({ subject: () => SUBJECT, bytes }, new Random(SEED))]
  return { publishers, subscribers: receivers === 1 ? alone : subscribers(receivers, [SUBJECT]) }
}

const alone: readonly Subscriber[] = [{ account: '', subscriptions: [{ filter: SUBJECT, sid: '17' }] }]

/** One publisher, who picks among many subjects at random; everybody hears all of them, by these filters in turn. */
export function deepSubjectsTo(receivers: number, filters: readonly string[], subjects = 1_000): Traffic {
  const random = new Random(SEED)
  const names = deepSubjects(subjects, random)
  return {
    publishers: [publisher({ subject: () => random.pick(names), bytes: sizesAtRandom }, random)],
    subscribers: subscribers(receivers, filters),
  }
}

/** Filters that all match deepSubjects(). */
export const WILDCARDS: readonly string[] = ['orders.>', 'orders.*.*.>', '*.*.*.item.>', 'orders.*.*.item.>']

/** So many publishers, each with a subject of its own, and two who hear all of them. */
export function manyPublishers(count: number): Traffic {
  const random = new Random(SEED)
  const publishers: Publisher[] = []
  for (let first = 0; publishers.length < count; ) {
    const subject = `devices.${random.pick(['eu', 'us'])}.d${publishers.length}.measured`
    const own = publisher({ subject: () => subject, bytes: sizesAtRandom }, random, ROUND_BYTES / 64, first)
    first += own.messages.length
    publishers.push(own)
  }
  return { publishers, subscribers: subscribers(2, ['devices.>', 'devices.*.*.measured']) }
}

/** Most messages are small, one of fifty is large. */
export const smallAndLarge = (random: Random): number =>
  random.below(50) === 0 ? 8 * KIB + random.below(56 * KIB + 1) : 16 + random.below(496 + 1)

/** Half of the messages have headers, one to four of them. */
export function mixedHeaders(receivers: number): Traffic {
  const headers = (random: Random): string => {
    if (random.chance(0.5)) return ''
    const lines = Array.from({ length: 1 + random.below(4) }, () => {
      const value = random
        .below(2 ** 31)
        .toString(16)
        .repeat(1 + random.below(4))
      return `${random.pick(['Trace', 'Nats-Msg-Id', 'Content-Type', 'X-Tenant'])}: ${value}\r\n`
    })
    return `NATS/1.0\r\n${lines.join('')}\r\n`
  }
  const makers: Makers = { subject: () => SUBJECT, bytes: sizesAtRandom, headers }
  return { publishers: [publisher(makers, new Random(SEED))], subscribers: subscribers(receivers, [SUBJECT]) }
}

/** Subject number n is published 1 / n ** `exponent` times as often as the first; each has one of the subscribers. */
export function zipf(subjects: number, exponent: number, receivers: number): Traffic {
  const random = new Random(SEED)
  const names = deepSubjects(subjects, random)
  const weights = names.map((_, i) => 1 / (i + 1) ** exponent)
  const whole = weights.reduce((sum, weight) => sum + weight, 0)
  let sum = 0
  const bounds = weights.map((weight) => (sum += weight / whole))
  const subject = (): string => {
    const pick = random.next()
    let [low, high] = [0, subjects - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (bounds[middle] < pick) low = middle + 1
      else high = middle
    }
    return names[low]
  }
  const makers: Makers = { subject, bytes: () => 16 + random.below(240 + 1) }
  return {
    publishers: [publisher(makers, random, 2 * ROUND_BYTES)],
    subscribers: Array.from({ length: receivers }, (_, i) => ({
      account: '',
      subscriptions: names
        .filter((__, subjectNumber) => subjectNumber % receivers === i)
        .map((filter, number) => ({ filter, sid: `${number + 1}` })),
    })),
  }
}

/** Each subscriber has four filters, of which a message matches two or three. */
export function overlapping(receivers: number): Traffic {
  const random = new Random(SEED)
  const names = deepSubjects(1_000, random)
  const filters = ['orders.>', 'orders.*.*.item.*', 'orders.eu.>', '*.*.*.item.*.>']
  const numbers = sids(receivers * filters.length)
  return {
    publishers: [publisher({ subject: () => random.pick(names), bytes: sizesAtRandom }, random)],
    subscribers: Array.from({ length: receivers }, (_, i) => ({
      account: '',
      subscriptions: filters.map((filter, j) => ({ filter, sid: numbers[i * filters.length + j] })),
    })),
  }
}

/** In each account a publisher of deep subjects and some subscribers. */
export function inAccounts(accounts: readonly string[], receivers: number): Traffic {
  const random = new Random(SEED)
  const names = deepSubjects(1_000, random)
  const publishers: Publisher[] = []
  let first = 0
  for (const account of accounts) {
    const makers: Makers = { subject: () => random.pick(names), bytes: sizesAtRandom }
    const { messages } = publisher(makers, random, ROUND_BYTES / 8, first)
    first += messages.length
    publishers.push({ account, messages })
  }
  return {
    publishers,
    subscribers: accounts.flatMap((account) =>
      subscribers(receivers, WILDCARDS).map((subscriber) => ({ ...subscriber, account })),
    ),
  }
}

/** Small messages to so many subjects, and nobody subscribes. */
export function unheard(subjects: number): Traffic {
  const random = new Random(SEED)
  const names = deepSubjects(subjects, random)
  const makers: Makers = { subject: () => random.pick(names), bytes: () => 16 + random.below(112 + 1) }
  return { publishers: [publisher(makers, random)], subscribers: [] }
}
