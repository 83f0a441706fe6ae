// The meaning of keys. A schema describes a block of a configuration (the file itself, `tls`, `websocket`, a user, …):
// a row for each key, with its names, kind, default, description, and the function that stores its value. One function,
// readBlock(), reads any block by its schema; docs/configuration.md is generated from the same rows.

import { type ConfigEntry, type ConfigMap, type ConfigValue, isPlainData } from '../language/tree.ts'
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
  /** The kind of the value as text: `text`, `size`, … */
  readonly kind: string
  /** The default as text; empty where there is none. */
  readonly default: string
  readonly doc: string
  /** The block under this key. */
  readonly block?: Schema<never>
  /** Takes the value over into what is built. `name` is the key as it was written. */
  readonly read: (entry: ConfigEntry, into: T, reading: Reading, name: string) => void
}

export interface Schema<T> {
  /** What the block is called in the documentation. */
  readonly title: string
  readonly keys: readonly Key<T>[]
  /** The complaint about an unknown key, if it is not the usual one. */
  readonly unknown?: (name: string) => string
}

/** Takes a value. Returns undefined, and complains, if it is not as it should be. */
export type Take<V> = (entry: ConfigEntry, reading: Reading, name: string) => V | undefined

/** What is said of a value that is wrong; `name` is its key as it was written. */
export type Complaint = string | ((value: ConfigValue, name: string) => string)

export function complain(entry: ConfigEntry, wrong: Complaint, { problems }: Reading, name = ''): undefined {
  return problems.error(entry, typeof wrong === 'string' ? wrong : wrong(entry.value, name))
}

/**
 * Reads a block: each entry by the row of its name, in any case, or in camelCase where it is plain data. Problems are
 * gathered, nothing is thrown.
 */
export function readBlock<T>(map: ConfigMap, schema: Schema<T>, into: T, reading: Reading): void {
  for (const [name, entry] of map) {
    const key = keyNamed(schema, name, isPlainData(entry))
    if (key !== undefined) key.read(entry, into, reading, name)
    else if (entry.usedAsVariable) continue
    else if (isPlainData(entry)) reading.problems.error(entry, unknownMember(schema, name))
    else if (schema.unknown === undefined) reading.problems.unknown(entry, name)
    else reading.problems.error(entry, schema.unknown(name))
  }
}

/** The complaint about a member of plain data that no row of the schema knows. */
function unknownMember<T>({ keys }: Schema<T>, name: string): string {
  const known = keys.flatMap(({ names }) => names.map(inProgram))
  return `unknown field ${quoteText(name)}${suggestion(name, known)}`
}

/** A key of the file as programs write it: `cert_file` as `certFile`. */
export function inProgram(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

type Lookup = ReadonlyMap<string, unknown>
const lookups = new WeakMap<object, { readonly file: Lookup; readonly program: Lookup }>()

/** The row of a name: a key of the file in lower case, or the name of a member of plain data. */
function keyNamed<T>(schema: Schema<T>, name: string, isData: boolean): Key<T> | undefined {
  let lookup = lookups.get(schema)
  if (lookup === undefined) {
    const pairs = schema.keys.flatMap((key) => key.names.map((each) => [each, key] as const))
    lookup = { file: new Map(pairs), program: new Map(pairs.map(([each, key]) => [inProgram(each), key])) }
    lookups.set(schema, lookup)
  }
  return (isData ? lookup.program.get(name) : lookup.file.get(name.toLowerCase())) as Key<T> | undefined
}

// ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Members of T that may hold a V. */
export type MembersFor<T, V> = { [K in keyof T]-?: [V] extends [T[K]] ? K : never }[keyof T]

type Names = string | readonly string[]
export type Rows<V, D = unknown> = <T extends D>(
  member: MembersFor<T, V>,
  names: Names,
  doc: string,
  defaultText?: string,
) => Key<T>

/**
 * Makes rows for values of a kind: the member becomes the result of `take`, which may read earlier members and change
 * them. `block` is the schema of the value.
 */
export function kind<V, D = unknown>(
  called: string,
  take: (entry: ConfigEntry, reading: Reading, name: string, into: D) => V | undefined,
  more: { readonly default?: string; readonly block?: Schema<never> } = {},
): Rows<V, D> {
  return <T extends D>(member: MembersFor<T, V>, names: Names, doc: string, defaultText = more.default ?? '') => {
    const read: Key<T>['read'] = (entry, into, reading, name) => {
      const value = take(entry, reading, name, into)
      if (value !== undefined) (into as Record<PropertyKey, unknown>)[member] = value
    }
    return {
      ...more,
      names: typeof names === 'string' ? [names] : names,
      kind: called,
      default: defaultText,
      doc,
      read,
    }
  }
}
