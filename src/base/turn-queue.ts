// Expensive work of many connections, such as signatures and handshakes: begun a few at a time, in order of arrival, so
// that a storm of connects does not stop the shard's other clients.

export class TurnQueue {
  private readonly perTurn: number
  private waiting: (() => void)[] = []
  /** How many of the waiting ones have had their turn. */
  private begun = 0

  /** `perTurn`: how much is begun in one turn of the loop. */
  constructor(perTurn: number) {
    this.perTurn = perTurn
  }

  /** Calls `begin`, which must not throw, at the end of this turn or of one of the next. */
  add(begin: () => void): void {
    if (this.waiting.push(begin) - this.begun === 1) setImmediate(this.next)
  }

  /** Resolves when the turn has come. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.add(resolve))
  }

  private readonly next = (): void => {
    const end = Math.min(this.begun + this.perTurn, this.waiting.length)
    // Added items see the queue as it is, including the waiting ones.
    if (end < this.waiting.length) setImmediate(this.next)
    const now = this.waiting.slice(this.begun, end)
    this.begun = end
    if (this.begun * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.begun)
      this.begun = 0
    }
    for (const begin of now) begin()
  }
}
