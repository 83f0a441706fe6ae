// Counters of an account.

/** What connections have done together. */
export class TrafficTotals implements Traffic {
  inMessages = 0
  inBytes = 0
  outMessages = 0
  outBytes = 0

  add(traffic: Traffic): void {
    this.inMessages += traffic.inMessages
    this.inBytes += traffic.inBytes
    this.outMessages += traffic.outMessages
    this.outBytes += traffic.outBytes
  }
}

/** What a shard counts of an account, besides what its connections count for themselves. */
export class AccountCounters {
  /** What the connections that have left had done. */
  readonly closed = new TrafficTotals()
  /** What the leaf links that have ended had done. */
  readonly endedLeafs = new TrafficTotals()
  slowConsumers = 0
  droppedMessages = 0
  planHits = 0
  planMisses = 0
  inserts = 0
  removes = 0
}

/** Messages, and their payloads and headers in bytes. */
export interface Traffic {
  readonly inMessages: number
  readonly inBytes: number
  readonly outMessages: number
  readonly outBytes: number
}
