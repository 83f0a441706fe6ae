// How much a stream has taken that is not durable yet. A disk may be slower than publishers: beyond a bound, messages
// are refused, so that memory does not grow. Messages are counted, as their sequences may have gaps.

export class WriteBacklog {
  private readonly maxMessages: number
  private readonly maxBytes: number
  /** What was taken, oldest first: up to which sequence, and all up to there. No object for one of them. */
  private seqs: number[] = []
  private messages: number[] = []
  private bytes: number[] = []
  private takenMessages = 0
  private takenBytes = 0
  private durableMessages = 0
  private durableBytes = 0

  constructor(maxMessages: number, maxBytes: number) {
    this.maxMessages = maxMessages
    this.maxBytes = maxBytes
  }

  /** Messages up to a sequence were taken: so many more, of so many bytes. */
  took(seq: number, messages: number, bytes: number): void {
    this.takenMessages += messages
    this.takenBytes += bytes
    this.seqs.push(seq)
    this.messages.push(this.takenMessages)
    this.bytes.push(this.takenBytes)
  }

  /** Everything up to a sequence is durable. */
  settle(durable: number): void {
    const { bytes, messages, seqs } = this
    let count = 0
    while (count < seqs.length && seqs[count] <= durable) count++
    if (count === 0) return
    this.durableMessages = messages[count - 1]
    this.durableBytes = bytes[count - 1]
    this.seqs = seqs.slice(count)
    this.messages = messages.slice(count)
    this.bytes = bytes.slice(count)
  }

  /** Messages could not be written: nothing of them waits any more. */
  clear(): void {
    this.seqs = []
    this.messages = []
    this.bytes = []
    this.durableMessages = this.takenMessages
    this.durableBytes = this.takenBytes
  }

  get isFull(): boolean {
    if (this.seqs.length === 0) return false
    const bytes = this.takenBytes - this.durableBytes
    return bytes >= this.maxBytes || this.takenMessages - this.durableMessages >= this.maxMessages
  }
}
