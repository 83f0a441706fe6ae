// The command line (docs/reference/command-line.md, "Flags"): flags with one or two dashes, a value after a blank or
// `=`, booleans with `=false`. Flags that set an option are in the table of settings; the others are here.

import type { OptionName, Options } from '../options/options.ts'
import { OPTIONAL } from './blocks/tls-names.ts'
import { Layer } from './layer.ts'
import type { Kind, Setting } from './table/settings.ts'
import { SETTINGS } from './table/table.ts'

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
  /** With -t: the file that a reload would bring; empty: none. */
  readonly testReload: string
  readonly layer: Layer
  readonly tls: TlsFlags | undefined
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

type Section = 'Server' | 'Logging' | 'Authorization' | 'TLS' | 'Common'

/** What a flag sets; undefined where the parser looks for it by name. */
type Setter = (layer: Layer, value: string | boolean, origin: string) => void

/** A flag that sets no single option. */
export interface ExtraFlag {
  readonly names: readonly string[]
  readonly kind: 'boolean' | 'text'
  /** A word that it takes in place of true and false, in any case. */
  readonly orWord?: string
  readonly argument?: string
  readonly doc: string
  readonly section: Section
  readonly set?: Setter
}

/** A row of them; without an argument it is a switch. */
function flag(
  section: Section,
  names: string | readonly string[],
  doc: string,
  more: Partial<ExtraFlag> = {},
): ExtraFlag {
  const kind = more.argument === undefined ? 'boolean' : 'text'
  return { names: typeof names === 'string' ? [names] : names, kind, doc, section, ...more }
}

const tracing = (...options: readonly ('debug' | 'trace' | 'traceVerbose')[]): { set: Setter } => ({
  set: (layer, value, origin) => {
    for (const option of options) layer.set(option, value === true, origin)
  },
})

const credential = (
  member: 'username' | 'password' | 'token',
  argument: string,
): { set: Setter; argument: string } => ({
  argument,
  set: (layer, value, origin) => {
    layer.credentials[member] = String(value)
    layer.credentialsOrigin = origin
  },
})

const FILE = { argument: '<file>' }
const RELOAD = 'With -t: check whether a reload could take this file over (exit code 3 if it needs a restart)'
const SIGNAL =
  'Send a signal (ldm, stop, quit, term, reopen, reload) to a running server; pid is a number or a pid file'

const VERIFY = 'TLS, and clients need a certificate; =optional: it has to be good if they have one'

export const EXTRA_FLAGS: readonly ExtraFlag[] = [
  flag('Server', ['c', 'config'], 'Configuration file', FILE),
  flag('Server', 't', 'Check the configuration and stop'),
  flag('Server', 'test_reload', RELOAD, FILE),
  flag(
    'Server',
    'explain-config',
    'Tell each setting with its value and where that comes from, and stop. Only in Heddle',
  ),
  flag('Server', ['sl', 'signal'], SIGNAL, { argument: '<signal>[=<pid>]' }),
  flag('Logging', 'VV', 'Trace, that of the system account too', tracing('trace', 'traceVerbose')),
  flag('Logging', 'DV', 'Debug and trace', tracing('debug', 'trace')),
  flag('Logging', 'DVV', 'Debug and trace, that of the system account too', tracing('debug', 'trace', 'traceVerbose')),
  flag('Authorization', 'user', 'User that everybody has to be', credential('username', '<user>')),
  flag('Authorization', 'pass', 'and password', credential('password', '<password>')),
  flag('Authorization', 'auth', 'Token that everybody has to show', credential('token', '<token>')),
  flag('TLS', 'tls', 'TLS; =false switches that of the file off'),
  flag('TLS', 'tlscert', "The server's certificate", FILE),
  flag('TLS', 'tlskey', 'and its private key', FILE),
  flag('TLS', 'tlsverify', VERIFY, { orWord: OPTIONAL }),
  flag('TLS', 'tlscacert', 'Authorities for those', FILE),
  flag('Common', ['h', 'help'], 'Tell the flags'),
  flag('Common', ['v', 'version'], 'Tell the version'),
  flag('Common', 'help_tls', 'Tell how to set up TLS'),
]

type Flag = { readonly kind: Kind; readonly extra?: ExtraFlag; readonly setting?: Setting }

const FLAGS = new Map<string, Flag>([
  ...SETTINGS.flatMap((setting) => setting.flags.map((name) => [name, { kind: flagKind(setting), setting }] as const)),
  ...EXTRA_FLAGS.flatMap((extra) => extra.names.map((name) => [name, { kind: extra.kind, extra }] as const)),
])

/** A flag without a word for its value is a switch, whatever its key may hold in the file. */
function flagKind({ argument, kind }: Setting): Kind {
  return argument === undefined ? 'boolean' : kind
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])

/** Reads the arguments behind the program's name. */
export function parseFlags(argv: readonly string[]): Command {
  const layer = new Layer()
  layer.set('log', 'stderr', 'command')
  /** Values of flags that the parser looks for, by their last name. */
  const said = new Map<string, string | boolean>()
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
    const flag = FLAGS.get(name)
    if (flag === undefined) return { kind: 'badFlag', text: `flag provided but not defined: -${name}` }
    const text = given ?? (flag.kind === 'boolean' ? 'true' : argv[++at])
    if (text === undefined) return { kind: 'badFlag', text: `flag needs an argument: -${name}` }
    const value = valueOfFlag(flag, name, text)
    if (typeof value === 'object') return { kind: 'badFlag', text: value.wrong }
    const { setting, extra } = flag
    if (setting !== undefined) apply(layer, setting, value, `flag -${name}`)
    else if (extra?.set !== undefined) extra.set(layer, value as string | boolean, `flag -${name}`)
    if (extra !== undefined) said.set(extra.names[extra.names.length - 1], value as string | boolean)
    // Of these two, one needs the other.
    for (const each of ['routes', 'cluster']) if (setting?.flags.includes(each)) said.set(each, value as string)
  }
  return commandOf(argv.slice(at), said, layer)
}

function commandOf(words: readonly string[], said: ReadonlyMap<string, string | boolean>, layer: Layer): Command {
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
  const routes = (said.get('routes') ?? '') !== '' && (said.get('cluster') ?? '') === ''
  return { kind: 'run', purpose, configFile, testReload, layer, tls: tlsOf(said), routes }
}

function tlsOf(said: ReadonlyMap<string, string | boolean>): TlsFlags | undefined {
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

function valueOfFlag(
  { kind, setting, extra }: Flag,
  name: string,
  text: string,
): string | boolean | number | { wrong: string } {
  const invalid = `invalid value ${JSON.stringify(text)} for flag -${name}`
  if (kind === 'boolean') {
    if (TRUE.has(text) || FALSE.has(text)) return TRUE.has(text)
    const { orWord } = extra ?? {}
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
  if (kind === 'choice' && setting?.choices?.includes(text) !== true) {
    return { wrong: `${invalid}: must be ${setting?.choices?.join(' or ')}` }
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

function apply(layer: Layer, setting: Setting, value: unknown, origin: string): void {
  const { option, missing, fromFile } = setting
  const meant = typeof value === 'number' && fromFile !== undefined ? fromFile(value) : value
  if (option !== undefined) layer.set(option as OptionName, meant as Options[OptionName] | undefined, origin)
  else if (missing !== undefined && value !== false && value !== '') {
    layer.lacks(missing, origin)
    noteLater(layer, setting.flags, value)
  }
}

/** What rules between settings have to know of flags of what is not there yet. */
function noteLater({ later }: Layer, flags: readonly string[], value: unknown): void {
  if (flags.includes('jetstream')) later.jetstream = { enabled: true }
  if (flags.includes('cluster')) later.cluster = { ...later.cluster, port: value }
  if (flags.includes('cluster_name')) later.cluster = { ...later.cluster, name: value }
}
