// The clock of streams: microseconds since 1970, which never go back.

import { goTime } from '../base/go-format.ts'
import { DIGITS } from '../text/scan.ts'

const US_PER_MS = 1000
const US_PER_S = 1_000_000
/** What answers show of an instant that never was. */
export const NEVER = '0001-01-01T00:00:00Z'

export function clockUs(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * US_PER_MS)
}

/** As RFC 3339 has it, with as many decimals as say something. */
export function timeText(us: number): string {
  if (us === 0) return NEVER
  const second = Math.floor(us / US_PER_S)
  const whole = goTime(second * 1000)
  const fraction = us - second * US_PER_S
  return fraction === 0 ? whole : `${whole.slice(0, -1)}${String(fraction / US_PER_S).slice(1)}Z`
}

/** An RFC 3339 instant in microseconds since 1970, rounded up: what is stored at that time is not before it. */
export function microseconds(instant: string): number {
  const dot = instant.indexOf('.')
  if (dot < 0) return Date.parse(instant) * US_PER_MS
  const end = DIGITS.endOf(instant, dot + 1)
  const whole = Date.parse(instant.slice(0, dot) + instant.slice(end))
  return whole * US_PER_MS + Math.ceil(Number(`0${instant.slice(dot, end)}`) * US_PER_MS * US_PER_MS)
}
