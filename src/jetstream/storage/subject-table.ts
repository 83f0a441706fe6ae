// The subjects of a store, numbered, with the count, the first and the last message of each. Made of typed arrays: no
// string and no object for a subject.
//
//     slots   │#, 7 │     │#, 3 │ ‥      hash table: the hash of a name, its number + 1; 0: empty
//     starts  │ 0 │ 9 │ 21 │ ‥           subject i is arena[starts[i], starts[i + 1])
//     arena   │orders.eu│orders.us.ny│ ‥
//     counts, firsts, lasts              by number
//
// A number stays with its subject, also while it has no message, until the table is made anew without the unused ones:
// then all numbers change, and `generation` with them.
//
// The oldest message of a subject is removed more often than anyone asks for the next one, and finding that takes a
// scan. So a bound is kept until someone asks: a negative first means "at or behind", a negative last "at or before".

import { randomInt } from 'node:crypto'
import { hashBytes } from '../../memory/block.ts'
import { type Column, columnOf, unfold } from './column.ts'
import { grown, roomFor } from './typed-arrays.ts'

const FIRST_ROOM = 8
/** Unused numbers that are kept in any case. */
const UNUSED_MIN = 1024

/** The subjects of a table that does not change any more. */
export interface SubjectColumns {
  /** Their names, one behind the other. */
  readonly arena: Buffer<ArrayBuffer>
  /** Where each begins, and where the last one ends. */
  readonly starts: Column
  readonly counts: Column
  readonly firsts: Column
  readonly lasts: Column
}

export class SubjectTable {
  arena: Buffer<ArrayBuffer> = Buffer.alloc(0)
  private starts = new Uint32Array(FIRST_ROOM + 1)
  private counts = new Uint32Array(FIRST_ROOM)
  private firsts = new Float64Array(FIRST_ROOM)
  private lasts = new Float64Array(FIRST_ROOM)
  /** Two words a slot. */
  private slots = new Uint32Array(FIRST_ROOM * 4)
  private readonly seed = randomInt(2 ** 31)
  /** Numbers that were given. */
  numbered = 0
  /** Subjects that have a message. */
  used = 0
  generation = 0

  /** A table of these subjects. It is not searched. */
  static from(numbered: number, { arena, starts, counts, firsts, lasts }: SubjectColumns): SubjectTable {
    return Object.assign(new SubjectTable(), {
      arena,
      starts: unfold(starts, numbered + 1, new Uint32Array(numbered + 1)),
      counts: unfold(counts, numbered, new Uint32Array(numbered)),
      firsts: unfold(firsts, numbered, new Float64Array(numbered)),
      lasts: unfold(lasts, numbered, new Float64Array(numbered)),
      numbered,
    })
  }

  /** The table that was sent by another thread. */
  static revived(sent: SubjectTable): SubjectTable {
    return Object.assign(new SubjectTable(), sent, { arena: Buffer.from(sent.arena.buffer) })
  }

  /** What it has of each subject, by their numbers. */
  get columns(): SubjectColumns {
    const { arena, counts, firsts, lasts, numbered, starts } = this
    return {
      arena: arena.subarray(0, starts[numbered]),
      starts: columnOf(starts, numbered + 1),
      counts: columnOf(counts, numbered),
      firsts: columnOf(firsts, numbered),
      lasts: columnOf(lasts, numbered),
    }
  }

  startOf(id: number): number {
    return this.starts[id]
  }

  endOf(id: number): number {
    return this.starts[id + 1]
  }

  nameOf(id: number): Buffer {
    return Buffer.from(this.arena.subarray(this.starts[id], this.starts[id + 1]))
  }

  countOf(id: number): number {
    return this.counts[id]
  }

  /** Its oldest message; negative: at or behind that one. */
  firstOf(id: number): number {
    return this.firsts[id]
  }

  /** Its newest message; negative: at or before that one. */
  lastOf(id: number): number {
    return this.lasts[id]
  }

  setFirst(id: number, seq: number): void {
    this.firsts[id] = seq
  }

  setLast(id: number, seq: number): void {
    this.lasts[id] = seq
  }

  /** The number of a subject that has messages; -1: it has none. */
  find(subject: Uint8Array): number {
    const id = this.slots[this.slotOf(subject, 0, subject.length, this.hashOf(subject, 0, subject.length)) + 1] - 1
    return id >= 0 && this.counts[id] > 0 ? id : -1
  }

  /** The number of a subject, which it gets now if it has none. */
  number(subject: Uint8Array, start = 0, end = subject.length): number {
    const hash = this.hashOf(subject, start, end)
    const slot = this.slotOf(subject, start, end, hash)
    const known = this.slots[slot + 1]
    if (known > 0) return known - 1
    const id = this.numbered++
    if (this.numbered > this.counts.length) this.growEntries()
    const at = this.starts[id]
    const length = end - start
    if (at + length > this.arena.length) this.arena = grown(this.arena, roomFor(this.arena.length, at + length))
    for (let i = 0; i < length; i++) this.arena[at + i] = subject[start + i]
    this.starts[id + 1] = at + length
    this.slots[slot] = hash
    this.slots[slot + 1] = id + 1
    if (this.numbered * 8 > this.slots.length * 3) this.growSlots()
    return id
  }

  /** A message behind all others is on this subject. */
  added(id: number, seq: number): void {
    if (this.counts[id]++ === 0) {
      this.used++
      this.firsts[id] = seq
    }
    this.lasts[id] = seq
  }

  /** So many messages behind all others, the first and the last of these. */
  addedAll(id: number, count: number, first: number, last: number): void {
    if (this.counts[id] === 0) {
      this.used++
      this.firsts[id] = first
    }
    this.counts[id] += count
    this.lasts[id] = last
  }

  /** A message of this subject is gone. */
  removed(id: number, seq: number): void {
    const count = --this.counts[id]
    if (count === 0) {
      this.used--
      return
    }
    if (this.firsts[id] === seq) this.firsts[id] = -(seq + 1)
    if (this.lasts[id] === seq) this.lasts[id] = -(seq - 1)
    if (count > 1) return
    // The only one left is first and last.
    if (this.lasts[id] > 0) this.firsts[id] = this.lasts[id]
    else if (this.firsts[id] > 0) this.lasts[id] = this.firsts[id]
  }

  /** Whether so many numbers are unused that it should be made anew, which takes time by the number of messages. */
  isWasteful(messages: number): boolean {
    const unused = this.numbered - this.used
    return unused > UNUSED_MIN && unused > this.used + messages / 8
  }

  /** Drops unused subjects. Answers the new numbers by the old ones. */
  renumber(): Uint32Array {
    const { arena, starts, counts, firsts, lasts, numbered } = this
    const numbers = new Uint32Array(numbered)
    this.arena = Buffer.alloc(0)
    const room = roomFor(FIRST_ROOM, this.used)
    this.starts = new Uint32Array(room + 1)
    this.counts = new Uint32Array(room)
    this.firsts = new Float64Array(room)
    this.lasts = new Float64Array(room)
    let slots = FIRST_ROOM * 4
    while (room * 8 > slots * 3) slots *= 2
    this.slots = new Uint32Array(slots)
    this.numbered = 0
    this.generation++
    for (let old = 0; old < numbered; old++) {
      if (counts[old] === 0) continue
      const id = this.number(arena, starts[old], starts[old + 1])
      numbers[old] = id
      this.counts[id] = counts[old]
      this.firsts[id] = firsts[old]
      this.lasts[id] = lasts[old]
    }
    return numbers
  }

  clear(): void {
    this.counts.fill(0)
    this.used = 0
    this.renumber()
  }

  /**
   * Makes room for `more` subjects if there is none, and then for `share` times as many as there are: so many are
   * expected in the end. Memory that is never written to costs nothing until trim().
   */
  expect(more: number, share: number): void {
    const { numbered, starts } = this
    if (numbered + more <= this.counts.length) return
    this.setRoom(Math.max(numbered + more, Math.ceil(numbered * share)))
    const nameBytes = Math.ceil(starts[numbered] * share)
    if (nameBytes > this.arena.length) this.arena = grown(this.arena, nameBytes)
  }

  /** Gives back what was expected and did not come. */
  trim(): void {
    const { numbered, starts } = this
    const room = roomFor(FIRST_ROOM, numbered)
    if (this.counts.length > room) this.setRoom(room)
    const nameRoom = roomFor(FIRST_ROOM, starts[numbered])
    if (this.arena.length > nameRoom) this.arena = grown(this.arena, nameRoom)
  }

  /** The memory that it occupies. */
  get memory(): ArrayBuffer[] {
    const { arena, starts, counts, firsts, lasts, slots } = this
    return [arena, starts, counts, firsts, lasts, slots].map(({ buffer }) => buffer)
  }

  private hashOf(subject: Uint8Array, start: number, end: number): number {
    return hashBytes(subject, start, end, this.seed) >>> 0
  }

  /** Where the slot of a subject begins, or the empty one where it would be. */
  private slotOf(subject: Uint8Array, start: number, end: number, hash: number): number {
    const { slots } = this
    const mask = slots.length - 1
    let slot = (hash << 1) & mask
    for (;;) {
      const id = slots[slot + 1] - 1
      if (id < 0 || (slots[slot] === hash && this.isName(id, subject, start, end))) return slot
      slot = (slot + 2) & mask
    }
  }

  private isName(id: number, subject: Uint8Array, start: number, end: number): boolean {
    const at = this.starts[id]
    if (this.starts[id + 1] - at !== end - start) return false
    const { arena } = this
    for (let i = 0; i < end - start; i++) if (arena[at + i] !== subject[start + i]) return false
    return true
  }

  private growEntries(): void {
    this.setRoom(roomFor(this.counts.length, this.numbered))
  }

  private setRoom(room: number): void {
    this.starts = grown(this.starts, room + 1)
    this.counts = grown(this.counts, room)
    this.firsts = grown(this.firsts, room)
    this.lasts = grown(this.lasts, room)
  }

  /** In the order of the slots: the new places of neighbours are two runs of neighbours. */
  private growSlots(): void {
    const { slots } = this
    const grownSlots = new Uint32Array(slots.length * 2)
    const mask = grownSlots.length - 1
    for (let from = 0; from < slots.length; from += 2) {
      if (slots[from + 1] === 0) continue
      let slot = (slots[from] << 1) & mask
      while (grownSlots[slot + 1] !== 0) slot = (slot + 2) & mask
      grownSlots[slot] = slots[from]
      grownSlots[slot + 1] = slots[from + 1]
    }
    this.slots = grownSlots
  }
}
