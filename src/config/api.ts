// What createServer() was given, as a layer. JavaScript callers have no types, so kinds are checked here.

import type { OptionName, Options, ServerOptions } from '../options.ts'
import { apiOrigin, Layer } from './layer.ts'
import type { Setting } from './settings.ts'
import { SETTINGS } from './table.ts'
import { type ConfigEntry, fromData } from './tree.ts'

/**
 * Reads a block that was given as plain data, as one of the configuration file. It is handed in by those who let
 * blocks be given, so that starting without does not load all that can read them. Answers what is wrong.
 */
export type BlockReader = (option: OptionName, entry: ConfigEntry, layer: Layer) => string | undefined

/** Makes a layer of options; answers what is wrong with one of them. */
export function apiLayer(given: ServerOptions, readBlocks?: BlockReader): Layer | string {
  const layer = new Layer()
  for (const setting of SETTINGS) {
    const { option } = setting
    if (option === undefined) continue
    const value = (given as Record<string, unknown>)[option]
    if (value === undefined) continue
    if (setting.kind === 'block' && option !== 'serverMetadata') {
      const entry = fromData(value, option)
      if (entry === undefined || readBlocks === undefined) return `${option} must be a block of plain data`
      const wrong = readBlocks(option, entry, layer)
      if (wrong !== undefined) return wrong
      continue
    }
    const wrong = whyNot(setting, value)
    if (wrong !== undefined) return `${option} must be ${wrong}`
    layer.set(option, adapted(option, value) as Options[OptionName] | undefined, apiOrigin(option))
  }
  return layer
}

/** What is meant by a value; undefined: the default. */
function adapted(option: OptionName, value: unknown): unknown {
  if ((option === 'port' || option === 'monitorPort' || option === 'httpsPort') && value === 0) return undefined
  if (Array.isArray(value)) return [...value]
  return typeof value === 'object' ? { ...value } : value
}

/** What a value should be, if it is not. Numbers are compared with their bounds later. */
function whyNot({ kind, min, max, choices = [] }: Setting, value: unknown): string | undefined {
  switch (kind) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `true or false, not ${shown(value)}`
    case 'integer':
    case 'size':
    case 'duration':
      if (typeof value === 'number') return undefined
      return `a whole number from ${min ?? 0} to ${max ?? Number.MAX_SAFE_INTEGER}, not ${shown(value)}`
    case 'choice':
      return choices.includes(value as string) ? undefined : `${choices.join(' or ')}, not ${shown(value)}`
    case 'list':
      return Array.isArray(value) && value.every((item) => typeof item === 'string') ? undefined : 'an array of texts'
    case 'block':
      return isTexts(value) ? undefined : 'an object with texts'
    default:
      return typeof value === 'string' ? undefined : `a text, not ${shown(value)}`
  }
}

function isTexts(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((member) => typeof member === 'string')
}

function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
