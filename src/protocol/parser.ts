// The reader half of the client protocol: bytes in become calls on a handler. It holds no socket. What is not about the
// verbs of clients is in message-parser.ts.

import { SIZE_DIGITS_MAX } from '../base/constants.ts'
import { Faults } from '../base/errors.ts'
import { Work } from '../base/turns.ts'
import type { Block } from '../memory/block.ts'
import { goText } from '../text/utf8.ts'
import { args, Ignoring, MessageParser } from './message-parser.ts'
import type { ParserHandler } from './parser-handler.ts'
import type { Run } from './run.ts'
import { parseSize } from './size.ts'

const LF = 10
const CR = 13
const SPACE = 32

/** `PUB ` as a word, and what makes capitals of its letters. */
const PUB_WORD = 0x20425550
const CAPITALS = 0xffdfdfdf | 0

export class Parser extends MessageParser<ParserHandler> {
  private headersAllowed = false

  /** Whether HPUB is allowed: as CONNECT negotiated. */
  allowHeaders(allowed: boolean): void {
    this.headersAllowed = allowed
    this.run.stride = 0 // the next line is checked again, even if it repeats the latest one
  }

  protected report(run: Run): number {
    return this.handler.processPub(run)
  }

  protected isMessage(verb: string): boolean {
    return verb === 'PUB' || verb === 'HPUB'
  }

  protected readLine(block: Block, at: number, end: number): number {
    const bytes = block.bytes
    this.turn.left -= Work.operation
    if (this.connectDue && (bytes[at] | 0x20) !== 0x63 && !this.handler.mayGoOnWithoutConnect()) {
      return this.fail(Faults.authorization, block, at, end)
    }
    switch (bytes[at] | 0x20) {
      case 0x70: // p
        if (at + 1 === end) return this.keepLine(block, at, end)
        switch (bytes[at + 1] | 0x20) {
          case 0x75: // u
            return this.readPublish(block, at, end)
          case 0x69: // i
            return this.readIgnored('PING', Ignoring.ping, block, at, end)
          case 0x6f: // o
            return this.readIgnored('PONG', Ignoring.pong, block, at, end)
          default:
            return this.fail(Faults.unknownOperation, block, at, end)
        }
      case 0x68: // h
        return this.readArguments('HPUB', true, block, at, end)
      case 0x73: // s
        return this.readArguments('SUB', true, block, at, end)
      case 0x75: // u
        return this.readArguments('UNSUB', true, block, at, end)
      case 0x63: // c
        return this.readArguments('CONNECT', false, block, at, end)
      case 0x69: // i
        return this.readArguments('INFO', false, block, at, end)
      case 0x2b: // +
        return this.readIgnored('+OK', Ignoring.ok, block, at, end)
      case 0x2d: // -
        return this.readArguments('-ERR', true, block, at, end)
      default:
        return this.fail(Faults.unknownOperation, block, at, end)
    }
  }

  /**
   * PUB as nearly all publishers write it, with single blanks and no fault. All else is left to readArguments().
   */
  private readPublish(block: Block, at: number, end: number): number {
    const { bytes, view } = block
    const subjectStart = at + 4
    const { maxControlLine, maxPayload } = this.limits
    // One byte more than the line may have: whatever is longer is a fault.
    const stop = Math.min(end, subjectStart + maxControlLine + 2)
    let cursor = subjectStart
    if (cursor >= end || (view.getInt32(at, true) & CAPITALS) !== PUB_WORD) {
      return this.readArguments('PUB', true, block, at, end)
    }
    while (cursor < stop && bytes[cursor] > SPACE) cursor++
    const subjectEnd = cursor++
    let replyStart = at
    let replyEnd = at
    let sizeStart = cursor
    let size = 0
    let digit = bytes[cursor] - 48
    for (; digit >= 0 && digit <= 9; digit = bytes[++cursor] - 48) size = size * 10 + digit
    if (bytes[cursor] !== CR && bytes[subjectEnd] === SPACE) {
      replyStart = sizeStart
      while (cursor < stop && bytes[cursor] > SPACE) cursor++
      replyEnd = cursor++
      sizeStart = cursor
      size = 0
      digit = bytes[cursor] - 48
      for (; digit >= 0 && digit <= 9; digit = bytes[++cursor] - 48) size = size * 10 + digit
    }
    const isUsual =
      cursor + 1 < stop &&
      bytes[cursor] === CR &&
      bytes[cursor + 1] === LF &&
      subjectEnd > subjectStart &&
      bytes[subjectEnd] === SPACE &&
      (replyEnd === at || (replyEnd > replyStart && bytes[replyEnd] === SPACE)) &&
      cursor > sizeStart &&
      cursor - sizeStart <= SIZE_DIGITS_MAX &&
      size <= maxPayload
    if (!isUsual) return this.readArguments('PUB', true, block, at, end)
    return this.beginRun(block, at, cursor + 2, end, subjectStart, subjectEnd, replyStart, replyEnd, 0, size)
  }

  protected readVerb(verb: string, block: Block, at: number, next: number, end: number): number {
    switch (verb) {
      case 'PUB':
        return this.readPub(block, at, next, end, false)
      case 'HPUB':
        return this.readPub(block, at, next, end, true)
      case 'SUB':
        return this.readSub(block, at, next, end)
      case 'UNSUB':
        return this.readUnsub(block, at, next, end)
      case 'CONNECT':
        this.handler.processConnect(goText(block.bytes, args.from, args.until))
        return next
      case '-ERR':
        return this.fail(Faults.errorFromClient, block, at, end)
      default: // INFO from a client is tolerated.
        return next
    }
  }

  private readPub(block: Block, at: number, next: number, end: number, withHeader: boolean): number {
    if (withHeader && !this.headersAllowed) return this.fail(Faults.headersOff, block, at, end)
    const { bytes } = block
    const { count, start, end: ends } = args
    const least = withHeader ? 3 : 2
    if (count !== least && count !== least + 1) return this.fail(Faults.badArguments, block, at, end)
    const size = parseSize(bytes, start[count - 1], ends[count - 1])
    const headerSize = withHeader ? parseSize(bytes, start[count - 2], ends[count - 2]) : 0
    if (size < 0 || headerSize < 0 || headerSize > size) return this.fail(Faults.badArguments, block, at, end)
    const { maxPayload } = this.limits
    if (size > maxPayload) {
      this.tracer?.cameIn(withHeader ? 'HPUB' : 'PUB', bytes.toString('latin1', start[0], ends[count - 1]))
      return this.fail(Faults.payload, block, at, end, `${size} vs ${maxPayload}`)
    }

    const replyStart = count > least ? start[1] : at
    const replyEnd = count > least ? ends[1] : at
    const [subjectStart] = start
    const [subjectEnd] = ends
    return this.beginRun(block, at, next, end, subjectStart, subjectEnd, replyStart, replyEnd, headerSize, size)
  }

  private readSub(block: Block, at: number, next: number, end: number): number {
    const { count, start, end: ends } = args
    if (count !== 2 && count !== 3) return this.fail(Faults.badArguments, block, at, end)
    const text = (i: number): string => block.bytes.toString('latin1', start[i], ends[i])
    this.handler.processSub(text(0), count === 3 ? text(1) : '', text(count - 1))
    return next
  }

  private readUnsub(block: Block, at: number, next: number, end: number): number {
    const { count, start, end: ends } = args
    if (count !== 1 && count !== 2) return this.fail(Faults.badArguments, block, at, end)
    const max = count === 2 ? parseSize(block.bytes, start[1], ends[1]) : 0
    this.handler.processUnsub(block.bytes.toString('latin1', start[0], ends[0]), Math.max(max, 0))
    return next
  }
}
