// Times of day during which a user may be connected, in a time zone (docs/reference/authentication.md, "Operator
// mode").

export interface Window {
  /** `HH:MM:SS`. A window whose end comes before its start goes over midnight. */
  readonly start: string
  readonly end: string
}

const DAY_MS = 24 * 60 * 60_000
const TIME_OF_DAY = /^(\d{1,2}):(\d\d):(\d\d)(?:[.,]\d+)?$/

export function isTimeOfDay(text: string): boolean {
  return parseTimeOfDay(text) !== undefined
}

/** Whether there is such a time zone. Empty and `Local` mean the server's. */
export function isZone(zone: string): boolean {
  try {
    formatFor(zone)
    return true
  } catch {
    return false
  }
}

/**
 * How many milliseconds from now on the windows leave, 0 where now is in none of them, and undefined where there are
 * no windows at all. Where several hold, the longest counts. Windows and zone have been checked.
 */
export function timeLeft(windows: readonly Window[], zone: string, nowMs: number): number | undefined {
  if (windows.length === 0) return undefined
  if (!isZone(zone)) return 0
  const midnight = Math.floor((nowMs + offsetOf(zone, nowMs)) / DAY_MS) * DAY_MS
  let longest = 0
  for (const { start, end } of windows) {
    const from = parseTimeOfDay(start)
    const to = parseTimeOfDay(end)
    if (from === undefined || to === undefined) return 0
    const startMs = instantOf(midnight + from, zone)
    const endMs = instantOf(midnight + to, zone)
    if (startMs < nowMs && nowMs < endMs) longest = Math.max(longest, endMs - nowMs)
    if (startMs <= endMs) continue
    const nextEndMs = instantOf(midnight + DAY_MS + to, zone)
    if (nowMs < endMs) longest = Math.max(longest, endMs - nowMs)
    else if (startMs < nowMs && nowMs < nextEndMs) longest = Math.max(longest, nextEndMs - nowMs)
  }
  return longest
}

function parseTimeOfDay(text: string): number | undefined {
  const match = TIME_OF_DAY.exec(text)
  if (match === null) return undefined
  const [hours, minutes, seconds] = match.slice(1).map(Number)
  return hours < 24 && minutes < 60 && seconds < 60 ? ((hours * 60 + minutes) * 60 + seconds) * 1000 : undefined
}

/** The instant at which clocks of the zone show this local time (both in milliseconds as if of UTC). */
function instantOf(localMs: number, zone: string): number {
  const guess = localMs - offsetOf(zone, localMs)
  return localMs - offsetOf(zone, guess)
}

/** How far clocks of the zone are ahead of UTC at an instant, in milliseconds. */
function offsetOf(zone: string, instantMs: number): number {
  const parts = new Map(
    formatFor(zone)
      .formatToParts(instantMs)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const [year, month, day, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map(
    (type) => parts.get(type as Intl.DateTimeFormatPartTypes) as number,
  )
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instantMs / 1000) * 1000
}

/** Formats are dear to make. Zones have many spellings, so there is a bound. */
const FORMATS_MAX = 1000
const formats = new Map<string, Intl.DateTimeFormat>()

/** Throws RangeError where there is no such zone. */
function formatFor(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone)
  if (format === undefined) {
    const fields = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric' } as const
    format = new Intl.DateTimeFormat('en-US', {
      ...fields,
      minute: 'numeric',
      second: 'numeric',
      hourCycle: 'h23',
      calendar: 'gregory',
      numberingSystem: 'latn',
      ...(zone === '' || zone === 'Local' ? {} : { timeZone: zone }),
    })
    if (formats.size >= FORMATS_MAX) formats.clear()
    formats.set(zone, format)
  }
  return format
}
