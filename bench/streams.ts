// What the raw generators send and expect: each stream is the subscriptions of its receivers, one cycle of publishes
// that is sent again and again, and what each receiver is owed for a cycle. All messages of a stream are equally long
// on the wire (subjects, sids and payloads of fixed width), so that receivers need not parse them.

import { Random } from '../test/support/random.ts'

export interface Stream {
  /** For each receiving connection the text of its SUBs. */
  readonly subscriptions: readonly string[]
  readonly stride: number
  /** `M` of MSG or `H` of HMSG. */
  readonly initial: string
  readonly cycle: Uint8Array
  readonly cycleMessages: number
  /** Messages delivered for one cycle, over all receivers … */
  readonly delivered: number
  /** … and to each; undefined: as the server shares them out. */
  readonly each: readonly number[] | undefined
}

/** Cycles of one and the same message are about this long; nats.go writes as much at once. */
const CYCLE_BYTES = 32 * 1024
/** Random streams are the same in each run and for each server. */
const SEED = 1
const SUBJECT = 'bench'

const digits = (value: number, width: number): string => `${value}`.padStart(width, '0')
const payloadOf = (bytes: number): string => 'x'.repeat(bytes)

function repeated(message: string): { cycle: Uint8Array; cycleMessages: number } {
  const cycleMessages = Math.max(1, Math.floor(CYCLE_BYTES / message.length))
  return { cycle: Buffer.from(message.repeat(cycleMessages)), cycleMessages }
}

/** Everybody subscribes to the one subject that is published. */
export function fanOut(subscribers: number, bytes: number): Stream {
  const payload = payloadOf(bytes)
  const { cycle, cycleMessages } = repeated(`PUB ${SUBJECT} ${bytes}\r\n${payload}\r\n`)
  return {
    subscriptions: Array.from({ length: subscribers }, () => `SUB ${SUBJECT} 1\r\n`),
    stride: `MSG ${SUBJECT} 1 ${bytes}\r\n${payload}\r\n`.length,
    initial: 'M',
    cycle,
    cycleMessages,
    delivered: cycleMessages * subscribers,
    each: Array.from({ length: subscribers }, () => cycleMessages),
  }
}

/** The same with a header on each message. */
export function fanOutHeaders(subscribers: number, bytes: number): Stream {
  const headers = 'NATS/1.0\r\nTrace: 0123456789abcdef\r\n\r\n'
  const sizes = `${headers.length} ${headers.length + bytes}`
  const body = `${headers}${payloadOf(bytes)}`
  const { cycle, cycleMessages } = repeated(`HPUB ${SUBJECT} ${sizes}\r\n${body}\r\n`)
  return {
    ...fanOut(subscribers, bytes),
    stride: `HMSG ${SUBJECT} 1 ${sizes}\r\n${body}\r\n`.length,
    initial: 'H',
    cycle,
    cycleMessages,
    delivered: cycleMessages * subscribers,
    each: Array.from({ length: subscribers }, () => cycleMessages),
  }
}

/** One queue group: each message goes to one of its members. */
export function queueGroup(members: number, bytes: number): Stream {
  const plain = fanOut(members, bytes)
  return {
    ...plain,
    subscriptions: plain.subscriptions.map(() => `SUB ${SUBJECT} workers 1\r\n`),
    delivered: plain.cycleMessages,
    each: undefined,
  }
}

/** Publishes at random to subjects of which each has one subscriber; the connections share them evenly. */
export function randomSubjects(subjects: number, connections: number, bytes: number): Stream {
  const width = `${subjects - 1}`.length
  // Sids of one width, too: 1 in front.
  const sid = (subject: number): string => `1${digits(subject, width)}`
  const name = (subject: number): string => `random.${digits(subject, width)}`
  const subscriptions = Array.from({ length: connections }, () => '')
  for (let i = 0; i < subjects; i++) subscriptions[i % connections] += `SUB ${name(i)} ${sid(i)}\r\n`

  const payload = payloadOf(bytes)
  const random = new Random(SEED)
  const picks = Array.from({ length: 2 * subjects }, () => random.below(subjects))
  const each = Array.from({ length: connections }, () => 0)
  for (const pick of picks) each[pick % connections]++
  return {
    subscriptions,
    stride: `MSG ${name(0)} ${sid(0)} ${bytes}\r\n${payload}\r\n`.length,
    initial: 'M',
    cycle: Buffer.from(picks.map((pick) => `PUB ${name(pick)} ${bytes}\r\n${payload}\r\n`).join('')),
    cycleMessages: picks.length,
    delivered: picks.length,
    each,
  }
}

/** Filters over subjects `w.AAA.BBB.C`: a pair (AAA, BBB) has two literals, C = 0 and 1, and about one wildcard. */
const SECONDS = 333
const WILDCARD_PUBLISHES = 100_000

/**
 * `filters` subscriptions, two thirds of them literal and one third wildcards (`w.AAA.BBB.*`, `w.AAA.BBB.>` and
 * `w.*.BBB.C`), spread over the connections. Each publish to a literal at random is delivered two or three times.
 */
export function manyFilters(filters: number, connections: number, bytes: number): Stream {
  const pairs = Math.floor(filters / 3)
  const pairName = (pair: number): string => `${digits(Math.floor(pair / SECONDS), 3)}.${digits(pair % SECONDS, 3)}`
  const literal = (pair: number, third: number): string => `w.${pairName(pair)}.${third}`
  /** The third filter of a pair: the first pairs have the wildcard in the middle, the rest at the end. */
  const middles = Math.min(2 * SECONDS, pairs)
  const wildcard = (pair: number): string => {
    if (pair < middles) return `w.*.${digits(pair % SECONDS, 3)}.${Math.floor(pair / SECONDS)}`
    return `w.${pairName(pair)}.${pair % 2 === 0 ? '*' : '>'}`
  }
  const names = [...Array(pairs).keys()].flatMap((pair) => [literal(pair, 0), literal(pair, 1), wildcard(pair)])
  const width = `${names.length}`.length
  const sid = (filter: number): string => `1${digits(filter, width)}`
  const subscriptions = Array.from({ length: connections }, () => '')
  for (const [i, name] of names.entries()) subscriptions[i % connections] += `SUB ${name} ${sid(i)}\r\n`

  const payload = payloadOf(bytes)
  const random = new Random(SEED)
  const each = Array.from({ length: connections }, () => 0)
  let cycle = ''
  let delivered = 0
  for (let i = 0; i < WILDCARD_PUBLISHES; i++) {
    const pair = random.below(pairs)
    const third = random.below(2)
    cycle += `PUB ${literal(pair, third)} ${bytes}\r\n${payload}\r\n`
    const matches = [3 * pair + third]
    if (pair >= middles) matches.push(3 * pair + 2)
    const middle = third * SECONDS + (pair % SECONDS)
    if (middle < middles) matches.push(3 * middle + 2)
    for (const match of matches) each[match % connections]++
    delivered += matches.length
  }
  return {
    subscriptions,
    stride: `MSG ${literal(0, 0)} ${sid(0)} ${bytes}\r\n${payload}\r\n`.length,
    initial: 'M',
    cycle: Buffer.from(cycle),
    cycleMessages: WILDCARD_PUBLISHES,
    delivered,
    each,
  }
}
