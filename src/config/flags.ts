// The command line (docs/reference/command-line.md, "Flags"): flags with one or two dashes, a value after a blank or
// `=`, booleans with `=false`. Flags that set an option are in the table of settings; the others are here.

import { OPTIONAL } from './blocks/tls-names.ts'
import { Layer } from './layer.ts'
import { FLAGS, type Flag, type FlagValue } from './table/flags.ts'

/** What the flags --tls… say. */
export interface TlsFlags {
  /** --tls as it was given; undefined if it was not. */
  readonly on: boolean | undefined
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string
  readonly verify: boolean
  readonly verifyOptional: boolean
}

export interface RunCommand {
  readonly kind: 'run'
  /** Serve, check the configuration (-t), or tell the effective settings (--explain-config). */
  readonly purpose: 'serve' | 'check' | 'explain'
  /** Empty: none. */
  readonly configFile: string
  /** With -t: the file for a reload; empty: none. */
  readonly testReload: string
  readonly layer: Layer
  readonly tls: TlsFlags | undefined
  /** --explain-config: all settings, not only those that differ from the defaults. */
  readonly all: boolean
  /** Features that Heddle lacks are no reason to refuse the configuration. */
  readonly ignoreUnsupported: boolean
  /** Routes were asked for without the cluster that they need. */
  readonly routes: boolean
}

export type Command =
  | RunCommand
  | { readonly kind: 'version' }
  | { readonly kind: 'help' }
  | { readonly kind: 'tlsHelp' }
  /** --signal: `NAME` or `NAME=PID`. */
  | { readonly kind: 'signal'; readonly spec: string }
  /** A text for stderr, in the words of nats-server; the usage follows. */
  | { readonly kind: 'badFlag'; readonly text: string }
  /** A text for stderr, behind the program's name. */
  | { readonly kind: 'refused'; readonly text: string }

const BY_NAME = new Map(FLAGS.flatMap((flag) => flag.names.map((name) => [name, flag] as const)))

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])

/** Reads the arguments behind the program's name. */
export function parseFlags(argv: readonly string[]): Command {
  const layer = new Layer()
  layer.set('log', 'stderr', 'command')
  /** Values of flags by each of their names. */
  const said = new Map<string, FlagValue>()
  let at = 0
  for (; at < argv.length; at++) {
    const argument = argv[at]
    if (argument === '--') {
      at++
      break
    }
    if (argument.length < 2 || !argument.startsWith('-')) break
    const [, name, given] = /^--?([^=]*)(?:=(.*))?$/s.exec(argument) as RegExpExecArray
    if (name === '' || name.startsWith('-')) return { kind: 'badFlag', text: `bad flag syntax: ${argument}` }
    const flag = BY_NAME.get(name)
    if (flag === undefined) return { kind: 'badFlag', text: `flag provided but not defined: -${name}` }
    const text = given ?? (flag.kind === 'boolean' ? 'true' : argv[++at])
    if (text === undefined) return { kind: 'badFlag', text: `flag needs an argument: -${name}` }
    const value = valueOfFlag(flag, name, text)
    if (typeof value === 'object') return { kind: 'badFlag', text: value.wrong }
    flag.set?.(layer, value, `flag -${name}`)
    for (const each of flag.names) said.set(each, value)
  }
  return commandOf(argv.slice(at), said, layer)
}

function commandOf(words: readonly string[], said: ReadonlyMap<string, FlagValue>, layer: Layer): Command {
  if (said.get('version') === true) return { kind: 'version' }
  if (said.get('help') === true) return { kind: 'help' }
  if (said.get('help_tls') === true) return { kind: 'tlsHelp' }
  if (words.length > 0) {
    const word = words[0].toLowerCase()
    if (word === 'version' || word === 'help') return { kind: word }
    return { kind: 'refused', text: `unrecognized command: ${JSON.stringify(words[0])}` }
  }
  const signal = said.get('signal')
  if (signal !== undefined && signal !== '') return { kind: 'signal', spec: String(signal) }
  const configFile = String(said.get('config') ?? '')
  const check = said.get('t') === true
  if (check && configFile === '') {
    return { kind: 'refused', text: 'must specify [-c, --config] option to check configuration file syntax' }
  }
  const testReload = String(said.get('test_reload') ?? '')
  if (testReload !== '' && !check) {
    return { kind: 'refused', text: '--test_reload can only be used together with -t' }
  }
  const purpose = check ? 'check' : said.get('explain-config') === true ? 'explain' : 'serve'
  const all = said.get('all') === true
  if (all && purpose !== 'explain') {
    return { kind: 'refused', text: '--all can only be used together with --explain-config' }
  }
  const ignoreUnsupported = said.get('ignore-unsupported') === true
  const routes = (said.get('routes') ?? '') !== '' && (said.get('cluster') ?? '') === ''
  return { kind: 'run', purpose, configFile, testReload, layer, tls: tlsOf(said), all, ignoreUnsupported, routes }
}

function tlsOf(said: ReadonlyMap<string, FlagValue>): TlsFlags | undefined {
  if (![...said.keys()].some((name) => name.startsWith('tls'))) return undefined
  const text = (name: string): string => String(said.get(name) ?? '')
  return {
    on: said.get('tls') as boolean | undefined,
    certFile: text('tlscert'),
    keyFile: text('tlskey'),
    caFile: text('tlscacert'),
    verify: said.get('tlsverify') === true,
    verifyOptional: said.get('tlsverify') === OPTIONAL,
  }
}

function valueOfFlag({ kind, orWord, choices }: Flag, name: string, text: string): FlagValue | { wrong: string } {
  const invalid = `invalid value ${JSON.stringify(text)} for flag -${name}`
  if (kind === 'boolean') {
    if (TRUE.has(text) || FALSE.has(text)) return TRUE.has(text)
    const wrong = `invalid boolean value ${JSON.stringify(text)} for -${name}`
    if (orWord === undefined) return { wrong: `${wrong}: parse error` }
    if (text.toLowerCase() === orWord) return orWord
    const cause = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`
    return { wrong: `${wrong}: expected true, false, or ${orWord}: ${cause}` }
  }
  if (kind === 'integer' || kind === 'size') {
    const value = integerOf(text)
    return value ?? { wrong: `${invalid}: ${/^[-+]?[0-9]+$/.test(text) ? 'value out of range' : 'parse error'}` }
  }
  if (kind === 'choice' && choices?.includes(text) !== true) {
    return { wrong: `${invalid}: must be ${choices?.join(' or ')}` }
  }
  return text
}

/** A whole number, also in the bases 16, 8 and 2, with underscores between digits then. */
function integerOf(text: string): number | undefined {
  const [, sign, digits] = /^([-+]?)(.*)$/s.exec(text) as RegExpExecArray
  const based = /^0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*$|^0[oO]?_?[0-7]+(?:_[0-7]+)*$|^0[bB]_?[01]+(?:_[01]+)*$/
  if (!based.test(digits) && !/^(?:0|[1-9][0-9]*)$/.test(digits)) return undefined
  const plain = digits.replaceAll('_', '').replace(/^0([0-7]+)$/, '0o$1')
  const value = BigInt(plain) * (sign === '-' ? -1n : 1n)
  return value === BigInt.asIntN(64, value) ? Number(value) : undefined
}
