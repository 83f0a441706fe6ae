import { describe, expect, it } from 'vitest'
import { age, goDuration, goJson, goRtt, goTime, nanoseconds } from '../../src/base/go-format.ts'

const S = 1_000
const MIN = 60 * S
const H = 60 * MIN
const D = 24 * H

describe('goDuration', () => {
  it.each([
    [0, '0s'],
    [1, '1ns'],
    [999, '999ns'],
    [1_100, '1.1µs'],
    [370_000, '370µs'],
    [2_200_000, '2.2ms'],
    [100_000_000, '100ms'],
    [1_000_000_000, '1s'],
    [3_300_000_000, '3.3s'],
    [60_000_000_000, '1m0s'],
    [245_000_000_000, '4m5s'],
    [245_001_000_000, '4m5.001s'],
    [480_000_000_001, '8m0.000000001s'],
    [18_367_001_000_000, '5h6m7.001s'],
    [100 * 3_600_000_000_000, '100h0m0s'],
  ])('writes %i ns as %s', (ns, text) => expect(goDuration(ns)).toBe(text))
})

describe('goRtt', () => {
  it('leaves nanoseconds out below a millisecond', () => {
    expect(goRtt(0.370_999)).toBe('370µs')
    expect(goRtt(0.57)).toBe('570µs')
  })
  it('keeps them above', () => expect(goRtt(1.234_567)).toBe('1.234567ms'))
  it('keeps them below a microsecond', () => expect(goRtt(0.000_5)).toBe('500ns'))
  it('writes an unknown one as no time', () => expect(goRtt(0)).toBe('0s'))
})

describe('age', () => {
  it.each([
    [0, '0s'],
    [999, '0s'],
    [59_999, '59s'],
    [MIN, '1m0s'],
    [H, '1h0m0s'],
    [D, '1d0h0m0s'],
    [D + 2 * H + 3 * MIN + 4 * S, '1d2h3m4s'],
    [365 * D, '1y0d0h0m0s'],
    [365 * D + 2 * D + 3 * H + 4 * MIN + 5 * S, '1y2d3h4m5s'],
  ])('writes %i ms as %s', (ms, text) => expect(age(ms)).toBe(text))
  it('never shows a negative age', () => expect(age(-5)).toBe('0s'))
})

describe('goTime', () => {
  it.each([
    [0, '1970-01-01T00:00:00Z'],
    [1_500, '1970-01-01T00:00:01.5Z'],
    [1_001, '1970-01-01T00:00:01.001Z'],
    [0.000_001, '1970-01-01T00:00:00.000000001Z'],
    [1_795_256_701_133, '2026-11-21T10:25:01.133Z'],
  ])('writes %d ms as %s', (ms, text) => expect(goTime(ms)).toBe(text))
  it('does not round into a second that has sixty of them', () => {
    expect(goTime(59_999.999_999_9)).toBe('1970-01-01T00:00:59.999999999Z')
  })
})

describe('goJson', () => {
  it('escapes what means something in HTML, and line separators', () => {
    expect(goJson({ name: '<a&b>\u2028\u2029' }, 0)).toBe('{"name":"\\u003ca\\u0026b\\u003e\\u2028\\u2029"}')
  })
  it('indents, and leaves out what is not there', () => {
    expect(goJson({ a: 1, b: undefined, c: [], d: {} }, 2)).toBe('{\n  "a": 1,\n  "c": [],\n  "d": {}\n}')
  })
})

it('gives options in nanoseconds', () => expect(nanoseconds(120_000)).toBe(120_000_000_000))
