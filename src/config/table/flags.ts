// All flags: those of the settings, and those that set no single option.

import type { OptionName, Options } from '../../options/options.ts'
import { clusterOfUrl } from '../blocks/cluster-options.ts'
import { OPTIONAL } from '../blocks/tls-names.ts'
import type { Checked, Layer } from '../layer.ts'
import type { Area, Kind, Setting } from './settings.ts'
import { SETTINGS } from './table.ts'

/** What a flag says, by its kind. */
export type FlagValue = string | boolean | number

/** What a flag sets. */
type Setter = (layer: Layer, value: FlagValue, origin: string) => void

export interface Flag {
  readonly names: readonly string[]
  readonly kind: Kind
  readonly choices?: readonly string[] | undefined
  /** A word that it takes in place of true and false, in any case. */
  readonly orWord?: string
  readonly argument?: string | undefined
  readonly doc: string
  /** Its section in the help text. */
  readonly section: Area | 'TLS' | 'Common'
  /** Undefined where the parser looks for it by name. */
  readonly set?: Setter
}

/** A row; a flag without a word for its value is a switch. */
function flag(
  section: Flag['section'],
  names: string | readonly string[],
  doc: string,
  more: Partial<Flag> = {},
): Flag {
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
const RELOAD = 'With -t: check whether a reload could apply this file (exit code 3 if a restart is needed)'
const SIGNAL =
  'Send a signal (ldm, stop, quit, term, reopen, reload) to a running server; pid is a number or a pid file'

const VERIFY = 'Enable TLS and require client certificates; =optional: verify them only if presented'

/** Flags that set no single option. */
export const EXTRA_FLAGS: readonly Flag[] = [
  flag('Server', ['c', 'config'], 'Configuration file', FILE),
  flag('Server', 't', 'Check the configuration and exit'),
  flag('Server', 'test_reload', RELOAD, FILE),
  flag(
    'Server',
    'explain-config',
    'Print the settings that differ from the defaults, with the origin of each value, and exit. Only in Heddle',
  ),
  flag('Server', 'all', 'With --explain-config: print all settings. Only in Heddle'),
  flag(
    'Server',
    'ignore-unsupported',
    'Start even if the configuration needs features that Heddle lacks, such as gateways. Only in Heddle',
  ),
  flag('Server', ['sl', 'signal'], SIGNAL, { argument: '<signal>[=<pid>]' }),
  flag('Logging', 'VV', 'Trace, including the system account', tracing('trace', 'traceVerbose')),
  flag('Logging', 'DV', 'Debug and trace', tracing('debug', 'trace')),
  flag('Logging', 'DVV', 'Debug and trace, including the system account', tracing('debug', 'trace', 'traceVerbose')),
  flag('Security', 'user', 'User name required of all clients', credential('username', '<user>')),
  flag('Security', 'pass', 'Password required of all clients', credential('password', '<password>')),
  flag('Security', 'auth', 'Token required of all clients', credential('token', '<token>')),
  flag('TLS', 'tls', 'Enable TLS; =false disables it'),
  flag('TLS', 'tlscert', 'Server certificate file', FILE),
  flag('TLS', 'tlskey', 'Private key file of the server certificate', FILE),
  flag('TLS', 'tlsverify', VERIFY, { orWord: OPTIONAL }),
  flag('TLS', 'tlscacert', 'Certificate authority file for client certificates', FILE),
  flag('Common', ['h', 'help'], 'Print this help'),
  flag('Common', ['v', 'version'], 'Print the version'),
  flag('Common', 'help_tls', 'Print help on TLS'),
]

/** The flags of a setting, whatever its key may hold in the file. */
function flagOf(setting: Setting): Flag {
  const { area, flags, argument, kind, choices, doc, option, defaultText, default: value } = setting
  const said = defaultText ?? (value === '' || value === false || option === undefined ? undefined : value)
  return flag(area, flags, said === undefined ? doc : `${doc} (default: ${said})`, {
    kind: argument === undefined ? 'boolean' : kind,
    argument,
    choices,
    set: (layer, given, origin) => apply(layer, setting, given, origin),
  })
}

function apply(layer: Layer, setting: Setting, value: FlagValue, origin: string): void {
  const { option, feature, fromFile } = setting
  const meant = typeof value === 'number' && fromFile !== undefined ? fromFile(value) : value
  if (option === 'jetstream') switchOn(layer, value === true, origin)
  else if (option !== undefined) layer.set(option as OptionName, meant as Options[OptionName] | undefined, origin)
  else if (value !== false && value !== '') {
    if (feature !== undefined) layer.asksFor(feature, origin)
    noteLater(layer, setting.flags, value, origin)
  }
}

/** Streams, with whatever else the file says of them. */
function switchOn(layer: Layer, enabled: boolean, origin: string): void {
  layer.later.jetstream = { enabled }
  layer.origins.set('jetstream', origin)
}

/** What rules between settings have to know of flags that set no option. */
function noteLater({ later, origins }: Layer, flags: readonly string[], value: FlagValue, origin: string): void {
  const said = clusterOfFlag(flags, value)
  if (said === undefined) return
  later.cluster = { ...later.cluster, ...said }
  origins.set('cluster', origin)
}

function clusterOfFlag([flag]: readonly string[], value: FlagValue): Checked | undefined {
  switch (flag) {
    case 'cluster':
      return clusterOfUrl(String(value))
    case 'cluster_name':
      return { name: value }
    case 'routes':
      return {
        routes: String(value)
          .split(',')
          .map((url) => url.trim()),
      }
    case 'cluster_advertise':
      return { advertise: value }
    case 'no_advertise':
      return { noAdvertise: value }
    case 'connect_retries':
      return { connectRetries: Number(value) }
    default:
      return undefined
  }
}

/** In the order of the help text. */
export const FLAGS: readonly Flag[] = [...SETTINGS.filter(({ flags }) => flags.length > 0).map(flagOf), ...EXTRA_FLAGS]
