// How many handshakes a second the server begins, over all its shards: one word in shared memory.
//
// As in nats-server, a second begins with the first handshake after the previous second has ended, and admits at most
// `limit` handshakes. The word holds the end of the second and the count, so that one atomic exchange changes both
// together.

const WORDS = 2
const WINDOW = 0
const BLOCKED = 1
const WINDOW_MS = 1_000
/** The count takes the low bits of the word; the others hold milliseconds for a thousand years. */
const COUNT_BITS = 24n
const COUNT_MASK = (1n << COUNT_BITS) - 1n

/** Shared memory for one server's limit; made by the primary, given to every shard. */
export function createHandshakeLimit(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS * BigInt64Array.BYTES_PER_ELEMENT)
}

export class HandshakeLimit {
  private readonly words: BigInt64Array
  private readonly limit: bigint

  /** `limit`: handshakes a second, more than 0. */
  constructor(memory: SharedArrayBuffer, limit: number) {
    this.words = new BigInt64Array(memory)
    this.limit = BigInt(Math.min(limit, Number(COUNT_MASK)))
  }

  /** May one more begin? `nowMs`: milliseconds on a clock that all threads share. */
  allow(nowMs: number = sharedClockMs()): boolean {
    const now = BigInt(Math.floor(nowMs))
    for (;;) {
      const seen = Atomics.load(this.words, WINDOW)
      const endMs = seen >> COUNT_BITS
      const isOver = now > endMs
      const count = isOver ? 1n : (seen & COUNT_MASK) + 1n
      if (count > this.limit) {
        Atomics.add(this.words, BLOCKED, 1n)
        return false
      }
      const next = ((isOver ? now + BigInt(WINDOW_MS) : endMs) << COUNT_BITS) | count
      // Sequentially consistent, as all Atomics: of two that saw the same word, one tries again.
      if (Atomics.compareExchange(this.words, WINDOW, seen, next) === seen) return true
    }
  }
}

/** Handshakes refused since the latest call, by all shards: the primary logs them each second. */
export function takeBlocked(memory: SharedArrayBuffer): number {
  return Number(Atomics.exchange(new BigInt64Array(memory), BLOCKED, 0n))
}

/** Monotonic, and the same in all threads, unlike performance.now(), which begins with the thread. */
function sharedClockMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}
