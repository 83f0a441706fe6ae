import fc from 'fast-check'
import { expect, test } from 'vitest'
import { intersection } from '../../src/subjects/filter.ts'
import { matches } from '../../src/subjects/subject.ts'
import {
  compileTransform,
  identityDestination,
  reverseTransform,
  type Transform,
} from '../../src/subjects/transform.ts'

function compiled(source: string, destination: string, reversible = false): Transform {
  const transform = compileTransform(source, destination, reversible)
  if ('error' in transform) throw new Error(transform.error)
  return transform
}

/** What `subject` becomes; undefined if the source does not match. */
function become(transform: Transform, subject: string): string | undefined {
  const tokens = subject.split('.')
  return transform.matches(tokens) ? transform.apply(tokens) : undefined
}

test.each([
  ['foo', 'bar', 'foo', 'bar'],
  ['foo.*', 'bar.$1', 'foo.a', 'bar.a'],
  ['foo.*.*', 'bar.$2.$1', 'foo.a.b', 'bar.b.a'],
  ['foo.*.*', 'bar.{{wildcard(2)}}.{{ Wildcard( 1 ) }}', 'foo.a.b', 'bar.b.a'],
  ['foo.>', 'bar.>', 'foo.a.b', 'bar.a.b'],
  ['*.foo.>', 'x.$1.>', 'q.foo.a.b', 'x.q.a.b'],
  ['', 'all.>', 'a.b', 'all.a.b'],
  ['$JS.*', '$JS.x.$1', '$JS.q', '$JS.x.q'],
  ['foo.*', 'x.{{split(1,-)}}', 'foo.a-b--c', 'x.a.b.c'],
  ['foo.*', 'x.{{split(1,-)}}', 'foo.-a', 'x.a'],
  ['foo.*', 'x.{{splitFromLeft(1,3)}}', 'foo.12345', 'x.123.45'],
  ['foo.*', 'x.{{SplitFromRight(1,3)}}', 'foo.12345', 'x.12.345'],
  ['foo.*', 'x.{{splitfromleft(1,5)}}', 'foo.12345', 'x.12345'],
  ['foo.*', 'x.{{SliceFromLeft(1, 3)}}', 'foo.1234567', 'x.123.456.7'],
  ['foo.*', 'x.{{slicefromright(1,3)}}', 'foo.1234567', 'x.1.234.567'],
  ['foo.*', 'x.{{left(1,2)}}.{{right(1,2)}}', 'foo.12345', 'x.12.45'],
  ['foo.*', 'x.{{partition(0)}}', 'foo.a', 'x.0'],
])('%s to %s: %s becomes %s', (source, destination, subject, result) => {
  expect(become(compiled(source, destination), subject)).toBe(result)
})

test('a partition is FNV-1a of the tokens named, or of the whole subject', () => {
  expect(become(compiled('*', '{{partition(1000,1)}}'), 'foobar')).toBe(String(0xbf9cf968 % 1000))
  expect(become(compiled('*.*', '{{partition(1000,1,2)}}'), 'foo.bar')).toBe(String(0xbf9cf968 % 1000))
  expect(become(compiled('foobar', 'x.{{partition(1000)}}'), 'foobar')).toBe(`x.${0xbf9cf968 % 1000}`)
})

test('random is below its ceiling', () => {
  const transform = compiled('foo', 'x.{{random(3)}}')
  const seen = new Set(Array.from({ length: 300 }, () => become(transform, 'foo')))
  expect([...seen].sort()).toEqual(['x.0', 'x.1', 'x.2'])
})

test.each([
  ['foo..bar', 'x', 'invalid subject'],
  ['foo', 'x.*', 'invalid subject'],
  ['foo.>', 'x', 'invalid subject'],
  ['foo', 'x.>', 'invalid subject'],
  ['foo.*', 'x.$2', 'invalid mapping destination: wildcard index out of range in $2: [2]'],
  ['foo', 'x.$1', 'invalid mapping destination: wildcard index out of range in $1'],
  ['foo.*', 'x.{{wildcard(0)}}', 'invalid mapping destination: wildcard index out of range in {{wildcard(0)}}: [0]'],
  ['foo.*', 'x.{{bogus(1)}}', 'invalid mapping destination: unknown function in {{bogus(1)}}'],
  ['foo.*', 'x.{{WILDCARD(1)}}', 'invalid mapping destination: unknown function in {{WILDCARD(1)}}'],
  ['foo.*', 'x.{{wildcard(a)}}', 'invalid mapping destination: function argument is invalid or in the wrong format'],
  ['foo.*', 'x.{{wildcard()}}', 'invalid mapping destination: not enough arguments passed to the function'],
  ['foo.*', 'x.{{wildcard(1,1)}}', 'invalid mapping destination: too many arguments passed to the function'],
  ['foo.*', 'x.{{left(1)}}', 'invalid mapping destination: not enough arguments passed to the function'],
])('%s to %s is refused: %s', (source, destination, error) => {
  expect(compileTransform(source, destination)).toMatchObject({ error: expect.stringContaining(error) })
})

test('an import uses all wildcards of its source and no other function', () => {
  expect(compileTransform('foo.*.*', 'x.$1', true)).toHaveProperty('error')
  expect(compileTransform('foo.*', 'x.{{left(1,1)}}', true)).toHaveProperty('error')
})

const filter = fc
  .array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 4 })
  .chain((tokens) => fc.boolean().map((tail) => (tail ? [...tokens, '>'] : tokens).join('.')))
const subject = fc
  .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 })
  .map((tokens) => tokens.join('.'))

test('the way back of an import undoes it', () => {
  fc.assert(
    fc.property(filter, subject, (source, concrete) => {
      const wildcards = source.split('.').filter((token) => token === '*').length
      const swapped = Array.from({ length: wildcards }, (_, i) => `$${wildcards - i}`)
      const tail = source.endsWith('>') ? ['>'] : []
      const there = compiled(source, ['to', ...swapped, ...tail].join('.'), true)
      const result = become(there, concrete)
      if (result !== undefined) expect(become(reverseTransform(there), result)).toBe(concrete)
    }),
  )
})

test('the identity changes nothing', () => {
  fc.assert(
    fc.property(filter, subject, (source, concrete) => {
      const result = become(compiled(source, identityDestination(source), true), concrete)
      expect(result === undefined || result === concrete).toBe(true)
    }),
  )
})

test('an intersection matches what both match', () => {
  fc.assert(
    fc.property(filter, filter, subject, (a, b, concrete) => {
      const common = intersection(a, b)
      expect(common !== undefined && matches(common, concrete)).toBe(matches(a, concrete) && matches(b, concrete))
    }),
  )
})
