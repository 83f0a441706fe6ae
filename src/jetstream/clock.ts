// The clock of streams: microseconds since 1970, which never go back.

import { goTime } from '../base/go-format.ts'
import { DIGITS } from '../text/scan.ts'

const US_PER_MS = 1000
const US_PER_S = 1_000_000
/** Of a second. */
const DECIMALS = 6
/** `.000Z` */
const MS_LENGTH = 5
/** What answers show of an instant that never was. */
export const NEVER = '0001-01-01T00:00:00Z'

/** By how much tests have put it forward, on this thread. */
let aheadMs = 0

/** When this thread began: it is not looked up for each message. */
const originMs = performance.timeOrigin

export function clockUs(): number {
  return Math.floor((originMs + performance.now() + aheadMs) * US_PER_MS)
}

/** Puts the clock of all streams of this thread forward: for tests. A negative number undoes that. */
export function advanceClock(ms: number): void {
  aheadMs += ms
}

/** The second that was asked for last, and its text without the zone: many messages come in one. */
let latest = 0
let latestText = '1970-01-01T00:00:00'

/** As RFC 3339 has it, with as many decimals as say something. */
export function timeText(us: number): string {
  if (us === 0) return NEVER
  const second = Math.floor(us / US_PER_S)
  if (second !== latest) {
    latestText = goTime(second * 1000).slice(0, -1)
    latest = second
  }
  let fraction = us - second * US_PER_S
  if (fraction === 0) return `${latestText}Z`
  let digits = DECIMALS
  for (; fraction % 10 === 0; fraction /= 10) digits--
  return `${latestText}.${String(fraction).padStart(digits, '0')}Z`
}

/** An RFC 3339 instant in parts: to the second, the digits of its fraction without zeros that say nothing, the zone. */
function partsOf(instant: string): readonly [second: string, fraction: string, zone: string] {
  const dot = instant.indexOf('.')
  if (dot < 0) return [instant, '', '']
  const zone = DIGITS.endOf(instant, dot + 1)
  let end = zone
  while (instant[end - 1] === '0') end--
  return [instant.slice(0, dot), instant.slice(dot + 1, end), instant.slice(zone)]
}

/** An RFC 3339 instant in microseconds since 1970, rounded up: what is stored at that time is not before it. */
export function microseconds(instant: string): number {
  const [second, fraction, zone] = partsOf(instant)
  const whole = Number(fraction.slice(0, DECIMALS).padEnd(DECIMALS, '0'))
  return Date.parse(second + zone) * US_PER_MS + whole + (fraction.length > DECIMALS ? 1 : 0)
}

/** The same instant as Go writes it: without zeros that say nothing. */
export function goInstant(instant: string): string {
  const [second, fraction, zone] = partsOf(instant)
  return fraction === '' ? second + zone : `${second}.${fraction}${zone}`
}

/** The same instant as the same text, in whatever zone it was written. */
export function canonicalInstant(instant: string): string {
  const [second, fraction, zone] = partsOf(instant)
  return goInstant(`${new Date(second + zone).toISOString().slice(0, -MS_LENGTH)}.${fraction}Z`)
}

/** The same in milliseconds. */
export function nowMs(): number {
  return clockUs() / US_PER_MS
}
