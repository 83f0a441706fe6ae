// A run: one or more consecutive messages in a block, under equal control lines. It is the unit that travels from the
// parser, or from another shard's ring, through the router to the receivers.

import { allocateBlock, type Block, equalBytes } from '../memory/block.ts'
import type { Chunk } from '../memory/chunk-pool.ts'

const EMPTY = allocateBlock(0)

/**
 * Where a message came from: that decides to which other servers it may go on. A leaf node of this server is local, as
 * all goes on that comes from it; what came by a route goes no further than this server and its leaf nodes.
 */
export const Origin = { local: 0, route: 1, hub: 2 } as const
export type Origin = (typeof Origin)[keyof typeof Origin]

export class Run {
  /** Holds the control line, which begins at lineStart; the four offsets below point into the block. */
  line: Block = EMPTY
  lineStart = 0
  lineLength = 0
  subjectStart = 0
  subjectEnd = 0
  /**
   * Bytes of another subject, which receivers see in place of the one that leads to them: it stands behind that one in
   * the line, after a blank. 0: they see the same.
   */
  shownLength = 0
  /** No reply subject: start === end. */
  replyStart = 0
  replyEnd = 0
  /** Bytes of the payload that are headers; 0 for PUB. */
  headerSize = 0
  /** It came into its account by a service import, as request or answer: no stream import takes it further. */
  isImported = false
  origin: Origin = Origin.local
  /** The cluster of the leaf node or hub that it came from: it does not go back there. Empty: it came from none. */
  cluster = ''
  /** Bytes of one payload, headers included, without its CRLF. */
  size = 0

  /** Holds the messages: payload i begins at first + i * stride and is followed by CRLF. */
  block: Block = EMPTY
  first = 0
  /** Bytes from one message to the next: line, payload, CRLF. 0 means that the run is empty. */
  stride = 0
  count = 0
  /** The chunk behind `block` if a receiver may keep it, for payloads that go by reference. */
  chunk: Chunk | undefined
  /** For the router: what it last found out about this subject. */
  memo: object | undefined
}

/** The subject, a byte string. */
export function subjectOf({ line, subjectStart, subjectEnd }: Run): string {
  return line.bytes.toString('latin1', subjectStart, subjectEnd)
}

/** Whether it is the one in block[start, end). */
export function hasSubject({ line, subjectStart, subjectEnd }: Run, block: Block, start: number, end: number): boolean {
  const length = end - start
  return subjectEnd - subjectStart === length && equalBytes(line, subjectStart, block, start, length)
}

/** The subject that receivers see in place of that, a byte string; empty: they see the same. */
export function shownOf({ line, subjectEnd, shownLength }: Run): string {
  return shownLength === 0 ? '' : line.bytes.toString('latin1', subjectEnd + 1, subjectEnd + 1 + shownLength)
}

/** The reply subject, a byte string; empty: none. */
export function replyOf({ line, replyStart, replyEnd }: Run): string {
  return line.bytes.toString('latin1', replyStart, replyEnd)
}
