// The reader half of the protocols between servers: the lines of a route or of a leaf node become calls on a handler.
// It holds no socket. What is not about the verbs of links is in message-parser.ts; the verbs are in
// docs/reference/server-links.md, "Lines".
//
//     RMSG [account] subject                       size␍␊payload␍␊        HMSG: headers, and their size before `size`
//     RMSG [account] subject reply                 size␍␊payload␍␊        LMSG of a leaf node: without account
//     RMSG [account] subject | queue …             size␍␊payload␍␊        LMSG of a route: origin in front, and the
//     RMSG [account] subject + reply queue …       size␍␊payload␍␊              size of headers, which may be 0
//
// Account, origin and queue groups of a line are kept as strings as long as the next lines have the same. Most lines
// begin as the one before does: up to the subject, or up to the sizes. What is equal is not read again (readSimilar).

import { Faults } from '../base/errors.ts'
import type { TurnWork } from '../base/turns.ts'
import { Work } from '../base/turns.ts'
import { type Block, equalBytes } from '../memory/block.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import { decimalOf } from '../text/decimal.ts'
import { goText } from '../text/utf8.ts'
import type { LinkFormat, LinkHandler, MessageHead } from './link-handler.ts'
import { args, Ignoring, MessageParser } from './message-parser.ts'
import type { ParserLimits } from './parser-handler.ts'
import type { Run } from './run.ts'
import { parseSize } from './size.ts'
import { matchVerb } from './verb.ts'

const LF = 10
const CR = 13
const SPACE = 32
const PLUS = 0x2b
const MINUS = 0x2d
const BAR = 0x7c
const WEIGHT_MAX = 2 ** 31 - 1

const NO_QUEUES: readonly string[] = []

/** The head of the latest line of messages. Strings are kept while the bytes are the same. */
class Head implements MessageHead {
  account = ''
  origin = ''
  queues = NO_QUEUES

  /** Argument number `account`, and number `origin`; -1: there is none. Returns whether both are as they were. */
  readNames(bytes: Buffer, account: number, origin: number): boolean {
    const { account: accountBefore, origin: originBefore } = this
    if (account < 0) this.account = ''
    else if (!isArgument(bytes, account, accountBefore)) this.account = argument(bytes, account)
    if (origin < 0) this.origin = ''
    else if (!isArgument(bytes, origin, originBefore)) this.origin = argument(bytes, origin)
    return this.account === accountBefore && this.origin === originBefore
  }

  /** Queue groups are the arguments from `first` to `last`. */
  readQueues(bytes: Buffer, first: number, last: number): void {
    const count = last - first
    const { queues } = this
    let same = queues.length === count
    for (let i = 0; i < count && same; i++) same = isArgument(bytes, first + i, queues[i])
    if (!same) this.queues = Array.from({ length: count }, (_, i) => argument(bytes, first + i))
  }
}

export class LinkParser extends MessageParser<LinkHandler> {
  /** While CONNECT is due, INFO may come as well: it negotiates compression. */
  infoAllowed = false
  private lines: LinkFormat
  private readonly head = new Head()
  /** Where in the latest line of messages the sizes begin, and whether there are two: that of headers comes first. */
  private sizesAt = 0
  private hasTwoSizes = false

  constructor(handler: LinkHandler, pool: ChunkPool, limits: ParserLimits, format: LinkFormat, turn?: TurnWork) {
    super(handler, pool, limits, turn)
    this.lines = format
  }

  /** From the next line on. */
  set format(format: LinkFormat) {
    this.lines = format
    this.run.stride = 0 // the next line is read again, even if it repeats the latest one
  }

  protected report(run: Run): number {
    return this.handler.processMessages(run, this.head)
  }

  protected isMessage(verb: string): boolean {
    return verb.endsWith('MSG')
  }

  protected readLine(block: Block, at: number, end: number): number {
    const { bytes } = block
    const first = bytes[at] | 0x20
    this.turn.left -= Work.operation
    const isDue = first === 0x63 || (first === 0x69 && this.infoAllowed)
    if (this.connectDue && !isDue && !this.handler.mayGoOnWithoutConnect()) {
      return this.fail(Faults.authorization, block, at, end)
    }
    const ofRoute = this.lines.kind === 'route'
    switch (first) {
      case 0x72: // r
        return ofRoute ? this.readInterestOr('RMSG', 'RS+', 'RS-', block, at, end) : this.unknown(block, at, end)
      case 0x6c: // l
        return this.readInterestOr('LMSG', 'LS+', 'LS-', block, at, end)
      case 0x68: // h
        return this.readMessageLine('HMSG', block, at, end)
      case 0x70: // p
        if (at + 1 === end) return this.keepLine(block, at, end)
        return (bytes[at + 1] | 0x20) === 0x69
          ? this.readIgnored('PING', Ignoring.ping, block, at, end)
          : this.readIgnored('PONG', Ignoring.pong, block, at, end)
      case 0x63: // c
        return this.readArguments('CONNECT', false, block, at, end)
      case 0x69: // i
        return this.readArguments('INFO', false, block, at, end)
      case 0x61: // a
        return ofRoute ? this.readOneOf('A+', 'A-', 1, block, at, end) : this.unknown(block, at, end)
      case PLUS:
        return this.readIgnored('+OK', Ignoring.ok, block, at, end)
      case MINUS:
        return this.readArguments('-ERR', true, block, at, end)
      default:
        return this.unknown(block, at, end)
    }
  }

  private unknown(block: Block, at: number, end: number): number {
    return this.fail(Faults.unknownOperation, block, at, end)
  }

  private readInterestOr(messages: string, begin: string, stop: string, block: Block, at: number, end: number): number {
    if (at + 1 === end) return this.keepLine(block, at, end)
    if ((block.bytes[at + 1] | 0x20) === 0x6d) return this.readMessageLine(messages, block, at, end)
    return this.readOneOf(begin, stop, 2, block, at, end)
  }

  private readMessageLine(verb: string, block: Block, at: number, end: number): number {
    const next = this.readSimilar(block, at, end)
    return next < 0 ? this.readArguments(verb, true, block, at, end) : next
  }

  /**
   * A line that begins as the latest one does, up to the sizes or, if it names no queue groups, up to the subject.
   * Returns where to go on; -1: it is another one, has not come to its end, or is wrong.
   */
  private readSimilar(block: Block, at: number, end: number): number {
    const { run, sizesAt, hasTwoSizes } = this
    const { line, lineStart } = run
    const { maxControlLine, maxPayload } = this.limits
    const stop = Math.min(end, at + maxControlLine)
    const names = run.subjectStart - lineStart
    if (run.stride === 0 || at + names >= stop || !equalBytes(block, at, line, lineStart, names)) return -1
    const { bytes } = block
    const sameWords = sizesAt - names
    const isSame = at + sizesAt < stop && equalBytes(block, at + names, line, lineStart + names, sameWords)
    let cursor = at + names
    if (isSame) cursor += sameWords - 1
    else while (cursor < stop && bytes[cursor] > SPACE) cursor++
    const subjectEnd = cursor
    // What is left: sizes, and a reply subject in front of them.
    const { start, end: ends } = args
    let count = 0
    while (count < 3 && bytes[cursor] === SPACE) {
      start[count] = ++cursor
      while (cursor < stop && bytes[cursor] > SPACE) cursor++
      ends[count++] = cursor
    }
    const sizes = count - (hasTwoSizes ? 2 : 1)
    if (cursor + 1 >= stop || bytes[cursor] !== CR || bytes[cursor + 1] !== LF || sizes < 0 || sizes > 1) return -1
    const size = parseSize(bytes, start[count - 1], cursor)
    const headerSize = hasTwoSizes ? parseSize(bytes, start[sizes], ends[sizes]) : 0
    if (size > maxPayload || headerSize < 0 || headerSize > size) return -1
    if (isSame) return sizes === 0 ? this.resizeRun(block, at, cursor + 2, end, headerSize, size) : -1
    const replyStart = sizes === 1 ? start[0] : at
    const replyEnd = sizes === 1 ? ends[0] : at
    const subjectStart = at + names
    if (subjectEnd === subjectStart || (sizes === 1 && replyEnd === replyStart)) return -1
    this.sizesAt = start[sizes] - at
    this.head.queues = NO_QUEUES
    return this.beginRun(block, at, cursor + 2, end, subjectStart, subjectEnd, replyStart, replyEnd, headerSize, size)
  }

  /** Two verbs that differ in their last byte, at `place`. */
  private readOneOf(begin: string, stop: string, place: number, block: Block, at: number, end: number): number {
    const { bytes } = block
    if (at + place < end) return this.readArguments(bytes[at + place] === PLUS ? begin : stop, true, block, at, end)
    return matchVerb(begin, bytes, at, end) < 0 ? this.unknown(block, at, end) : this.keepLine(block, at, end)
  }

  protected readVerb(verb: string, block: Block, at: number, next: number, end: number): number {
    const { bytes } = block
    switch (verb) {
      case 'RMSG':
        return this.readMessage(block, at, next, end, false, false)
      case 'HMSG':
        return this.readMessage(block, at, next, end, false, true)
      case 'LMSG': {
        const ofRoute = this.lines.kind === 'route'
        return this.readMessage(block, at, next, end, ofRoute, ofRoute)
      }
      case 'RS+':
        return this.readInterest(block, at, next, end, false)
      case 'LS+':
        return this.readInterest(block, at, next, end, this.lines.kind === 'route')
      case 'RS-':
        return this.readInterestEnd(block, at, next, end, false)
      case 'LS-':
        return this.readInterestEnd(block, at, next, end, this.lines.namesOriginOnEnd)
      case 'CONNECT':
        this.handler.processConnect(goText(bytes, args.from, args.until))
        return next
      case 'INFO':
        this.handler.processInfo(goText(bytes, args.from, args.until))
        return next
      case '-ERR':
        this.handler.processError(goText(bytes, args.from, args.until).replace(/^'|'$/g, ''))
        return next
      default: // A+ and A- mean nothing on routes.
        return next
    }
  }

  private readMessage(
    block: Block,
    at: number,
    next: number,
    end: number,
    hasOrigin: boolean,
    withHeader: boolean,
  ): number {
    const { bytes } = block
    const { count, start, end: ends } = args
    const { head } = this
    const ofAccount = hasOrigin ? 1 : 0
    const subject = ofAccount + (this.lines.namesAccount ? 1 : 0)
    const sizes = count - (withHeader ? 2 : 1)
    // Between the subject and the sizes: nothing, a reply subject, or a mark with what it announces.
    const between = sizes - subject - 1
    if (between < 0) return this.fail(Faults.badArguments, block, at, end)
    let reply = 0
    let queues = sizes
    if (between === 1) reply = subject + 1
    else if (between > 1) {
      const mark = ends[subject + 1] - start[subject + 1] === 1 ? bytes[start[subject + 1]] : 0
      if (mark !== PLUS && mark !== BAR) return this.fail(Faults.badArguments, block, at, end)
      if (mark === PLUS) reply = subject + 2
      queues = subject + (mark === PLUS ? 3 : 2)
    }
    const size = parseSize(bytes, start[count - 1], ends[count - 1])
    const headerSize = withHeader ? parseSize(bytes, start[sizes], ends[sizes]) : 0
    if (size < 0 || headerSize < 0 || headerSize > size) return this.fail(Faults.badArguments, block, at, end)
    const { maxPayload } = this.limits
    if (size > maxPayload) return this.fail(Faults.payload, block, at, end, `${size} vs ${maxPayload}`)
    // What is known of a subject is known for one account, and for messages of one origin.
    const isKnown = head.readNames(bytes, this.lines.namesAccount ? ofAccount : -1, hasOrigin ? 0 : -1)
    if (!isKnown) this.run.memo = undefined
    head.readQueues(bytes, queues, sizes)
    this.sizesAt = start[sizes] - at
    this.hasTwoSizes = withHeader
    const replyStart = reply > 0 ? start[reply] : at
    const replyEnd = reply > 0 ? ends[reply] : at
    return this.beginRun(block, at, next, end, start[subject], ends[subject], replyStart, replyEnd, headerSize, size)
  }

  private readInterest(block: Block, at: number, next: number, end: number, hasOrigin: boolean): number {
    const { bytes } = block
    const ofAccount = hasOrigin ? 1 : 0
    const subject = ofAccount + (this.lines.namesAccount ? 1 : 0)
    const { count } = args
    if (count !== subject + 1 && count !== subject + 3) return this.fail(Faults.badArguments, block, at, end)
    const ofQueue = count === subject + 3
    const queue = ofQueue ? argument(bytes, subject + 1) : ''
    const weight = ofQueue ? weightOf(bytes, subject + 2) : 1
    this.handler.processInterest(
      this.lines.namesAccount ? argument(bytes, ofAccount) : '',
      argument(bytes, subject),
      queue,
      weight,
      this.originOf(bytes, at, hasOrigin),
    )
    return next
  }

  private readInterestEnd(block: Block, at: number, next: number, end: number, hasOrigin: boolean): number {
    const { bytes } = block
    const ofAccount = hasOrigin ? 1 : 0
    const subject = ofAccount + (this.lines.namesAccount ? 1 : 0)
    const { count } = args
    if (count !== subject + 1 && count !== subject + 2) {
      // Whatever a leaf node names that it has not announced is ignored.
      return this.lines.kind === 'leaf' ? next : this.fail(Faults.badArguments, block, at, end)
    }
    this.handler.processInterestEnd(
      this.lines.namesAccount ? argument(bytes, ofAccount) : '',
      argument(bytes, subject),
      count === subject + 2 ? argument(bytes, subject + 1) : '',
      this.originOf(bytes, at, hasOrigin),
    )
    return next
  }

  /** The origin of the line at `at`; undefined: it is RS+ or RS-. */
  private originOf(bytes: Buffer, at: number, hasOrigin: boolean): string | undefined {
    if (hasOrigin) return argument(bytes, 0)
    return (bytes[at] | SPACE) === 0x72 ? undefined : ''
  }
}

function argument(bytes: Buffer, index: number): string {
  return bytes.toString('latin1', args.start[index], args.end[index])
}

function isArgument(bytes: Buffer, index: number, text: string): boolean {
  const start = args.start[index]
  if (args.end[index] - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}

/** From 1 to what 32 bits hold; what is no such number counts as 1. */
function weightOf(bytes: Buffer, index: number): number {
  return Math.min(Math.max(decimalOf(bytes, args.start[index], args.end[index]), 1), WEIGHT_MAX)
}
