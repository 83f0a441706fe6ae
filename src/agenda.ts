// Who is due when: a wheel of buckets, each as wide as a step. Thousands of connections with timers of their own would
// each cost an object in the runtime's lists; here they cost a place in a set, and one timer of the shard serves all.

export class Agenda<T> {
  private readonly stepMs: number
  private readonly buckets = new Map<number, Set<T>>()
  private taken: number

  /** `stepMs`: how exact it is; an item comes up to one step after it is due. */
  constructor(stepMs: number, nowMs: number) {
    this.stepMs = stepMs
    this.taken = Math.floor(nowMs / stepMs)
  }

  private bucketOf(dueMs: number): number {
    return Math.ceil(dueMs / this.stepMs)
  }

  add(item: T, dueMs: number): void {
    const at = Math.max(this.bucketOf(dueMs), this.taken + 1)
    const bucket = this.buckets.get(at)
    if (bucket === undefined) this.buckets.set(at, new Set([item]))
    else bucket.add(item)
  }

  /** `dueMs` as given to add(). An item that was taken already is left alone. */
  remove(item: T, dueMs: number): void {
    this.buckets.get(this.bucketOf(dueMs))?.delete(item)
  }

  /** Calls back for each item that is due by now, and forgets it. */
  take(nowMs: number, callback: (item: T) => void): void {
    const until = Math.floor(nowMs / this.stepMs)
    while (this.taken < until) {
      const bucket = this.buckets.get(++this.taken)
      if (bucket === undefined) continue
      this.buckets.delete(this.taken)
      for (const item of bucket) callback(item)
    }
  }
}
