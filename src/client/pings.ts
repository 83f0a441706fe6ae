// PINGs and who waits for their PONGs: programs that flush, and the watch over a connection that may be dead without
// saying so.

/** Waits for a PONG; undefined: the watch. */
interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export interface PingOwner {
  /** Sends a PING at once; false while there is no server. */
  ping(): boolean
  /** So many PINGs of the watch are unanswered. */
  pending(count: number): void
  /** Too many. */
  stale(): void
}

export class Pings {
  private readonly intervalMs: number
  private readonly outMax: number
  private readonly owner: PingOwner
  private sent: (Waiting | undefined)[] = []
  /** Flushes that wait for a server. */
  private unsent: Waiting[] = []
  /** PINGs of the watch without a PONG. */
  private out = 0
  private timer: ReturnType<typeof setInterval> | undefined

  constructor(intervalMs: number, outMax: number, owner: PingOwner) {
    this.intervalMs = intervalMs
    this.outMax = outMax
    this.owner = owner
  }

  /** Resolves when the server has processed everything that was sent before. Rejects with what lost() is told. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject }
      if (this.owner.ping()) this.sent.push(waiting)
      else this.unsent.push(waiting)
    })
  }

  /** There is a server. */
  start(): void {
    for (const waiting of this.unsent.splice(0)) {
      this.owner.ping()
      this.sent.push(waiting)
    }
    this.timer = setInterval(() => this.watch(), this.intervalMs)
  }

  pong(): void {
    const waiting = this.sent.shift()
    if (waiting === undefined) this.out = Math.max(0, this.out - 1)
    else waiting.resolve()
  }

  /** There is no server any more; those that wait for one go on. */
  lost(error: Error): void {
    clearInterval(this.timer)
    this.out = 0
    for (const waiting of this.sent.splice(0)) waiting?.reject(error)
  }

  /** There will be none. */
  end(error: Error): void {
    this.lost(error)
    for (const waiting of this.unsent.splice(0)) waiting.reject(error)
  }

  private watch(): void {
    if (this.out >= this.outMax) {
      this.owner.stale()
      return
    }
    if (!this.owner.ping()) return
    this.sent.push(undefined)
    this.out++
    this.owner.pending(this.out)
  }
}
