// Headers by which tracing systems say that a request is to be sampled: Jaeger's, Zipkin's in its long and its short
// form, and the W3C's, in this order of precedence. The first of them that is present decides.

import { headersIn, isSampledTraceParent } from '../protocol/headers.ts'

/** Values by canonical name. */
export type TraceHeaders = Readonly<Record<string, readonly string[]>>

const UBER = 'Uber-Trace-Id'
const UBER_CONTEXT = 'Uberctx-'
const B3_SAMPLED = 'X-B3-Sampled'
const B3_TRACE = 'X-B3-Traceid'
const B3_LONG = [B3_SAMPLED, B3_TRACE, 'X-B3-Parentspanid', 'X-B3-Spanid']
const B3 = 'B3'
const W3C = 'Traceparent'
const W3C_STATE = 'Tracestate'

/** The headers that ask for a sample, or undefined. */
export function samplingHeaders(block: Buffer): TraceHeaders | undefined {
  const headers = parse(block)
  const pick = (isMeant: (name: string) => boolean): TraceHeaders =>
    Object.fromEntries([...headers].filter(([name]) => isMeant(name)))
  const first = (name: string): string | undefined => headers.get(name)?.[0]

  const uber = first(UBER)
  if (uber !== undefined) {
    return isUberSampled(uber) ? pick((name) => name === UBER || name.startsWith(UBER_CONTEXT)) : undefined
  }
  const sampled = first(B3_SAMPLED)
  if (sampled === '0') return undefined
  // A trace without a word about sampling leaves it to us.
  if (sampled === '1' || headers.has(B3_TRACE)) return pick((name) => B3_LONG.includes(name))
  const b3 = first(B3)
  if (b3 !== undefined) return isB3Denied(b3) ? undefined : pick((name) => name === B3)
  const w3c = first(W3C)
  return w3c !== undefined && isSampledTraceParent(w3c) ? pick((name) => name === W3C || name === W3C_STATE) : undefined
}

/** `479fefe9525eddb:5adb976bfc1f95c1:479fefe9525eddb:1`, flags last. */
function isUberSampled(value: string): boolean {
  const parts = value.split(':', 5)
  return parts.length === 4 && /^[0-9a-fA-F]{1,2}$/.test(parts[3]) && (Number.parseInt(parts[3], 16) & 1) === 1
}

/** `80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90`, or `0` alone. */
function isB3Denied(value: string): boolean {
  const parts = value.split('-', 3)
  return parts[2] === '0' || (parts.length === 1 && parts[0] === '0')
}

function parse(block: Buffer): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  for (const [written, value] of headersIn(block)) {
    const name = canonical(written)
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  return headers
}

/** As Go writes names: `X-B3-Traceid`. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/(?:^|-)[a-z]/g, (text) => text.toUpperCase())
}
