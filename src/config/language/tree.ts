// The contents of a configuration file before they are interpreted: values with their places. The parser builds it, the
// schema reads it, the digest is taken over it.

/**
 * A value of the grammar (docs/reference/configuration-files.md, "Values"). An integer is a bigint, a float a number,
 * so that they stay apart.
 */
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
  /** Some `$NAME` referred to it: then an unknown key is no mistake. */
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

/** Whether an entry is an option's, not the file's. What a file may say without effect is a mistake in an option. */
export function isPlainData({ place }: ConfigEntry): boolean {
  return place.line === 0
}

/** `FILE:LINE:COLUMN`, as in front of every complaint about a key; the path of a member where it is plain data. */
export function placeText({ file, line, column }: Place): string {
  return line === 0 ? file : `${file}:${line}:${column}`
}

/** Where a value of createServer() comes from. */
export function apiOrigin(option: string): string {
  return `option ${option}`
}

/** The place of an entry, for messages about the origin of a setting. */
export function originOf({ place }: ConfigEntry): string {
  return place.line === 0 ? apiOrigin(place.file) : `${place.file}:${place.line}`
}

/** How deep plain data may be nested; deeper data is a mistake or a cycle. */
const DATA_DEPTH_MAX = 100

/**
 * Plain data as the parser would have built it; `name` replaces the place. Returns its fault, if it is not plain data.
 * A member that is undefined is a fault, too: ignoring it might lift a restriction.
 */
export function fromData(data: unknown, name: string, depth = 0): ConfigEntry | string {
  const place = { file: name, line: 0, column: 0 }
  const entry = (value: ConfigValue): ConfigEntry => ({ value, place, usedAsVariable: false })
  if (depth > DATA_DEPTH_MAX) return `${name} is nested too deep`
  if (typeof data === 'string' || typeof data === 'boolean') return entry(data)
  if (typeof data === 'number' && Number.isFinite(data)) return entry(Number.isSafeInteger(data) ? BigInt(data) : data)
  if (Array.isArray(data)) {
    const items: ConfigArray = []
    for (const [i, member] of data.entries()) {
      const item = fromData(member, `${name}[${i}]`, depth + 1)
      if (typeof item === 'string') return item
      items.push(item)
    }
    return entry(items)
  }
  if (!isPlainObject(data)) return `${name} must be plain data, not ${shownData(data)}`
  const map: ConfigMap = new Map()
  for (const [key, member] of Object.entries(data)) {
    const item = fromData(member, `${name}.${key}`, depth + 1)
    if (typeof item === 'string') return item
    map.set(key, item)
  }
  return entry(map)
}

/** Whether all that an object says are its own members: an object literal, of this realm or another. */
export function isPlainObject(data: unknown): data is Readonly<Record<string, unknown>> {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return false
  const prototype: unknown = Object.getPrototypeOf(data)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** A value, or its kind, as complaints about options name it: what may hold a secret is not shown. */
export function shownData(data: unknown): string {
  if (Array.isArray(data)) return 'an array'
  if (typeof data === 'function') return 'a function'
  if (typeof data !== 'object' || data === null) return String(data)
  if (isPlainObject(data)) return 'an object'
  return data instanceof Map || data instanceof Set ? 'a Map or Set' : 'an object of a class'
}
