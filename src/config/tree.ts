// What a configuration file says, before anybody asks what it means: values with the place where they stand.
// The parser builds it, the schema reads it, the digest is taken over it.

import { apiOrigin } from './layer.ts'

/** A value of the grammar (reference 3). An integer is a bigint, a float a number, so that they stay apart. */
export type ConfigValue = string | boolean | bigint | number | Date | ConfigArray | ConfigMap
export type ConfigArray = ConfigEntry[]
export type ConfigMap = Map<string, ConfigEntry>

/** Where something was said. */
export interface Place {
  /** Path as it was given or included; for plain data, such as `tls.certs[0]`, the member's. */
  readonly file: string
  /** From 1; 0 for plain data. */
  readonly line: number
  /** Bytes into the line: from 0 on the first line, from 1 on the others, as nats-server counts. */
  readonly column: number
}

export interface ConfigEntry {
  value: ConfigValue
  place: Place
  /** Some `$NAME` referred to it: then a key that nobody knows is no mistake. */
  usedAsVariable: boolean
}

/** The type's name in nats-server's texts. */
export function typeName(value: ConfigValue): string {
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint') return 'int64'
  if (typeof value === 'number') return 'float64'
  if (value instanceof Date) return 'time.Time'
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}'
}

/** `FILE:LINE:COLUMN`, as in front of every complaint about a key; the path of a member where it is plain data. */
export function placeText({ file, line, column }: Place): string {
  return line === 0 ? file : `${file}:${line}:${column}`
}

/** Where an entry stands, for people who are told where a setting comes from. */
export function originOf({ place }: ConfigEntry): string {
  return place.line === 0 ? apiOrigin(place.file) : `${place.file}:${place.line}`
}

/** What the embedding API takes for a block: the same keys and values as in the file, as plain data. */
export type ConfigData = string | boolean | number | readonly ConfigData[] | { readonly [key: string]: ConfigData }

/** How deep plain data may be nested; deeper data is a mistake or a cycle. */
const DATA_DEPTH_MAX = 100

/** Plain data as the parser would have built it; `name` stands for the place. Answers undefined if it is none. */
export function fromData(data: unknown, name: string, depth = 0): ConfigEntry | undefined {
  const place = { file: name, line: 0, column: 0 }
  const entry = (value: ConfigValue): ConfigEntry => ({ value, place, usedAsVariable: false })
  if (depth > DATA_DEPTH_MAX) return undefined
  if (typeof data === 'string' || typeof data === 'boolean') return entry(data)
  if (typeof data === 'number') return entry(Number.isSafeInteger(data) ? BigInt(data) : data)
  if (Array.isArray(data)) {
    const items = data.map((item, i) => fromData(item, `${name}[${i}]`, depth + 1))
    return items.every((item) => item !== undefined) ? entry(items) : undefined
  }
  if (typeof data !== 'object' || data === null) return undefined
  const map: ConfigMap = new Map()
  for (const [key, member] of Object.entries(data)) {
    if (member === undefined) continue
    const item = fromData(member, `${name}.${key}`, depth + 1)
    if (item === undefined) return undefined
    map.set(key, item)
  }
  return entry(map)
}
