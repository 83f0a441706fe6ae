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

/** A flag that sets no single option. */
export interface ExtraFlag {
  readonly names: readonly string[]
  readonly kind: 'boolean' | 'text'
  /** A word that it takes in place of true and false, in any case. */
  readonly orWord?: string
  readonly argument?: string
  readonly doc: string
  readonly section: 'Server' | 'Logging' | 'Authorization' | 'TLS' | 'Common'
  /** What it sets; undefined where the parser looks for it by name. */
  readonly set?: (layer: Layer, value: string | boolean, origin: string) => void
}

const tracing =
  (...options: readonly ('debug' | 'trace' | 'traceVerbose')[]) =>
  (layer: Layer, value: string | boolean, origin: string): void => {
    for (const option of options) layer.set(option, value === true, origin)
  }

const credential =
  (member: 'username' | 'password' | 'token') =>
  (layer: Layer, value: string | boolean, origin: string): void => {
    layer.credentials[member] = String(value)
    layer.credentialsOrigin = origin
  }

export const EXTRA_FLAGS: readonly ExtraFlag[] = [
  { names: ['c', 'config'], kind: 'text', argument: '<file>', doc: 'Configuration file', section: 'Server' },
  { names: ['t'], kind: 'boolean', doc: 'Check the configuration and stop', section: 'Server' },
  {
    names: ['test_reload'],
    kind: 'text',
    argument: '<file>',
    doc: 'With -t: check whether a reload could take this file over (exit code 3 if it needs a restart)',
    section: 'Server',
  },
  {
    names: ['explain-config'],
    kind: 'boolean',
    doc: 'Tell each setting with its value and where that comes from, and stop. Only in Heddle',
    section: 'Server',
  },
  {
    names: ['sl', 'signal'],
    kind: 'text',
    argument: '<signal>[=<pid>]',
    doc: 'Send a signal (ldm, stop, quit, term, reopen, reload) to a running server; pid is a number or a pid file',
    section: 'Server',
  },
  {
    names: ['VV'],
    kind: 'boolean',
    doc: 'Trace, that of the system account too',
    section: 'Logging',
    set: tracing('trace', 'traceVerbose'),
  },
  { names: ['DV'], kind: 'boolean', doc: 'Debug and trace', section: 'Logging', set: tracing('debug', 'trace') },
  {
    names: ['DVV'],
    kind: 'boolean',
    doc: 'Debug and trace, that of the system account too',
    section: 'Logging',
    set: tracing('debug', 'trace', 'traceVerbose'),
  },
  {
    names: ['user'],
    kind: 'text',
    argument: '<user>',
    doc: 'User that everybody has to be',
    section: 'Authorization',
    set: credential('username'),
  },
  {
    names: ['pass'],
    kind: 'text',
    argument: '<password>',
    doc: 'and password',
    section: 'Authorization',
    set: credential('password'),
  },
  {
    names: ['auth'],
    kind: 'text',
    argument: '<token>',
    doc: 'Token that everybody has to show',
    section: 'Authorization',
    set: credential('token'),
  },
  { names: ['tls'], kind: 'boolean', doc: 'TLS; =false switches that of the file off', section: 'TLS' },
  { names: ['tlscert'], kind: 'text', argument: '<file>', doc: "The server's certificate", section: 'TLS' },
  { names: ['tlskey'], kind: 'text', argument: '<file>', doc: 'and its private key', section: 'TLS' },
  {
    names: ['tlsverify'],
    kind: 'boolean',
    orWord: OPTIONAL,
    doc: 'TLS, and clients need a certificate; =optional: it has to be good if they have one',
    section: 'TLS',
  },
  { names: ['tlscacert'], kind: 'text', argument: '<file>', doc: 'Authorities for those', section: 'TLS' },
  { names: ['h', 'help'], kind: 'boolean', doc: 'Tell the flags', section: 'Common' },
  { names: ['v', 'version'], kind: 'boolean', doc: 'Tell the version', section: 'Common' },
  { names: ['help_tls'], kind: 'boolean', doc: 'Tell how to set up TLS', section: 'Common' },
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
    return {
      kind: 'refused',
      text: 'must specify [-c, --config] option to check configuration file syntax',
    }
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
