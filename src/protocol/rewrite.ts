// Rewrites the subject of a run, for mappings and service imports. The slow path: each message is copied.

import { CHUNK_BYTES } from '../base/constants.ts'
import { copyBytes } from '../memory/block.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import { HEADERS_VERSION } from './headers.ts'
import { Run, shownOf } from './run.ts'

const CRLF_BYTES = 2
const END = '\r\n'

/** The contents of the new line; byte strings. */
export interface Rewrite {
  readonly subject: string
  /** Empty: none. */
  readonly reply: string
  /** The subject that receivers see in place of it; none: the one that they saw before. */
  readonly shown?: string
  /** A header line to be added, in place of those of this name, `Name: value`; empty: none. For one message only. */
  readonly header: string
  /** Whether a service import makes it; what was imported stays so. */
  readonly isImported: boolean
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
  { subject, shown = shownOf(run), reply, header, isImported }: Rewrite,
  callback: (run: Run) => void,
): void {
  const headers = header === '' ? undefined : headersWith(run, from, header)
  const headerSize = headers === undefined ? run.headerSize : headers.length
  const bodySize = run.size - run.headerSize
  const size = headerSize + bodySize
  const line = shown === '' ? `${subject} ${reply}` : `${subject} ${shown} ${reply}`
  const lineLength = line.length
  const stride = lineLength + size + CRLF_BYTES
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / stride))
  for (let done = 0; done < count; done += perChunk) {
    const part = Math.min(perChunk, count - done)
    const chunk = pool.acquire(stride * part)
    const { block } = chunk
    let at = 0
    for (let i = 0; i < part; i++) {
      const source = run.first + (from + done + i) * run.stride
      block.bytes.write(line, at, 'latin1')
      at += lineLength
      if (headers !== undefined) {
        block.bytes.write(headers, at, 'latin1')
        copyBytes(block, at + headerSize, run.block, source + run.headerSize, bodySize + CRLF_BYTES)
      } else {
        copyBytes(block, at, run.block, source, size + CRLF_BYTES)
      }
      at += size + CRLF_BYTES
    }
    const rewritten = new Run()
    rewritten.line = block
    rewritten.lineLength = lineLength
    rewritten.subjectEnd = subject.length
    rewritten.shownLength = shown.length
    rewritten.replyStart = lineLength - reply.length
    rewritten.replyEnd = lineLength
    rewritten.headerSize = headerSize
    rewritten.isImported = isImported || run.isImported
    rewritten.origin = run.origin
    // What comes into an account by a service import comes from there.
    if (!isImported) rewritten.cluster = run.cluster
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

/** The header block of a message with one more line, `Name: value`, the only one of this name. */
function headersWith(run: Run, index: number, header: string): string {
  if (run.headerSize === 0) return `${HEADERS_VERSION}${header}${END}${END}`
  const start = run.first + index * run.stride
  // Without the empty line that ends it.
  const before = run.block.bytes.toString('latin1', start, start + run.headerSize - END.length)
  const name = header.slice(0, header.indexOf(':') + 1).toLowerCase()
  if (!before.toLowerCase().includes(name)) return `${before}${header}${END}${END}`
  // Some clients take a lone LF for the end of a line.
  const [version, ...lines] = before.split(/\r?\n/)
  const others = lines.filter((line) => line !== '' && !line.toLowerCase().startsWith(name))
  return `${[version, ...others, header].join(END)}${END}${END}`
}
