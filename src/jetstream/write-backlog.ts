// How much a stream has taken that is not durable yet. A disk may be slower than publishers: beyond a bound, messages
// are refused, so that memory does not grow.

interface Mark {
  readonly seq: number
  /** Bytes taken up to this message. */
  readonly bytes: number
}

export class WriteBacklog {
  private readonly maxMessages: number
  private readonly maxBytes: number
  /** Oldest first. */
  private marks: Mark[] = []
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
    this.marks.push({ seq, bytes: this.taken })
  }

  /** Everything up to a sequence is durable. */
  settle(durable: number): void {
    let count = 0
    while (count < this.marks.length && this.marks[count].seq <= durable) count++
    if (count === 0) return
    const { bytes, seq } = this.marks[count - 1]
    this.durableBytes = bytes
    this.durableSeq = seq
    this.marks = this.marks.slice(count)
  }

  /** Messages could not be written: nothing of them waits any more. */
  clear(durable: number): void {
    this.marks = []
    this.durableSeq = durable
    this.durableBytes = this.taken
  }

  get isFull(): boolean {
    const last = this.marks.at(-1)
    if (last === undefined) return false
    return last.bytes - this.durableBytes >= this.maxBytes || last.seq - this.durableSeq >= this.maxMessages
  }
}
