// Cron patterns of six fields: second, minute, hour, day of the month, month, day of the week. A field is a list of
// values, ranges (`1-5`) and steps (`*/15`, `1-30/5`, `10/5`: from 10 on).

import type { TimeZone, WallClock } from './time-zone.ts'

const YEARS_MAX = 5
const MS_PER_S = 1000
const MS_PER_MINUTE = 60_000
const MS_PER_HOUR = 3_600_000

interface Field {
  readonly values: ReadonlySet<number>
  /** It leaves its value open: `*` or `?`. */
  readonly isOpen: boolean
}

/** Fields in the order of a pattern. */
export interface Cron {
  readonly second: Field
  readonly minute: Field
  readonly hour: Field
  readonly day: Field
  readonly month: Field
  readonly weekday: Field
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** Undefined: it is no pattern. */
export function readCron(pattern: string): Cron | undefined {
  const fields = pattern.split(/\s/).filter((field) => field !== '')
  if (fields.length !== 6) return undefined
  const second = readField(fields[0], 0, 59)
  const minute = readField(fields[1], 0, 59)
  const hour = readField(fields[2], 0, 23)
  const day = readField(fields[3], 1, 31)
  const month = readField(fields[4], 1, 12, MONTHS)
  const weekday = readField(fields[5], 0, 6, WEEKDAYS)
  if (second === undefined || minute === undefined || hour === undefined) return undefined
  if (day === undefined || month === undefined || weekday === undefined) return undefined
  return { second, minute, hour, day, month, weekday }
}

/** The first instant behind `afterMs` that fits, on a whole second; undefined: none within five years. */
export function nextOf(cron: Cron, zone: TimeZone, afterMs: number): number | undefined {
  let ms = Math.floor(afterMs / MS_PER_S) * MS_PER_S + MS_PER_S
  const lastYear = zone.at(ms).year + YEARS_MAX
  for (;;) {
    const wall = zone.at(ms)
    if (wall.year > lastYear) return undefined
    if (!cron.month.values.has(wall.month)) ms = zone.midnight(wall.year, wall.month + 1, 1)
    else if (!isDay(cron, wall)) ms = zone.midnight(wall.year, wall.month, wall.day + 1)
    else if (!cron.hour.values.has(wall.hour)) {
      ms += MS_PER_HOUR - wall.minute * MS_PER_MINUTE - wall.second * MS_PER_S
    } else if (!cron.minute.values.has(wall.minute)) ms += MS_PER_MINUTE - wall.second * MS_PER_S
    else if (!cron.second.values.has(wall.second)) ms += MS_PER_S
    else return ms
  }
}

/** Where both days are given, one of them is enough. */
function isDay({ day, weekday }: Cron, wall: WallClock): boolean {
  const [isDay, isWeekday] = [day.values.has(wall.day), weekday.values.has(wall.weekday)]
  return day.isOpen || weekday.isOpen ? isDay && isWeekday : isDay || isWeekday
}

function readField(text: string, min: number, max: number, names: readonly string[] = []): Field | undefined {
  const values = new Set<number>()
  let isOpen = false
  for (const part of text.split(',')) {
    if (part === '') continue
    const range = readRange(part, min, max, names)
    if (range === undefined) return undefined
    for (let value = range.first; value <= range.last; value += range.step) values.add(value)
    isOpen ||= range.isOpen
  }
  // Nothing would ever fit.
  return values.size === 0 ? undefined : { values, isOpen }
}

function readRange(text: string, min: number, max: number, names: readonly string[]) {
  const [values, stepText, ...moreSteps] = text.split('/')
  const [low, high, ...moreValues] = values.split('-')
  const isAll = low === '*' || low === '?'
  if (moreSteps.length > 0 || (moreValues.length > 0 && !isAll)) return undefined
  const step = stepText === undefined ? 1 : numberIn(stepText)
  const first = isAll ? min : valueIn(low, min, names)
  const end = isAll ? max : high === undefined ? first : valueIn(high, min, names)
  const last = stepText !== undefined && high === undefined ? max : end
  if (step === undefined || step === 0 || first === undefined || last === undefined) return undefined
  if (first < min || last > max || first > last) return undefined
  return { first, last, step, isOpen: isAll && step === 1 }
}

function valueIn(text: string, min: number, names: readonly string[]): number | undefined {
  const named = names.indexOf(text.toLowerCase())
  return named < 0 ? numberIn(text) : named + min
}

function numberIn(text: string): number | undefined {
  return /^\+?\d{1,18}$/.test(text) ? Number(text) : undefined
}
