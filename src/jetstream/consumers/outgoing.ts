// A stored message on its way to a client, and what it counts for.

import { allocateBlock, digitsOf, writeDecimal, writeText } from '../../memory/block.ts'
import { Header, withHeaders } from '../message-headers.ts'
import { StoredMessage } from '../storage/store.ts'

/** Five numbers and the dots between them. */
const NUMBERS_MAX = 100
const DOTS = 4
const DOT = 0x2e
const NS = '000'
const NO_MESSAGE = new StoredMessage(0, 0, allocateBlock(0), 0, 0, 0, 0)

/** One for all messages of a consumer, one after the other. */
export class Outgoing {
  message = NO_MESSAGE
  /** In the place of its own; undefined: those. */
  headers: Buffer | undefined
  hasPayload = true
  /** What the reply subject tells besides, which is how the client acknowledges the message. */
  deliveries = 0
  consumerSeq = 0
  /** Messages that are still to come. */
  pending = 0
  /** `$JS.ACK.<stream>.<consumer>.`, a byte string. */
  private readonly ackPrefix: string

  constructor(ackPrefix: string) {
    this.ackPrefix = ackPrefix
  }

  /** The same message with other headers. */
  withHeaders(headers: Buffer): Outgoing {
    return Object.assign(new Outgoing(this.ackPrefix), this, { headers })
  }

  /** Lets go of the message: it would keep the page that it lies in. */
  clear(): void {
    this.message = NO_MESSAGE
  }

  /** At most so long is the reply subject. */
  get replyMax(): number {
    return this.ackPrefix.length + NUMBERS_MAX
  }

  /** Writes the reply subject; answers where it ends. */
  writeReply(bytes: Uint8Array, at: number): number {
    const { seq, timeUs } = this.message
    at = writeDecimal(bytes, writeText(bytes, at, this.ackPrefix), this.deliveries)
    bytes[at++] = DOT
    at = writeDecimal(bytes, at, seq)
    bytes[at++] = DOT
    at = writeDecimal(bytes, at, this.consumerSeq)
    bytes[at++] = DOT
    at = writeText(bytes, writeDecimal(bytes, at, timeUs), NS)
    bytes[at++] = DOT
    return writeDecimal(bytes, at, this.pending)
  }

  /** What it counts for: as much of it as does not depend on who gets it. */
  get size(): number {
    const { subjectStart, headersStart, payloadStart, end, seq, timeUs } = this.message
    const headerSize = this.headers === undefined ? payloadStart - headersStart : this.headers.length
    const digits =
      digitsOf(this.deliveries) + digitsOf(seq) + digitsOf(this.consumerSeq) + digitsOf(timeUs) + digitsOf(this.pending)
    const reply = this.ackPrefix.length + digits + DOTS + NS.length
    return headersStart - subjectStart + reply + headerSize + (this.hasPayload ? end - payloadStart : 0)
  }
}

/** The headers of a message whose payload is left out. */
export function sizeHeaders({ headers, payloadStart, end }: StoredMessage): Buffer {
  return withHeaders(headers, [[Header.messageSize, end - payloadStart]])
}
