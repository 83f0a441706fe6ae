// The writer half of the client protocol: values become bytes. It holds no socket.
// Every client string that enters a protocol line has come through the parser, which lets no blank, CR or LF pass.

import { allocateBlock, type Block, copyBytes, writeDecimal } from '../memory/block.ts'
import type { Run } from './run.ts'

export const PING = Buffer.from('PING\r\n')
export const PONG = Buffer.from('PONG\r\n')
export const OK = Buffer.from('+OK\r\n')

export function encodeError(text: string): Buffer {
  return Buffer.from(`-ERR '${text}'\r\n`)
}

/** The part of a MSG or HMSG line that is the same for every message of a subject to one sid: `MSG subject sid `. */
export function encodePrefix(verb: 'MSG' | 'HMSG', subject: string, sid: string): Block {
  const text = `${verb} ${subject} ${sid} `
  const block = allocateBlock(text.length)
  block.bytes.write(text, 0, 'latin1')
  return block
}

/** Longest head after the prefix: a reply subject as long as a control line, two sizes, blanks, CRLF. */
const HEAD_TAIL_MAX = 32

/** Composes the heads of messages: one a run and receiver group, copied in front of each payload. */
export class HeadComposer {
  block: Block = allocateBlock(8192)
  length = 0

  /** Composes the line for `run`; `withHeader` keeps the message's headers, otherwise they are cut off. */
  compose(prefix: Block, run: Run, withHeader: boolean): void {
    const replyLength = run.replyEnd - run.replyStart
    const need = prefix.capacity + replyLength + HEAD_TAIL_MAX
    if (need > this.block.capacity) this.block = allocateBlock(need * 2)
    const { block } = this
    const bytes = block.bytes
    let at = prefix.capacity
    copyBytes(block, 0, prefix, 0, at)
    if (replyLength > 0) {
      copyBytes(block, at, run.line, run.replyStart, replyLength)
      at += replyLength
      bytes[at++] = 32
    }
    if (withHeader) {
      at = writeDecimal(bytes, at, run.headerSize)
      bytes[at++] = 32
      at = writeDecimal(bytes, at, run.size)
    } else {
      at = writeDecimal(bytes, at, run.size - run.headerSize)
    }
    bytes[at++] = 13
    bytes[at++] = 10
    this.length = at
  }
}

/** Answer to a request that nobody hears (reference 10): HMSG on the reply subject, status 503. Byte strings. */
export function encodeNoResponders(subject: string, reply: string, sid: string): Buffer {
  const header = `NATS/1.0 503\r\nNats-Subject: ${subject}\r\n\r\n`
  return Buffer.from(`HMSG ${reply} ${sid} ${header.length} ${header.length}\r\n${header}\r\n`, 'latin1')
}
