// The observer of incoming lines and messages: the protocol trace.

import type { Block } from '../memory/block.ts'
import type { Run } from './run.ts'

/** Is shown each whole control line before it is carried out; byte strings. */
export interface ParserTracer {
  cameIn(verb: string, argument: string): void
  /** And each whole message; the bytes are valid during the call only. */
  messageCameIn(message: Buffer, headerSize: number): void
}

/** Shows the first message of a run, with its line at `at`. */
export function traceRun(tracer: ParserTracer, { lineLength, size, headerSize }: Run, block: Block, at: number): void {
  const line = block.bytes.toString('latin1', at, at + lineLength).trimEnd()
  const blank = line.search(/[ \t]/)
  tracer.cameIn(line.slice(0, blank).toUpperCase(), line.slice(blank + 1))
  tracer.messageCameIn(block.bytes.subarray(at + lineLength, at + lineLength + size), headerSize)
}
