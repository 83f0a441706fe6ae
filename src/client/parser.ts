// The reader half of the client's protocol: bytes become calls. It holds no socket.
//
// One pass over each control line, to offsets into the chunk that was read. The line of the latest message is kept: the
// next one is often equal, and then is compared instead of parsed. An operation that is cut by the end of a chunk is
// completed in memory of its own, so that every message is in one piece.
//
// The server's parser (src/protocol/parser.ts) reads what clients send, and groups equal publishes for the router; here
// each message goes to a program by itself.

import { decimalOf } from '../text/decimal.ts'
import { BLANK, CR, LF, textOf } from './bytes.ts'
import { ProtocolError } from './errors.ts'

export interface ParserHandler {
  /** A message; the parser's fields describe it until this returns. */
  processMsg(message: Parser): void
  /** The JSON behind INFO. */
  processInfo(json: string): void
  processPing(): void
  processPong(): void
  processOk(): void
  /** The text behind -ERR, without its quotation marks. */
  processErr(text: string): void
}

/** An INFO that lists a large cluster has some 100 KiB; more is no control line. */
const LINE_MAX = 1024 * 1024
/** A line that is kept for comparison; longer ones are parsed. */
const KEPT_MAX = 256
const UNKNOWN = -1
/** The greatest payload that a nats-server can be made to take, and as much for headers. */
const SIZE_MAX = 128 * 1024 * 1024

const H = 72
const I = 73
const M = 77
const P = 80
const PLUS = 43
const MINUS = 45

export class Parser {
  handler: ParserHandler

  // The message at hand. Offsets are into `bytes`; an end that equals its start: there is none.
  bytes: Uint8Array = new Uint8Array(0)
  sid = 0
  subjectStart = 0
  subjectEnd = 0
  replyStart = 0
  replyEnd = 0
  headerStart = 0
  payloadStart = 0
  payloadEnd = 0
  /** Subject and sid are those of the message before. */
  isLikeBefore = false

  // The line of the message before: its bytes, and what it said. 0: none is kept.
  private readonly kept = new Uint8Array(KEPT_MAX)
  private keptLength = 0
  private keptSubjectEnd = 0
  private keptHeader = 0
  private keptSize = 0

  // The beginning of a cut operation. `need`: its length, if known.
  private cut: Uint8Array | undefined
  private cutLength = 0
  private need = UNKNOWN
  private isStopped = false

  constructor(handler: ParserHandler) {
    this.handler = handler
  }

  /** No more calls, even in the middle of a chunk. */
  stop(): void {
    this.isStopped = true
    this.cut = undefined
  }

  /** Reads the next bytes. Throws ProtocolError. */
  parse(chunk: Uint8Array): void {
    let at = this.cut === undefined ? 0 : this.complete(chunk)
    const end = chunk.length
    while (at < end && !this.isStopped) {
      const next = this.operation(chunk, at, end)
      if (next < 0) {
        this.keep(chunk, at, end)
        return
      }
      at = next
    }
  }

  /** Goes on with a cut operation; returns where the chunk goes on behind it. */
  private complete(chunk: Uint8Array): number {
    let at = 0
    while (at < chunk.length && this.cut !== undefined) {
      // Up to the end of the line, and once that is known, of the operation.
      const wanted = this.need === UNKNOWN ? chunk.indexOf(LF, at) + 1 : at + this.need - this.cutLength
      const to = wanted <= 0 ? chunk.length : Math.min(wanted, chunk.length)
      this.append(chunk.subarray(at, to))
      at = to
      if (this.need === UNKNOWN ? wanted <= 0 : this.cutLength < this.need) continue
      const { cut, cutLength } = this
      if (this.operation(cut, 0, cutLength) < 0) continue
      this.cut = undefined
    }
    return at
  }

  private append(bytes: Uint8Array): void {
    let { cut } = this
    if (cut === undefined) return
    const length = this.cutLength + bytes.length
    const capacity = this.need === UNKNOWN ? length : Math.max(length, this.need)
    if (this.need === UNKNOWN && length > LINE_MAX) throw new ProtocolError('a control line without end')
    if (cut.length < capacity) {
      const larger = new Uint8Array(this.need === UNKNOWN ? capacity * 2 : capacity)
      larger.set(cut.subarray(0, this.cutLength))
      this.cut = larger
      cut = larger
    }
    cut.set(bytes, this.cutLength)
    this.cutLength = length
  }

  private keep(chunk: Uint8Array, at: number, end: number): void {
    this.cut = new Uint8Array(Math.max(this.need, end - at))
    this.cut.set(chunk.subarray(at, end))
    this.cutLength = end - at
  }

  /** One operation; returns where it ends, or -1 if it is cut, with `need` set. */
  private operation(bytes: Uint8Array, at: number, end: number): number {
    this.need = UNKNOWN
    const first = bytes[at] & 0xdf
    if (first === M || first === H) {
      if (this.isKept(bytes, at, end)) return this.likeBefore(bytes, at, end)
      return this.message(bytes, at, end, first === H)
    }
    return this.other(bytes, at, end)
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────

  private isKept(bytes: Uint8Array, at: number, end: number): boolean {
    const { kept, keptLength } = this
    if (keptLength === 0 || at + keptLength > end) return false
    for (let i = 0; i < keptLength; i++) if (bytes[at + i] !== kept[i]) return false
    return true
  }

  private likeBefore(bytes: Uint8Array, at: number, end: number): number {
    const start = at + this.keptLength
    const next = start + this.keptSize + 2
    if (next > end) {
      this.need = next - at
      return -1
    }
    this.isLikeBefore = true
    this.bytes = bytes
    this.subjectStart = at + 4
    this.subjectEnd = at + this.keptSubjectEnd
    this.replyStart = 0
    this.replyEnd = 0
    return this.deliver(start, this.keptHeader, this.keptSize)
  }

  /** `MSG subject sid [reply] size` and `HMSG subject sid [reply] headers size`. */
  private message(bytes: Uint8Array, at: number, end: number, hasHeader: boolean): number {
    // Ends of the arguments are their first blank; the server sends single ones.
    let i = at + (hasHeader ? 4 : 3)
    if (i < end && bytes[i] !== BLANK) throw malformed(bytes, at)
    const subjectStart = ++i
    while (i < end && bytes[i] > BLANK) i++
    if (i < end && bytes[i] !== BLANK) throw malformed(bytes, at)
    const subjectEnd = i
    const sidStart = ++i
    while (i < end && bytes[i] > BLANK) i++
    if (i < end && bytes[i] !== BLANK) throw malformed(bytes, at)
    const sidEnd = i
    let start = ++i
    while (i < end && bytes[i] > BLANK) i++
    let replyStart = 0
    let replyEnd = 0
    let header = 0
    // Behind the sid: one size, or two with headers, and a reply in front of them if there is one argument more.
    if (bytes[i] === BLANK) {
      const second = ++i
      while (i < end && bytes[i] > BLANK) i++
      if (hasHeader && bytes[i] === BLANK) {
        const third = ++i
        while (i < end && bytes[i] > BLANK) i++
        replyStart = start
        replyEnd = second - 1
        header = decimalOf(bytes, second, third - 1)
        start = third
      } else if (hasHeader) {
        header = decimalOf(bytes, start, second - 1)
        start = second
      } else {
        replyStart = start
        replyEnd = second - 1
        start = second
      }
    } else if (hasHeader && i < end) {
      throw malformed(bytes, at)
    }
    if (i + 1 >= end) return this.lineIsCut(at, end)
    const sid = decimalOf(bytes, sidStart, sidEnd)
    const size = decimalOf(bytes, start, i)
    if (
      bytes[i] !== CR ||
      bytes[i + 1] !== LF ||
      !(sid > 0) ||
      size < 0 ||
      size > SIZE_MAX ||
      header < 0 ||
      header > size
    ) {
      throw malformed(bytes, at)
    }
    const payload = i + 2
    const next = payload + size + 2
    if (next > end) {
      this.need = next - at
      return -1
    }
    this.isLikeBefore = false
    this.bytes = bytes
    this.sid = sid
    this.subjectStart = subjectStart
    this.subjectEnd = subjectEnd
    this.replyStart = replyStart
    this.replyEnd = replyEnd
    // Reply subjects differ from message to message.
    if (hasHeader || replyEnd > replyStart || payload - at > KEPT_MAX) this.keptLength = 0
    else this.keepLine(at, payload, size)
    return this.deliver(payload, header, size)
  }

  private lineIsCut(at: number, end: number): number {
    if (end - at > LINE_MAX) throw new ProtocolError('a control line without end')
    return -1
  }

  private keepLine(at: number, end: number, size: number): void {
    const { kept, bytes } = this
    for (let i = at; i < end; i++) kept[i - at] = bytes[i]
    this.keptLength = end - at
    this.keptSubjectEnd = this.subjectEnd - at
    this.keptHeader = 0
    this.keptSize = size
  }

  private deliver(start: number, header: number, size: number): number {
    const end = start + size
    if (this.bytes[end] !== CR || this.bytes[end + 1] !== LF) {
      throw new ProtocolError('a message is longer than its control line says')
    }
    this.headerStart = start
    this.payloadStart = start + header
    this.payloadEnd = end
    this.handler.processMsg(this)
    return end + 2
  }

  // ── Everything else ───────────────────────────────────────────────────────────────────────────────────────

  private other(bytes: Uint8Array, at: number, end: number): number {
    const feed = bytes.indexOf(LF, at)
    if (feed < 0 || feed >= end) return this.lineIsCut(at, end)
    const lineEnd = feed > at && bytes[feed - 1] === CR ? feed - 1 : feed
    const second = bytes[at + 1] & 0xdf
    switch (bytes[at]) {
      case P:
      case P | 32:
        if (second === I && lineEnd - at === 4) this.handler.processPing()
        else if (lineEnd - at === 4) this.handler.processPong()
        else throw malformed(bytes, at)
        break
      case PLUS:
        this.handler.processOk()
        break
      case MINUS:
        this.handler.processErr(withoutQuotes(textOf(bytes, at + 4, lineEnd).trim()))
        break
      case I:
      case I | 32:
        this.handler.processInfo(textOf(bytes, at + 4, lineEnd))
        break
      default:
        throw malformed(bytes, at)
    }
    return feed + 1
  }
}

function withoutQuotes(text: string): string {
  return text.startsWith("'") && text.endsWith("'") && text.length > 1 ? text.slice(1, -1) : text
}

function malformed(bytes: Uint8Array, at: number): ProtocolError {
  return new ProtocolError(`unknown operation: ${JSON.stringify(textOf(bytes.subarray(at, at + 32)))}`)
}
