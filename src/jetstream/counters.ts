// Counters: on a stream that allows them, each message is an increment of the number that its subject has, and is
// stored with the sum. Numbers have any size; what bounds them is the length of a message.
//
//     Nats-Incr: +5, no payload  ─▶  last of the subject: {"val":"37"}  ─▶  stored and acknowledged: {"val":"42"}
//
// The sum is in the last message of the subject and nowhere else. What was read or stored of late is kept here, by
// subject, for as long as it is the last message; what is not kept is read first, and messages wait until it is there
// (held-messages.ts).

import { type ApiError, apiError } from './errors.ts'
import { HEADERS_MAX, Header, type Headers, readHeaders, withHeaders, withoutHeaders } from './message-headers.ts'
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
  /** What its last message says of other streams that it counts, as JSON; empty: nothing. */
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

/** A message as an increment is stored, and what its counter has come to. */
interface Counted {
  readonly block: Buffer
  readonly payload: Buffer
  readonly sum: bigint
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

  /** The message that an increment is stored as, of so many bytes `most`. To be called when it is ready. */
  add(subject: Buffer, headers: Headers, given: Buffer, most: number): Counted | { readonly error: ApiError } {
    const increment = incrementOf(headers)
    if (increment === undefined) return { error: apiError(10169) }
    const count = this.count(subject)
    if (count === undefined) return { error: apiError(10172) }
    const sum = count.value + increment
    const payload = Buffer.from(`{"val":"${sum}"}`)
    let block = given
    if (count.sources !== '') {
      block = withHeaders(
        withoutHeaders(block, (name) => name === Header.counterSources),
        [[Header.counterSources, count.sources]],
      )
    }
    if (block.length + payload.length > most) return { error: apiError(10054) }
    return block.length > HEADERS_MAX ? { error: apiError(10097) } : { block, payload, sum }
  }

  /** What a subject has come to; undefined: its last message is none of a counter. To be called when it is ready. */
  count(subject: Buffer): Count | undefined {
    const last = this.store.subject(subject)?.last
    if (last === undefined) return NOTHING
    const kept = this.find(subject)
    return kept?.seq === last ? kept.count : undefined
  }

  /** The last message of a subject is this one. */
  note(subject: Buffer, seq: number, count: Count): void {
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
  if (message === undefined) return undefined
  try {
    const said = JSON.parse(message.payload.toString()) as { val?: unknown }
    const sources = readHeaders(message.headers).get(Header.counterSources) ?? ''
    if (sources !== '') JSON.parse(sources)
    if (typeof said !== 'object' || said === null) return undefined
    const { val = '' } = said
    return typeof val === 'string' ? { value: bigintIn(val) ?? 0n, sources } : undefined
  } catch {
    return undefined
  }
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
