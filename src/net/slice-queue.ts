// Slices of chunks that wait for one socket, in order. Parallel arrays, because a slice is queued for each receiver and
// turn. Where messages may be dropped, the queue also notes what each slice holds, so that whole messages can be taken
// out again; for all others it notes nothing.

import type { Chunk } from '../memory/chunk-pool.ts'

/** A slice of protocol lines: never dropped. */
export const LINES = 0
/** A slice that goes on with the message whose head is the slice before it. */
export const REST = -1

export interface Dropped {
  readonly messages: number
  readonly bytes: number
}

export class SliceQueue {
  readonly chunks: Chunk[] = []
  readonly starts: number[] = []
  readonly ends: number[] = []
  /**
   * What a slice holds: LINES, REST, or the length of each of its messages. If that is more than the slice has, it is
   * the head of one message, and a REST follows. Undefined: nothing can be dropped.
   */
  units: number[] | undefined
  /** So many slices at the front cannot be dropped and are not examined again. */
  private kept = 0

  constructor(dropsMessages: boolean) {
    this.units = dropsMessages ? [] : undefined
  }

  /** From now on messages can be dropped, or not; already queued ones cannot. */
  setDropping(dropsMessages: boolean): void {
    this.units = dropsMessages ? this.chunks.map(() => LINES) : undefined
    this.kept = 0
  }

  /** Whether a slice of `unit` can be made one with the last, which it follows in memory. */
  joins(last: number, length: number, unit: number): boolean {
    return this.units === undefined || (this.units[last] === unit && unit >= LINES && unit <= length)
  }

  /** Adds a slice, for which it holds its chunk. */
  add(chunk: Chunk, start: number, end: number, unit = LINES): void {
    chunk.retain()
    this.chunks.push(chunk)
    this.starts.push(start)
    this.ends.push(end)
    this.units?.push(unit)
  }

  /** Takes out the first `count` slices. */
  take(count: number): SliceQueue {
    const { units } = this
    const taken = new SliceQueue(units !== undefined)
    taken.chunks.push(...this.chunks.splice(0, count))
    taken.starts.push(...this.starts.splice(0, count))
    taken.ends.push(...this.ends.splice(0, count))
    if (units !== undefined) taken.units?.push(...units.splice(0, count))
    this.kept = Math.max(0, this.kept - count)
    return taken
  }

  /**
   * Drops the oldest messages until `least` bytes are gone, or no message is left. Lines stay, now in front of the
   * messages that they followed; so does the rest of a message whose head has been written.
   */
  dropOldest(least: number): Dropped {
    const { chunks, starts, ends, units } = this
    let messages = 0
    let bytes = 0
    let { kept } = this
    let i = kept
    for (; units !== undefined && i < chunks.length && bytes < least; i++) {
      const unit = units[i]
      const length = ends[i] - starts[i]
      if (unit > length) {
        bytes += unit
        messages++
        chunks[i].release()
        chunks[++i].release()
      } else if (unit > LINES) {
        const count = Math.min(length / unit, Math.ceil((least - bytes) / unit))
        bytes += count * unit
        messages += count
        if (count * unit < length) {
          starts[i] += count * unit
          break
        }
        chunks[i].release()
      } else {
        chunks[kept] = chunks[i]
        starts[kept] = starts[i]
        ends[kept] = ends[i]
        units[kept] = unit
        kept++
      }
    }
    this.kept = kept
    const gone = i - kept
    chunks.splice(kept, gone)
    starts.splice(kept, gone)
    ends.splice(kept, gone)
    units?.splice(kept, gone)
    return { messages, bytes }
  }

  /** Lets go of all chunks. */
  release(): void {
    for (const chunk of this.chunks) chunk.release()
    this.chunks.length = 0
    this.starts.length = 0
    this.ends.length = 0
    this.units = undefined
    this.kept = 0
  }
}
