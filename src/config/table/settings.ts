// The table of settings: a row for each thing that can be said to the server, with its key in the configuration file,
// its flags, the option it sets, default, bounds, whether a reload can change it, and its sentence for people. The
// flags' parser, the file's reader, the normaliser, the help text, --explain-config, the check of reloads and
// docs/configuration.md all read this table, so that they cannot drift apart.
//
// The rows stand in three files by what they are about. What is in blocks (tls, accounts, …) has schemas of its own,
// next to the functions that read them.

import type { OptionName, Options } from '../../options/options.ts'

export type Kind = 'boolean' | 'integer' | 'size' | 'duration' | 'text' | 'file' | 'choice' | 'list' | 'block'

export type Area = 'Server' | 'Limits' | 'Logging' | 'Monitoring' | 'Security' | 'Later'

/** What the server does without, so far. */
export interface Missing {
  /** What it is called in the warning. */
  readonly feature: string
}

export interface Setting<K extends OptionName = OptionName> {
  /** The option it sets; undefined where the key is only checked so far. */
  readonly option?: K
  readonly area: Area
  /** Keys of the configuration file: the name and its aliases. */
  readonly keys: readonly string[]
  /** Flags, without dashes, in the order of the help text. */
  readonly flags: readonly string[]
  /** What stands for the flag's value in the help text. */
  readonly argument?: string
  readonly kind: Kind
  readonly default?: Options[K]
  /** The default in words, where the value does not say it. */
  readonly defaultText?: string
  /** Bounds of a number, in the option's unit. */
  readonly min?: number
  readonly max?: number
  readonly choices?: readonly string[]
  /** Numbers that mean something else in the file (and as a flag): undefined stands for the default. */
  readonly fromFile?: (value: number) => number | undefined
  readonly doc: string
  /** A reload can change it. */
  readonly reload: boolean
  /** What nats-server calls it when it refuses a reload. */
  readonly field: string
  /** Its value may be a secret. */
  readonly secret?: boolean
  readonly missing?: Missing
}

type Row<K extends OptionName> = Omit<Setting<K>, 'option' | 'area' | 'flags' | 'reload'> & {
  readonly flags?: readonly string[]
  readonly reload?: boolean
  readonly default: Options[K]
}

/** Makes rows of one area. */
export function area(name: Area) {
  return <K extends OptionName>(option: K, row: Row<K>): Setting =>
    ({ flags: [], reload: false, ...row, option, area: name }) as unknown as Setting
}

/** A row whose key is only checked so far. */
export function checkedOnly(
  keys: readonly string[],
  kind: Kind,
  doc: string,
  missing: Missing,
  flags: readonly string[] = [],
  argument?: string,
): Setting {
  const row = { area: 'Later', keys, flags, kind, doc, reload: true, field: '', missing } as const
  return argument === undefined ? row : { ...row, argument }
}

/** The largest size; in a file, a larger one means it. */
export const SIZE_MAX = Number.MAX_SAFE_INTEGER

/** In a file, 0 means that the default holds. */
export const zeroIsDefault = (value: number): number | undefined => (value === 0 ? undefined : value)
