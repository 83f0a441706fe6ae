// A time zone by its IANA name: what the clock on the wall shows at an instant, and when it is midnight there. Instants
// are milliseconds since 1970.

const MS_PER_S = 1000
const MS_PER_MINUTE = 60_000
/** Zones that are kept: each costs some 100 KiB. */
const KEPT_MAX = 32
/** Parts of names are written so. The runtime would take them in any letter case. */
const PART = /^[A-Z][A-Za-z0-9_+-]*$/

export interface WallClock {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  /** 0: Sunday. */
  readonly weekday: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

const kept = new Map<string, TimeZone>()

export class TimeZone {
  static readonly utc = new TimeZone(undefined)
  /** Undefined: that of UTC. */
  private readonly format: Intl.DateTimeFormat | undefined

  /** Undefined: there is no such zone. */
  static named(name: string): TimeZone | undefined {
    if (name === 'UTC') return TimeZone.utc
    let zone = kept.get(name)
    if (zone === undefined) {
      const format = formatOf(name)
      if (format === undefined) return undefined
      if (kept.size >= KEPT_MAX) kept.clear()
      zone = new TimeZone(format)
      kept.set(name, zone)
    }
    return zone
  }

  private constructor(format: Intl.DateTimeFormat | undefined) {
    this.format = format
  }

  at(ms: number): WallClock {
    const shifted = new Date(ms + this.offsetMs(ms))
    return {
      year: shifted.getUTCFullYear(),
      month: shifted.getUTCMonth() + 1,
      day: shifted.getUTCDate(),
      weekday: shifted.getUTCDay(),
      hour: shifted.getUTCHours(),
      minute: shifted.getUTCMinutes(),
      second: shifted.getUTCSeconds(),
    }
  }

  /** When a day begins, which may be beyond the end of its month. Where there is no midnight: right after the gap. */
  midnight(year: number, month: number, day: number): number {
    const wall = Date.UTC(year, month - 1, day)
    const first = wall - this.offsetMs(wall)
    return Math.max(first, wall - this.offsetMs(first))
  }

  /** How far the clock on the wall is ahead of UTC. */
  offsetMs(ms: number): number {
    if (this.format === undefined) return 0
    const parts = Object.fromEntries(this.format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]))
    const { day, hour, minute, month, second, year } = parts as unknown as WallClock
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / MS_PER_S) * MS_PER_S
  }

  /** As RFC 3339 ends an instant: `Z`, `+02:00`. */
  suffix(ms: number): string {
    const minutes = Math.round(this.offsetMs(ms) / MS_PER_MINUTE)
    if (minutes === 0) return 'Z'
    const two = (value: number): string => String(value).padStart(2, '0')
    const size = Math.abs(minutes)
    return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
  }
}

function formatOf(name: string): Intl.DateTimeFormat | undefined {
  const options = {
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  } as const
  if (name === 'Local') return new Intl.DateTimeFormat('en-US', options)
  if (!name.split('/').every((part) => PART.test(part))) return undefined
  try {
    return new Intl.DateTimeFormat('en-US', { ...options, timeZone: name })
  } catch {
    return undefined
  }
}
