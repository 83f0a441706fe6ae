// Lines that a peer can cause as often as it likes. The first of a second are written, so that none of them is missed
// by an operator who looks for it; the others are counted, and their number is logged when the second is over.

import { COMPLAINTS_A_SECOND, COMPLAINTS_SOURCES_MAX } from '../base/constants.ts'

const SECOND_MS = 1_000

interface Second {
  beganMs: number
  written: number
  /** Lines that were not written. */
  held: number
}

export class Repeats<Source> {
  private readonly sources = new Map<Source, Second>()
  /** With too many sources the latest ones are counted together. */
  private readonly others: Source

  constructor(others: Source) {
    this.others = others
  }

  /** So many equal lines of a source are due: answers how many of them are to be written now. */
  admit(source: Source, nowMs: number, lines = 1): number {
    const second = this.secondOf(source, nowMs)
    const admitted = Math.max(0, Math.min(lines, COMPLAINTS_A_SECOND - second.written))
    second.written += admitted
    second.held += lines - admitted
    return admitted
  }

  private secondOf(source: Source, nowMs: number): Second {
    const known = this.sources.get(source)
    if (known !== undefined) return known
    if (this.sources.size >= COMPLAINTS_SOURCES_MAX && source !== this.others) return this.secondOf(this.others, nowMs)
    const second = { beganMs: nowMs, written: 0, held: 0 }
    this.sources.set(source, second)
    return second
  }

  /** Calls back with each source of which lines were held back in a second that is over by now. */
  sweep(nowMs: number, tell: (source: Source, held: number) => void): void {
    for (const [source, second] of this.sources) {
      if (nowMs - second.beganMs < SECOND_MS) continue
      if (second.held === 0) this.sources.delete(source)
      else {
        tell(source, second.held)
        second.beganMs = nowMs
        second.written = 0
        second.held = 0
      }
    }
  }
}
