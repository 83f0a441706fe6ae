// Deadlines of peers: for CONNECT, a handshake, or an answer.
//
// A loop that was late, or a process that was frozen, finds the timer and the peer's bytes at the same time, and runs
// timers first. The peer was in time all the same. So a deadline expires only after the loop has read what had arrived:
// it fires in the check phase of the loop, which follows reads. It is counted in parts, each of which counts once
// however late it is: a freeze costs the peer one part, not all of its time.

/** Parts of a deadline. A freeze shortens the peer's time by one of them at most; each costs a timer's firing. */
const PARTS = 4

export class Deadline {
  private timer: NodeJS.Timeout | undefined
  private last: NodeJS.Immediate | undefined
  private partMs = 0
  private partsLeft = 0
  /** What the clock was put forward by and is no whole part. */
  private aheadMs = 0
  private act: () => void = () => undefined

  /** Calls `act` when `ms` are over, unless it is stopped, or started again, before. */
  start(ms: number, act: () => void): void {
    this.stop()
    this.act = act
    this.partMs = ms / PARTS
    this.partsLeft = PARTS
    this.aheadMs = 0
    const timer = setTimeout(() => {
      if (--this.partsLeft > 0) timer.refresh()
      else this.last = setImmediate(this.act)
    }, this.partMs)
    this.timer = timer
  }

  /** The clock was put forward by `ms`, which counts in whole parts; what is left of it counts with the next `ms`. */
  advance(ms: number): void {
    if (this.timer === undefined || this.partsLeft <= 0) return
    this.aheadMs += ms
    const parts = Math.floor(this.aheadMs / this.partMs)
    this.aheadMs -= parts * this.partMs
    this.partsLeft -= parts
    if (this.partsLeft > 0) return
    clearTimeout(this.timer)
    this.last = setImmediate(this.act)
  }

  stop(): void {
    clearTimeout(this.timer)
    if (this.last !== undefined) clearImmediate(this.last)
    this.timer = undefined
    this.last = undefined
  }
}

/** What `answer` becomes, or `otherwise` where it takes longer than `ms`. */
export function within<T>(ms: number, answer: Promise<T>, otherwise: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = new Deadline()
    deadline.start(ms, () => resolve(otherwise))
    answer.then(resolve, reject).finally(() => deadline.stop())
  })
}
