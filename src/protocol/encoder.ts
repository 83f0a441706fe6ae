// The writer half of the client protocol: values become bytes. It holds no socket.
// Every client string that enters a protocol line has come through the parser, which lets no blank, CR or LF pass.

import { allocateBlock, type Block, blockFrom, copyBytes, digitsOf, writeDecimal, writeText } from '../memory/block.ts'
import type { Run } from './run.ts'

const SPACE = 32

export const PING = Buffer.from('PING\r\n')
export const PONG = Buffer.from('PONG\r\n')
export const OK = Buffer.from('+OK\r\n')

export function encodeError(text: string): Buffer {
  return Buffer.from(`-ERR '${text}'\r\n`)
}

/** A head beside its subjects and sid: verb, blanks, two sizes, CRLF. */
const HEAD_FIXED_MAX = 48
/** `MSG ` and `HMSG ` in one block, so that each is a word copy away. */
const VERBS = blockFrom('HMSG MSG ')
const HMSG_START = 0
const MSG_START = 5
/** The same as words: `MSG ` and `HMSG`. */
const MSG_WORD = 0x2047534d
const HMSG_WORD = 0x47534d48

/** The dialect of a kind of receiver: how the messages of a run look to it. */
export interface Dialect {
  /** Whether heads have the sid in them. */
  readonly writesSid: boolean
  /** The latest composed head is in the first `length` bytes. */
  readonly block: Block
  /** Bytes of a head, since begin() or compose(); the sid stands at `sidAt` in it. */
  readonly length: number
  readonly sidAt: number
  /**
   * Composes the head of a run's messages. `subject` and `sid` are byte strings; an empty subject means the run's. A
   * run with a subject of its own to be shown has that. With `withHeader` the message's headers follow it.
   */
  compose(run: Run, subject: string, sid: string, withHeader: boolean): void
  /** Says how long the heads of a run's messages are, and makes ready for write(); arguments as for compose(). */
  begin(run: Run, subject: string, sid: string, withHeader: boolean): void
  /**
   * Writes messages [from, from + count) of the run that was begun, heads and all, one behind the other, to `at`;
   * returns where they end.
   */
  write(to: Block, at: number, run: Run, from: number, count: number): number
}

/** A message that is kept: subject, headers and payload lie one behind the other. */
export interface KeptMessage {
  readonly block: Block
  readonly subjectStart: number
  readonly headersStart: number
  readonly payloadStart: number
  readonly end: number
}

/** Writes a reply subject where it is needed. */
export interface ReplyWriter {
  /** At most so long is it. */
  readonly replyMax: number
  /** Answers where it ends. */
  writeReply(bytes: Uint8Array, at: number): number
}

/** The dialect of clients: MSG and HMSG. */
export class HeadComposer implements Dialect {
  readonly writesSid = true
  block: Block = allocateBlock(8192)
  length = 0
  sidAt = 0
  private sid = ''
  /** Bytes of the payload that are left out: headers, for who does not take them. */
  private skip = 0
  private withHeader = false
  private isStraight = false

  /**
   * Composes `MSG subject sid [reply] size` for a run; `sid` and `subject` are byte strings, and an empty subject means
   * the run's. With `withHeader` it is an HMSG line and the message's headers follow it, otherwise the size is that of
   * the payload alone.
   */
  compose(run: Run, subject: string, sid: string, withHeader: boolean): void {
    const { shownLength } = run
    const ownLength = subject.length > 0 ? subject.length : run.subjectEnd - run.subjectStart
    const subjectLength = shownLength > 0 ? shownLength : ownLength
    const replyLength = run.replyEnd - run.replyStart
    const need = subjectLength + sid.length + replyLength + HEAD_FIXED_MAX
    if (need > this.block.capacity) this.block = allocateBlock(need * 2)
    const { block } = this
    const bytes = block.bytes
    copyBytes(block, 0, VERBS, withHeader ? HMSG_START : MSG_START, withHeader ? 5 : 4)
    let at = withHeader ? 5 : 4
    if (shownLength > 0) copyBytes(block, at, run.line, run.subjectEnd + 1, shownLength)
    else if (subject.length > 0) block.bytes.write(subject, at, 'latin1')
    else copyBytes(block, at, run.line, run.subjectStart, subjectLength)
    at += subjectLength
    bytes[at++] = SPACE
    this.sidAt = at
    for (let i = 0; i < sid.length; i++) bytes[at++] = sid.charCodeAt(i)
    bytes[at++] = SPACE
    if (replyLength > 0) {
      copyBytes(block, at, run.line, run.replyStart, replyLength)
      at += replyLength
      bytes[at++] = SPACE
    }
    if (withHeader) {
      at = writeDecimal(bytes, at, run.headerSize)
      bytes[at++] = SPACE
      at = writeDecimal(bytes, at, run.size)
    } else {
      at = writeDecimal(bytes, at, run.size - run.headerSize)
    }
    bytes[at++] = 13
    bytes[at++] = 10
    this.length = at
  }

  begin(run: Run, subject: string, sid: string, withHeader: boolean): void {
    this.sid = sid
    this.withHeader = withHeader
    this.skip = withHeader ? 0 : run.headerSize
    this.isStraight = subject === '' && isStraight(run, withHeader)
    if (this.isStraight) {
      const verb = withHeader ? 5 : 4
      this.length = verb + run.lineLength - (run.subjectStart - run.lineStart) + sid.length + 1
      this.sidAt = verb + run.subjectEnd - run.subjectStart + 1
    } else this.compose(run, subject, sid, withHeader)
  }

  write(to: Block, at: number, run: Run, from: number, count: number): number {
    return this.isStraight ? this.writeStraight(to, at, run, from, count) : this.writeComposed(to, at, run, from, count)
  }

  /**
   * What a publisher or another server wrote differs from what a receiver reads in what is in front of the subject, and
   * in the sid, alone:
   *
   *     PUB subject [reply] size␍␊payload␍␊      RMSG account subject [reply] size␍␊payload␍␊
   *     MSG subject sid [reply] size␍␊payload␍␊
   */
  private writeStraight(to: Block, at: number, run: Run, from: number, count: number): number {
    const { sid, withHeader } = this
    const { block, stride } = run
    const { bytes, view } = to
    const subject = run.subjectEnd - run.subjectStart + 1
    const front = run.subjectStart - run.lineStart
    const rest = stride - front - subject
    let source = run.first - run.lineLength + front + from * stride
    for (const end = source + count * stride; source < end; source += stride) {
      view.setInt32(at, withHeader ? HMSG_WORD : MSG_WORD, true)
      at += 4
      if (withHeader) bytes[at++] = SPACE
      copyBytes(to, at, block, source, subject)
      at += subject
      for (let i = 0; i < sid.length; i++) bytes[at++] = sid.charCodeAt(i)
      bytes[at++] = SPACE
      copyBytes(to, at, block, source + subject, rest)
      at += rest
    }
    return at
  }

  private writeComposed(to: Block, at: number, run: Run, from: number, count: number): number {
    return writeBehind(this, this.skip, to, at, run, from, count)
  }
}

/** Bytes that a kept message takes at most as a client reads it. */
export function keptMax({ subjectStart, end }: KeptMessage, sid: string, { replyMax }: ReplyWriter): number {
  return HEAD_FIXED_MAX + sid.length + replyMax + end - subjectStart + 2
}

/** Writes a kept message as a client reads it, with its headers or without; returns where it ends. */
export function writeKept(
  to: Block,
  at: number,
  { block, subjectStart, headersStart, payloadStart, end }: KeptMessage,
  sid: string,
  reply: ReplyWriter,
  withHeader: boolean,
): number {
  const { bytes } = to
  to.view.setInt32(at, withHeader ? HMSG_WORD : MSG_WORD, true)
  at += 4
  if (withHeader) bytes[at++] = SPACE
  copyBytes(to, at, block, subjectStart, headersStart - subjectStart)
  at += headersStart - subjectStart
  bytes[at++] = SPACE
  at = writeText(bytes, at, sid)
  bytes[at++] = SPACE
  at = reply.writeReply(bytes, at)
  bytes[at++] = SPACE
  if (withHeader) {
    at = writeDecimal(bytes, at, payloadStart - headersStart)
    bytes[at++] = SPACE
  }
  const start = withHeader ? headersStart : payloadStart
  at = writeDecimal(bytes, at, end - start)
  bytes[at++] = 13
  bytes[at++] = 10
  copyBytes(to, at, block, start, end - start)
  at += end - start
  bytes[at++] = 13
  bytes[at++] = 10
  return at
}

/** Writes messages [from, from + count) of a run behind the composed head, without the first `skip` bytes of each. */
export function writeBehind(
  { block: head, length }: Pick<Dialect, 'block' | 'length'>,
  skip: number,
  to: Block,
  at: number,
  { block, first, stride, size }: Run,
  from: number,
  count: number,
): number {
  const body = size - skip + 2
  let source = first + from * stride + skip
  for (let i = 0; i < count; i++) {
    copyBytes(to, at, head, 0, length)
    at += length
    copyBytes(to, at, block, source, body)
    at += body
    source += stride
  }
  return at
}

/**
 * Whether the lines of a run are written from the subject on as we would write them: single blanks, sizes without zeros
 * in front, that of headers if the messages are to have some. Then all behind a subject or sid is as it came.
 */
export function isStraight(run: Run, withHeader: boolean): boolean {
  const { line, lineStart, lineLength, subjectStart, subjectEnd, replyStart, replyEnd, headerSize, size } = run
  if ((headerSize > 0 && !withHeader) || run.shownLength > 0) return false
  const { bytes } = line
  if (bytes[subjectStart - 1] !== SPACE || bytes[subjectEnd] !== SPACE) return false
  let length = subjectEnd - lineStart + 1
  if (replyEnd > replyStart) {
    if (bytes[replyEnd] !== SPACE) return false
    length += replyEnd - replyStart + 1
  }
  if (withHeader) {
    length += digitsOf(headerSize) + 1
    if (bytes[lineStart + length - 1] !== SPACE) return false
  }
  return length + digitsOf(size) + 2 === lineLength && bytes[lineStart + lineLength - 2] === 13
}

/** One for all clients of a thread: a head is copied before the next one is composed. */
export const CLIENT_DIALECT = new HeadComposer()

/**
 * Answer to a request without responders (docs/reference/delivery.md, "No responders"): HMSG on the reply subject,
 * status 503. Byte strings.
 */
export function encodeNoResponders(subject: string, reply: string, sid: string): Buffer {
  const header = `NATS/1.0 503\r\nNats-Subject: ${subject}\r\n\r\n`
  return Buffer.from(`HMSG ${reply} ${sid} ${header.length} ${header.length}\r\n${header}\r\n`, 'latin1')
}
