import { describe, expect, test } from 'vitest'
import { nextOf, readCron } from '../../../src/jetstream/schedules/cron.ts'
import { TimeZone } from '../../../src/jetstream/schedules/time-zone.ts'
import { chooseSeed, Random } from '../../support/random.ts'

const ms = (text: string): number => Date.parse(text)
const iso = (at: number | undefined): string | undefined => {
  return at === undefined ? undefined : new Date(at).toISOString().replace('.000', '')
}

/** The next times of a pattern. */
function times(pattern: string, zone: string, after: string, count: number): (string | undefined)[] {
  const cron = readCron(pattern)
  const found: (string | undefined)[] = []
  let at: number | undefined = ms(after)
  for (let i = 0; i < count && at !== undefined; i++) {
    at = cron && nextOf(cron, TimeZone.named(zone) as TimeZone, at)
    found.push(iso(at))
  }
  return found
}

test.each([
  ['* * * * * *', 'UTC', '2026-01-01T00:00:00.5Z', ['2026-01-01T00:00:01Z', '2026-01-01T00:00:02Z']],
  ['0 0 12 * * mon', 'UTC', '2026-11-30T12:00:00Z', ['2026-12-07T12:00:00Z', '2026-12-14T12:00:00Z']],
  ['*/20 5,10-11 0 * * *', 'UTC', '2026-01-01T00:10:20Z', ['2026-01-01T00:10:40Z', '2026-01-01T00:11:00Z']],
  ['0 0 0 29 2 ?', 'UTC', '2026-01-01T00:00:00Z', ['2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z']],
  ['0 0 0 13 * fri', 'UTC', '2026-11-12T00:00:00Z', ['2026-11-13T00:00:00Z', '2026-11-20T00:00:00Z']],
  ['0 30 10/5 1 jan-mar *', 'UTC', '2026-03-01T15:00:00Z', ['2026-03-01T15:30:00Z', '2026-03-01T20:30:00Z']],
  ['0 0 9 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', ['2026-03-28T08:00:00Z', '2026-03-29T07:00:00Z']],
  ['0 0 9 * * *', 'America/New_York', '2026-10-31T00:00:00Z', ['2026-10-31T13:00:00Z', '2026-11-01T14:00:00Z']],
  ['0 15 0 * * *', 'Asia/Kathmandu', '2026-01-01T00:00:00Z', ['2026-01-01T18:30:00Z', '2026-01-02T18:30:00Z']],
])('%s in %s', (pattern, zone, after, expected) => {
  expect(times(pattern, zone, after, expected.length)).toEqual(expected)
})

test('an hour that the change of the clock leaves out is no time, and one that comes twice is two', () => {
  expect(times('0 30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 1)).toEqual(['2026-03-30T00:30:00Z'])
  expect(times('0 30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 3)).toEqual([
    '2026-10-25T00:30:00Z',
    '2026-10-25T01:30:00Z',
    '2026-10-26T01:30:00Z',
  ])
})

test('a day that begins an hour late begins then', () => {
  // In Egypt the clock is put forward at midnight.
  expect(times('0 0 * 24 4 *', 'Africa/Cairo', '2026-04-23T00:00:00Z', 2)).toEqual([
    '2026-04-23T22:00:00Z',
    '2026-04-23T23:00:00Z',
  ])
})

describe('a text that is no pattern', () => {
  test.each([
    '',
    '* * * * *',
    '* * * * * * *',
    '60 * * * * *',
    '* 60 * * * *',
    '* * 24 * * *',
    '* * * 0 * *',
    '* * * 32 * *',
    '* * * * 13 *',
    '* * * * foo *',
    '* * * * * 7',
    '5-1 * * * * *',
    '1-2-3 * * * * *',
    '*/0 * * * * *',
    '*/x * * * * *',
    '1/2/3 * * * * *',
    '-1 * * * * *',
    'x * * * * *',
    ', * * * * *',
  ])('%s', (text) => {
    expect(readCron(text)).toBeUndefined()
  })

  test('a day that there never is has no time', () => {
    expect(times('0 0 0 30 2 *', 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual([undefined])
  })
})

test('the next time is the first second that fits, whatever the pattern and the zone', () => {
  const random = new Random(chooseSeed('cron'))
  const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Africa/Cairo']
  const field = (min: number, max: number): string => {
    const [a, b] = [0, 0].map(() => min + random.below(max - min + 1)).sort((x, y) => x - y)
    return random.pick(['*', String(a), `${a}-${b}`, `*/${1 + random.below(7)}`, `${a},${b}`])
  }
  for (let run = 0; run < 150; run++) {
    const zone = TimeZone.named(random.pick(zones)) as TimeZone
    const pattern = [field(0, 59), field(0, 59), field(0, 23), field(1, 31), '*', field(0, 6)].join(' ')
    const cron = readCron(pattern)
    if (cron === undefined) throw new Error(pattern)
    const after = Date.UTC(2026, random.below(12), 1 + random.below(28), random.below(24))
    const next = nextOf(cron, zone, after)
    const fits = (at: number): boolean => {
      const wall = zone.at(at)
      const [day, weekday] = [cron.day.values.has(wall.day), cron.weekday.values.has(wall.weekday)]
      const isDay = cron.day.isOpen || cron.weekday.isOpen ? day && weekday : day || weekday
      return (
        isDay && (['second', 'minute', 'hour', 'month'] as const).every((name) => cron[name].values.has(wall[name]))
      )
    }
    if (next === undefined) throw new Error(`${pattern} has no time`)
    expect(fits(next), pattern).toBe(true)
    // Each second at first, then each minute: what comes before does not fit.
    const second = [...cron.second.values][0]
    for (let at = after + 1000; at < Math.min(next, after + 120_000); at += 1000) expect(fits(at), pattern).toBe(false)
    const steps = Math.min(2000, Math.floor((next - after) / 60_000))
    for (let i = 1; i < steps; i++) {
      const at = next - i * 60_000
      const aligned = at - (at % 60_000) + second * 1000
      if (aligned > after && aligned < next) expect(fits(aligned), `${pattern} at ${iso(aligned)}`).toBe(false)
    }
  }
})
