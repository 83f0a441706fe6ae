// Headers of messages as text (docs/reference/operations.md, "Headers"): `NATS/1.0`, then a line `Name: value` each.

import { trimBlanks } from '../text/scan.ts'

const LINE_END = '\r\n'
/** What a block of headers begins with. */
export const HEADERS_VERSION = 'NATS/1.0\r\n'
/** Sampled: an odd number of two digits, hexadecimal, as Go reads one of eight bits with its sign. */
const SAMPLED = /^[0-7+][13579bdf]$/i

/** Names as they were written, and values without the blanks around them; of what is no block of headers, nothing. */
export function* headersIn(block: Buffer): Generator<readonly [name: string, value: string]> {
  const text = block.toString('utf8')
  if (!text.startsWith(HEADERS_VERSION)) return
  for (let at = HEADERS_VERSION.length; at < text.length; ) {
    const found = text.indexOf(LINE_END, at)
    const end = found < 0 ? text.length : found
    // Not looked for in all that is left: a line need not have one.
    const line = text.slice(at, end)
    const colon = line.indexOf(':')
    if (colon > 0) yield [line.slice(0, colon), trimBlanks(line, colon + 1)]
    at = end + LINE_END.length
  }
}

/** The value of the first header of this name, in this letter case; empty if there is none. */
export function headerIn(block: Buffer, name: string): string {
  for (const [one, value] of headersIn(block)) if (one === name) return value
  return ''
}

/** Whether a `traceparent` of the W3C's trace context, `version-trace-parent-flags`, is of a trace that is sampled. */
export function isSampledTraceParent(value: string): boolean {
  const parts = value.split('-', 5)
  return parts.length === 4 && SAMPLED.test(parts[3])
}
