// The messages of an open batch, one behind the other in one piece of memory: hundreds of them wait, and none is an
// object meanwhile.
//
//     bytes   │ subject │ headers │ payload │ subject │ headers │ payload │ ‥
//     ends              1         2         3         4         5         6

/** A message of a batch. */
export interface BatchMessage {
  readonly subject: Buffer
  readonly headers: Buffer
  readonly payload: Buffer
}

const ROOM_MIN = 4 * 1024
const PARTS = 3

export class KeptMessages implements Iterable<BatchMessage> {
  private bytes = Buffer.allocUnsafeSlow(ROOM_MIN)
  /** Where each part ends: subject, headers and payload of each message. */
  private readonly ends: number[] = []

  get length(): number {
    return this.ends.length / PARTS
  }

  /** Adds a message behind the others; its bytes are copied. */
  add({ subject, headers, payload }: BatchMessage): void {
    const start = this.ends.at(-1) ?? 0
    const end = start + subject.length + headers.length + payload.length
    if (end > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.bytes.length * 2))
      this.bytes.copy(larger, 0, 0, start)
      this.bytes = larger
    }
    this.put(subject, start)
    this.put(headers, start + subject.length)
    this.put(payload, end - payload.length)
  }

  private put(part: Buffer, at: number): void {
    if (part.length > 0) this.bytes.set(part, at)
    this.ends.push(at + part.length)
  }

  /** Takes the last message out: it stays as it is until another one is added. */
  pop(): BatchMessage {
    const last = this.at(this.length - 1)
    this.ends.length -= PARTS
    return last
  }

  *[Symbol.iterator](): Generator<BatchMessage, undefined> {
    for (let i = 0; i < this.length; i++) yield this.at(i)
  }

  private at(i: number): BatchMessage {
    const { bytes, ends } = this
    const [start, subjectEnd, headersEnd, end] = [PARTS * i - 1, PARTS * i, PARTS * i + 1, PARTS * i + 2]
    return {
      subject: bytes.subarray(ends[start] ?? 0, ends[subjectEnd]),
      headers: bytes.subarray(ends[subjectEnd], ends[headersEnd]),
      payload: bytes.subarray(ends[headersEnd], ends[end]),
    }
  }
}
