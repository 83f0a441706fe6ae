// The configuration file as a layer of settings. Reads the tree that the parser made: keys of simple kinds by the
// table of settings, blocks by the functions in blocks.ts. Problems are gathered, so that all are told at once.
//
// This file and what it needs are loaded only when there is a file, or blocks given to createServer(): a server that
// has neither starts sooner.

import { durationText, parseDuration } from '../base/duration.ts'
import type { OptionName, Options } from '../options/options.ts'
import type { BlockReader } from './api.ts'
import { BLOCKS, type Top } from './blocks/blocks.ts'
import { finishSecurity } from './blocks/links.ts'
import type { Reading } from './blocks/schema.ts'
import { durationOf } from './blocks/values.ts'
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
  const { problems } = reading
  const setting = settingOfKey(name)
  if (setting === undefined) {
    if (!entry.usedAsVariable) problems.unknown(entry, name)
    return
  }
  const { option, keys } = setting
  if (option === 'systemAccount') {
    if (name === 'system' && hasSystemAccount) return
    if (typeof entry.value !== 'string') problems.error(entry, 'system account name must be a string')
    else top.layer.set(option, entry.value, originOf(entry))
    return
  }
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
  const value = valueIn(setting, entry, reading, name)
  if (value === undefined) return
  const meant = typeof value === 'number' && setting.fromFile !== undefined ? setting.fromFile(value) : value
  layer.set(option, meant as Options[OptionName] | undefined, originOf(entry))
  // Both of these switch tracing on, or off.
  if (option === 'traceVerbose' || option === 'traceHeaders') layer.set('trace', value === true, originOf(entry))
}

function valueIn(setting: Setting, entry: ConfigEntry, reading: Reading, name: string): unknown {
  const { problems } = reading
  switch (setting.kind) {
    case 'boolean':
      return problems.boolean(entry)
    case 'integer':
    case 'size':
      return numberOf(setting, entry, reading, name)
    case 'duration':
      return timeOf(setting, entry, reading)
    case 'choice':
      return choiceOf(setting, entry, reading)
    default:
      return checkedText(setting, entry, reading)
  }
}

function checkedText({ option }: Setting, entry: ConfigEntry, { problems }: Reading): string | undefined {
  const value = problems.string(entry)
  if (option !== 'name' || !value?.includes(' ')) return value
  return problems.error(entry, 'server name cannot contain spaces')
}

function numberOf({ option }: Setting, entry: ConfigEntry, { problems }: Reading, name: string): number | undefined {
  const value = problems.integer(entry)
  if (value === undefined) return undefined
  const tokens = option === 'maxSubscriptionTokens'
  const max = option === 'maxControlLine' || option === 'maxPayload' ? INT32_MAX : tokens ? SUB_TOKENS_MAX : undefined
  if (max !== undefined && value > max) return problems.error(entry, `${name} value is too big`)
  if (tokens && value <= 0) return problems.error(entry, `${name} value can not be negative`)
  return value
}

/** Milliseconds, whole ones, as timers take them; what is longer than a timer can run is as good as never. */
function timeOf({ option, keys }: Setting, entry: ConfigEntry, reading: Reading): number | undefined {
  const lameDuck = option === 'lameDuckDuration' || option === 'lameDuckGracePeriod'
  const ms = lameDuck ? lameDuckTime(keys[0], entry, reading) : durationOf(entry, keys[0], reading)
  return ms === undefined ? undefined : Math.min(Math.ceil(ms), INT32_MAX)
}

function lameDuckTime(key: string, entry: ConfigEntry, { problems }: Reading): number | undefined {
  const value = problems.string(entry)
  if (value === undefined) return undefined
  const span = parseDuration(value)
  if ('wrong' in span) return problems.error(entry, `error parsing ${key}: ${span.wrong}`)
  if (key === 'lame_duck_duration' && span.ms < LAME_DUCK_MIN_MS) {
    return problems.error(entry, `invalid ${key} of ${durationText(span.ms)}, minimum is 30 seconds`)
  }
  return span.ms < 0 ? problems.error(entry, `invalid ${key}, needs to be positive`) : span.ms
}

function choiceOf({ keys, choices = [] }: Setting, entry: ConfigEntry, { problems }: Reading): string | undefined {
  const value = problems.string(entry)
  if (value === undefined || choices.includes(value)) return value
  const quoted = choices.map((choice) => `'${choice}'`)
  return problems.error(entry, `${keys[0]} must be ${quoted.slice(0, -1).join(', ')} or ${quoted[quoted.length - 1]}`)
}
