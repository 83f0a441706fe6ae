// The writer half of the protocols between servers: heads of messages, and lines of interest. It holds no socket. What
// link-parser.ts reads, this writes (docs/reference/server-links.md, "Lines").

import { allocateBlock, type Block, copyBytes, writeDecimal, writeText } from '../memory/block.ts'
import { type Dialect, isStraight, writeBehind } from './encoder.ts'
import type { LinkFormat } from './link-handler.ts'
import { Origin, type Run } from './run.ts'

const SPACE = 32
const PLUS = 0x2b
const BAR = 0x7c
const AT = 0x40
/** A head beside its subjects and names: verb, blanks, two sizes, marks, CRLF. */
const HEAD_FIXED_MAX = 64

const VERB_BYTES = 5
/** Lines with a longer name of an account are composed. */
const ACCOUNT_MAX = 100
const FRONT_MAX = VERB_BYTES + ACCOUNT_MAX + 1

const NO_QUEUES: readonly string[] = []

/**
 * The dialect of links: RMSG, HMSG and LMSG. The sid is the account, or empty where lines do not name it. Set `queues`
 * before compose() or begin(): the queue groups that the line is to list. A route is told the cluster of the leaf node
 * that a message came from. A subject of its own that receivers are to see goes behind the reply subject, after an `@`:
 * so JetStream delivers over links (docs/reference/server-links.md, "The subject behind @").
 */
export class LinkComposer implements Dialect {
  readonly writesSid = true
  sidAt = 0
  block: Block = allocateBlock(8192)
  length = 0
  queues = NO_QUEUES
  private readonly kind: LinkFormat['kind']
  private skip = 0
  private isStraight = false
  /** What stands in front of the subject where lines are straight: for the latest account, without and with headers. */
  private readonly front: Block = allocateBlock(FRONT_MAX)
  private frontLength = 0
  private frontAccount = ''
  private frontHasHeader = false

  constructor(kind: LinkFormat['kind']) {
    this.kind = kind
  }

  compose(run: Run, subject: string, account: string, withHeader: boolean): void {
    const { queues } = this
    const { cluster } = run
    const ofRoute = this.kind === 'route'
    const hasOrigin = ofRoute && cluster !== '' && run.origin === Origin.local
    const replyLength = run.replyEnd - run.replyStart
    let need = account.length + cluster.length + subject.length + HEAD_FIXED_MAX
    need += run.subjectEnd - run.subjectStart + replyLength + run.shownLength
    for (const queue of queues) need += queue.length + 1
    if (need > this.block.capacity) this.block = allocateBlock(need * 2)
    const { block } = this
    const { bytes } = block
    let at = writeText(bytes, 0, hasOrigin ? 'LMSG ' : withHeader ? 'HMSG ' : ofRoute ? 'RMSG ' : 'LMSG ')
    if (hasOrigin) at = writeWord(bytes, at, cluster)
    this.sidAt = at
    if (account !== '') at = writeWord(bytes, at, account)
    if (subject !== '') at = writeText(bytes, at, subject)
    else at = copyText(block, at, run.line, run.subjectStart, run.subjectEnd - run.subjectStart)
    bytes[at++] = SPACE
    if (queues.length > 0) {
      bytes[at++] = replyLength > 0 ? PLUS : BAR
      bytes[at++] = SPACE
    }
    if (replyLength > 0) {
      at = copyText(block, at, run.line, run.replyStart, replyLength)
      if (run.shownLength > 0) {
        bytes[at++] = AT
        at = copyText(block, at, run.line, run.subjectEnd + 1, run.shownLength)
      }
      bytes[at++] = SPACE
    }
    for (const queue of queues) at = writeWord(bytes, at, queue)
    const headerSize = withHeader ? run.headerSize : 0
    this.skip = run.headerSize - headerSize
    if (withHeader || hasOrigin) {
      at = writeDecimal(bytes, at, headerSize)
      bytes[at++] = SPACE
    }
    at = writeDecimal(bytes, at, run.size - this.skip)
    bytes[at++] = 13
    bytes[at++] = 10
    this.length = at
  }

  begin(run: Run, subject: string, account: string, withHeader: boolean): void {
    const namesOrigin = this.kind === 'route' && run.cluster !== '' && run.origin === Origin.local
    const isPlain = subject === '' && this.queues.length === 0 && !namesOrigin
    this.isStraight = isPlain && isStraight(run, withHeader) && this.turnTo(account, withHeader)
    if (this.isStraight) {
      this.sidAt = VERB_BYTES
      this.length = this.frontLength + run.lineLength - (run.subjectStart - run.lineStart)
    } else this.compose(run, subject, account, withHeader)
  }

  /** Makes ready what stands in front of the subject. Returns whether there is room for it. */
  private turnTo(account: string, withHeader: boolean): boolean {
    if (this.frontLength > 0 && account === this.frontAccount && withHeader === this.frontHasHeader) return true
    if (account.length > ACCOUNT_MAX) return false
    const { bytes } = this.front
    const verb = withHeader ? 'HMSG ' : this.kind === 'route' ? 'RMSG ' : 'LMSG '
    const at = writeText(bytes, 0, verb)
    this.frontLength = account === '' ? at : writeWord(bytes, at, account)
    this.frontAccount = account
    this.frontHasHeader = withHeader
    return true
  }

  write(to: Block, at: number, run: Run, from: number, count: number): number {
    return this.isStraight
      ? this.writeStraight(to, at, run, from, count)
      : writeBehind(this, this.skip, to, at, run, from, count)
  }

  /**
   * What is read and what is written differ in what is in front of the subject alone:
   *
   *     PUB subject [reply] size␍␊payload␍␊
   *     RMSG account subject [reply] size␍␊payload␍␊
   */
  private writeStraight(to: Block, at: number, run: Run, from: number, count: number): number {
    const { front, frontLength } = this
    const { block, stride } = run
    const left = run.subjectStart - run.lineStart
    const rest = stride - left
    let source = run.first - run.lineLength + left + from * stride
    for (const end = source + count * stride; source < end; source += stride) {
      copyBytes(to, at, front, 0, frontLength)
      at += frontLength
      copyBytes(to, at, block, source, rest)
      at += rest
    }
    return at
  }
}

function writeWord(bytes: Buffer, at: number, text: string): number {
  const end = writeText(bytes, at, text)
  bytes[end] = SPACE
  return end + 1
}

function copyText(to: Block, at: number, from: Block, start: number, length: number): number {
  copyBytes(to, at, from, start, length)
  return at + length
}

/** Interest as a line has it; byte strings. */
export interface LinkInterest {
  readonly account: string
  readonly subject: string
  /** Empty: plain. */
  readonly queue: string
  /** Of a queue group: 0 says that it has gone. */
  readonly weight: number
  /** Of a leaf node, told to a route: the name of its cluster. Undefined: the server’s own. */
  readonly origin: string | undefined
}

/** The line that says that there is interest: RS+ or LS+, with its CRLF; a byte string. */
export function interestLine(format: LinkFormat, interest: LinkInterest): string {
  const { queue, weight } = interest
  return `${lineOf(format, '+', interest, true)}${queue === '' ? '' : ` ${weight}`}\r\n`
}

/** … and that there is none any more: RS- or LS-. */
export function interestEndLine(format: LinkFormat, interest: LinkInterest): string {
  return `${lineOf(format, '-', interest, format.namesOriginOnEnd)}\r\n`
}

function lineOf(
  { kind, namesAccount }: LinkFormat,
  sign: '+' | '-',
  { account, subject, queue, origin }: LinkInterest,
  namesOrigin: boolean,
): string {
  const isLeafs = kind === 'leaf' || origin !== undefined
  let line = isLeafs ? `LS${sign}` : `RS${sign}`
  if (kind === 'route' && origin !== undefined && namesOrigin) line += ` ${origin}`
  if (namesAccount) line += ` ${account}`
  line += ` ${subject}`
  return queue === '' ? line : `${line} ${queue}`
}
