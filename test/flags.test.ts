import { expect, test } from 'vitest'
import { parseFlags, USAGE } from '../src/flags.ts'
import type { ServerOptions } from '../src/options.ts'

const LOG = { log: 'stderr' } as const

test('no flags at all serve with what is usual for the command', () => {
  expect(parseFlags([])).toEqual({ kind: 'serve', options: LOG })
})

const GOOD: readonly (readonly [flags: readonly string[], options: ServerOptions])[] = [
  [['a'], { host: '127.0.0.1' }],
  [['addr'], { host: '127.0.0.1' }],
  [['net'], { host: '127.0.0.1' }],
  [['p'], { port: 4333 }],
  [['port'], { port: 4333 }],
  [['n'], { name: 'loom' }],
  [['name'], { name: 'loom' }],
  [['server_name'], { name: 'loom' }],
  [['m'], { monitorPort: 8222 }],
  [['http_port'], { monitorPort: 8222 }],
  [['workers'], { workers: 2 }],
]

test.each(GOOD)('%j takes a value, behind one dash or two, after a blank or =', ([flag], options) => {
  const value = String(Object.values(options)[0])
  for (const argv of [[`-${flag}`, value], [`--${flag}`, value], [`-${flag}=${value}`], [`--${flag}=${value}`]]) {
    expect(parseFlags(argv), argv.join(' ')).toEqual({ kind: 'serve', options: { ...LOG, ...options } })
  }
})

test.each([
  ['D', { debug: true }],
  ['debug', { debug: true }],
  ['V', { trace: true }],
  ['trace', { trace: true }],
  ['DV', { debug: true, trace: true }],
])('-%s switches on, and off with =false', (flag, on) => {
  const off = Object.fromEntries(Object.keys(on).map((key) => [key, false]))
  for (const text of ['', '=true', '=1', '=t', '=T', '=TRUE', '=True']) {
    expect(parseFlags([`-${flag}${text}`]), text).toEqual({ kind: 'serve', options: { ...LOG, ...on } })
    expect(parseFlags([`--${flag}${text}`]), text).toEqual({ kind: 'serve', options: { ...LOG, ...on } })
  }
  for (const text of ['=false', '=0', '=f', '=F', '=FALSE', '=False']) {
    expect(parseFlags([`-${flag}${text}`]), text).toEqual({ kind: 'serve', options: { ...LOG, ...off } })
  }
})

test('many flags together, the last of each counting', () => {
  expect(parseFlags(['-p', '1', '-DV', '--port=2', '-n', 'a', '--debug=false', '-p', '-1'])).toEqual({
    kind: 'serve',
    options: { ...LOG, port: -1, debug: false, trace: true, name: 'a' },
  })
})

test('a value may look like a flag, hold =, or be empty', () => {
  expect(parseFlags(['-n', '-p'])).toMatchObject({ options: { name: '-p' } })
  expect(parseFlags(['--name=a=b'])).toMatchObject({ options: { name: 'a=b' } })
  expect(parseFlags(['--name='])).toMatchObject({ options: { name: '' } })
})

test.each([['-h'], ['--help'], ['help'], ['-help'], ['-p', '1', '--help']])('%s asks for help', (...argv) => {
  expect(parseFlags(argv)).toEqual({ kind: 'help' })
})

test.each([['-v'], ['--version'], ['version'], ['-DV', '-v']])('%s asks for the version', (...argv) => {
  expect(parseFlags(argv)).toEqual({ kind: 'version' })
})

test.each([
  ['an unknown flag', ['-x'], 'flag provided but not defined: -x'],
  ['an unknown long flag', ['--unknown=1'], 'flag provided but not defined: -unknown'],
  ['a flag in the wrong letter case', ['-P', '4222'], 'flag provided but not defined: -P'],
  ['a flag of the prototype', ['--constructor'], 'flag provided but not defined: -constructor'],
  ['a word', ['serve'], 'unrecognized command: "serve"'],
  ['a word behind flags', ['-p', '1', 'serve'], 'unrecognized command: "serve"'],
  ['a flag without its value', ['-p'], 'flag needs an argument: -p'],
  ['a text flag without its value', ['-D', '--addr'], 'flag needs an argument: -addr'],
  ['a port in letters', ['-p', 'http'], 'invalid value "http" for flag -p: parse error'],
  ['an empty port', ['-p='], 'invalid value "" for flag -p: parse error'],
  ['a fraction', ['--workers', '1.5'], 'invalid value "1.5" for flag -workers: parse error'],
  ['an exponent', ['-m', '1e3'], 'invalid value "1e3" for flag -m: parse error'],
  ['a truth value that is none', ['-D=yes'], 'invalid boolean value "yes" for -D: parse error'],
])('%s is told in the words of nats-server', (_, argv, text) => {
  expect(parseFlags(argv)).toEqual({ kind: 'wrong', text })
})

test.each([['-'], ['--'], ['']])('%j alone is nothing to serve with', (argument) => {
  expect(parseFlags([argument])).toMatchObject({ kind: 'wrong' })
})

test('the usage names every flag, in lines that fit', () => {
  for (const flag of [
    '--addr',
    '--port',
    '--name',
    '--server_name',
    '--http_port',
    '--workers',
    '--debug',
    '--trace',
  ]) {
    expect(USAGE).toContain(flag)
  }
  for (const flag of ['-a', '-p', '-n', '-m', '-D', '-V', '-DV', '-h', '-v'])
    expect(USAGE).toMatch(new RegExp(` ${flag}[ ,]`))
  expect(Math.max(...USAGE.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
})
