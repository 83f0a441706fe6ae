// Readers of common kinds of values, their errors, and the rows for them.

import { parseDuration } from '../../base/duration.ts'
import { type ConfigEntry, type ConfigValue, isPlainData, typeName } from '../language/tree.ts'
import { quoteText, shownValue } from '../problems.ts'
import { type Complaint, complain, kind, type Reading, type Rows, readBlock, type Schema, type Take } from './schema.ts'

// ── Complaints ────────────────────────────────────────────────────────────────────────────────────────────────

/** `…, got int64`. */
export const got =
  (expected: string) =>
  (value: ConfigValue): string =>
    `${expected}, got ${typeName(value)}`

/** `…, got 5`: nats-server shows the value here. */
export const gotValue =
  (expected: string) =>
  (value: ConfigValue): string =>
    `${expected}, got ${shownValue(value)}`

/** `… int64`. */
export const ofType =
  (what: string) =>
  (value: ConfigValue): string =>
    `${what} ${typeName(value)}`

// ── Values ────────────────────────────────────────────────────────────────────────────────────────────────────

interface Types {
  readonly string: string
  readonly boolean: boolean
  readonly bigint: number
}

/** A value of a type, where the complaint about others is not the usual one. */
export function only<K extends keyof Types>(type: K, wrong: Complaint): Take<Types[K]> {
  return (entry, reading, name) => {
    const { value } = entry
    if (typeof value !== type) return complain(entry, wrong, reading, name)
    return (typeof value === 'bigint' ? Number(value) : value) as Types[K]
  }
}

/** A text that passes a test. */
export function such(passes: (text: string) => boolean, wrong: Complaint, type: Take<string> = anyText): Take<string> {
  return (entry, reading, name) => {
    const value = type(entry, reading, name)
    return value === undefined || passes(value) ? value : complain(entry, wrong, reading, name)
  }
}

/** A whole number between bounds. */
export function within(
  min: number,
  max: number,
  wrong: Complaint,
  type: Take<number> = (entry, { problems }) => problems.integer(entry),
): Take<number> {
  return (entry, reading, name) => {
    const value = type(entry, reading, name)
    return value === undefined || (value >= min && value <= max) ? value : complain(entry, wrong, reading, name)
  }
}

/** One of some words. */
export function oneOf<W extends string>(words: readonly W[], wrong: Complaint, type?: Take<string>): Take<W> {
  return such((text) => words.some((word) => word === text), wrong, type) as Take<W>
}

/** A block. The complaint about what is none may be the usual one. */
export function block<T>(schema: Schema<T>, empty: () => T, wrong?: Complaint): Take<T> {
  return (entry, reading, name) => {
    const isBlock = wrong === undefined || entry.value instanceof Map
    const map = isBlock ? reading.problems.map(entry) : complain(entry, wrong, reading, name)
    if (map === undefined) return undefined
    const draft = empty()
    readBlock(map, schema, draft, reading)
    return draft
  }
}

/** A list; what is wrong in it is left out. The complaint about what is none may be the usual one. */
export function each<V>(take: Take<V>, wrong?: Complaint): Take<V[]> {
  return (entry, reading, name) => {
    const isList = wrong === undefined || Array.isArray(entry.value)
    const items = isList ? reading.problems.array(entry) : complain(entry, wrong, reading, name)
    return items?.flatMap((item) => take(item, reading, name) ?? [])
  }
}

/** A block whose keys are names that the user chooses; what is wrong in it is left out. */
export function membersOf<V>(take: Take<V>, wrong: Complaint): Take<Map<string, V>> {
  return (entry, reading, name) => {
    if (!(entry.value instanceof Map)) return complain(entry, wrong, reading, name)
    const members = new Map<string, V>()
    for (const [key, item] of entry.value) {
      const value = take(item, reading, key)
      if (value !== undefined) members.set(key, value)
    }
    return members
  }
}

/** The same as plain data. */
export function recordOf<V>(take: Take<V>, wrong: Complaint): Take<Readonly<Record<string, V>>> {
  const members = membersOf(take, wrong)
  return (entry, reading, name) => Object.fromEntries(members(entry, reading, name) ?? [])
}

/** The last entry of a block or a list, the place of some errors about the whole. */
export function lastOf(entry: ConfigEntry): ConfigEntry {
  const { value } = entry
  if (value instanceof Map) return [...value.values()].pop() ?? entry
  return (Array.isArray(value) ? value[value.length - 1] : undefined) ?? entry
}

/** A text or an array of texts. */
export function textsOf(field: string): Take<string[]> {
  const list = each(
    only('string', ofType(`error parsing ${field}: unsupported type in array`)),
    ofType(`error parsing ${field}: unsupported type`),
  )
  return (entry, reading, name) => (typeof entry.value === 'string' ? [entry.value] : list(entry, reading, name))
}

/** Whether digits are a whole number that can be reckoned with. */
export function isWhole(digits: string): boolean {
  return /^[-+]?[0-9]{1,18}$/.test(digits)
}

/** What a text or number of percent says, and as a number. */
export const digitsOf = (value: ConfigValue): string => String(value).replace(/%$/, '')
export const percentOf = (value: ConfigValue): number => Number(digitsOf(value))

/** Percent, as a number or a text that may end in %; each way to be wrong has its complaint. */
export function percent(least: number, wrong: Record<'type' | 'digits' | 'range', Complaint>): Take<number> {
  return (entry, reading, name) => {
    const { value } = entry
    if (typeof value !== 'bigint' && typeof value !== 'string') return complain(entry, wrong.type, reading, name)
    if (!isWhole(digitsOf(value))) return complain(entry, wrong.digits, reading, name)
    const number = percentOf(value)
    return number >= least && number <= 100 ? number : complain(entry, wrong.range, reading, name)
  }
}

// ── Times ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** The milliseconds that a number in plain data says; in a file, a number without a unit says something else. */
export function millisecondsOf(entry: ConfigEntry): number | undefined {
  const { value } = entry
  return isPlainData(entry) && (typeof value === 'bigint' || typeof value === 'number') ? Number(value) : undefined
}

/** Milliseconds of a time span; `before` begins the complaint. */
export function spanOf(entry: ConfigEntry, { problems }: Reading, before = ''): number | undefined {
  const ms = millisecondsOf(entry)
  if (ms !== undefined) return ms
  const value = problems.string(entry)
  if (value === undefined) return undefined
  const result = parseDuration(value)
  return 'ms' in result ? result.ms : problems.error(entry, before + result.wrong)
}

/** Milliseconds of a time span, or of an old-style number of seconds, which gives a warning. */
export function durationOf(entry: ConfigEntry, field: string, reading: Reading): number | undefined {
  if (typeof entry.value === 'string' || isPlainData(entry)) return spanOf(entry, reading, `error parsing ${field}: `)
  reading.problems.warnUse(entry, field, `${field} should be converted to a duration`)
  const seconds = reading.problems.integer(entry)
  return seconds === undefined ? undefined : seconds * 1000
}

/** Seconds as a number or a time span; returns milliseconds, or the end of the error text. */
export function timeoutOf(entry: ConfigEntry): number | string {
  const ms = millisecondsOf(entry)
  if (ms !== undefined) return ms
  const { value } = entry
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value) * 1000
  if (typeof value !== 'string') return "'timeout' wrong type"
  const result = parseDuration(value)
  return 'ms' in result ? result.ms : `'timeout' ${result.wrong}`
}

// ── Addresses ─────────────────────────────────────────────────────────────────────────────────────────────────

export interface Listen {
  readonly host: string
  readonly port: number
}

/** What a `listen` value says: a port, or `host:port`. */
export function listenOf(entry: ConfigEntry, reading: Reading): Listen | undefined {
  const { value } = entry
  if (typeof value === 'bigint') return { host: '', port: Number(value) }
  if (typeof value !== 'string') return complain(entry, got('expected port or host:port'), reading)
  // `host:port`, `[v6]:port` or `:port`.
  const parts = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(value)
  if (parts === null) return complain(entry, `could not parse address string ${quoteText(value)}`, reading)
  const [, v6, host, port] = parts
  if (!isWhole(port)) return complain(entry, `could not parse port ${quoteText(port)}`, reading)
  return { host: v6 ?? host, port: Number(port) }
}

// ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────

export const anyText: Take<string> = (entry, { problems }) => problems.string(entry)

export const text = kind('text', anyText)
export const boolean = kind<boolean>('boolean', (entry, { problems }) => problems.boolean(entry), { default: 'false' })
export const integer = kind<number>('integer', (entry, { problems }) => problems.integer(entry))
export const size = kind<number>('size', (entry, { problems }) => problems.integer(entry))
/** A time span; the first of the names is what complaints call it. */
export const duration: Rows<number> = (member, names, doc, defaultText) => {
  const field = typeof names === 'string' ? names : names[0]
  const rows = kind<number>('duration', (entry, reading) => durationOf(entry, field, reading))
  return rows(member, names, doc, defaultText)
}
/** What a `listen` key says: the host, and the port besides. */
export const listen = kind<string, { port?: unknown }>('listen', (entry, reading, _, into) => {
  const address = listenOf(entry, reading)
  if (address !== undefined) into.port = address.port
  return address?.host
})
