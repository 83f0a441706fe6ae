// A run in six words, beside its raw bytes: what the parser knows of its line, so that it is not parsed again.
//
//     │ LINE length        16 bits │ SUBJECT start  16 bits │
//     │ SUBJECT end        16 bits │ REPLY start    16 bits │      offsets into the line
//     │ REPLY end          16 bits │ COUNT          16 bits │
//     │ HEADER size                                         │
//     │ SIZE                                                │
//     │ NUMBER of its subject, for the sender; 0: it has none │

import type { Block } from '../memory/block.ts'
import { hasSubject, type Run } from './run.ts'

const WORD = 4
export const PACKED_RUN_WORDS = 6
export const PACKED_RUN_BYTES = PACKED_RUN_WORDS * WORD
const HALF_MAX = 0xffff

/** Whether its line and its count are small enough, and receivers see its subject: as it nearly always is. */
export function isPackable({ lineLength, count, shownLength }: Run): boolean {
  return lineLength <= HALF_MAX && count <= HALF_MAX && shownLength === 0
}

/** `number`: that of its subject. */
export function packRun({ view }: Block, at: number, run: Run, number: number): void {
  const { lineStart } = run
  view.setInt32(at, run.lineLength | ((run.subjectStart - lineStart) << 16), true)
  // Where there is no reply subject the parser leaves its offsets at 0, which may be before the line.
  const hasReply = run.replyEnd > run.replyStart
  const replyStart = hasReply ? run.replyStart - lineStart : 0
  const replyEnd = hasReply ? run.replyEnd - lineStart : 0
  view.setInt32(at + WORD, (run.subjectEnd - lineStart) | (replyStart << 16), true)
  view.setInt32(at + 2 * WORD, replyEnd | (run.count << 16), true)
  view.setInt32(at + 3 * WORD, run.headerSize, true)
  view.setInt32(at + 4 * WORD, run.size, true)
  view.setInt32(at + 5 * WORD, number, true)
}

/** How many messages the packed run at `at` has. */
export function packedCount({ view }: Block, at: number): number {
  return view.getInt32(at + 2 * WORD, true) >>> 16
}

export function packedNumber({ view }: Block, at: number): number {
  return view.getInt32(at + 5 * WORD, true)
}

/**
 * Reads the packed run at `at`, the raw messages of which begin at `start` of `block`. What the router knows of the run
 * that was read before stays with this one if its subject is the same: that run is in the same block still.
 */
export function unpackRun({ view }: Block, at: number, run: Run, block: Block, start: number): void {
  const lineWord = view.getInt32(at, true)
  const subjectWord = view.getInt32(at + WORD, true)
  const replyWord = view.getInt32(at + 2 * WORD, true)
  const subjectStart = start + (lineWord >>> 16)
  const subjectEnd = start + (subjectWord & HALF_MAX)
  if (run.memo !== undefined && !hasSubject(run, block, subjectStart, subjectEnd)) run.memo = undefined
  run.line = block
  run.lineStart = start
  run.lineLength = lineWord & HALF_MAX
  run.subjectStart = subjectStart
  run.subjectEnd = subjectEnd
  run.replyStart = start + (subjectWord >>> 16)
  run.replyEnd = start + (replyWord & HALF_MAX)
  run.headerSize = view.getInt32(at + 3 * WORD, true)
  run.size = view.getInt32(at + 4 * WORD, true)
  run.block = block
  run.first = start + run.lineLength
  run.stride = run.lineLength + run.size + 2
  run.count = replyWord >>> 16
}
