// The reader half of the client protocol: bytes in become calls on a handler. It holds no socket.
//
// One forward pass over each control line, the verb dispatched on once, arguments kept as offsets. What outlives a
// chunk is listed in the constructor. Three situations can span chunks:
//
//   a cut control line    kept in `carry`; push() puts it back in front of the bytes that end it, and reads it then
//   a cut message         `assembly` collects line, payload and CRLF in one chunk of the right size
//   a line to be ignored  PING, PONG and +OK may be followed by anything up to the next LF: `ignoring`
//
// Publishers repeat themselves. When a control line equals the connection's previous publish byte for byte, its parsed
// form is used again, and consecutive messages under equal lines are passed on as one run:
//
//     PUB orders.new 5␍␊hello␍␊PUB orders.new 5␍␊world␍␊…
//     ╰───── line ─────╯      ╰───── line ─────╯            stride = line + size + 2
//                       ▲ first                ▲ first + stride
//
// Cursor invariant: everything before `at` has been told to the handler; at <= end.

import { BLOCK_SLACK, SIZE_DIGITS_MAX } from '../base/constants.ts'
import { type Fault, Faults } from '../base/errors.ts'
import { type TurnWork, Work } from '../base/turns.ts'
import { allocateBlock, type Block, copyBytes, equalBytes } from '../memory/block.ts'
import type { Chunk, ChunkPool } from '../memory/chunk-pool.ts'
import { goText } from '../text/utf8.ts'
import { Backlog } from './backlog.ts'
import { CutLine } from './cut-line.ts'
import type { ParserHandler, ParserLimits } from './parser-handler.ts'
import type { ParserTracer } from './parser-tracer.ts'
import { traceRun } from './parser-tracer.ts'
import { hasSubject, Run } from './run.ts'
import { parseSize } from './size.ts'
import { matchVerb } from './verb.ts'

const LF = 10
const CR = 13
const SPACE = 32
const TAB = 9
const SNIPPET_BYTES = 32
/** Where work is not counted. */
const ENDLESS: TurnWork = { left: Number.POSITIVE_INFINITY }

const Ignoring = { none: 0, ping: 1, pong: 2, ok: 3 } as const
type Ignoring = (typeof Ignoring)[keyof typeof Ignoring]

/** `PUB ` as a word, and what makes capitals of its letters. */
const PUB_WORD = 0x20425550
const CAPITALS = 0xffdfdfdf | 0

/** Argument offsets of the current line. A line has at most four; a fifth makes it malformed. */
const ARGUMENTS_MAX = 5
const argumentStart = new Int32Array(ARGUMENTS_MAX)
const argumentEnd = new Int32Array(ARGUMENTS_MAX)

export class Parser {
  /** Longest run to report; 1 where each message needs an answer of its own (verbose). */
  runMax = 1
  /** Nothing but CONNECT is taken (docs/reference/reliability.md, "One way to an identity"). */
  connectDue = false
  tracer: ParserTracer | undefined
  private headersAllowed = false

  private readonly handler: ParserHandler
  private readonly pool: ChunkPool
  private readonly turn: TurnWork
  private limits: ParserLimits
  /** Start of a cut control line. */
  private carry: CutLine | undefined
  /** The latest publish, as parsed; its line is kept in a block of its own. */
  private readonly run = new Run()
  /** Keeps the line of the latest publish from one read to the next: during a read it stands where it was read. */
  private line: Block | undefined
  /** A cut message: its chunk, and how much of it has come. */
  private assembly: Chunk | undefined
  private assembled = 0
  /** The limits changed while a cut message is coming: its line is not to be used again. */
  private forgetsLine = false
  private ignoring: Ignoring = Ignoring.none
  private stopped = false
  /** Suspended by so many. */
  private suspensions = 0
  /** What came behind the operation that suspended the parser. */
  private rest: Backlog | undefined

  constructor(handler: ParserHandler, pool: ChunkPool, limits: ParserLimits, turn: TurnWork = ENDLESS) {
    this.handler = handler
    this.pool = pool
    this.limits = limits
    this.turn = turn
  }

  /** Whether HPUB is allowed: as CONNECT negotiated. */
  allowHeaders(allowed: boolean): void {
    this.headersAllowed = allowed
    this.run.stride = 0 // the next line is checked again, even if it repeats the latest one
  }

  /** Between two calls of push(). */
  setLimits(limits: ParserLimits): void {
    this.limits = limits
    if (this.assembly === undefined)
      this.run.stride = 0 // as above
    else this.forgetsLine = true
  }

  /** Bytes of a cut line that push() will put in front of its `start`. */
  get carryBytes(): number {
    return this.carry?.length ?? 0
  }

  /** Lets go of the plan of the latest publish, which may name connections that are closed by now. */
  forgetPlan(): void {
    this.run.memo = undefined
  }

  /** Takes nothing more; gives back what it holds. */
  stop(): void {
    this.stopped = true
    this.carry = undefined
    this.rest?.release()
    this.rest = undefined
    this.assembly?.release()
    this.assembly = undefined
  }

  /** Takes nothing more until as many resume(); what has come is kept. The caller reads no further meanwhile. */
  suspend(): void {
    this.suspensions++
  }

  /** Goes on with what was kept. */
  resume(): void {
    const { rest } = this
    if (--this.suspensions > 0 || rest === undefined) return
    this.rest = undefined
    rest.start = this.read(rest.block, rest.start, rest.end)
    if (rest.isEmpty || this.stopped) rest.release()
    else this.rest = rest
  }

  /** Something has come that it has not dealt with, as it is suspended. */
  get hasRest(): boolean {
    return this.rest !== undefined
  }

  /** Reads block[start, end). The caller leaves room before `start` for as many bytes as a line may have. */
  push(block: Block, start: number, end: number): void {
    const { carry } = this
    if (carry !== undefined) {
      if (carry.extend(block, start, end, this.limits.maxControlLine)) return
      this.carry = undefined
      ;({ block, start, end } = carry.before(block, start, end))
    }
    const at = this.read(block, start, end)
    if (at === end || this.stopped) return
    if (this.rest === undefined) this.rest = new Backlog(this.pool, block, at, end)
    else this.rest.append(block, at, end)
  }

  /** Reads until the end, or until it is stopped or suspended; returns where that was. */
  private read(block: Block, at: number, end: number): number {
    while (at < end && !this.stopped) {
      if (this.turn.left <= 0 && this.suspensions === 0) this.handler.turnIsOver()
      if (this.suspensions > 0) break
      if (this.assembly !== undefined) at = this.assemble(this.assembly, block, at, end)
      else if (this.ignoring !== Ignoring.none) at = this.ignore(block, at, end)
      else if (this.repeatsLine(block, at, end)) at = this.readRun(block, at, end)
      else at = this.readLine(block, at, end)
    }
    this.keepPublishLine()
    return at
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────

  private repeatsLine(block: Block, at: number, end: number): boolean {
    const { line, lineStart, lineLength, stride } = this.run
    if (stride === 0 || at + stride > end) return false
    // Where lines differ, they do so in the size, which comes last. No line is shorter than seven bytes.
    const last = lineLength - 4
    if (block.view.getInt32(at + last, true) !== line.view.getInt32(lineStart + last, true)) return false
    return equalBytes(block, at, line, lineStart, last)
  }

  /** The line of the latest publish outlives the block that it was read in. */
  private keepPublishLine(): void {
    const { run } = this
    if (run.stride === 0 || run.line === this.line) return
    const { lineStart, lineLength } = run
    if (this.line === undefined || this.line.capacity < lineLength) {
      this.line = allocateBlock(Math.max(128 - BLOCK_SLACK, lineLength))
    }
    copyBytes(this.line, 0, run.line, lineStart, lineLength)
    run.line = this.line
    run.lineStart = 0
    run.subjectStart -= lineStart
    run.subjectEnd -= lineStart
    run.replyStart -= lineStart
    run.replyEnd -= lineStart
  }

  /** Reports all whole messages from `at` on with the same line. The first line is known to match. */
  private readRun(block: Block, at: number, end: number): number {
    const run = this.run
    const { line, lineStart, lineLength, stride } = run
    const bytes = block.bytes
    const runMax = this.tracer === undefined ? this.runMax : 1
    let next = at
    let count = 0
    do {
      if (bytes[next + stride - 2] !== CR || bytes[next + stride - 1] !== LF) break
      next += stride
      count++
    } while (count < runMax && next + stride <= end && equalBytes(block, next, line, lineStart, lineLength))
    if (count === 0) return this.fail(Faults.unknownOperation, block, at + lineLength + run.size, end)
    if (this.tracer !== undefined) traceRun(this.tracer, run, block, at)
    run.block = block
    run.first = at + lineLength
    run.count = count
    const taken = this.handler.processPub(run)
    this.turn.left -= Work.run + taken * Work.message
    return taken === count ? next : at + taken * stride
  }

  /** Begins the message with its line at `at` and without its end so far. */
  private beginAssembly(block: Block, at: number, end: number): number {
    const { lineLength, size, stride } = this.run
    const bytes = block.bytes
    // A wrong end of a message is reported as soon as it is seen, not when the rest has come.
    if (end - at > lineLength + size && bytes[at + lineLength + size] !== CR) {
      return this.fail(Faults.unknownOperation, block, at + lineLength + size, end)
    }
    this.keepPublishLine()
    const chunk = this.pool.acquire(stride)
    bytes.copy(chunk.block.bytes, 0, at, end)
    this.assembly = chunk
    this.assembled = end - at
    return end
  }

  private assemble(chunk: Chunk, block: Block, at: number, end: number): number {
    const run = this.run
    const take = Math.min(run.stride - this.assembled, end - at)
    const target = chunk.block.bytes
    block.bytes.copy(target, this.assembled, at, at + take)
    this.assembled += take
    const payloadEnd = run.lineLength + run.size
    const missing = run.stride - this.assembled
    if ((missing < 2 && target[payloadEnd] !== CR) || (missing === 0 && target[payloadEnd + 1] !== LF)) {
      return this.fail(Faults.unknownOperation, chunk.block, payloadEnd, this.assembled)
    }
    if (missing > 0) return end
    this.assembly = undefined
    if (this.tracer !== undefined) traceRun(this.tracer, run, chunk.block, 0)
    run.block = chunk.block
    run.chunk = chunk
    run.first = run.lineLength
    run.count = 1
    this.handler.processPub(run)
    run.chunk = undefined
    chunk.release()
    if (this.forgetsLine) {
      this.forgetsLine = false
      run.stride = 0
    }
    return at + take
  }

  // ── Control lines ─────────────────────────────────────────────────────────────────────────────────────

  /** Reads the control line at `at`, or keeps it for later if its end has not come. Returns where to go on. */
  private readLine(block: Block, at: number, end: number): number {
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

  /** PING, PONG, +OK: whatever follows the verb up to the LF does not matter. */
  private readIgnored(verb: string, kind: Ignoring, block: Block, at: number, end: number): number {
    const matched = matchVerb(verb, block.bytes, at, end)
    if (matched < 0) return this.fail(Faults.unknownOperation, block, at, end)
    if (matched < verb.length) return this.keepLine(block, at, end)
    this.ignoring = kind
    return at + matched
  }

  private ignore(block: Block, at: number, end: number): number {
    const bytes = block.bytes
    while (at < end && bytes[at] !== LF) at++
    if (at === end) return end
    const kind = this.ignoring
    this.ignoring = Ignoring.none
    if (kind !== Ignoring.ok) this.tracer?.cameIn(kind === Ignoring.ping ? 'PING' : 'PONG', '')
    if (kind === Ignoring.ping) this.handler.processPing()
    else if (kind === Ignoring.pong) this.handler.processPong()
    return at + 1
  }

  /** Verbs with arguments. `separated`: a blank must follow the verb. */
  private readArguments(verb: string, separated: boolean, block: Block, at: number, end: number): number {
    const bytes = block.bytes
    const matched = matchVerb(verb, bytes, at, end)
    if (matched < 0) return this.fail(Faults.unknownOperation, block, at, end)
    let from = at + matched
    if (matched < verb.length || from === end) return this.keepLine(block, at, end)
    if (separated && bytes[from] !== SPACE && bytes[from] !== TAB) {
      return this.fail(Faults.unknownOperation, block, at, end)
    }
    while (from < end && (bytes[from] === SPACE || bytes[from] === TAB)) from++

    // The one pass over the arguments: note where each begins and ends until the line does.
    let count = 0
    let inside = false
    let strayCr = false
    let cursor = from
    let byte = 0
    for (; cursor < end; cursor++) {
      byte = bytes[cursor]
      if (byte > SPACE) {
        if (!inside) {
          inside = true
          if (count < ARGUMENTS_MAX) argumentStart[count] = cursor
        }
      } else if (byte === SPACE || byte === TAB || byte === LF || byte === CR) {
        if (inside) {
          inside = false
          if (count < ARGUMENTS_MAX) argumentEnd[count++] = cursor
        }
        if (byte === LF) break
        if (byte === CR && cursor + 1 < end && bytes[cursor + 1] !== LF) strayCr = true
      } else if (!inside) {
        inside = true
        if (count < ARGUMENTS_MAX) argumentStart[count] = cursor
      }
    }
    const { maxControlLine } = this.limits
    if (cursor === end) {
      // The CR of a line that just fits may already be here without its LF.
      if (end - from > maxControlLine + 1) return this.fail(Faults.controlLine, block, from, end)
      // Blanks between verb and arguments have no limit of their own: one of them is kept.
      const skip = Math.max(0, from - (at + verb.length) - 1)
      bytes.copyWithin(at + skip, at, at + verb.length + 1)
      return this.keepLine(block, at + skip, end, true)
    }
    const lineEnd = cursor > from && bytes[cursor - 1] === CR ? cursor - 1 : cursor
    if (lineEnd - from > maxControlLine) return this.fail(Faults.controlLine, block, from, end)
    // A CR inside a line would be passed on inside a MSG line; no honest client sends one.
    if (strayCr) return this.fail(Faults.badArguments, block, at, end)
    // Messages are traced with their payload, once they are whole.
    if (this.tracer !== undefined && verb !== 'PUB' && verb !== 'HPUB') {
      this.tracer.cameIn(verb, bytes.toString('latin1', from, lineEnd))
    }

    switch (verb) {
      case 'PUB':
        return this.readPub(block, at, cursor + 1, end, count, false)
      case 'HPUB':
        return this.readPub(block, at, cursor + 1, end, count, true)
      case 'SUB':
        return this.readSub(block, at, cursor + 1, end, count)
      case 'UNSUB':
        return this.readUnsub(block, at, cursor + 1, end, count)
      case 'CONNECT':
        this.handler.processConnect(goText(bytes, from, lineEnd))
        return cursor + 1
      case '-ERR':
        return this.fail(Faults.errorFromClient, block, at, end)
      default: // INFO from a client is tolerated.
        return cursor + 1
    }
  }

  private readPub(block: Block, at: number, next: number, end: number, count: number, withHeader: boolean): number {
    if (withHeader && !this.headersAllowed) return this.fail(Faults.headersOff, block, at, end)
    const bytes = block.bytes
    const least = withHeader ? 3 : 2
    if (count !== least && count !== least + 1) return this.fail(Faults.badArguments, block, at, end)
    const size = parseSize(bytes, argumentStart[count - 1], argumentEnd[count - 1])
    const headerSize = withHeader ? parseSize(bytes, argumentStart[count - 2], argumentEnd[count - 2]) : 0
    if (size < 0 || headerSize < 0 || headerSize > size) return this.fail(Faults.badArguments, block, at, end)
    const { maxPayload } = this.limits
    if (size > maxPayload) {
      this.tracer?.cameIn(
        withHeader ? 'HPUB' : 'PUB',
        bytes.toString('latin1', argumentStart[0], argumentEnd[count - 1]),
      )
      return this.fail(Faults.payload, block, at, end, `${size} vs ${maxPayload}`)
    }

    const replyStart = count > least ? argumentStart[1] : at
    const replyEnd = count > least ? argumentEnd[1] : at
    const [subjectStart] = argumentStart
    const [subjectEnd] = argumentEnd
    return this.beginRun(block, at, next, end, subjectStart, subjectEnd, replyStart, replyEnd, headerSize, size)
  }

  /** Reads the messages under the line at `at`, which ends at `next` and has been parsed. */
  private beginRun(
    block: Block,
    at: number,
    next: number,
    end: number,
    subjectStart: number,
    subjectEnd: number,
    replyStart: number,
    replyEnd: number,
    headerSize: number,
    size: number,
  ): number {
    const { run } = this
    // A stride of 0 says that nothing of what was read before may be used again.
    const knowsPlan = run.stride !== 0 && run.memo !== undefined
    if (!knowsPlan || !hasSubject(run, block, subjectStart, subjectEnd)) run.memo = undefined
    const lineLength = next - at
    run.line = block
    run.lineStart = at
    run.lineLength = lineLength
    run.subjectStart = subjectStart
    run.subjectEnd = subjectEnd
    run.replyStart = replyStart
    run.replyEnd = replyEnd
    run.headerSize = headerSize
    run.size = size
    run.stride = lineLength + size + 2
    if (at + run.stride <= end) return this.readRun(block, at, end)
    return this.beginAssembly(block, at, end)
  }

  private readSub(block: Block, at: number, next: number, end: number, count: number): number {
    if (count !== 2 && count !== 3) return this.fail(Faults.badArguments, block, at, end)
    const text = (i: number): string => block.bytes.toString('latin1', argumentStart[i], argumentEnd[i])
    this.handler.processSub(text(0), count === 3 ? text(1) : '', text(count - 1))
    return next
  }

  private readUnsub(block: Block, at: number, next: number, end: number, count: number): number {
    if (count !== 1 && count !== 2) return this.fail(Faults.badArguments, block, at, end)
    const max = count === 2 ? parseSize(block.bytes, argumentStart[1], argumentEnd[1]) : 0
    this.handler.processUnsub(block.bytes.toString('latin1', argumentStart[0], argumentEnd[0]), Math.max(max, 0))
    return next
  }

  /** Keeps a cut line until its end comes. */
  private keepLine(block: Block, at: number, end: number, isOpen = false): number {
    this.carry = new CutLine(block, at, end, isOpen)
    return end
  }

  /** The one way to fail: tells the handler and parks the parser. */
  private fail(
    fault: Fault,
    block: Block,
    at: number,
    end: number,
    cause = block.bytes.toString('latin1', at, Math.min(end, at + SNIPPET_BYTES)),
  ): number {
    this.stop()
    this.handler.processFault(fault, cause)
    return end
  }
}
