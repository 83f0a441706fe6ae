// The configuration file as a layer of settings. Reads the tree that the parser made: keys of simple kinds by the table
// of settings, blocks by the functions in blocks.ts. Problems are collected and reported together.
//
// This file and what it needs are loaded only when there is a file, or blocks given to createServer(): a server that
// has neither starts sooner.

import { durationText } from '../base/duration.ts'
import type { OptionName, Options } from '../options/options.ts'
import type { BlockReader } from './api.ts'
import { BLOCKS, type Top } from './blocks/blocks.ts'
import { finishSecurity } from './blocks/links.ts'
import { type Complaint, complain, type Reading, type Take } from './blocks/schema.ts'
import { anyText, durationOf, oneOf, only, spanOf, such, within } from './blocks/values.ts'
import { digestOf } from './language/digest.ts'
import { parseConfigFile } from './language/parser.ts'
import { type ConfigEntry, originOf } from './language/tree.ts'
import { Layer } from './layer.ts'
import { Problems } from './problems.ts'
import type { Surroundings } from './surroundings.ts'
import { INT32_MAX, type Setting } from './table/settings.ts'
import { settingOfKey } from './table/table.ts'

const LAME_DUCK_MIN_MS = 30_000
const SUB_TOKENS_MAX = 255

export interface FileRead {
  readonly layer: Layer
  readonly problems: Problems
  readonly digest: string
}

/** Reads a configuration file. Throws ConfigSyntaxError if it cannot be read or parsed. */
export function readConfigFile(path: string, surroundings: Surroundings): FileRead {
  const map = parseConfigFile(path, surroundings)
  const digest = digestOf(map)
  const reading: Reading = { problems: new Problems(), readFile: surroundings.readFile }
  const top = newTop()
  if (map.size === 0) reading.problems.warn(undefined, `${path}: config has no values or is empty`)
  for (const [name, entry] of map) readTopLevel(name, entry, map.has('system_account'), top, reading)
  finishSecurity(top, reading)
  return { layer: top.layer, problems: reading.problems, digest }
}

function newTop(): Top {
  return { layer: new Layer(), accounts: [] }
}

/** Reads blocks that were given to createServer(). Files they name are read with `readFile`. */
export function blockReader(readFile: (path: string) => string): BlockReader {
  return (blocks, layer) => {
    const reading: Reading = { problems: new Problems(), readFile }
    const top = { ...newTop(), layer }
    for (const [option, entry] of blocks) BLOCKS.get(option)?.(entry, top, reading, option)
    finishSecurity(top, reading)
    return reading.problems.errors[0]
  }
}

function readTopLevel(name: string, entry: ConfigEntry, hasSystemAccount: boolean, top: Top, reading: Reading): void {
  const setting = settingOfKey(name)
  if (setting === undefined) {
    if (!entry.usedAsVariable) reading.problems.unknown(entry, name)
    return
  }
  const { option, keys } = setting
  if (name === 'system' && hasSystemAccount) return
  if (option !== undefined) top.layer.entries.set(option, entry)
  const block = BLOCKS.get(option ?? keys[0])
  if (block !== undefined) block(entry, top, reading, name)
  else if (option !== undefined) readSimple(setting, option, entry, top, reading, name)
}

function readSimple(
  setting: Setting,
  option: OptionName,
  entry: ConfigEntry,
  { layer }: Top,
  reading: Reading,
  name: string,
): void {
  const take = EXCEPTIONS.get(option) ?? takeOf(setting)
  const value = take(entry, reading, name)
  if (value === undefined) return
  const number = typeof value === 'number' && setting.kind === 'duration' ? timerTime(value) : value
  const meant = typeof number === 'number' && setting.fromFile !== undefined ? setting.fromFile(number) : number
  layer.set(option, meant as Options[OptionName] | undefined, originOf(entry))
  // Both of these switch tracing on, or off.
  if (option === 'traceVerbose' || option === 'traceHeaders') layer.set('trace', value === true, originOf(entry))
}

/** Milliseconds, whole ones, as timers take them; what is longer than a timer can run is as good as never. */
function timerTime(ms: number): number {
  return Math.min(Math.ceil(ms), INT32_MAX)
}

/** How a value of a setting's kind is taken. */
function takeOf({ kind, keys, choices = [] }: Setting): Take<string | boolean | number> {
  switch (kind) {
    case 'boolean':
      return (entry, { problems }) => problems.boolean(entry)
    case 'integer':
    case 'size':
      return (entry, { problems }) => problems.integer(entry)
    case 'duration':
      return (entry, reading) => durationOf(entry, keys[0], reading)
    case 'choice': {
      const quoted = choices.map((choice) => `'${choice}'`)
      const last = quoted.pop()
      return oneOf(choices, `${keys[0]} must be ${quoted.join(', ')} or ${last}`)
    }
    default:
      return anyText
  }
}

/** A mode of a file may be written as a number, whose leading zero is not kept. */
const fileMode: Take<string> = (entry, reading, name) =>
  typeof entry.value === 'bigint' ? String(entry.value).padStart(4, '0') : anyText(entry, reading, name)

const tooBig: Complaint = (_, name) => `${name} value is too big`

/** What is taken otherwise than its kind. */
const EXCEPTIONS: ReadonlyMap<OptionName, Take<string | number>> = new Map<OptionName, Take<string | number>>([
  ['name', such((name) => !name.includes(' '), 'server name cannot contain spaces')],
  ['systemAccount', only('string', 'system account name must be a string')],
  ['maxControlLine', within(Number.NEGATIVE_INFINITY, INT32_MAX, tooBig)],
  ['maxPayload', within(Number.NEGATIVE_INFINITY, INT32_MAX, tooBig)],
  [
    'maxSubscriptionTokens',
    within(
      1,
      SUB_TOKENS_MAX,
      (value, name) => `${name} value ${Number(value) > 0 ? 'is too big' : 'can not be negative'}`,
    ),
  ],
  ['unixSocketMode', fileMode],
  ['lameDuckDuration', lameDuck('lame_duck_duration', LAME_DUCK_MIN_MS)],
  ['lameDuckGracePeriod', lameDuck('lame_duck_grace_period', 0)],
])

function lameDuck(key: string, least: number): Take<number> {
  return (entry, reading) => {
    const ms = spanOf(entry, reading, `error parsing ${key}: `)
    if (ms === undefined || ms >= least) return ms
    const wrong = least === 0 ? ', needs to be positive' : ` of ${durationText(ms)}, minimum is 30 seconds`
    return complain(entry, `invalid ${key}${wrong}`, reading)
  }
}
