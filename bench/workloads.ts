// Traffic as systems have it: sizes vary, subjects vary, each subscriber has a sid of its own. The same in each run and
// for each server.

import { Random } from '../test/support/random.ts'
import { type Message, type Publisher, publishText, type Subscriber, type Traffic } from './traffic.ts'

const SEED = 1
/** A round is about this long: servers find nothing of it again in the caches of a processor. */
const ROUND_BYTES = 2 * 1024 * 1024
const SUBJECT = 'orders.created'

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

/** Sids of one to four digits, as those of clients that have been connected for more or less long. */
function sids(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${[1, 20, 300, 4000][i % 4] + i}`)
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

/** Small messages to so many subjects, and nobody subscribes. */
export function unheard(subjects: number): Traffic {
  const random = new Random(SEED)
  const names = deepSubjects(subjects, random)
  const makers: Makers = { subject: () => random.pick(names), bytes: () => 16 + random.below(112 + 1) }
  return { publishers: [publisher(makers, random)], subscribers: [] }
}
