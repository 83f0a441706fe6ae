import { expect, test } from 'vitest'
import { wallClockMicros, wallClockText } from '../../src/log/wall-clock.ts'

test('it is the time of day', () => {
  expect(Math.abs(wallClockMicros() / 1000 - Date.now())).toBeLessThan(10_000)
})

test('local time and UTC are written alike', () => {
  const utc = wallClockText(true)
  expect(utc).toMatch(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d{6}$/)
  const asUtc = Date.parse(`${utc.slice(0, 19).replaceAll('/', '-').replace(' ', 'T')}Z`)
  expect(Math.abs(asUtc - Date.now())).toBeLessThan(10_000)
  const local = wallClockText(false)
  const asLocal = Date.parse(local.slice(0, 19).replaceAll('/', '-').replace(' ', 'T'))
  expect(Math.abs(asLocal - Date.now())).toBeLessThan(10_000)
})
