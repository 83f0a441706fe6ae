// How far a stream is in each of its sources. A stored message says so itself, in a header. It may be removed, though:
// what is durable of it is therefore kept beside the consumers of the stream, under a name that no consumer has.
//
// After a restart what was kept counts, and then what later messages say. If the stream has lost its end, what was kept
// may be ahead of it, and only messages count.

import type { Kept } from '../consumers/keeper.ts'
import { Header, readHeaders } from '../message-headers.ts'
import type { KeptConsumer } from '../storage/catalogue.ts'
import type { StreamStore } from '../storage/store.ts'
import { SubjectFilter } from '../storage/subject-filter.ts'
import { readSourceHeader, type SourceOf } from './source-header.ts'

/** No consumer is called like that. */
const NAME = '.sources'
const ALL = new SubjectFilter()
/** Messages that are looked at in one turn. */
const TURN = 200

export interface Position {
  /** Of the origin. */
  readonly seq: number
  readonly identity: string
}

interface Mark extends Position {
  /** The message of this stream that says so. */
  readonly own: number
  readonly index: string
}

interface Snapshot {
  /** Messages up to this one of the stream are accounted for. */
  readonly at: number
  readonly positions: Readonly<Record<string, Position>>
}

/** Whether it is this that was kept, and no consumer. */
export const isPositions = ({ name }: KeptConsumer): boolean => name === NAME

export class Positions implements Kept {
  readonly name = NAME
  readonly stream: { readonly id: number; readonly store: StreamStore }
  closed = false
  private readonly current = new Map<string, Position>()
  private durable = new Map<string, Position>()
  /** What is not durable yet, oldest first. */
  private marks: Mark[] = []
  private at = 0

  constructor(stream: { readonly id: number; readonly store: StreamStore }, kept: KeptConsumer | undefined) {
    this.stream = stream
    if (kept === undefined) return
    const { at, positions } = JSON.parse(kept.kept) as Snapshot
    if (at > stream.store.last) return
    this.at = at
    for (const [index, position] of Object.entries(positions)) this.set(index, position)
  }

  get isKept(): boolean {
    return this.stream.id > 0
  }

  of(index: string): Position | undefined {
    return this.current.get(index)
  }

  /** A message was stored that says this. */
  note(index: string, position: Position): void {
    this.current.set(index, position)
    this.marks.push({ ...position, own: this.stream.store.last, index })
  }

  forget(index: string): void {
    this.current.delete(index)
    this.durable.delete(index)
    this.marks = this.marks.filter((mark) => mark.index !== index)
  }

  /** More is durable. Returns whether that says more than before. */
  settle(): boolean {
    const { durable } = this.stream.store
    let count = 0
    for (const { identity, index, own, seq } of this.marks) {
      if (own > durable) break
      this.durable.set(index, { seq, identity })
      count++
    }
    if (count > 0) this.marks.splice(0, count)
    this.at = Math.max(this.at, durable)
    return count > 0
  }

  /** What is not durable is gone. */
  undo(): void {
    this.marks = []
    this.current.clear()
    for (const [index, position] of this.durable) this.current.set(index, position)
  }

  private set(index: string, { identity, seq }: Position): void {
    this.current.set(index, { seq, identity })
    this.durable.set(index, { seq, identity })
  }

  private found(index: string, position: Position, own: number): void {
    if (own <= this.stream.store.durable) this.set(index, position)
    else {
      this.current.set(index, position)
      this.marks.push({ ...position, own, index })
    }
  }

  /**
   * Looks through messages of the stream, newest first, for what they say of sources; `indexOf` answers which ones a
   * header is about. `isNew`: they were added, and nothing is known of them; otherwise only what came behind what was
   * kept is looked at.
   */
  async recall(indexes: readonly string[], indexOf: (source: SourceOf) => readonly string[], isNew: boolean) {
    const { store } = this.stream
    const wanted = new Set(indexes)
    const from = isNew ? 1 : this.at + 1
    let count = 0
    let seq = store.previous(ALL, store.last)
    while (seq >= from && seq > 0 && wanted.size > 0 && !this.closed) {
      const soon = store.load(seq)
      const message = soon instanceof Promise ? await soon : soon
      const value = message === undefined ? undefined : readHeaders(message.headers).get(Header.source)
      const source = value === undefined ? undefined : readSourceHeader(value)
      for (const index of source === undefined ? [] : indexOf(source)) {
        if (source !== undefined && wanted.delete(index)) this.found(index, source, seq)
      }
      if (++count % TURN === 0) await new Promise(setImmediate)
      seq = store.previous(ALL, seq - 1)
    }
  }

  kept(): KeptConsumer {
    const positions: Record<string, Position> = {}
    for (const [index, { identity, seq }] of this.durable) positions[index] = { seq, identity }
    const state: Snapshot = { at: this.at, positions }
    return { stream: this.stream.id, name: NAME, kept: JSON.stringify(state) }
  }
}
