// Values in the format of nats-server's pages: Go's durations, times and JSON, so that tools made for it can read
// Heddle's. Times and ages are given in milliseconds, whole or not.

import type { Json } from './json.ts'

const NS_PER_US = 1_000
const NS_PER_MS = 1_000_000
const NS_PER_S = 1_000_000_000

/** `3.25`: no decimals that say nothing. `unit` is a power of ten. */
function decimal(nanoseconds: number, unit: number): string {
  const fraction = String(nanoseconds % unit).padStart(String(unit).length - 1, '0')
  return `${Math.floor(nanoseconds / unit)}.${fraction}`.replace(/\.?0+$/, '')
}

/** A span of nanoseconds as Go's Duration.String() has it: `0s`, `370µs`, `1.2ms`, `4m5.001s`. */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s'
  if (nanoseconds < NS_PER_US) return `${nanoseconds}ns`
  if (nanoseconds < NS_PER_MS) return `${decimal(nanoseconds, NS_PER_US)}µs`
  if (nanoseconds < NS_PER_S) return `${decimal(nanoseconds, NS_PER_MS)}ms`
  const minutes = Math.floor(nanoseconds / (60 * NS_PER_S))
  const seconds = `${decimal(nanoseconds % (60 * NS_PER_S), NS_PER_S)}s`
  if (minutes === 0) return seconds
  if (minutes < 60) return `${minutes}m${seconds}`
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`
}

/** A round trip time in milliseconds; below one, nats-server leaves the nanoseconds out. */
export function goRtt(ms: number): string {
  const nanoseconds = Math.round(ms * NS_PER_MS)
  const coarse = nanoseconds > NS_PER_US && nanoseconds < NS_PER_MS
  return goDuration(coarse ? nanoseconds - (nanoseconds % NS_PER_US) : nanoseconds)
}

/** An age in whole seconds, largest unit first: `4s`, `3m4s`, `1d2h3m4s`, `1y2d3h4m5s`. Negative ones count as 0. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  const years = Math.floor(days / 365)
  let text = ''
  if (years > 0) text += `${years}y`
  if (days > 0) text += `${days % 365}d`
  if (hours > 0) text += `${hours % 24}h`
  if (minutes > 0) text += `${minutes % 60}m`
  return `${text}${seconds % 60}s`
}

/** An instant, milliseconds since 1970, as RFC 3339 in UTC with as many decimals as say something, nine at most. */
export function goTime(ms: number): string {
  const second = Math.floor(ms / 1000)
  // What is left is small, so that its fraction is as exact as the number given.
  const nanoseconds = Math.min(NS_PER_S - 1, Math.round((ms - second * 1000) * NS_PER_MS))
  const minute = Math.floor(second / 60)
  const date = `${minuteText(minute)}${String(second - minute * 60).padStart(2, '0')}`
  const fraction = String(nanoseconds).padStart(9, '0').replace(/0+$/, '')
  return fraction === '' ? `${date}Z` : `${date}.${fraction}Z`
}

const MINUTES_MAX = 256
const minutes = new Map<number, string>()

/** `2026-11-21T10:25:`. A long page has thousands of times in a few minutes, and making one from a Date is slow. */
function minuteText(minute: number): string {
  let text = minutes.get(minute)
  if (text === undefined) {
    if (minutes.size >= MINUTES_MAX) minutes.clear()
    text = new Date(minute * 60_000).toISOString().slice(0, 17)
    minutes.set(minute, text)
  }
  return text
}

/** An option's milliseconds as Go's integer of nanoseconds. */
export function nanoseconds(ms: number): number {
  return ms * NS_PER_MS
}

const HTML_CHARACTERS = /[<>&\u2028\u2029]/g

/**
 * JSON as Go's encoder writes it: with `indent` blanks a level, none for the compact form; characters that mean
 * something in HTML are escaped. Such characters only occur inside strings, so that the whole text can be treated.
 */
export function goJson(value: Json, indent: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    HTML_CHARACTERS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
