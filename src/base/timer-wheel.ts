// A timer wheel: items by due time, in buckets as wide as a step. Separate timers for thousands of connections would
// each cost an object in the runtime's lists; here each costs a place in an array, which it stores itself, and one
// timer of the shard serves all. (Sets and Maps of them would keep closed connections: memory/number-map.ts.) Buckets
// are kept by number, so that an item may be due in seconds or in years.

/** What an item keeps for the one wheel that it may be in. */
export interface Timed {
  /** Undefined: in no wheel. */
  bucket: Timed[] | undefined
  /** Its index in its bucket. */
  place: number
}

export class TimerWheel<T extends Timed> {
  private readonly stepMs: number
  private readonly buckets = new Map<number, T[]>()
  private taken: number
  private count = 0

  /** `stepMs`: how exact it is; an item comes up to one step after it is due. */
  constructor(stepMs: number, nowMs: number) {
    this.stepMs = stepMs
    this.taken = Math.floor(nowMs / stepMs)
  }

  get size(): number {
    return this.count
  }

  /** `item` is due at `dueMs`, on the clock of take(); that it was due at another time is forgotten. */
  add(item: T, dueMs: number): void {
    this.remove(item)
    const at = Math.max(Math.ceil(dueMs / this.stepMs), this.taken + 1)
    let bucket = this.buckets.get(at)
    if (bucket === undefined) {
      bucket = []
      this.buckets.set(at, bucket)
    }
    put(item, bucket)
    this.count++
  }

  /** `item` is not due any more. One that is not in the wheel is left alone. */
  remove(item: T): void {
    const { bucket, place } = item
    if (bucket === undefined) return
    item.bucket = undefined
    this.count--
    const last = bucket.pop() as Timed
    if (last === item) return
    bucket[place] = last
    last.place = place
  }

  /** When the next item is due, as exactly as the wheel knows; undefined: it is empty. Looks through the buckets. */
  get nextMs(): number | undefined {
    let next = Number.POSITIVE_INFINITY
    for (const [at, { length }] of this.buckets) {
      if (length > 0) next = Math.min(next, at)
      else this.buckets.delete(at)
    }
    return this.count === 0 ? undefined : next * this.stepMs
  }

  /**
   * Takes out each item that is due by now and calls back with it. A callback may add and remove: what it removes is
   * not called back with, though it was due as well. What it throws ends the call; the others are due at the next one.
   */
  take(nowMs: number, callback: (item: T) => void): void {
    const until = Math.floor(nowMs / this.stepMs)
    if (until - this.taken > this.buckets.size) this.skipTo(until)
    while (this.taken < until) {
      const bucket = this.buckets.get(++this.taken)
      if (bucket === undefined) continue
      this.buckets.delete(this.taken)
      try {
        for (let item = bucket.at(-1); item !== undefined; item = bucket.at(-1)) {
          this.remove(item)
          callback(item)
        }
      } finally {
        for (let item = bucket.at(-1); item !== undefined; item = bucket.at(-1)) this.add(item, nowMs)
      }
    }
  }

  /** The clock was put forward: what was due before `until` is due then, and the years between are not gone through. */
  private skipTo(until: number): void {
    // The latest first: buckets are taken from their end.
    const due = [...this.buckets.keys()].filter((at) => at <= until).sort((a, b) => b - a)
    const last: T[] = []
    for (const at of due) {
      for (const item of this.buckets.get(at) ?? []) put(item, last)
      this.buckets.delete(at)
    }
    if (last.length > 0) this.buckets.set(until, last)
    this.taken = Math.max(this.taken, until - 1)
  }
}

function put(item: Timed, bucket: Timed[]): void {
  item.bucket = bucket
  item.place = bucket.push(item) - 1
}
