// The headers that request a trace (docs/reference/tracing.md, "Headers").

import { HEADERS_VERSION, headersIn, isSampledTraceParent } from '../protocol/headers.ts'
import { Needle } from './needle.ts'

export const TRACE_DEST = 'Nats-Trace-Dest'
const TRACE_ONLY = 'Nats-Trace-Only'
/** Of older servers; a message with it is not traced. */
const ORIGIN_ACCOUNT = 'Nats-Trace-Origin-Account'
const TRACE_PARENT = 'traceparent'
/** The destination that turns tracing off: no subject. */
export const TRACE_DISABLED = 'trace disabled'

const dest = new Needle(TRACE_DEST, false)
const parent = new Needle(TRACE_PARENT, true)

/**
 * Whether any of `count` blocks of headers may ask for a trace: it has the word, if perhaps in a value. A `traceparent`
 * counts where the account has a destination for it. Each block has `length` bytes, the first begins at `start`, and
 * each next one `stride` bytes later. Takes 5 ns for a block of 50 bytes.
 */
export function mayAskForTrace(
  bytes: Uint8Array,
  start: number,
  length: number,
  stride: number,
  count: number,
  hasOwnDest: boolean,
): boolean {
  const from = start + HEADERS_VERSION.length
  const rest = length - HEADERS_VERSION.length
  return (
    dest.isInAny(bytes, from, rest, stride, count) || (hasOwnDest && parent.isInAny(bytes, from, rest, stride, count))
  )
}

export interface TraceHeaders {
  /** All headers, their names as they were written, in the order of names. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  /** Empty: asked for by `traceparent`, the destination is the account's. */
  readonly destination: string
  /** The message is not to be delivered. */
  readonly isOnlyTraced: boolean
  readonly hasOriginAccount: boolean
  readonly acceptsGzip: boolean
}

/** What a block of headers asks for; undefined: no trace. */
export function readTraceHeaders(block: Buffer): TraceHeaders | undefined {
  const headers = new Map<string, string[]>()
  let isSampled = false
  for (const [name, value] of headersIn(block)) {
    if (value === '') continue
    if (name === TRACE_DEST && value === TRACE_DISABLED) return undefined
    if (name.toLowerCase() === TRACE_PARENT) isSampled ||= isSampledTraceParent(value)
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  const [destination = ''] = headers.get(TRACE_DEST) ?? []
  if (destination === '' && !isSampled) return undefined
  const [only = ''] = headers.get(TRACE_ONLY) ?? []
  const [encodings = ''] = headers.get('Accept-Encoding') ?? []
  return {
    headers: Object.fromEntries([...headers].sort(([a], [b]) => (a < b ? -1 : 1))),
    destination,
    isOnlyTraced: destination !== '' && ['1', 'true', 'on'].includes(only.toLowerCase()),
    hasOriginAccount: headers.has(ORIGIN_ACCOUNT),
    acceptsGzip: encodings.toLowerCase().includes('gzip'),
  }
}

/** A block of headers (byte string) in which tracing is turned off. */
export function withTracingDisabled(headers: string): string {
  const lines = headers.split('\r\n').filter((line) => line !== '' && !line.startsWith(`${TRACE_DEST}:`))
  return `${[...lines, `${TRACE_DEST}: ${TRACE_DISABLED}`].join('\r\n')}\r\n\r\n`
}
