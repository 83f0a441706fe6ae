// What all parsers of a NATS protocol share: control lines, messages under equal lines as runs, and what outlives a
// chunk. A subclass reads the lines of its verbs: parser.ts those of clients, link-parser.ts those of other servers.
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

import { BLOCK_SLACK } from '../base/constants.ts'
import { type Fault, Faults } from '../base/errors.ts'
import { type TurnWork, Work } from '../base/turns.ts'
import { allocateBlock, type Block, copyBytes, equalBytes } from '../memory/block.ts'
import type { Chunk, ChunkPool } from '../memory/chunk-pool.ts'
import { Backlog } from './backlog.ts'
import { CutLine } from './cut-line.ts'
import type { MessageHandler, ParserLimits } from './parser-handler.ts'
import type { ParserTracer } from './parser-tracer.ts'
import { traceRun } from './parser-tracer.ts'
import { hasSubject, Run } from './run.ts'
import { matchVerb } from './verb.ts'

const LF = 10
const CR = 13
const SPACE = 32
const TAB = 9
const SNIPPET_BYTES = 32
/** Where work is not counted. */
const ENDLESS: TurnWork = { left: Number.POSITIVE_INFINITY }

export const Ignoring = { none: 0, ping: 1, pong: 2, ok: 3 } as const
export type Ignoring = (typeof Ignoring)[keyof typeof Ignoring]

/** Where the arguments of the line that is being read stand: more of them than any verb takes, if it is malformed. */
class Arguments {
  count = 0
  /** All of them together, blanks and all: from the first one to the end of the line. */
  from = 0
  until = 0
  start = new Int32Array(64)
  end = new Int32Array(64)

  /** Notes that another one begins at `at`. */
  begin(at: number): void {
    if (this.count === this.start.length) this.grow()
    this.start[this.count] = at
  }

  /** … and that it ends there. */
  finish(at: number): void {
    this.end[this.count++] = at
  }

  private grow(): void {
    const { start, end } = this
    this.start = new Int32Array(2 * start.length)
    this.end = new Int32Array(2 * end.length)
    this.start.set(start)
    this.end.set(end)
  }
}

/** One for all parsers of a thread: a line is read to its end before the next one. */
export const args = new Arguments()

export abstract class MessageParser<H extends MessageHandler> {
  /** Longest run to report; 1 where each message needs an answer of its own (verbose). */
  runMax = 1
  /** Nothing but CONNECT is taken (docs/reference/reliability.md, "One way to an identity"). */
  connectDue = false
  tracer: ParserTracer | undefined

  protected readonly handler: H
  private readonly pool: ChunkPool
  protected readonly turn: TurnWork
  protected limits: ParserLimits
  /** Start of a cut control line. */
  private carry: CutLine | undefined
  /** The latest publish, as parsed; its line is kept in a block of its own. */
  protected readonly run = new Run()
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

  constructor(handler: H, pool: ChunkPool, limits: ParserLimits, turn: TurnWork = ENDLESS) {
    this.handler = handler
    this.pool = pool
    this.limits = limits
    this.turn = turn
  }

  /** Reads the control line at `at`, or keeps it for later if its end has not come. Returns where to go on. */
  protected abstract readLine(block: Block, at: number, end: number): number
  /**
   * Reads the line of a verb that readArguments() was called for, which is whole: its arguments are in `args`. Returns
   * where to go on; `next` is behind the line.
   */
  protected abstract readVerb(verb: string, block: Block, at: number, next: number, end: number): number
  /** Messages have come. Returns how many of them were taken, one at least. */
  protected abstract report(run: Run): number
  /** Whether the verb's lines are traced with their payload, once that is whole. */
  protected abstract isMessage(verb: string): boolean

  /** Between two calls of push(). */
  setLimits(limits: ParserLimits): void {
    this.limits = limits
    if (this.assembly === undefined)
      this.run.stride = 0 // the next line is checked again, even if it repeats the latest one
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

  get isSuspended(): boolean {
    return this.suspensions > 0
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
    const taken = this.report(run)
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
    this.report(run)
    run.chunk = undefined
    chunk.release()
    if (this.forgetsLine) {
      this.forgetsLine = false
      run.stride = 0
    }
    return at + take
  }

  // ── Control lines ─────────────────────────────────────────────────────────────────────────────────────

  /** PING, PONG, +OK: whatever follows the verb up to the LF does not matter. */
  protected readIgnored(verb: string, kind: Ignoring, block: Block, at: number, end: number): number {
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
  protected readArguments(verb: string, separated: boolean, block: Block, at: number, end: number): number {
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
    args.count = 0
    let inside = false
    let strayCr = false
    let cursor = from
    let byte = 0
    for (; cursor < end; cursor++) {
      byte = bytes[cursor]
      if (byte > SPACE) {
        if (!inside) {
          inside = true
          args.begin(cursor)
        }
      } else if (byte === SPACE || byte === TAB || byte === LF || byte === CR) {
        if (inside) {
          inside = false
          args.finish(cursor)
        }
        if (byte === LF) break
        if (byte === CR && cursor + 1 < end && bytes[cursor + 1] !== LF) strayCr = true
      } else if (!inside) {
        inside = true
        args.begin(cursor)
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
    args.from = from
    args.until = lineEnd
    if (this.tracer !== undefined && !this.isMessage(verb)) {
      this.tracer.cameIn(verb, bytes.toString('latin1', from, lineEnd))
    }
    return this.readVerb(verb, block, at, cursor + 1, end)
  }

  /** Reads the messages under the line at `at`, which ends at `next` and has been parsed. */
  protected beginRun(
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

  /** The same where the line is the latest one with other sizes: the rest of it stands where it did. */
  protected resizeRun(block: Block, at: number, next: number, end: number, headerSize: number, size: number): number {
    const { run } = this
    const shift = at - run.lineStart
    run.line = block
    run.lineStart = at
    run.lineLength = next - at
    run.subjectStart += shift
    run.subjectEnd += shift
    run.replyStart += shift
    run.replyEnd += shift
    run.headerSize = headerSize
    run.size = size
    run.stride = next - at + size + 2
    if (at + run.stride <= end) return this.readRun(block, at, end)
    return this.beginAssembly(block, at, end)
  }

  /** Keeps a cut line until its end comes. */
  protected keepLine(block: Block, at: number, end: number, isOpen = false): number {
    this.carry = new CutLine(block, at, end, isOpen)
    return end
  }

  /** The one way to fail: tells the handler and parks the parser. */
  protected fail(
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
