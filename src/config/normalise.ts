// Layers of settings in, options out: the one place where the file, the flags and the argument of createServer() become
// the frozen options of a server, at start and at a reload. Pure: it reads no file, no environment and no argument.

import type { OptionName, Options, ServerOptions } from '../options/options.ts'
import { NO_AUTHORIZATION } from '../options/shapes.ts'
import { apiLayer, type BlockReader } from './api.ts'
import { clusterOptions } from './blocks/cluster-options.ts'
import { jetStreamOptions } from './blocks/jetstream-options.ts'
import { lackingOfLeafs, leafnodeOptions } from './blocks/leafnode-options.ts'
import { checkOptions, checkStart } from './checks.ts'
import { apiOrigin, type ConfigEntry } from './language/tree.ts'
import { type LaterBlocks, Layer, laterOf } from './layer.ts'
import type { Setting } from './table/settings.ts'
import { nameOf, SETTINGS, settingOf } from './table/table.ts'
import { UNSUPPORTED } from './table/unsupported.ts'

/** A bad option. The message names it. */
export class OptionError extends Error {
  override name = 'OptionError'
}

export interface Normalised {
  readonly options: Options
  /** Where each option comes from: `default`, `FILE:LINE`, `flag -p`, `option port`. */
  readonly origins: ReadonlyMap<OptionName, string>
  /** What the configuration file says of an option, where nothing else has the last word. */
  readonly entries: ReadonlyMap<OptionName, ConfigEntry>
  /** What the log should warn of, such as settings without effect. */
  readonly notices: readonly string[]
}

/** The configuration file that a layer was read from. */
export interface ConfigFile {
  readonly path: string
  readonly digest: string
}

const NO_FILE: ConfigFile = { path: '', digest: '' }
export const DEFAULT_ORIGIN = 'default'
const PAYLOAD_USUAL_MAX = 8 * 1024 * 1024

/** Completes and checks options of the embedding API; `readBlocks` reads blocks among them. Throws OptionError. */
export function normaliseOptions(given: ServerOptions, readBlocks?: BlockReader): Options {
  return normaliseEmbedded(given, readBlocks).options
}

/** The same, with origins and notices. */
export function normaliseEmbedded(given: ServerOptions, readBlocks?: BlockReader): Normalised {
  const layer = apiLayer(given, readBlocks)
  if (typeof layer === 'string') throw new OptionError(layer)
  const result = normalise([layer], { path: given.configFile ?? '', digest: given.configDigest ?? '' })
  const wrong = typeof result === 'string' ? result : checkStart(result.options)
  if (typeof result === 'string' || wrong !== undefined) throw new OptionError(wrong)
  return result
}

/**
 * Lays layers over each other, the last on top. Returns options, or why there are none; features that Heddle lacks are
 * a reason unless they are ignored.
 */
export function normalise(layers: readonly Layer[], file = NO_FILE, ignoreUnsupported = false): Normalised | string {
  const values: Record<string, unknown> = { configFile: file.path, configDigest: file.digest }
  const origins = new Map<OptionName, string>()
  const entries = new Map<OptionName, ConfigEntry>()
  for (const { option, default: defaultValue } of SETTINGS) {
    if (option === undefined) continue
    const layer = layers.findLast((each) => each.origins.has(option))
    const value = layer?.values[option]
    values[option] = value ?? defaultValue
    origins.set(option, (value === undefined ? undefined : layer?.origins.get(option)) ?? DEFAULT_ORIGIN)
    const entry = value === undefined ? undefined : layer?.entries.get(option)
    if (entry !== undefined) entries.set(option, entry)
  }
  if (values['monitorHost'] === '') values['monitorHost'] = values['host']
  const later = laterOf(layers)
  values['jetstream'] = jetStreamOptions(later.jetstream, String(values['storeDir']))
  values['cluster'] = clusterOptions(later.cluster, Number(values['pingInterval']), Number(values['pingMax']))
  values['leafnodes'] = leafnodeOptions(later.leaf, Number(values['pingInterval']), Number(values['pingMax']))
  addCredentials(values, layers, origins)
  for (const { credentialsOrigin } of layers) if (credentialsOrigin !== '') entries.delete('authorization')
  const options = values as unknown as Options
  const wrong = outOfBounds(options, origins) ?? checkOptions(options, later)
  if (wrong !== undefined) return wrong
  const lacking = lackingFeatures(options, layers, origins, later)
  const needed = lacking.filter(({ feature }) => UNSUPPORTED.get(feature) === 'needed')
  if (needed.length > 0 && !ignoreUnsupported) {
    const features = needed.map(({ feature, origin }) => `${feature} (${origin})`).join(', ')
    return `not supported yet: ${features}; with --ignore-unsupported the server starts without them`
  }
  const notices = lacking.map(({ feature, origin }) => `${feature} (${origin}): not supported yet, ignored`)
  if (options.maxPayload > PAYLOAD_USUAL_MAX) {
    notices.push('Maximum payloads over 8.00 MB are generally discouraged and could lead to poor performance')
  }
  return { options: deepFreeze(options), origins, entries, notices }
}

/** A user or token from a flag goes into what the file says of authorization. */
function addCredentials(values: Record<string, unknown>, layers: readonly Layer[], origins: Map<OptionName, string>) {
  for (const { credentials, credentialsOrigin } of layers) {
    if (credentialsOrigin === '') continue
    const before = (values as unknown as Options).authorization ?? NO_AUTHORIZATION
    values['authorization'] = { ...before, ...credentials }
    origins.set('authorization', credentialsOrigin)
  }
}

function outOfBounds(options: Options, origins: ReadonlyMap<OptionName, string>): string | undefined {
  for (const setting of SETTINGS) {
    const { option, min, max } = setting
    if (option === undefined || min === undefined || max === undefined) continue
    const value = options[option]
    if (value === undefined && setting.default === undefined) continue
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) continue
    const what = called(setting, option, origins.get(option) ?? DEFAULT_ORIGIN)
    return `${what} must be a whole number from ${min} to ${max}, not ${value}`
  }
  return undefined
}

/** An option by the name under which it was set. */
function called(setting: Setting, option: OptionName, origin: string): string {
  return origin === apiOrigin(option) ? option : `${origin}: ${nameOf(setting)}`
}

// ── What Heddle lacks ─────────────────────────────────────────────────────────────────────────────────────────

/** Features that are asked for and not there, each once, and where it is asked for. */
function lackingFeatures(
  options: Options,
  layers: readonly Layer[],
  origins: ReadonlyMap<OptionName, string>,
  { cluster, leaf }: LaterBlocks,
) {
  const all = new Layer()
  for (const { option, feature } of SETTINGS) {
    if (option === undefined || feature === undefined || !isUsed(options, option)) continue
    all.asksFor(feature, origins.get(option) ?? DEFAULT_ORIGIN)
  }
  for (const { features } of layers) for (const [feature, origin] of features) all.asksFor(feature, origin)
  for (const feature of lackingOfLeafs(leaf)) all.asksFor(feature, 'leafnodes')
  for (const [name, block] of Object.entries({ cluster, leafnodes: leaf })) {
    const isSaid = block?.['writeDeadline'] !== undefined || block?.['writeTimeout'] !== undefined
    if (isSaid) all.asksFor('write deadlines of links between servers', name)
  }
  return [...all.features].flatMap(([feature, origin]) => (UNSUPPORTED.has(feature) ? [{ feature, origin }] : []))
}

function isUsed(options: Options, option: OptionName): boolean {
  const value = options[option]
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return false
  return value !== settingOf(option).default
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}
