// The time of day to the microsecond. Date knows milliseconds only, and the performance clock does not notice when the
// operator sets the clock: so the latter's fine hand on the former's dial.

/** What the performance clock has to be corrected by, in milliseconds. */
let correctionMs = 0
/** How far apart the two may be before the correction is made again. */
const APART_MAX_MS = 2

/** Microseconds since 1970. */
export function wallClockMicros(): number {
  const fineMs = performance.timeOrigin + performance.now()
  const dialMs = Date.now()
  if (Math.abs(dialMs - fineMs - correctionMs) > APART_MAX_MS) correctionMs = dialMs - fineMs
  return Math.floor((fineMs + correctionMs) * 1000)
}

let secondOfText = Number.NaN
let utcOfText = false
let text = ''

/** `YYYY/MM/DD HH:MM:SS.micros`, in local time or UTC. */
export function wallClockText(utc: boolean): string {
  const micros = wallClockMicros()
  const second = Math.floor(micros / 1_000_000)
  if (second !== secondOfText || utc !== utcOfText) {
    text = secondText(new Date(second * 1000), utc)
    secondOfText = second
    utcOfText = utc
  }
  return `${text}.${String(micros % 1_000_000).padStart(6, '0')}`
}

function secondText(date: Date, utc: boolean): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return utc
    ? date.toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ')
    : `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())} ` +
        `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
