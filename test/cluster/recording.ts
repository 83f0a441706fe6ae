// What two servers have said to each other over a line, as operations that can be compared: by verb, by arguments, and
// of JSON by member.

import { allocateBlock } from '../../src/memory/block.ts'
import { CHUNK_BYTES_LIMIT, S2_IDENTIFIER } from '../../src/s2/frames.ts'
import { S2Reader } from '../../src/s2/reader.ts'

export interface Operation {
  /** In capitals. */
  readonly verb: string
  /** Behind the verb, blanks and all; of JSON too. */
  readonly text: string
  /** Of a message; empty: none. */
  readonly payload: string
  /** All of it, as it came. */
  readonly raw: string
}

/** The bytes of one direction as text, one char a byte: what is compressed is read as what it becomes. */
export function plainText(pieces: readonly Buffer[]): string {
  const bytes = Buffer.concat(pieces)
  const begin = bytes.indexOf(S2_IDENTIFIER)
  if (begin < 0) return bytes.toString('latin1')
  const text = [bytes.toString('latin1', 0, begin)]
  const reader = new S2Reader(
    {
      take: (block, start, end) => {
        text.push(block.bytes.toString('latin1', start, end))
        return true
      },
      damaged: (cause) => {
        throw new Error(`a damaged stream: ${cause}`)
      },
    },
    CHUNK_BYTES_LIMIT,
  )
  const block = allocateBlock(bytes.length - begin)
  bytes.copy(block.bytes, 0, begin)
  reader.push(block, 0, block.capacity)
  return text.join('')
}

/** The whole operations in a text; what is cut at its end is left out. */
export function operationsOf(text: string): Operation[] {
  const operations: Operation[] = []
  for (let at = 0; ; ) {
    const end = text.indexOf('\n', at)
    if (end < 0) return operations
    const line = text.slice(at, end).trimEnd()
    const blank = line.search(/[ \t]/)
    const verb = (blank < 0 ? line : line.slice(0, blank)).toUpperCase()
    const rest = blank < 0 ? '' : line.slice(blank + 1).trim()
    const from = at
    at = end + 1
    const size = verb.endsWith('MSG') ? Number(rest.split(/[ \t]+/).at(-1)) : -1
    if (size >= 0 && at + size + 2 > text.length) return operations
    const payload = size < 0 ? '' : text.slice(at, at + size)
    if (size >= 0) at += size + 2
    operations.push({ verb, text: rest, payload, raw: text.slice(from, at) })
  }
}

/** The JSON of the operations of a verb. */
export function membersOf(operations: readonly Operation[], verb: string): Record<string, unknown>[] {
  return operations.filter((operation) => operation.verb === verb).map(({ text }) => JSON.parse(text))
}
