// Messages of JetStream that come over a link, and show another subject than the one that leads to their receiver: it
// stands behind the reply subject and an `@` (docs/reference/server-links.md, "The subject behind @").

import type { ChunkPool } from '../memory/chunk-pool.ts'
import { rewriteRun } from './rewrite.ts'
import { type Run, replyOf, subjectOf } from './run.ts'

const AT = 0x40
const DOT = 0x2e
const PREFIX = '$JS.ACK.'
/** Dots of a reply subject before its mark: names of streams and consumers may have an `@` in them. */
const DOTS_MIN = 8

/** Where the mark is in the line of a run; -1: its receivers see the subject that leads to them. */
function markOf({ line: { bytes }, replyStart, replyEnd }: Run): number {
  if (replyEnd - replyStart <= PREFIX.length || bytes[replyStart] !== 0x24) return -1
  for (let i = 0; i < PREFIX.length; i++) if (bytes[replyStart + i] !== PREFIX.charCodeAt(i)) return -1
  let dots = 0
  for (let at = replyStart; at < replyEnd - 1; at++) {
    if (bytes[at] === DOT) dots++
    else if (bytes[at] === AT && dots >= DOTS_MIN) return at
  }
  return -1
}

/** Calls back with a run from a link as receivers are to see it: the run itself, or one with a subject to be shown. */
export function unfoldShown(pool: ChunkPool, run: Run, callback: (run: Run) => void): void {
  const mark = markOf(run)
  if (mark < 0) {
    callback(run)
    return
  }
  const shown = run.line.bytes.toString('latin1', mark + 1, run.replyEnd)
  const reply = replyOf(run).slice(0, mark - run.replyStart)
  rewriteRun(
    pool,
    run,
    0,
    run.count,
    { subject: subjectOf(run), shown, reply, header: '', isImported: false },
    callback,
  )
}
