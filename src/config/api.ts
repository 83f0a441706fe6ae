// The argument of createServer() as a layer. JavaScript callers have no types, so kinds are checked here.

import { EMBEDDED_HOST } from '../base/constants.ts'
import type { OptionName, Options, ServerOptions } from '../options/options.ts'
import { apiOrigin, type ConfigEntry, fromData, isPlainObject, shownData } from './language/tree.ts'
import { Layer } from './layer.ts'
import { suggestion } from './nearest.ts'
import { quoteText } from './problems.ts'
import { inFile, type Setting } from './table/settings.ts'
import { SETTINGS, settingOfKey, settingOfOption } from './table/table.ts'
import { UNSUPPORTED } from './table/unsupported.ts'

/** A block that was given as plain data, and the option that it is. */
export type GivenBlock = readonly [option: OptionName, entry: ConfigEntry]

/**
 * Reads blocks that were given as plain data, as those of the configuration file. It is passed in by callers that
 * accept blocks, so that starting without does not load all that can read them. Returns what is wrong.
 */
export type BlockReader = (blocks: readonly GivenBlock[], layer: Layer) => string | undefined

/** Members of ServerOptions that are no settings. */
const BESIDE_SETTINGS = ['configFile', 'configDigest'] as const

/**
 * Makes a layer of options; returns the first fault. An unknown name is a fault: an ignored `authorisation` would leave
 * the server open to every client.
 */
export function apiLayer(given: ServerOptions, readBlocks?: BlockReader): Layer | string {
  if (!isPlainObject(given)) return `options must be a plain object, not ${shownData(given)}`
  const layer = new Layer()
  const blocks: GivenBlock[] = []
  for (const [name, value] of Object.entries(given)) {
    if (BESIDE_SETTINGS.some((each) => each === name)) {
      if (typeof value !== 'string') return `${name} must be a string, not ${shownData(value)}`
      continue
    }
    const setting = settingOfOption(name)
    if (setting === undefined) return unknownOption(name)
    const { option } = setting
    if (lacks(setting)) return `${option} is not supported yet`
    if (value === undefined) {
      // Other options that are undefined are left out; one that guards the door is a mistake that opens it.
      if (guards(setting)) return `${option} must not be undefined: leave it out, or give it a value`
      continue
    }
    if (isBlock(setting)) {
      const entry = fromData(value, option)
      if (typeof entry === 'string') return entry
      blocks.push([option, entry])
      continue
    }
    const wrong = whyNot(setting, value)
    if (wrong !== undefined) return `${option} must be ${wrong}`
    layer.set(option, adapted(option, value) as Options[OptionName], apiOrigin(option))
  }
  if (!layer.origins.has('host')) layer.set('host', EMBEDDED_HOST, 'default')
  if (blocks.length === 0) return layer
  if (readBlocks === undefined) return `${blocks[0][0]} must be a block of plain data`
  const wrong = readBlocks(blocks, layer)
  if (wrong !== undefined) return wrong
  const { host, websocket } = layer.values
  if (websocket?.host === '' && host !== undefined) layer.values.websocket = { ...websocket, host }
  return layer
}

/** Whether a setting has a reader of its own. Lists of keys and tokens have one, too. */
function isBlock({ kind, area, option }: Setting): boolean {
  return (kind === 'block' && option !== 'serverMetadata') || (kind === 'list' && area === 'Security')
}

function guards({ area, secret }: Setting): boolean {
  return area === 'Security' || secret === true
}

/** Whether Heddle lacks what a setting is about. */
function lacks({ feature = '' }: Setting): boolean {
  return UNSUPPORTED.has(feature)
}

/** The error for a name that is no option. For a key of the configuration file it names the option. */
function unknownOption(name: string): string {
  const setting = settingOfKey(inFile(name))
  if (setting !== undefined && setting.option === undefined && lacks(setting)) return `${name} is not supported yet`
  const options = SETTINGS.flatMap(({ option }) => option ?? [])
  return `unknown option ${quoteText(name)}${suggestion(settingOfKey(name)?.option ?? name, options)}`
}

/** What is meant by a value. */
function adapted(option: OptionName, value: unknown): unknown {
  // As everywhere in Node, port 0 is a free one.
  if ((option === 'port' || option === 'monitorPort' || option === 'httpsPort') && value === 0) return -1
  if (Array.isArray(value)) return [...value]
  return typeof value === 'object' ? { ...value } : value
}

/** What a value should be, if it is not. Numbers are compared with their bounds later. */
function whyNot({ option, kind, min, max, choices = [] }: Setting, value: unknown): string | undefined {
  switch (kind) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `true or false, not ${shownData(value)}`
    case 'integer':
    case 'size':
    case 'duration':
      if (typeof value === 'number') return undefined
      return `a whole number from ${min ?? 0} to ${max ?? Number.MAX_SAFE_INTEGER}, not ${shownData(value)}`
    case 'choice':
      return choices.includes(value as string) ? undefined : `${choices.join(' or ')}, not ${shownData(value)}`
    case 'list':
      return isTextList(value) ? undefined : 'an array of strings'
    case 'block':
      return isTexts(value) ? undefined : 'an object with string values'
    default:
      if (typeof value !== 'string') return `a string, not ${shownData(value)}`
      return option === 'name' && /\s/.test(value) ? 'without spaces: server name cannot contain spaces' : undefined
  }
}

/** Holes of an array count as what they are read as. */
function isTextList(value: unknown): boolean {
  return Array.isArray(value) && Array.from<unknown>(value).every((item) => typeof item === 'string')
}

function isTexts(value: unknown): boolean {
  return isPlainObject(value) && Object.values(value).every((member) => typeof member === 'string')
}
