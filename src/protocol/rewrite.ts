// Messages under another subject: what a mapping or a service import makes of a run. The slow path: each is copied.

import { CHUNK_BYTES } from '../constants.ts'
import { copyBytes } from '../memory/block.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import { Run } from './run.ts'

const SPACE = 32
const CRLF_BYTES = 2
const VERSION = 'NATS/1.0\r\n'
const END = '\r\n'

/** What stands under the new line; byte strings. */
export interface Rewrite {
  readonly subject: string
  /** Empty: none. */
  readonly reply: string
  /** A header line to be added, `Name: value`; empty: none. */
  readonly header: string
}

/**
 * Calls back with messages [from, from + count) of `run` under another subject, in one run or several. A run is valid
 * during the call only, unless a receiver keeps its chunk.
 */
export function rewriteRun(
  pool: ChunkPool,
  run: Run,
  from: number,
  count: number,
  { subject, reply, header }: Rewrite,
  callback: (run: Run) => void,
): void {
  const added = headerAdded(run, header)
  const headerSize = run.headerSize === 0 ? added.length : run.headerSize + added.length
  const bodySize = run.size - run.headerSize
  const size = headerSize + bodySize
  const lineLength = subject.length + 1 + reply.length
  const stride = lineLength + size + CRLF_BYTES
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / stride))
  for (let done = 0; done < count; done += perChunk) {
    const part = Math.min(perChunk, count - done)
    const chunk = pool.acquire(stride * part)
    const { block } = chunk
    let at = 0
    for (let i = 0; i < part; i++) {
      const source = run.first + (from + done + i) * run.stride
      block.bytes.write(subject, at, 'latin1')
      block.bytes[at + subject.length] = SPACE
      block.bytes.write(reply, at + subject.length + 1, 'latin1')
      at += lineLength
      if (added.length > 0) {
        // In front of the empty line that ends the headers, or as the only one.
        const keep = Math.max(0, run.headerSize - END.length)
        copyBytes(block, at, run.block, source, keep)
        at += keep
        block.bytes.write(added, at, 'latin1')
        at += added.length
        const rest = run.size - keep + CRLF_BYTES
        copyBytes(block, at, run.block, source + keep, rest)
        at += rest
      } else {
        copyBytes(block, at, run.block, source, run.size + CRLF_BYTES)
        at += run.size + CRLF_BYTES
      }
    }
    const rewritten = new Run()
    rewritten.line = block
    rewritten.lineLength = lineLength
    rewritten.subjectEnd = subject.length
    rewritten.replyStart = lineLength - reply.length
    rewritten.replyEnd = lineLength
    rewritten.headerSize = headerSize
    rewritten.size = size
    rewritten.block = block
    rewritten.first = lineLength
    rewritten.stride = stride
    rewritten.count = part
    rewritten.chunk = chunk
    try {
      callback(rewritten)
    } finally {
      chunk.release()
    }
  }
}

/** The bytes that adding a header line adds. */
function headerAdded(run: Run, header: string): string {
  if (header === '') return ''
  return run.headerSize > 0 ? `${header}${END}` : `${VERSION}${header}${END}${END}`
}
