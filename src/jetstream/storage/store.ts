// What a stream asks of the place that holds its messages: a memory store or a file store. A store numbers messages,
// keeps them, finds them and removes them. It knows nothing of limits, duplicates or consumers. One shard, that of the
// stream, calls it.
//
// Times are microseconds since 1970, which are safe integers until 2255. Subjects are bytes; a filter is a byte string.

import type { Block } from '../../memory/block.ts'
import type { SubjectFilter } from './subject-filter.ts'

/** What is there at once, or comes from the disk. */
export type Soon<T> = T | Promise<T>

/** A message as it was stored. Its bytes do not change and stay as long as someone refers to it. */
export class StoredMessage {
  readonly seq: number
  readonly timeUs: number
  /** Holds subject, headers and payload, one behind the other, without anything between them. */
  readonly block: Block
  readonly subjectStart: number
  readonly headersStart: number
  readonly payloadStart: number
  readonly end: number

  constructor(
    seq: number,
    timeUs: number,
    block: Block,
    subjectStart: number,
    headersStart: number,
    payloadStart: number,
    end: number,
  ) {
    this.seq = seq
    this.timeUs = timeUs
    this.block = block
    this.subjectStart = subjectStart
    this.headersStart = headersStart
    this.payloadStart = payloadStart
    this.end = end
  }

  get subject(): Buffer {
    return this.block.bytes.subarray(this.subjectStart, this.headersStart)
  }

  /** The header block as it came, from `NATS/1.0` on; empty: none. */
  get headers(): Buffer {
    return this.block.bytes.subarray(this.headersStart, this.payloadStart)
  }

  get payload(): Buffer {
    return this.block.bytes.subarray(this.payloadStart, this.end)
  }
}

/** What a store knows of a message without reading it. */
export interface MessageEntry {
  readonly subject: Buffer
  readonly timeUs: number
  /** Bytes that it counts for. */
  readonly size: number
}

/** One subject of a store. */
export interface SubjectState {
  readonly subject: Buffer
  /** Messages on it: at least one. */
  readonly count: number
  /** Sequences of the oldest and the newest of them. */
  readonly first: number
  readonly last: number
}

/** Sequences, the first and the last among them. */
export interface SequenceRange {
  readonly first: number
  readonly last: number
}

/** Which messages to purge: all that match, or, of those, all below a sequence, or all but the newest so many. */
export interface Purge {
  readonly filter?: SubjectFilter
  readonly below?: number
  readonly keep?: number
}

/** Why the disk did not take something. `full` includes quotas; the text is for operators. */
export interface StoreFailure {
  readonly kind: 'full' | 'denied' | 'io'
  readonly text: string
}

/** Messages that were stored and cannot be read any more. */
export interface Loss extends SequenceRange {
  /** That they counted for, if it is known. */
  readonly bytes?: number
  /** What was found where, for operators. */
  readonly text: string
}

/** What a store tells the stream. Never called from within a method of the store, except by `close`. */
export interface StoreOwner {
  /** `durable` has moved. Once for all that a turn or a write made durable. */
  becameDurable(): void
  /**
   * The appends from `first` to `last` could not be written and are undone: the next message gets `first` again.
   * Removals stand. The store tries again with the next append.
   */
  failed(first: number, last: number, failure: StoreFailure): void
  /** Messages were found damaged. They count as removed from now on. */
  lost(loss: Loss): void
}

/** Messages on one subject, without headers, as they came. */
export interface PlainMessages {
  /** Holds the subject. */
  readonly line: Block
  readonly subjectStart: number
  readonly subjectEnd: number
  /** Holds the payloads, each of `size` bytes: the first begins at `first`, each further one `stride` bytes behind. */
  readonly block: Block
  readonly first: number
  readonly stride: number
  readonly size: number
}

export interface StreamStore {
  /** Messages, and their bytes as nats-server counts them for this kind of storage. */
  readonly messages: number
  readonly bytes: number
  /** The oldest message. Of an empty store: the next sequence, or 0 if it never had one. */
  readonly first: number
  /** 0: there is none. */
  readonly firstTimeUs: number
  /** The latest sequence that was given, and when. */
  readonly last: number
  readonly lastTimeUs: number
  /** Sequences between first and last that have no message. */
  readonly deleted: number
  /** Different subjects. */
  readonly subjectCount: number
  /** All messages up to this sequence are as safe as the configuration promises. */
  readonly durable: number
  /** What was found damaged since the store exists. */
  readonly losses: readonly Loss[]

  /** Appends a message; the bytes are copied. Answers its sequence, last + 1. Durable later: see `durable`. */
  append(timeUs: number, subject: Uint8Array, headers: Uint8Array, payload: Uint8Array): number
  /** The same for one of several messages, the first of which has number 0. It takes less time. */
  appendPlain(timeUs: number, messages: PlainMessages, number: number): number
  /**
   * What is appended between these two is stored as a whole: a crash leaves all of it or nothing. Nothing of it is
   * written before commit(). rollback() undoes the appends; the sequences are given again.
   */
  begin(): void
  commit(): void
  rollback(): void
  /** How many bytes a message counts for. */
  sizeOf(subjectBytes: number, headerBytes: number, payloadBytes: number): number
  /** The next message gets `next`, which is above last. `timeUs` becomes the latest time, if it is not 0. */
  skipTo(next: number, timeUs: number): void

  has(seq: number): boolean
  /** What is known of a message without reading it; undefined: there is none. */
  entry(seq: number): MessageEntry | undefined
  /** A message; undefined: there is none, or it is damaged. */
  load(seq: number): Soon<StoredMessage | undefined>

  /** The first message at or after `from` that matches; 0: none. */
  next(filter: SubjectFilter, from: number): number
  /** The first message at or after `from` that may have headers, known without reading it; 0: none. */
  nextWithHeaders(from: number): number
  /** The last message at or before `upTo` that matches; 0: none. */
  previous(filter: SubjectFilter, upTo: number): number
  /** The first message that is not older; last + 1: all are. */
  firstAtOrAfter(timeUs: number): number
  /** How many messages at or after `from` match. */
  pending(filter: SubjectFilter, from: number): number
  /** The state of a subject; undefined: no message is on it. */
  subject(subject: Uint8Array): SubjectState | undefined
  /** The oldest message of a subject that has more than so many; 0: it has not. */
  surplus(subject: Uint8Array, most: number): number
  /** All subjects that match, in no particular order. The store must not change meanwhile. */
  subjects(filter: SubjectFilter): Iterable<SubjectState>
  /** Sequences without a message between first and last, as ranges. The store must not change meanwhile. */
  deletedRanges(): Iterable<SequenceRange>

  /** Removes a message; `erase`: its bytes are overwritten where they lie. Answers whether it was there. */
  remove(seq: number, erase: boolean): boolean
  /** Answers how many messages it removed. */
  purge(purge: Purge): number

  /** Resolves when all that was done so far is durable, or has failed: then the owner has been told. */
  flush(): Promise<void>
  /** Makes everything durable and lets go of it. */
  close(): Promise<void>
  /** Lets go of it, whatever becomes of what it holds: its files are removed by whoever removes the stream. */
  abandon(): Promise<void>
}
