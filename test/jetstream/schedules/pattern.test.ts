import { describe, expect, test } from 'vitest'
import { microseconds } from '../../../src/jetstream/clock.ts'
import { readPattern } from '../../../src/jetstream/schedules/pattern.ts'
import { TimeZone } from '../../../src/jetstream/schedules/time-zone.ts'

const BERLIN = TimeZone.named('Europe/Berlin')

test.each([
  ['@at 2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
  ['@at 2026-01-01T02:00:00.25+02:00', '2025-01-01T00:00:00Z', '2026-01-01T00:00:00.25Z'],
  ['@every 1m30s', '2026-01-01T00:00:10.4Z', '2026-01-01T00:01:40Z'],
  ['@every 1m30s', '2026-01-01T00:00:10.5Z', '2026-01-01T00:01:41Z'],
  ['@every 1.5s', '2026-01-01T00:00:10Z', '2026-01-01T00:00:11.5Z'],
  ['@hourly', '2026-01-01T00:00:10Z', '2026-01-01T01:00:00Z'],
  ['@daily', '2026-01-01T00:00:10Z', '2026-01-02T00:00:00Z'],
  ['@weekly', '2026-01-01T00:00:10Z', '2026-01-04T00:00:00Z'],
  ['@monthly', '2026-01-01T00:00:10Z', '2026-02-01T00:00:00Z'],
  ['@yearly', '2026-01-01T00:00:10Z', '2027-01-01T00:00:00Z'],
])('%s, after %s', (text, after, expected) => {
  const pattern = readPattern(text, undefined)
  const us = pattern?.next(microseconds(after), microseconds(after))
  expect(us === undefined ? undefined : pattern?.text(us)).toBe(expected)
})

test('what was missed is left out', () => {
  const next = (text: string): string | undefined => {
    const pattern = readPattern(text, undefined)
    const us = pattern?.next(microseconds('2026-01-01T00:00:00Z'), microseconds('2026-01-05T10:20:30.6Z'))
    return us === undefined ? undefined : pattern?.text(us)
  }
  expect(next('@every 1h')).toBe('2026-01-05T11:20:31Z')
  expect(next('@daily')).toBe('2026-01-06T00:00:00Z')
})

test('times of a zone are written as they are there', () => {
  const pattern = readPattern('0 0 9 * * *', BERLIN)
  const text = (after: string): string | undefined => {
    const us = pattern?.next(microseconds(after), microseconds(after))
    return us === undefined ? undefined : pattern?.text(us)
  }
  expect(text('2026-01-01T00:00:00Z')).toBe('2026-01-01T09:00:00+01:00')
  expect(text('2026-07-01T00:00:00Z')).toBe('2026-07-01T09:00:00+02:00')
  expect(TimeZone.named('America/St_Johns')?.suffix(Date.UTC(2026, 0, 1))).toBe('-03:30')
})

describe('no pattern', () => {
  test.each([
    '@at',
    '@at ',
    '@at x',
    '@at 2026-01-01',
    '@at 2026-02-30T00:00:00Z',
    '@at 2026-13-01T00:00:00Z',
    '@at 2026-01-01T24:00:00Z',
    '@at 2026-01-01T00:00:00',
    '@at 2026-01-01t00:00:00z',
    '@every',
    '@every 1',
    '@every 999ms',
    '@every -1h',
    '@every x',
    '@never',
    'x',
  ])('%s', (text) => {
    expect(readPattern(text, undefined)).toBeUndefined()
  })

  test('with a time zone, where there can be none', () => {
    expect(readPattern('@at 2026-01-01T00:00:00Z', BERLIN)).toBeUndefined()
    expect(readPattern('@every 1h', BERLIN)).toBeUndefined()
  })

  test.each(['', 'europe/berlin', 'Nope/Nope', '+02:00', ' ', '../etc/passwd'])('time zone %j', (name) => {
    expect(TimeZone.named(name)).toBeUndefined()
  })
})
