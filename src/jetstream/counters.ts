// Counters: on a stream that allows them, each message is an increment of the number that its subject has, and is
// stored with the sum. Numbers have any size; what bounds them is the length of a message.
//
//     Nats-Incr: +5, no payload  ─▶  last of the subject: {"val":"37"}  ─▶  stored and acknowledged: {"val":"42"}
//
// A message of another counter, which the stream takes in, tells the sum that its subject had there: what was added to
// that since it was told last is the increment here (counter-sources.ts).
//
// The sum is in the last message of the subject and nowhere else. What was read or stored of late is kept here, by
// subject, for as long as it is the last message; what is not kept is read first, and messages wait until it is there
// (held-messages.ts).

import { byteString } from '../subjects/byte-string.ts'
import { type CounterSources, counterSourcesText, readCounterSources } from './counter-sources.ts'
import { type ApiError, apiError } from './errors.ts'
import { HEADERS_MAX, Header, type Headers, readHeaders, withHeader } from './message-headers.ts'
import type { StoredMessage, StreamStore } from './storage/store.ts'

/** Characters of numbers and headers that are kept beyond the message at hand. */
const KEPT_MAX = 1024 * 1024
/** What an entry counts for besides them. */
const ENTRY_SIZE = 100
/** Headers that mean nothing beside an increment. */
const FORBIDDEN = [
  Header.rollup,
  Header.expectedStream,
  Header.expectedLastId,
  Header.expectedLastSubject,
  Header.expectedLastSequence,
  Header.expectedLastSubjectSequence,
] as const

/** The state of a counter. */
export interface Count {
  readonly value: bigint
  /** What its last message says of other streams that it counts, as Go writes it, a proper text; empty: nothing. */
  readonly sources: string
}

const NOTHING: Count = { value: 0n, sources: '' }

/** The increment that a message asks for; undefined: none, or none that makes sense. */
function incrementOf(headers: Headers): bigint | undefined {
  return bigintIn(headers.get(Header.increment) ?? '')
}

/** What is wrong with the increment in a message. */
export function checkIncrement(isAllowed: boolean, headers: Headers, payload: Buffer): ApiError | undefined {
  if ((headers.get(Header.increment) ?? '') === '') return undefined
  if (incrementOf(headers) === undefined) return apiError(10171)
  if (!isAllowed) return apiError(10168)
  if (payload.length > 0) return apiError(10170)
  return FORBIDDEN.some((name) => (headers.get(name) ?? '') !== '') ? apiError(10171) : undefined
}

/** Where a message comes from, if it is another stream's; `subject`: what it had there. Proper texts. */
export interface CounterOrigin {
  readonly stream: string
  readonly subject: string
}

/** A message of a counter. */
export interface CounterMessage {
  readonly subject: Buffer
  /** Its headers, and the same as they were read. */
  readonly block: Buffer
  readonly headers: Headers
  readonly payload: Buffer
  readonly origin: CounterOrigin | undefined
}

/** A message as it is stored. */
interface Counted {
  readonly block: Buffer
  readonly payload: Buffer
  /** What its counter has come to. */
  readonly sum: bigint
  /** What is known of it then; undefined: its headers make no sense, and nothing can be added any more. */
  readonly count: Count | undefined
}

interface Kept {
  readonly seq: number
  readonly count: Count | undefined
  readonly size: number
}

export class Counters {
  private readonly store: Pick<StreamStore, 'load' | 'subject'>
  /** By subject (byte string), the one used longest ago first. */
  private readonly kept = new Map<string, Kept>()
  private size = 0

  constructor(store: Pick<StreamStore, 'load' | 'subject'>) {
    this.store = store
  }

  /** Resolves when the counter of a subject is known; undefined: it is. */
  ready(subject: Buffer): Promise<void> | undefined {
    const last = this.store.subject(subject)?.last
    if (last === undefined || this.find(subject)?.seq === last) return undefined
    const read = (message: StoredMessage | undefined): void => this.keep(subject, last, countIn(message))
    const soon = this.store.load(last)
    if (soon instanceof Promise) return soon.then(read)
    read(soon)
    return undefined
  }

  /** What a message is stored as, of so many bytes `most`. To be called when its counter is ready. */
  add(message: CounterMessage, most: number): Counted | { readonly error: ApiError } {
    const { headers, origin, subject } = message
    const known = this.count(subject)
    let { block } = message
    let increment = incrementOf(headers)
    if (increment === undefined) return { error: apiError(10169) }
    if (known === undefined) return { error: apiError(10172) }
    let { sources } = known
    if (origin !== undefined) {
      const told = sumIn(message.payload)
      if (told === undefined) return { error: apiError(10172) }
      const before = readCounterSources(sources) ?? new Map()
      increment = told - replaced(before, origin, told)
      sources = counterSourcesText(before)
      block = withHeader(block, Header.increment, String(increment))
    }
    const sum = known.value + increment
    const payload = Buffer.from(`{"val":"${sum}"}`)
    if (sources !== '') block = withHeader(block, Header.counterSources, byteString(sources))
    if (block.length + payload.length > most) return { error: apiError(10054) }
    if (block.length > HEADERS_MAX) return { error: apiError(10097) }
    return { block, payload, sum, count: countOf(sum, sources === '' ? sourcesIn(headers) : sources) }
  }

  /** What a subject has come to; undefined: its last message is none of a counter. To be called when it is ready. */
  count(subject: Buffer): Count | undefined {
    const last = this.store.subject(subject)?.last
    if (last === undefined) return NOTHING
    const kept = this.find(subject)
    return kept?.seq === last ? kept.count : undefined
  }

  /** The last message of a subject is this one. */
  note(subject: Buffer, seq: number, count: Count | undefined): void {
    this.keep(subject, seq, count)
  }

  /** Lets go of what is too much. Between messages only: a batch needs all that was read for it. */
  trim(): void {
    for (const [subject, { size }] of this.kept) {
      if (this.size <= KEPT_MAX) return
      this.kept.delete(subject)
      this.size -= size
    }
  }

  private find(subject: Buffer): Kept | undefined {
    return this.kept.get(subject.toString('latin1'))
  }

  private keep(subject: Buffer, seq: number, count: Count | undefined): void {
    const name = subject.toString('latin1')
    this.size -= this.kept.get(name)?.size ?? 0
    this.kept.delete(name)
    const digits = count === undefined ? 0 : lengthOf(count.value) + count.sources.length
    const size = ENTRY_SIZE + name.length + digits
    this.size += size
    this.kept.set(name, { seq, count, size })
  }
}

/** What a stored message says; undefined: it is none of a counter. */
function countIn(message: StoredMessage | undefined): Count | undefined {
  return message && countOf(sumIn(message.payload), sourcesIn(readHeaders(message.headers)))
}

function countOf(value: bigint | undefined, sources: string | undefined): Count | undefined {
  return value === undefined || sources === undefined ? undefined : { value, sources }
}

/** The sum that is the payload of a counter's message; undefined: there is none. */
function sumIn(payload: Buffer): bigint | undefined {
  try {
    const said = JSON.parse(payload.toString()) as { val?: unknown } | null
    if (typeof said !== 'object' || said === null) return undefined
    const { val = '' } = said
    return typeof val === 'string' ? (bigintIn(val) ?? 0n) : undefined
  } catch {
    return undefined
  }
}

/** What a message says of other streams; undefined: that makes no sense. */
function sourcesIn(headers: Headers): string | undefined {
  const sources = readCounterSources(headers.get(Header.counterSources) ?? '')
  return sources && counterSourcesText(sources)
}

/** Puts a sum in the place of the one that a subject of another stream had before, which is answered. */
function replaced(sources: CounterSources, { stream, subject }: CounterOrigin, sum: bigint): bigint {
  const sums = sources.get(stream) ?? new Map<string, string>()
  const before = bigintIn(sums.get(subject) ?? '') ?? 0n
  sources.set(stream, sums.set(subject, String(sum)))
  return before
}

function bigintIn(text: string): bigint | undefined {
  const digits = text.replace(/^[-+]/, '')
  if (!/^\d+$/.test(digits)) return undefined
  return text.startsWith('-') ? -BigInt(digits) : BigInt(digits)
}

/** About as many characters as a number has. */
function lengthOf(value: bigint): number {
  return value >= -MAX_SMALL && value <= MAX_SMALL ? 20 : value.toString(36).length * 2
}
const MAX_SMALL = 2n ** 63n
