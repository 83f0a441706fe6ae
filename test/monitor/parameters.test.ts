import { describe, expect, it } from 'vitest'
import { Parameters, parseTarget } from '../../src/monitor/parameters.ts'

describe('parseTarget', () => {
  it.each([
    ['/varz', '/varz'],
    ['/connz?limit=3', '/connz'],
    ['/%76arz', '/varz'],
    ['http://host:8222/varz?x', '/varz'],
    ['http://host', '/'],
    ['/varz#fragment', '/varz'],
    ['', '/'],
    ['*', '*'],
  ])('finds the path of %j', (target, path) => expect(parseTarget(target).path).toBe(path))

  it.each(['/%', '/%7', '/%zz'])('finds no path in %j', (target) => expect(parseTarget(target).path).toBeUndefined())
})

describe('a query', () => {
  it('may have escapes and pluses', () => expect(new Parameters('a%20b=c+d%2b').bytes('a b')).toBe('c d+'))
  it('is bytes, of which text can be made', () => {
    const parameters = new Parameters('a=%c3%a9')
    expect(parameters.bytes('a')).toBe('\u00c3\u00a9')
    expect(parameters.text('a')).toBe('é')
  })
  it('counts the first of several values', () => expect(new Parameters('a=1&a=2').bytes('a')).toBe('1'))
  it('has nothing of a pair that cannot be decoded', () => {
    const parameters = new Parameters('a=%zz&%zz=1&b=1;c=2&d=4')
    expect(['a', 'b', 'c'].map((name) => parameters.bytes(name))).toEqual(['', '', ''])
    expect(parameters.bytes('d')).toBe('4')
  })
  it('knows nothing of JavaScript objects', () => {
    const parameters = new Parameters('__proto__=1&constructor=2')
    expect(parameters.bytes('toString')).toBe('')
    expect(parameters.bytes('__proto__')).toBe('1')
  })
})

describe('a boolean', () => {
  it.each(['1', 't', 'T', 'TRUE', 'true', 'True'])('is true as %s', (text) => {
    expect(new Parameters(`x=${text}`).boolean('x')).toBe(true)
  })
  it.each(['0', 'f', 'F', 'FALSE', 'false', 'False', ''])('is false as "%s"', (text) => {
    const parameters = new Parameters(`x=${text}`)
    expect(parameters.boolean('x')).toBe(false)
    expect(parameters.refused).toBeUndefined()
  })
  it.each(['tRUE', 'yes', '2', ' 1', 'truee'])('is refused as "%s"', (text) => {
    const parameters = new Parameters(`x=${text}`)
    expect(parameters.boolean('x')).toBe(false)
    expect(parameters.refused).toBe(
      `Error decoding boolean for 'x': strconv.ParseBool: parsing "${text}": invalid syntax`,
    )
  })
  it('quotes what it refuses as Go does', () => {
    const parameters = new Parameters('x=a%22b%0a%c3%a9')
    parameters.boolean('x')
    expect(Buffer.from(parameters.refused ?? '', 'latin1').toString('utf8')).toContain('parsing "a\\"b\\né": invalid')
  })
})

describe('an integer', () => {
  it.each([
    ['', 0],
    ['0', 0],
    ['-0', -0],
    ['12', 12],
    ['%2B12', 12],
    ['-12', -12],
    ['000000000000000000000000012', 12],
    ['9007199254740993', Number.MAX_SAFE_INTEGER],
    ['9223372036854775807', Number.MAX_SAFE_INTEGER],
    ['-9223372036854775808', -Number.MAX_SAFE_INTEGER],
  ])('%s is %d', (text, value) => {
    const parameters = new Parameters(`x=${text}`)
    expect(parameters.integer('x')).toBe(value)
    expect(parameters.refused).toBeUndefined()
  })
  it.each(['zz', '1.5', '1e3', '0x10', '1_0', ' 1', '+', '-', '--1', '1-', '9999999999999999999z'])(
    '%s is no number',
    (text) => {
      const parameters = new Parameters(`x=${encodeURIComponent(text)}`)
      expect(parameters.integer('x')).toBe(0)
      expect(parameters.refused).toBe(`Error decoding int for 'x': strconv.Atoi: parsing "${text}": invalid syntax`)
    },
  )
  it.each([
    '9223372036854775808',
    '-9223372036854775809',
    '99999999999999999999',
    '-99999999999999999999',
    '99999999999999999999zz',
    '1'.repeat(10_000),
  ])('%s is out of range', (text) => {
    const parameters = new Parameters(`x=${text}`)
    expect(parameters.integer('x')).toBe(0)
    expect(parameters.refused).toBe(`Error decoding int for 'x': strconv.Atoi: parsing "${text}": value out of range`)
  })
})

describe('an unsigned number', () => {
  it.each([
    ['', 0],
    ['7', 7],
    ['18446744073709551615', Number.MAX_SAFE_INTEGER],
  ])('%s is %d', (text, value) => expect(new Parameters(`x=${text}`).unsigned('x')).toBe(value))
  it.each([
    ['-1', 'invalid syntax'],
    ['%2B1', 'invalid syntax'],
    ['zz', 'invalid syntax'],
    ['18446744073709551616', 'value out of range'],
    ['99999999999999999999', 'value out of range'],
  ])('%s is refused: %s', (text, wrong) => {
    const parameters = new Parameters(`x=${text}`)
    expect(parameters.unsigned('x')).toBe(0)
    const shown = decodeURIComponent(text)
    expect(parameters.refused).toBe(`Error decoding uint64 for 'x': strconv.ParseUint: parsing "${shown}": ${wrong}`)
  })
})

it('names the first parameter that is wrong', () => {
  const parameters = new Parameters('a=zz&b=zz')
  parameters.integer('b')
  parameters.boolean('a')
  parameters.refuseWith('too late')
  expect(parameters.refused).toContain("int for 'b'")
})
