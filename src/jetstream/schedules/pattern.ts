// When a schedule has its times: once (`@at`), at equal distances (`@every`), or by a cron pattern in a time zone.
// Instants are microseconds since 1970.

import { parseDuration } from '../../base/duration.ts'
import { microseconds, timeText } from '../clock.ts'
import { nextOf, readCron } from './cron.ts'
import { TimeZone } from './time-zone.ts'

const US_PER_S = 1_000_000
const US_PER_MS = 1000
const EVERY_MIN_MS = 1000
/** Characters of a span. */
const SPAN_MAX = 256
const AT = '@at '
const EVERY = '@every '
const NAMED: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 0 1 1 *'],
  ['@annually', '0 0 0 1 1 *'],
  ['@monthly', '0 0 0 1 * *'],
  ['@weekly', '0 0 0 * * 0'],
  ['@daily', '0 0 0 * * *'],
  ['@midnight', '0 0 0 * * *'],
  ['@hourly', '0 0 * * * *'],
])

export interface Pattern {
  /** It has more times than one. */
  readonly repeats: boolean
  /**
   * The time that follows another one. Times that are over by now are left out; the only time of one that does not
   * repeat may be over. Undefined: there is none.
   */
  next(afterUs: number, nowUs: number): number | undefined
  /** An instant as RFC 3339, in the zone of the pattern. */
  text(us: number): string
}

/** Undefined: it is no pattern. `zone` undefined: that of UTC. */
export function readPattern(text: string, zone: TimeZone | undefined): Pattern | undefined {
  if (text.startsWith(AT)) return zone === undefined ? at(text.slice(AT.length)) : undefined
  if (text.startsWith(EVERY)) return zone === undefined ? every(text.slice(EVERY.length)) : undefined
  return byCron(NAMED.get(text) ?? text, zone ?? TimeZone.utc)
}

function at(instant: string): Pattern | undefined {
  if (!isInstant(instant)) return undefined
  const us = microseconds(instant.replace(',', '.'))
  return { repeats: false, next: () => us, text: timeText }
}

function every(span: string): Pattern | undefined {
  if (span.length > SPAN_MAX) return undefined
  const read = parseDuration(span)
  if (!('ms' in read) || read.ms < EVERY_MIN_MS) return undefined
  const spanUs = Math.round(read.ms * US_PER_MS)
  const next = (afterUs: number, nowUs: number): number => {
    const us = toSecond(afterUs) + spanUs
    return us < nowUs ? toSecond(nowUs) + spanUs : us
  }
  return { repeats: true, next, text: timeText }
}

function byCron(text: string, zone: TimeZone): Pattern | undefined {
  const cron = readCron(text)
  if (cron === undefined) return undefined
  const after = (us: number): number | undefined => {
    const ms = nextOf(cron, zone, us / US_PER_MS)
    return ms === undefined ? undefined : ms * US_PER_MS
  }
  return {
    repeats: true,
    next(afterUs, nowUs) {
      const us = after(afterUs)
      return us !== undefined && us < nowUs ? after(toSecond(nowUs)) : us
    },
    text(us) {
      const ms = us / US_PER_MS
      return timeText(us + zone.offsetMs(ms) * US_PER_MS).replace('Z', zone.suffix(ms))
    },
  }
}

function toSecond(us: number): number {
  return Math.round(us / US_PER_S) * US_PER_S
}

/** Whether a text is an instant of RFC 3339 that there is. */
function isInstant(text: string): boolean {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|[+-](\d\d):(\d\d))$/.exec(text)
  if (parts === null) return false
  const [year, month, day, hour, minute, second, zoneHour, zoneMinute] = parts.slice(1).map((part) => Number(part ?? 0))
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return isDate && hour < 24 && minute < 60 && second < 60 && zoneHour <= 24 && zoneMinute < 60
}
