// The table of settings: a row per setting, with its key in the configuration file, its flags, its option, default,
// bounds, and description. The flags' parser, the file's reader, the normaliser, the help text, --explain-config, the
// check of reloads and docs/configuration.md all read this table, so that they cannot drift apart.
//
// The rows are in three files by topic. Blocks (tls, accounts, …) have schemas of their own, next to the functions that
// read them.

import type { OptionName, Options } from '../../options/options.ts'
import { FIXED } from './fixed.ts'

export type Kind = 'boolean' | 'integer' | 'size' | 'duration' | 'text' | 'file' | 'choice' | 'list' | 'block'

export type Area = 'Server' | 'Limits' | 'Logging' | 'Monitoring' | 'Security' | 'Features'

/** What only some rows say. */
interface More {
  /** Flags, without dashes, in the order of the help text. */
  readonly flags?: readonly string[]
  /** The placeholder of the flag's value in the help text. */
  readonly argument?: string
  /** The default as text, where it differs from the value. */
  readonly defaultText?: string
  /** Bounds of a number, in the option's unit. */
  readonly min?: number
  readonly max?: number
  readonly choices?: readonly string[]
  /** Numbers that mean something else in the file (and as a flag): undefined means the default. */
  readonly fromFile?: (value: number) => number | undefined
  /** Its value may be a secret. */
  readonly secret?: boolean
  /** The feature that it asks for, as messages call it; unsupported.ts tells whether it is there. */
  readonly feature?: string
}

interface Row<K extends OptionName> extends More {
  /** The option it sets; undefined where the key is only checked so far, or sets several. */
  readonly option?: K
  /** Keys of the configuration file: the name and its aliases. */
  readonly keys: readonly string[]
  readonly kind: Kind
  readonly default?: Options[K]
  readonly doc: string
  /** A reload can change it. */
  readonly reload: boolean
}

export interface Setting<K extends OptionName = OptionName> extends Row<K> {
  readonly area: Area
  readonly flags: readonly string[]
}

/** Rows of an area. */
export function area(name: Area, rows: readonly Row<OptionName>[]): Setting[] {
  return rows.map((row) => ({ flags: [], ...row, area: name }))
}

/** What an option is called in the file: its name with underscores and these aliases, or these keys alone. */
interface Keys {
  readonly aliases?: readonly string[]
  readonly keys?: readonly string[]
}

/** Makes rows of a kind, for options; `usual` holds where a row does not say otherwise. */
function rows(kind: Kind, usual: More = {}) {
  return <K extends OptionName>(option: K, value: Options[K], doc: string, more: More & Keys = {}): Row<OptionName> => {
    const { aliases = [], keys = [inFile(option), ...aliases], ...others } = more
    return { ...usual, ...others, keys, kind, doc, option, default: value, reload: !FIXED.has(option) }
  }
}

/** `maxPayload` as the file writes it: `max_payload`. */
export function inFile(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** A row that sets no single option. */
export function key(
  keys: string | readonly string[],
  kind: Kind,
  doc: string,
  more: More & { readonly reload?: boolean } = {},
): Row<OptionName> {
  return { keys: typeof keys === 'string' ? [keys] : keys, kind, doc, reload: true, ...more }
}

/** The largest size; in a file, a larger one means it. */
export const SIZE_MAX = Number.MAX_SAFE_INTEGER
export const INT32_MAX = 2 ** 31 - 1

/** In a file, 0 means that the default holds. */
export const zeroIsDefault = (value: number): number | undefined => (value === 0 ? undefined : value)
const notNegative = (value: number): number => Math.max(value, 0)

export const boolean = rows('boolean')
export const integer = rows('integer')
export const port = rows('integer', { argument: '<port>', min: -1, max: 65_535, fromFile: zeroIsDefault })
/** A number of which 0 says something. */
export const limit = rows('integer', { min: 0, max: INT32_MAX, fromFile: notNegative })
/** A number of which 0 says nothing. */
export const amount = rows('integer', { min: 0, max: INT32_MAX, fromFile: zeroIsDefault })
export const size = rows('size', { fromFile: zeroIsDefault })
export const time = rows('duration', { min: 1, max: INT32_MAX, fromFile: zeroIsDefault })
export const text = rows('text')
export const file = rows('file', { argument: '<file>' })
export const choice = rows('choice')
export const list = rows('list')
export const block = rows('block')
