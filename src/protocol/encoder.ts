// The writer half of the client protocol: values become bytes. It holds no socket.
// Every client string that enters a protocol line has come through the parser, which lets no blank, CR or LF pass.

import { allocateBlock, type Block, blockFrom, copyBytes, writeDecimal } from '../memory/block.ts'
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

/** The dialect of a kind of receiver: one head per run and group, copied in front of each payload. */
export interface Dialect {
  /** The latest composed head is in the first `length` bytes. */
  readonly block: Block
  readonly length: number
  /**
   * Composes the head of a run's messages. `subject` and `sid` are byte strings; an empty subject means the run's. With
   * `withHeader` the message's headers follow it.
   */
  compose(run: Run, subject: string, sid: string, withHeader: boolean): void
}

/** The dialect of clients: MSG and HMSG. */
export class HeadComposer implements Dialect {
  block: Block = allocateBlock(8192)
  length = 0

  /**
   * Composes `MSG subject sid [reply] size` for a run; `sid` and `subject` are byte strings, and an empty subject means
   * the run's. With `withHeader` it is an HMSG line and the message's headers follow it, otherwise the size is that of
   * the payload alone.
   */
  compose(run: Run, subject: string, sid: string, withHeader: boolean): void {
    const subjectLength = subject.length > 0 ? subject.length : run.subjectEnd - run.subjectStart
    const replyLength = run.replyEnd - run.replyStart
    const need = subjectLength + sid.length + replyLength + HEAD_FIXED_MAX
    if (need > this.block.capacity) this.block = allocateBlock(need * 2)
    const { block } = this
    const bytes = block.bytes
    copyBytes(block, 0, VERBS, withHeader ? HMSG_START : MSG_START, withHeader ? 5 : 4)
    let at = withHeader ? 5 : 4
    if (subject.length > 0) block.bytes.write(subject, at, 'latin1')
    else copyBytes(block, at, run.line, run.subjectStart, subjectLength)
    at += subjectLength
    bytes[at++] = SPACE
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
