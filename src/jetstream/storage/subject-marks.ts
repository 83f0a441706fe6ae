// Which subjects the slots of a segment have, roughly: so that the next message on one subject, among very many on
// others, is found without a look at each. For each group of 4,096 slots there are 65,536 bits; each of its subjects
// has set two of them. A group without both bits of a subject has no message on it; of the others, one in seventy has
// none either. A group is marked when it is first asked about and full, the last one of a segment when another segment
// follows: the last slots of the last segment are looked at one by one.

import { mix } from '../../memory/block.ts'
import { grown } from './typed-arrays.ts'

const GROUP_SHIFT = 12
export const GROUP_SLOTS = 1 << GROUP_SHIFT
const BITS = 65_536
const WORDS = BITS / 32

function groupsOf(slots: number, isComplete: boolean): number {
  return (isComplete ? slots + GROUP_SLOTS - 1 : slots) >>> GROUP_SHIFT
}

export class SubjectMarks {
  /** Groups that are marked. */
  private groups = 0
  words = new Uint32Array(0)

  /** Whether there are groups that are full and not marked yet; the last one too, where no slots are to come. */
  isBehind(slots: number, isComplete: boolean): boolean {
    return groupsOf(slots, isComplete) > this.groups
  }

  /** Marks these groups. */
  update(subjects: Uint32Array, slots: number, isComplete: boolean): void {
    const groups = groupsOf(slots, isComplete)
    if (groups * WORDS > this.words.length) this.words = grown(this.words, groups * WORDS)
    const end = Math.min(slots, groups << GROUP_SHIFT)
    for (let slot = this.groups << GROUP_SHIFT; slot < end; slot++) {
      const start = (slot >>> GROUP_SHIFT) * WORDS
      const hash = mix(subjects[slot])
      this.words[start + ((hash & 0xffff) >>> 5)] |= 1 << (hash & 31)
      this.words[start + (hash >>> 21)] |= 1 << ((hash >>> 16) & 31)
    }
    this.groups = groups
  }

  /** Forgets the marks of all groups that begin at or behind so many slots, or reach beyond them. */
  cut(slots: number): void {
    const full = slots >>> GROUP_SHIFT
    if (full >= this.groups) return
    this.groups = full
    this.words = this.words.slice(0, full * WORDS)
  }

  /** Whether the group of a slot may have a message on one of these subjects. */
  mayHaveAny(slot: number, subjects: ReadonlySet<number>): boolean {
    for (const subject of subjects) if (this.mayHave(slot, subject)) return true
    return false
  }

  /** Whether the group of a slot may have a message on this subject. */
  mayHave(slot: number, subject: number): boolean {
    const group = slot >>> GROUP_SHIFT
    if (group >= this.groups) return true
    const start = group * WORDS
    const hash = mix(subject)
    const { words } = this
    return (
      (words[start + ((hash & 0xffff) >>> 5)] & (1 << (hash & 31))) !== 0 &&
      (words[start + (hash >>> 21)] & (1 << ((hash >>> 16) & 31))) !== 0
    )
  }
}
