// What the tests of the shared index have in common: a writer and a reader of one region, and random names.

import { Generations } from '../../src/interest/generations.ts'
import { accountKey, type Interest, InterestReader } from '../../src/interest/reader.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import type { Random } from '../support/random.ts'

export class TestIndex {
  readonly region: SharedArrayBuffer
  readonly generations = new Generations()
  readonly writer: InterestWriter
  readonly reader: InterestReader

  constructor(seed = 1, maxBytes?: number) {
    this.region = maxBytes === undefined ? createRegion() : createRegion(maxBytes)
    this.writer = new InterestWriter(this.region, this.generations, seed)
    this.reader = new InterestReader(this.region)
  }

  read(account: string, subject: string): Interest {
    return readFrom(this.reader, account, subject)
  }
}

/** Byte strings. */
export function readFrom(reader: InterestReader, account: string, subject: string): Interest {
  // The subject stands somewhere inside a longer buffer, as it does in a control line.
  const bytes = Buffer.from(`x.${subject}.y`, 'latin1')
  return reader.read(accountKey(account), bytes, 2, 2 + subject.length)
}

export const NOTHING: Interest = { plain: false, queues: undefined }
export const PLAIN: Interest = { plain: true, queues: undefined }

const TOKENS = [
  'a',
  'b',
  'c',
  'aa',
  'ab',
  'foo',
  'orders',
  'new',
  'a*',
  '>>',
  '\xff\xfe',
  '\xc3\xa4',
  '\x01',
  'x'.repeat(70),
]

/** A filter or, without wildcards, a subject: mostly short and of few tokens, so that they meet. */
export function randomSubject(random: Random, wildcards: boolean): string {
  const tokens: string[] = []
  const count = random.chance(0.02) ? 1 + random.below(60) : 1 + random.below(5)
  for (let i = 0; i < count; i++) {
    const isLast = i === count - 1
    if (wildcards && isLast && random.chance(0.2)) tokens.push('>')
    else if (wildcards && random.chance(0.25)) tokens.push('*')
    else tokens.push(random.pick(TOKENS))
  }
  return tokens.join('.')
}

export interface Filter {
  readonly account: string
  readonly filter: string
  readonly queue: string
}

const ACCOUNTS = ['$G', 'A', 'acme.eu', '*', '\xe9']
const QUEUES = ['', '', '', 'q', 'workers', 'q.*', '\xff', 'w'.repeat(130)]

export function randomFilter(random: Random): Filter {
  return { account: randomAccount(random), filter: randomSubject(random, true), queue: random.pick(QUEUES) }
}

export function randomAccount(random: Random): string {
  return random.pick(ACCOUNTS)
}
