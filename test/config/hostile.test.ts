// Files that mean harm end soon, with one clear line. They are as large as the time allows: what takes more than its
// share of it here takes the machine down elsewhere.

import { expect, test } from 'vitest'
import { checkFile } from './support.ts'

const MANY = 10 * 1024 * 1024

/** Checks a file that stands nowhere. */
function check(bytes: string): Promise<{ code: number; stderr: string }> {
  return checkFile('x.conf', { readFile: () => bytes, environment: () => undefined })
}

const HOSTILE: readonly (readonly [what: string, bytes: () => string, text: string])[] = [
  ['open brackets', () => `a = ${'['.repeat(MANY)}`, "Parse error on line 1: 'More than 1000 brackets are open.'"],
  ['open braces', () => '{'.repeat(MANY), "Parse error on line 1: 'More than 1000 brackets are open.'"],
  ['maps in maps', () => `a ${'{ a '.repeat(MANY / 4)}`, "Parse error on line 1: 'More than 1000 brackets are open.'"],
  ['closing braces', () => '}'.repeat(MANY), `config is invalid (x.conf:1:${MANY})`],
  ['a text that does not end', () => `server_name: "${'x'.repeat(MANY)}`, "Parse error on line 1: 'Unexpected EOF.'"],
  ['a key', () => `${'x'.repeat(MANY)}: 1`, 'x.conf:1:0: unknown field "xxx'],
  ['a number', () => `port: ${'9'.repeat(MANY)}`, "integer '999"],
  ['a float', () => `port: ${'9'.repeat(MANY)}.5`, "float '999"],
  ['a comment', () => `#${'x'.repeat(MANY)}`, 'x.conf: config has no values or is empty'],
  ['line ends', () => '\n'.repeat(MANY), 'x.conf: config has no values or is empty'],
  ['semicolons', () => `port: 1${';'.repeat(MANY)}`, `config is invalid (x.conf:1:${MANY + 7})`],
  ['zeros', () => '\0'.repeat(MANY), "Parse error on line 1: 'Unexpected EOF.'"],
  ['a variable', () => `port: $${'x'.repeat(MANY)}`, "variable reference for 'xxx"],
  ['an include', () => `include ${'x'.repeat(5000)}`, 'include loop: x.conf -> xxx'],
  ['elements', () => `server_tags: [ ${'a, '.repeat(MANY / 3)} ]`, 'more than 1000000 values'],
  ['keys', () => 'a: 1\n'.repeat(MANY / 5), 'more than 1000000 values'],
  ['a block string', () => `a: (\n${')a\n'.repeat(MANY / 3)}`, 'Unexpected EOF processing block.'],
  ['bytes of a program', () => `\x7fELF\x02\x01\x01${'\0\x90\xff\xfe'.repeat(1000)}`, 'config is invalid (x.conf:1:7)'],
]

test.each(HOSTILE)('%s', async (_, bytes, text) => {
  const { code, stderr } = await check(bytes())
  expect(code).toBe(1)
  expect(stderr).toContain(text)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(stderr.length).toBeLessThan(3000)
})

test('ten thousand unknown keys are a hundred lines, and how many more there are', async () => {
  const { stderr } = await check(Array.from({ length: 10_000 }, (_, i) => `k${i}: 1\n`).join(''))
  const lines = stderr.trimEnd().split('\n')
  expect(lines).toHaveLength(101)
  expect(lines[100]).toBe('and 9900 more')
})

test('three thousand accounts that import from each other in a row are looked through', async () => {
  const accounts = Array.from(
    { length: 3000 },
    (_, i) => `A${i} { exports: [ {service: a } ], imports: [ {service: {account: A${i + 1}, subject: a } } ] }\n`,
  )
  const { code } = await check(`accounts {\n${accounts.join('')}A3000 { exports: [ {service: a } ] } }\n`)
  expect(code).toBe(0)
})
