import { expect, it } from 'vitest'
import { isTimeOfDay, isZone, timeLeft } from '../../../src/auth/jwt/times.ts'

const at = (text: string) => Date.parse(text)
const HOUR = 60 * 60_000
const one = (start: string, end: string) => [{ start, end }]

it('knows times of day, as Go reads them', () => {
  for (const text of ['00:00:00', '23:59:59', '9:05:00', '12:00:00.5']) expect(isTimeOfDay(text), text).toBe(true)
  for (const text of ['', '24:00:00', '12:60:00', '12:00:60', '12:00', '12:0:00', 'noon', '-1:00:00', ' 12:00:00']) {
    expect(isTimeOfDay(text), text).toBe(false)
  }
})

it('knows time zones', () => {
  for (const zone of ['', 'UTC', 'Local', 'Europe/Berlin', 'America/New_York']) expect(isZone(zone), zone).toBe(true)
  for (const zone of ['Nowhere/Land', 'x', '../etc/passwd', '\0']) expect(isZone(zone), zone).toBe(false)
})

it('counts what is left of a window', () => {
  expect(timeLeft([], 'UTC', 0)).toBeUndefined()
  const window = one('11:00:00', '22:00:00')
  expect(timeLeft(window, 'UTC', at('2026-03-10T13:00:00Z'))).toBe(9 * HOUR)
  expect(timeLeft(window, 'UTC', at('2026-03-10T10:59:59Z'))).toBe(0)
  expect(timeLeft(window, 'UTC', at('2026-03-10T22:00:00Z'))).toBe(0)
  expect(timeLeft(window, 'Nowhere/Land', at('2026-03-10T13:00:00Z'))).toBe(0)
})

it('goes over midnight', () => {
  const window = one('22:00:00', '06:00:00')
  expect(timeLeft(window, 'UTC', at('2026-03-10T05:00:00Z'))).toBe(HOUR)
  expect(timeLeft(window, 'UTC', at('2026-03-10T23:00:00Z'))).toBe(7 * HOUR)
  expect(timeLeft(window, 'UTC', at('2026-03-10T12:00:00Z'))).toBe(0)
})

it('takes the longest of several', () => {
  const windows = [...one('10:00:00', '14:00:00'), ...one('09:00:00', '18:00:00'), ...one('00:00:00', '01:00:00')]
  expect(timeLeft(windows, 'UTC', at('2026-03-10T13:00:00Z'))).toBe(5 * HOUR)
})

it('follows the clocks of the zone', () => {
  const window = one('09:00:00', '17:00:00')
  expect(timeLeft(window, 'Asia/Tokyo', at('2026-03-10T01:00:00Z'))).toBe(7 * HOUR)
  expect(timeLeft(window, 'Asia/Tokyo', at('2026-03-10T13:00:00Z'))).toBe(0)
  expect(timeLeft(window, 'America/New_York', at('2026-01-10T14:30:00Z'))).toBe(7.5 * HOUR)
})

it('counts the hour that clocks skip or repeat', () => {
  // In Berlin the clocks went from 02:00 to 03:00 on 29 March 2026, and back on 25 October 2026.
  const window = one('01:00:00', '06:00:00')
  expect(timeLeft(window, 'Europe/Berlin', at('2026-03-29T00:30:00Z'))).toBe(3.5 * HOUR)
  expect(timeLeft(window, 'Europe/Berlin', at('2026-10-24T23:30:00Z'))).toBe(5.5 * HOUR)
})
