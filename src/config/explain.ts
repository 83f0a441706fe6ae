// The output of --explain-config: each setting by its key, with its value in the form of the configuration file, and
// the origin of the value. What was set comes first, the defaults only if they are asked for. A block of the file is a
// tree, with the line of each member; what may be a secret is hidden.
//
//     port            4333      flag -p
//     authorization             server.conf:3
//       users                   server.conf:4
//         -
//           user      alice     server.conf:5
//           password  (hidden)  server.conf:5

import { durationText } from '../base/duration.ts'
import type { OptionName } from '../options/options.ts'
import { sizeText } from './blocks/sizes.ts'
import { type ConfigEntry, type ConfigValue, originOf } from './language/tree.ts'
import { DEFAULT_ORIGIN, type Normalised } from './normalise.ts'
import type { Setting } from './table/settings.ts'
import { nameOf, SETTINGS } from './table/table.ts'

type Row = readonly [name: string, value: string, origin: string]

/** Longer values push their origin out of its column. */
const VALUE_WIDTH_MAX = 40
/** Stands before an item of a list. */
const ITEM = '-'
const HIDDEN = '(hidden)'
/** Keys of blocks whose values are secrets, whatever block it is. */
const SECRET_KEYS: ReadonlySet<string> = new Set([
  ...['pass', 'password', 'token', 'jwt'],
  ...['key', 'ek', 'encryption_key', 'encryption_password', 'srk_password'],
])
/** A JWT, or the seed of an nkey, wherever it stands. */
const SECRET_TEXT = /^(?:eyJ[\w-]*\.|S[ACNOPUX][A-Z2-7]{56}$)/

/** A line a setting; `all`: those that have their defaults, too. */
export function explain(normalised: Normalised, all: boolean): string {
  const { options, origins, notices } = normalised
  // Without a key or a flag (`log`) it is not for the command.
  const settings = SETTINGS.filter(({ option, keys, flags }) => option !== undefined && keys.length + flags.length > 0)
  const isSet = ({ option }: Setting): boolean => origins.get(option as OptionName) !== DEFAULT_ORIGIN
  const set = settings.filter(isSet).flatMap((setting) => rowsOf(setting, normalised))
  const rest = settings.filter((setting) => !isSet(setting))
  const defaults = all ? rest.flatMap((setting) => rowsOf(setting, normalised)) : []
  const width = (column: 0 | 1): number => Math.max(0, ...[...set, ...defaults].map((row) => row[column].length))
  const widths = [width(0), Math.min(width(1), VALUE_WIDTH_MAX)]
  const line = ([name, value, origin]: Row): string =>
    `${name.padEnd(widths[0])}  ${value.padEnd(widths[1])}  ${origin}`.trimEnd()
  const { configFile, configDigest } = options
  return [
    configFile === '' ? '# no configuration file' : `# ${configFile} (${configDigest})`,
    ...set.map(line),
    all ? '# defaults' : `# ${rest.length} more settings have their default values; --all prints them`,
    ...defaults.map(line),
    ...notices.map((notice) => `# ${notice}`),
  ]
    .map((text) => `${text}\n`)
    .join('')
}

/** A setting: one row, or a block of the file as a tree. */
function rowsOf(setting: Setting, { options, origins, entries }: Normalised): Row[] {
  const { option, kind, secret, defaultText, default: defaultValue } = setting
  if (option === undefined) return []
  const name = nameOf(setting)
  const origin = origins.get(option) ?? ''
  const row = (value: string): Row[] => [[name, value, origin]]
  const value = options[option]
  const entry = entries.get(option)
  if (entry !== undefined && typeof entry.value === 'object') return treeOf(name, entry)
  if (value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)) return row('none')
  if (value === defaultValue && value === '') return row(defaultText === undefined ? 'none' : `(${defaultText})`)
  if (typeof value === 'number') {
    return row(kind === 'duration' ? durationText(value) : kind === 'size' ? sizeText(value) : String(value))
  }
  if (typeof value === 'object') return row(entry === undefined ? '(set)' : shown(entry.value, secret))
  return row(shown(value, secret))
}

// ── Blocks ────────────────────────────────────────────────────────────────────────────────────────────────────

function treeOf(name: string, entry: ConfigEntry, depth = 0): Row[] {
  const { value } = entry
  // The place of a block in a list is where it ends: its members tell better.
  const origin = name === ITEM && value instanceof Map ? '' : originOf(entry)
  const row = (text: string): Row => [`${'  '.repeat(depth)}${name}`, text, origin]
  if (SECRET_KEYS.has(name.toLowerCase())) return [row(HIDDEN)]
  const below = (key: string, member: ConfigEntry): Row[] => treeOf(key, member, depth + 1)
  if (value instanceof Map) return [row(''), ...[...value].flatMap(([key, member]) => below(key, member))]
  if (!Array.isArray(value)) return [row(shown(value))]
  const isOneLine = value.every((item) => typeof item.value !== 'object' && item.place.line === entry.place.line)
  if (isOneLine) return [row(`[${value.map((item) => shown(item.value)).join(', ')}]`)]
  return [row(''), ...value.flatMap((item) => below(ITEM, item))]
}

/** A value that is no block and no list. */
function shown(value: ConfigValue, isSecret = false): string {
  if (isSecret || (typeof value === 'string' && SECRET_TEXT.test(value))) return HIDDEN
  if (value instanceof Date) return value.toISOString()
  if (typeof value !== 'string') return String(value)
  return /^[\w.:/$+>*-]+$/.test(value) ? value : JSON.stringify(withoutSecret(value))
}

/** An address may have a password in it. */
function withoutSecret(text: string): string {
  return text.replace(/\/\/[^/?#]*@/, '//[REDACTED]@')
}
