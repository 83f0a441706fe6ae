// How long a message takes through this shard: from the read, off a socket or another shard's ring, to the end of the
// turn in which its deliveries were handed to the kernel. Sampled: at most one turn per SAMPLE_EVERY_MS, so that the
// hot path pays one comparison per read and one per turn.

const SAMPLE_EVERY_MS = 10

/** Upper bounds in seconds; one more bucket is for all above. */
export const LATENCY_BOUNDS_S: readonly number[] = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
  1,
]

/** Plain data: buckets are not cumulative. */
export interface LatencyReport {
  readonly buckets: readonly number[]
  readonly sumS: number
}

export class LatencySampler {
  private readonly buckets: number[] = new Array(LATENCY_BOUNDS_S.length + 1).fill(0)
  private sumS = 0
  private dueMs = 0
  /** When the sampled turn's first read was; 0 = no turn is being sampled. */
  private sinceMs = 0

  /** A read begins. */
  readBegins(nowMs: number): void {
    if (nowMs < this.dueMs) return
    this.dueMs = nowMs + SAMPLE_EVERY_MS
    this.sinceMs = nowMs
  }

  /** The turn has ended; `delivered`: something went out to a receiver in it. */
  turnEnded(delivered: boolean, clock: { readonly monotonicMs: number }): void {
    if (this.sinceMs === 0) return
    if (delivered) this.observe((clock.monotonicMs - this.sinceMs) / 1000)
    this.sinceMs = 0
  }

  private observe(seconds: number): void {
    let bucket = 0
    while (bucket < LATENCY_BOUNDS_S.length && seconds > LATENCY_BOUNDS_S[bucket]) bucket++
    this.buckets[bucket]++
    this.sumS += seconds
  }

  report(): LatencyReport {
    return { buckets: [...this.buckets], sumS: this.sumS }
  }
}
