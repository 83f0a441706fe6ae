// How much a stream has taken that is not durable yet. A disk may be slower than publishers: beyond a bound, messages
// are refused, so that memory does not grow.

export class WriteBacklog {
  private readonly maxMessages: number
  private readonly maxBytes: number
  /** What was taken, oldest first: up to which sequence, and the bytes up to there. No object for one of them. */
  private seqs: number[] = []
  private bytes: number[] = []
  private taken = 0
  private durableSeq: number
  private durableBytes = 0

  /** `durable`: the latest sequence that is. */
  constructor(maxMessages: number, maxBytes: number, durable: number) {
    this.durableSeq = durable
    this.maxMessages = maxMessages
    this.maxBytes = maxBytes
  }

  /** Messages up to a sequence were taken: so many bytes more. */
  took(seq: number, bytes: number): void {
    this.taken += bytes
    this.seqs.push(seq)
    this.bytes.push(this.taken)
  }

  /** Everything up to a sequence is durable. */
  settle(durable: number): void {
    const { bytes, seqs } = this
    let count = 0
    while (count < seqs.length && seqs[count] <= durable) count++
    if (count === 0) return
    this.durableBytes = bytes[count - 1]
    this.durableSeq = seqs[count - 1]
    this.seqs = seqs.slice(count)
    this.bytes = bytes.slice(count)
  }

  /** Messages could not be written: nothing of them waits any more. */
  clear(durable: number): void {
    this.seqs = []
    this.bytes = []
    this.durableSeq = durable
    this.durableBytes = this.taken
  }

  get isFull(): boolean {
    const { bytes, seqs } = this
    const last = seqs.length - 1
    if (last < 0) return false
    return bytes[last] - this.durableBytes >= this.maxBytes || seqs[last] - this.durableSeq >= this.maxMessages
  }
}
