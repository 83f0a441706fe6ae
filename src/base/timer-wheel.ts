// A timer wheel: what is due when, in buckets as wide as a step. Thousands of connections with timers of their own
// would each cost an object in the runtime's lists; here they cost an entry in a map and a place in a set, and one
// timer of the shard serves all. Buckets are kept by number, so that an item may be due in seconds or in years.

export class TimerWheel<T> {
  private readonly stepMs: number
  private readonly buckets = new Map<number, Set<T>>()
  /** The bucket of each item that is not taken yet. */
  private readonly places = new Map<T, Set<T>>()
  private taken: number

  /** `stepMs`: how exact it is; an item comes up to one step after it is due. */
  constructor(stepMs: number, nowMs: number) {
    this.stepMs = stepMs
    this.taken = Math.floor(nowMs / stepMs)
  }

  get size(): number {
    return this.places.size
  }

  /** `item` is due at `dueMs`, on the clock of take(); that it was due at another time is forgotten. */
  add(item: T, dueMs: number): void {
    this.remove(item)
    const at = Math.max(Math.ceil(dueMs / this.stepMs), this.taken + 1)
    let bucket = this.buckets.get(at)
    if (bucket === undefined) {
      bucket = new Set()
      this.buckets.set(at, bucket)
    }
    bucket.add(item)
    this.places.set(item, bucket)
  }

  /** `item` is not due any more. One that is not in the wheel is left alone. */
  remove(item: T): void {
    this.places.get(item)?.delete(item)
    this.places.delete(item)
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
        for (const item of bucket) {
          bucket.delete(item)
          this.places.delete(item)
          callback(item)
        }
      } finally {
        for (const item of bucket) this.add(item, nowMs)
      }
    }
  }

  /** The clock was put forward: what was due before `until` is due then, and the years between are not gone through. */
  private skipTo(until: number): void {
    const due = [...this.buckets.keys()].filter((at) => at <= until).sort((a, b) => a - b)
    const last = new Set<T>()
    for (const at of due) {
      for (const item of this.buckets.get(at) ?? []) {
        last.add(item)
        this.places.set(item, last)
      }
      this.buckets.delete(at)
    }
    if (last.size > 0) this.buckets.set(until, last)
    this.taken = Math.max(this.taken, until - 1)
  }
}
