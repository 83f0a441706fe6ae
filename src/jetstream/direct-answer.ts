// A stored message as the answer to a direct request: composed where it is sent from, without objects for its parts.
//
//     reply subject and a blank │ its own headers, Nats-Stream, Nats-Subject, … │ payload ␍␊

import { copyBytes, writeDecimal, writeText } from '../memory/block.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import { HEADERS_VERSION } from '../protocol/headers.ts'
import { Run } from '../protocol/run.ts'
import { timeText } from './clock.ts'
import { Header } from './message-headers.ts'
import type { Sender } from './sender.ts'
import type { StoredMessage } from './storage/store.ts'

const SPACE = 0x20
const CRLF = '\r\n'
const SUBJECT = `${CRLF}${Header.subject}: `
const SEQUENCE = `${CRLF}${Header.sequence}: `
const TIME = `${CRLF}${Header.timeStamp}: `
const PENDING = `${CRLF}${Header.pendingMessages}: `
const LAST = `${CRLF}${Header.lastSequence}: `
/** What is written besides the names, the message and the reply subject: four numbers, a time, the ends of lines. */
const REST_MAX = 256

/** Where a message is in an answer of several. */
export interface Course {
  /** Messages to come behind it. */
  readonly pending: number
  /** The sequence of the one before; 0: it is the first. */
  readonly last: number
}

export class DirectAnswer {
  private readonly pool: ChunkPool
  private readonly sender: Sender
  /** `Nats-Stream: <name>` */
  private readonly stream: string
  private readonly run = new Run()

  /** `stream`: its name, a byte string. */
  constructor(pool: ChunkPool, sender: Sender, stream: string) {
    this.pool = pool
    this.sender = sender
    this.stream = `${Header.stream}: ${stream}`
  }

  /** Sends a message to a reply subject (byte string); `isBare`: without headers, its own as well. */
  send(reply: string, message: StoredMessage, isBare: boolean, course?: Course): void {
    const { run } = this
    const { block: from, payloadStart, end } = message
    const payloadSize = end - payloadStart
    const rest = reply.length + this.stream.length + HEADERS_VERSION.length + REST_MAX
    const chunk = this.pool.acquire(rest + end - message.subjectStart)
    const { block } = chunk
    const { bytes } = block
    const line = writeText(bytes, 0, reply) + 1
    bytes[line - 1] = SPACE
    const payload = isBare ? line : this.writeHeaders(bytes, line, message, course)
    copyBytes(block, payload, from, payloadStart, payloadSize)
    run.stride = writeText(bytes, payload + payloadSize, CRLF)
    run.line = block
    run.lineLength = line
    run.subjectEnd = reply.length
    run.replyStart = line
    run.replyEnd = line
    run.headerSize = payload - line
    run.size = payload - line + payloadSize
    run.block = block
    run.first = line
    run.count = 1
    run.memo = undefined
    run.chunk = chunk
    try {
      this.sender.apart(this.dispatch)
    } finally {
      chunk.release()
      run.chunk = undefined
    }
  }

  private readonly dispatch = (): void => {
    this.sender.dispatch(this.run)
  }

  /** Answers where they end. */
  private writeHeaders(bytes: Buffer, at: number, message: StoredMessage, course: Course | undefined): number {
    const { block, subjectStart, headersStart, payloadStart, seq, timeUs } = message
    if (payloadStart === headersStart) at = writeText(bytes, at, HEADERS_VERSION)
    else {
      // But for the empty line at its end.
      at += block.bytes.copy(bytes, at, headersStart, payloadStart - CRLF.length)
    }
    at = writeText(bytes, writeText(bytes, at, this.stream), SUBJECT)
    for (let i = subjectStart; i < headersStart; i++) bytes[at++] = block.bytes[i]
    at = writeDecimal(bytes, writeText(bytes, at, SEQUENCE), seq)
    at = writeText(bytes, writeText(bytes, at, TIME), timeText(timeUs))
    if (course !== undefined) {
      at = writeDecimal(bytes, writeText(bytes, at, PENDING), course.pending)
      at = writeDecimal(bytes, writeText(bytes, at, LAST), course.last)
    }
    return writeText(bytes, writeText(bytes, at, CRLF), CRLF)
  }
}
