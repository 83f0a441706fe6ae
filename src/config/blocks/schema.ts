// What keys mean. A block of a configuration (the file itself, `tls`, `websocket`, a user, …) is described by a
// schema: a row for each key, with its names, kind, default, its sentence in the documentation, and the function that
// takes its value over. One function, readBlock(), reads any block by its schema; docs/configuration.md is made from
// the same rows.

import { parseDuration } from '../../base/duration.ts'
import { type ConfigEntry, type ConfigMap, isPlainData, typeName } from '../language/tree.ts'
import { suggestion } from '../nearest.ts'
import { type Problems, quoteText } from '../problems.ts'

/** What reading needs beside the entry. */
export interface Reading {
  readonly problems: Problems
  /** Reads a file that a key names (a certificate). Throws an Error whose message says why it cannot. */
  readonly readFile: (path: string) => string
}

export interface Key<T> {
  /** The key and its aliases. */
  readonly names: readonly string[]
  /** What the value is, in words: `text`, `size`, … */
  readonly kind: string
  /** The default in words; empty where there is none. */
  readonly default: string
  readonly doc: string
  /** A block that stands under this key. */
  readonly block?: Schema<never>
  /** Takes the value over into what is built. `name` is the key as it was written. */
  readonly read: (entry: ConfigEntry, into: T, reading: Reading, name: string) => void
}

export interface Schema<T> {
  /** What the block is called in the documentation. */
  readonly title: string
  readonly keys: readonly Key<T>[]
  /** The complaint about a key that nobody knows, where it is not the usual one. */
  readonly unknown?: (name: string) => string
}

/** Reads a block: each entry by the row of its name, in any case. Problems are gathered, nothing is thrown. */
export function readBlock<T>(map: ConfigMap, schema: Schema<T>, into: T, reading: Reading): void {
  for (const [name, entry] of map) {
    const key = keyNamed(schema, name)
    if (key !== undefined) key.read(entry, into, reading, name)
    else if (entry.usedAsVariable) continue
    else if (isPlainData(entry)) reading.problems.error(entry, unknownMember(schema, name))
    else if (schema.unknown === undefined) reading.problems.unknown(entry, name)
    else reading.problems.error(entry, schema.unknown(name))
  }
}

/** The complaint about a member of plain data that no row of the schema knows. */
export function unknownMember<T>({ keys }: Schema<T>, name: string): string {
  const known = keys.flatMap(({ names }) => names)
  return `unknown field ${quoteText(name)}${suggestion(name, known)}`
}

const lookups = new WeakMap<object, Map<string, unknown>>()

function keyNamed<T>(schema: Schema<T>, name: string): Key<T> | undefined {
  let lookup = lookups.get(schema) as Map<string, Key<T>> | undefined
  if (lookup === undefined) {
    lookup = new Map(schema.keys.flatMap((key) => key.names.map((each) => [each, key] as const)))
    lookups.set(schema, lookup)
  }
  return lookup.get(name.toLowerCase())
}

// ── Rows for values of the usual kinds ────────────────────────────────────────────────────────────────────────

/** Members of T that may hold a V. */
export type MembersFor<T, V> = { [K in keyof T]-?: V extends T[K] ? K : never }[keyof T]

type Builder<V> = <T>(
  member: MembersFor<T, V>,
  names: string | readonly string[],
  doc: string,
  defaultText?: string,
) => Key<T>

function builder<V>(
  kind: string,
  take: (entry: ConfigEntry, reading: Reading, name: string) => V | undefined,
): Builder<V> {
  return <T>(member: MembersFor<T, V>, names: string | readonly string[], doc: string, defaultText = ''): Key<T> => ({
    names: typeof names === 'string' ? [names] : names,
    kind,
    default: defaultText,
    doc,
    read: (entry, into, reading, name) => {
      const value = take(entry, reading, name)
      if (value !== undefined) (into as Record<PropertyKey, unknown>)[member] = value
    },
  })
}

export const text = builder<string>('text', (entry, { problems }) => problems.string(entry))
export const boolean = builder<boolean>('boolean', (entry, { problems }) => problems.boolean(entry))
export const integer = builder<number>('integer', (entry, { problems }) => problems.integer(entry))
export const size = builder<number>('size', (entry, { problems }) => problems.integer(entry))
/** A time span; the first of the names is what complaints call it. */
export const duration = <T>(
  member: MembersFor<T, number>,
  names: string | readonly string[],
  doc: string,
  defaultText = '',
): Key<T> => {
  const first = typeof names === 'string' ? names : names[0]
  return builder<number>('duration', (entry, reading) => durationOf(entry, first, reading))(
    member,
    names,
    doc,
    defaultText,
  )
}

/** A row that needs a function of its own. */
export function custom<T>(
  kind: string,
  names: string | readonly string[],
  doc: string,
  read: Key<T>['read'],
  more: { default?: string; block?: Schema<never> } = {},
): Key<T> {
  const row = { names: typeof names === 'string' ? [names] : names, kind, default: more.default ?? '', doc, read }
  return more.block === undefined ? row : { ...row, block: more.block }
}

/** Milliseconds of a time span, or of an old-style number of seconds, which gives a warning. */
export function durationOf(entry: ConfigEntry, field: string, { problems }: Reading): number | undefined {
  if (typeof entry.value !== 'string') {
    problems.warnUse(entry, field, `${field} should be converted to a duration`)
    const seconds = problems.integer(entry)
    return seconds === undefined ? undefined : seconds * 1000
  }
  const result = parseDuration(entry.value)
  if ('ms' in result) return result.ms
  return problems.error(entry, `error parsing ${field}: ${result.wrong}`)
}

/** Seconds as a number or a time span; answers milliseconds, or the complaint's last words. */
export function timeoutOf({ value }: ConfigEntry): number | string {
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value) * 1000
  if (typeof value !== 'string') return "'timeout' wrong type"
  const result = parseDuration(value)
  return 'ms' in result ? result.ms : `'timeout' ${result.wrong}`
}

/** A text or an array of texts. */
export function textsOf(entry: ConfigEntry, field: string, { problems }: Reading): string[] | undefined {
  const { value } = entry
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) {
    return problems.error(entry, `error parsing ${field}: unsupported type ${typeName(value)}`)
  }
  const texts: string[] = []
  for (const item of value) {
    if (typeof item.value === 'string') texts.push(item.value)
    else problems.error(item, `error parsing ${field}: unsupported type in array ${typeName(item.value)}`)
  }
  return texts
}

/** What a `listen` value says: a port, or `host:port`. */
export function listenOf(entry: ConfigEntry, { problems }: Reading): { host: string; port: number } | undefined {
  const { value } = entry
  if (typeof value === 'bigint') return { host: '', port: Number(value) }
  if (typeof value !== 'string') return problems.error(entry, `expected port or host:port, got ${typeName(value)}`)
  const parts = splitHostPort(value)
  if (parts === undefined) return problems.error(entry, `could not parse address string ${quoteText(value)}`)
  if (!/^[-+]?[0-9]{1,18}$/.test(parts.port)) {
    return problems.error(entry, `could not parse port ${quoteText(parts.port)}`)
  }
  return { host: parts.host, port: Number(parts.port) }
}

/** `host:port`, `[v6]:port` or `:port`; undefined for anything else. */
export function splitHostPort(address: string): { host: string; port: string } | undefined {
  const parts = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(address)
  return parts === null ? undefined : { host: parts[1] ?? parts[2], port: parts[3] }
}
