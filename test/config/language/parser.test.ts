// The grammar (docs/reference/configuration-files.md, "Entries"), beyond what the files beside nats-server show.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../../src/config/language/digest.ts'
import { Lexer, NESTING_MAX } from '../../../src/config/language/lexer.ts'
import { ConfigSyntaxError, parseConfigFile } from '../../../src/config/language/parser.ts'
import type { ConfigEntry, ConfigMap, ConfigValue } from '../../../src/config/language/tree.ts'

const bytesOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/** Parses files that stand in a map, beginning with `main`; a text is `main` alone. */
function parse(files: string | Record<string, string>, environment: Record<string, string> = {}): ConfigMap {
  const all = typeof files === 'string' ? { main: files } : files
  return parseConfigFile('main', {
    readFile: (path) => {
      const text = all[path]
      if (text === undefined) throw new Error(`open ${path}: no such file or directory`)
      return bytesOf(text)
    },
    environment: (name) => environment[name],
  })
}

/** The tree without places. */
function plain(value: ConfigValue): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item.value))
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item.value)]))
  return value
}

const readValue = (text: string): unknown => plain(parse(`x: ${text}`).get('x')?.value ?? 'nothing')

function placeOf(map: ConfigMap, ...keys: string[]): string {
  let entry: ConfigEntry | undefined
  let here = map
  for (const key of keys) {
    entry = here.get(key)
    if (entry?.value instanceof Map) here = entry.value
  }
  return `${entry?.place.file}:${entry?.place.line}:${entry?.place.column}`
}

test.each([
  ['5', 5n],
  ['-5', -5n],
  ['9223372036854775807', 9223372036854775807n],
  ['1k', 1000n],
  ['1KB', 1024n],
  ['1kib', 1024n],
  ['2Mi', 2n * 1024n ** 2n],
  ['1g', 1000n ** 3n],
  ['1TB', 1024n ** 4n],
  ['1p', 1000n ** 5n],
  ['1EiB', 1024n ** 6n],
  ['-1k', -1000n],
  ['1.5', 1.5],
  ['-0.25', -0.25],
  ['true', true],
  ['OFF', false],
  ['2016-05-04T18:53:41Z', new Date('2016-05-04T18:53:41Z')],
  ['127.0.0.1:4222', '127.0.0.1:4222'],
  ['1a', '1a'],
  ['5kx', '5kx'],
  ['a:b/c.d', 'a:b/c.d'],
  ["'a\\n'", 'a\\n'],
  ['"a\\tb\\x41\\"\\\\"', 'a\tbA"\\'],
  ['a\\nb', 'a\nb'],
  ['$2a$11$abc', '$2a$11$abc'],
  ['(\na\nb\n)\n', '\na\nb\n'],
  ['[]', []],
  ['{}', {}],
  ['[ 1, [ 2 ], { a: 3 } ]', [1n, [2n], { a: 3n }]],
  ['wörld ', 'wörld'],
])('%s', (text, value) => {
  expect(readValue(text)).toEqual(value)
})

describe('places', () => {
  test('columns count bytes, from 0 on the first line and from 1 on the others', () => {
    const map = parse('a: 1\n  b: 2\n"c": 3\nd {\n  é: 4, e: 5\n}\n')
    expect(placeOf(map, 'a')).toBe('main:1:0')
    expect(placeOf(map, 'b')).toBe('main:2:3')
    expect(placeOf(map, 'c')).toBe('main:3:2')
    expect(placeOf(map, 'd')).toBe('main:4:1')
    expect(placeOf(map, 'd', 'é')).toBe('main:5:3')
    expect(placeOf(map, 'd', 'e')).toBe('main:5:10')
  })

  test('an entry keeps the file it stands in', () => {
    const map = parse({ main: '\ninclude sub/one\n', 'sub/one': 'include two\na: 1\n', 'sub/two': '\n\n b: 2' })
    expect(placeOf(map, 'a')).toBe('sub/one:2:1')
    expect(placeOf(map, 'b')).toBe('sub/two:3:2')
  })

  test('what comes from the environment stands where it was referred to', () => {
    const map = parse('\na: $A', { A: '{ b: { c: 1 } }' })
    expect(placeOf(map, 'a', 'b', 'c')).toBe('main:2:5')
  })
})

describe('variables', () => {
  test('the innermost block counts, then the next further out, then the environment', () => {
    const map = parse('v: 1\na { v: 2, b { x: $v, y: $w, z: $E } }\nw: 9\n'.replace('w: 9\n', ''), {
      E: '[ 1, two ]',
      w: '"env"',
    })
    expect(plain(map.get('a')?.value as ConfigValue)).toEqual({ v: 2n, b: { x: 2n, y: 'env', z: [1n, 'two'] } })
  })

  test('a key that was referred to is marked', () => {
    const map = parse('a: 1\nb: $a\n')
    expect(map.get('a')?.usedAsVariable).toBe(true)
    expect(map.get('b')?.usedAsVariable).toBe(false)
  })

  test('those of the environment may refer to each other', () => {
    expect(plain(parse('a: $A', { A: '[ $B, $B ]', B: '1' }))).toEqual({ a: [1n, 1n] })
  })

  test.each([['A=$A'], ['A=$B', 'B=$A'], ['A=[ $B ]', 'B={ c: $A }']])(
    'a loop of them is one complaint: %s %s',
    (...variables) => {
      const environment = Object.fromEntries(variables.map((each) => each.split('=')))
      expect(() => parse('a: $A', environment)).toThrow(ConfigSyntaxError)
      expect(() => parse('a: $A', environment)).toThrow("variable reference cycle for 'A'")
    },
  )

  test('those that double each other end', () => {
    const environment = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`A${i}`, `[ $A${i + 1}, $A${i + 1} ]`]),
    )
    expect(() => parse('a: $A0', { ...environment, A40: '1' })).toThrow('more than 10000 includes and variables')
  })
})

describe('includes', () => {
  test.each([
    ['itself', { main: 'include main' }, 'include loop: main -> main'],
    ['round a corner', { main: 'include a', a: 'include b', b: 'include a' }, 'include loop: main -> a -> b -> a'],
    ['by another way to it', { main: 'include x/../main' }, 'include loop: main -> main'],
  ])('a file that includes %s is one complaint', (_, files, text) => {
    expect(() => parse(files)).toThrow(text)
  })

  test('a file may be included twice', () => {
    expect(plain(parse({ main: 'a { include x }\nb { include x }\n', x: 'y: 1' }))).toEqual({
      a: { y: 1n },
      b: { y: 1n },
    })
  })

  test('files that double each other end', () => {
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`f${i}`, `include f${i + 1}\ninclude f${i + 1}\n`]),
    )
    expect(() => parse({ main: 'include f0', ...files, f40: 'a: 1' })).toThrow('more than 10000 includes and variables')
  })

  test('a long chain ends', () => {
    const files = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, `include f${i + 1}`]))
    expect(() => parse({ main: 'include f0', ...files })).toThrow('more than 64 deep')
  })
})

test('brackets may be nested up to a bound', () => {
  const nested = (depth: number): string => `x: ${'[ '.repeat(depth)}${' ]'.repeat(depth)}`
  expect(() => parse(nested(NESTING_MAX))).not.toThrow()
  expect(() => parse(nested(NESTING_MAX + 1))).toThrow(`More than ${NESTING_MAX} brackets are open.`)
})

describe('the digest', () => {
  test.each([
    ['system_account: A\nsystem: "x" ', '{"system":"x","system_account":"A"}'],
    ['b: 1.0\na: 1e\n', '{"a":1000000000000000000,"b":1}'],
    ['a: "<&>\u2028\u0001"', '{"a":"\\u003c\\u0026\\u003e\\u2028\\u0001"}'],
    ['"\u{1f600}": 1, "\uffee": 2', '{"\uffee":2,"\u{1f600}":1}'],
    ['a: 2016-05-04T18:53:41Z, b: [ ], c { }', '{"a":"2016-05-04T18:53:41Z","b":[],"c":{}}'],
  ])('of %j is that of %s', async (text, json) => {
    const hash = await crypto.subtle.digest('SHA-256', Buffer.from(`${json}\n`))
    expect(digestOf(parse(text))).toBe(`sha256:${Buffer.from(hash).toString('hex')}`)
  })

  test('of what would never end is refused', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `a${i + 1}: [ $a${i}, $a${i} ]\n`)
    expect(() => digestOf(parse(`a0: [ x ]\n${lines.join('')}`))).toThrow('configuration is too large')
  })

  test('of what is nested without end by variables is refused', () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `a${i + 1}: [ $a${i} ]\n`)
    expect(() => digestOf(parse(`a0: [ x ]\n${lines.join('')}A: $a5000`))).toThrow('values are more than 1000 deep')
  })
})

// ── For all ───────────────────────────────────────────────────────────────────────────────────────────────────

const PIECES = [
  'a',
  '1',
  '.',
  '-',
  '"',
  "'",
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '\n',
  '\n)\n',
  ' ',
  ',',
  ';',
  ':',
  '=',
  '#',
  '/',
]
const MORE = ['$a', '$2a$', '\\', '\\x4', 'include ', 'true', '5k', '2016-05-04T18:53:41Z', '\0', '\u00a0', 'é', '\r\n']

test('nothing but a syntax error is ever thrown, and every token makes way', () => {
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(...PIECES, ...MORE)).map((pieces) => pieces.join('')),
  )
  fc.assert(
    fc.property(text, (source) => {
      const lexer = new Lexer(bytesOf(source))
      let tokens = 0
      for (let kind = lexer.next().kind; kind !== 'end' && kind !== 'error'; kind = lexer.next().kind) tokens++
      expect(tokens).toBeLessThanOrEqual(2 * source.length + 2)
      try {
        digestOf(parse(source, { a: source }))
      } catch (error) {
        if (!(error instanceof ConfigSyntaxError)) throw error
      }
    }),
    { numRuns: 3000 },
  )
})

type Tree = string | boolean | bigint | number | Date | Tree[] | { [key: string]: Tree }

const key = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/).filter((name) => name !== 'include')
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    fc.integer({ min: -1_000_000, max: 1_000_000 }).map((value) => value / 64 + 1 / 128),
    fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }).map((date) => {
      date.setMilliseconds(0)
      return date
    }),
    fc.array(tie('tree'), { maxLength: 5 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

/** Writes a value as a file may have it, taking turns with the ways there are. */
function written(value: Tree, turn: () => number): string {
  const pick = (...ways: readonly string[]): string => ways[turn() % ways.length]
  if (typeof value === 'string') return `"${escaped(value)}"`
  if (typeof value === 'boolean') return value ? pick('true', 'yes', 'on', 'TRUE') : pick('false', 'no', 'Off')
  if (typeof value === 'bigint' || typeof value === 'number') return String(value)
  if (value instanceof Date) return `${value.toISOString().slice(0, 19)}Z`
  if (Array.isArray(value)) {
    return `[ ${value.map((item) => `${written(item, turn)} ${pick(',', '\n', ', # x\n')}`).join('')} ]`
  }
  const members = Object.entries(value).map(([name, item]) => {
    const said = pick(name, `"${name}"`, `'${name}'`)
    return `${said}${pick(': ', ' = ', ' ')}${written(item, turn)} ${pick('\n', ', ', '; ', ' // x\n')}`
  })
  return `{ ${members.join('')} }`
}

function escaped(text: string): string {
  // Beyond ASCII a character has more bytes than one.
  const hex = (char: string): string => char.charCodeAt(0).toString(16).padStart(2, '0')
  return text.replace(/["\\]|\p{Cc}/gu, (char) => (char < '\x80' ? `\\x${hex(char)}` : char))
}

test('what is written is read', () => {
  fc.assert(
    fc.property(fc.dictionary(key, tree, { noNullPrototype: true }), fc.infiniteStream(fc.nat(11)), (values, turns) => {
      const turn = (): number => turns.next().value
      const lines = Object.entries(values).map(([name, value]) => `${name}: ${written(value, turn)}\n`)
      expect(plain(parse(lines.join('')))).toEqual(values)
      expect(plain(parse(`{\n${lines.join('')}}`))).toEqual(values)
    }),
    { numRuns: 500 },
  )
})
