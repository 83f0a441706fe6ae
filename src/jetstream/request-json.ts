// Requests of the JetStream API as Go reads them: names of members in any letter case, `null` as if it were not there,
// the last of several members of one name, whole numbers of 64 bits. What is wrong with a request is a text, the first
// of all that could be said; what could be read is kept nevertheless.

import { folded, INT64, UINT64 } from '../text/json.ts'

/** What came of a reading. */
export class Reading {
  /** What is wrong, as Go says it; undefined: nothing so far. */
  fault: string | undefined
  /** Members that nobody knows are wrong. */
  private readonly strict: boolean

  constructor(strict: boolean) {
    this.strict = strict
  }

  complain(fault: string): undefined {
    this.fault ??= fault
  }

  unknown(name: string): void {
    if (this.strict) this.complain(`json: unknown field ${JSON.stringify(name)}`)
  }
}

/** Reads one value; undefined: there is none, or it is none of this kind. `at` names the member in a complaint. */
export type Read<T> = (value: unknown, at: string, reading: Reading) => T | undefined

/** A number as it is written. */
class Written {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

const mismatch = (value: unknown, at: string, type: string): string => {
  const place = at === '' ? `value of type ${type}` : `struct field ${at} of type ${type}`
  return `json: cannot unmarshal ${goKind(value)} into Go ${place}`
}

function goKind(value: unknown): string {
  if (value instanceof Written) return /^-?\d+$/.test(value.text) ? 'number' : `number ${value.text}`
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'object'
}

export const text: Read<string> = (value, at, reading) =>
  typeof value === 'string' ? value : reading.complain(mismatch(value, at, 'string'))

export const flag: Read<boolean> = (value, at, reading) =>
  typeof value === 'boolean' ? value : reading.complain(mismatch(value, at, 'bool'))

function whole({ min, max }: { readonly min: bigint; readonly max: bigint }, type: string): Read<number> {
  return (value, at, reading) => {
    if (!(value instanceof Written)) return reading.complain(mismatch(value, at, type))
    const { text } = value
    if (/^-?\d{1,20}$/.test(text) && BigInt(text) >= min && BigInt(text) <= max) return Number(text)
    return reading.complain(`json: cannot unmarshal number ${text} into Go struct field ${at} of type ${type}`)
  }
}

/** Numbers beyond 2^53 become the nearest that there is. */
export const integer = whole(INT64, 'int64')
export const natural = whole(UINT64, 'uint64')
export const span = whole(INT64, 'time.Duration')
export const smallInteger = whole({ min: -(2n ** 31n), max: 2n ** 31n - 1n }, 'int32')

/** One of some words. */
export function word<T extends string>(...words: readonly T[]): Read<T> {
  return (value, _at, reading) => {
    if (typeof value === 'string' && (words as readonly string[]).includes(value)) return value as T
    return reading.complain(`can not unmarshal ${JSON.stringify(value instanceof Written ? value.text : value)}`)
  }
}

/** An instant as RFC 3339 has it. */
export const instant: Read<string> = (value, at, reading) => {
  if (typeof value !== 'string') return reading.complain('Time.UnmarshalJSON: input is not a JSON string')
  if (
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  ) {
    return value
  }
  return reading.complain(`parsing time ${JSON.stringify(JSON.stringify(value))} as "2006-01-02T15:04:05Z07:00": ${at}`)
}

export function list<T>(read: Read<T>): Read<T[]> {
  return (value, at, reading) => {
    if (!Array.isArray(value)) return reading.complain(mismatch(value, at, '[]string'))
    return value.map((item) => read(item, at, reading)).filter((item) => item !== undefined)
  }
}

/** Texts by any name. */
export const texts: Read<Record<string, string>> = (value, at, reading) => {
  if (!isObject(value)) return reading.complain(mismatch(value, at, 'map[string]string'))
  const entries: [string, string][] = []
  for (const [name, item] of Object.entries(value)) {
    if (item !== null) entries.push([name, text(item, at, reading) ?? ''])
  }
  return Object.fromEntries(entries)
}

/** The members of an object. */
export type Shape<T> = { readonly [K in keyof T]-?: Read<Exclude<T[K], undefined>> }

/** An object of Go's type `type`; members that it does not have are left out. */
export function object<T extends object>(type: string, shape: Shape<T>): Read<Partial<T>> {
  const names = new Map(Object.keys(shape).map((name) => [folded(name), name as keyof T & string]))
  return (value, at, reading) => {
    if (!isObject(value)) return reading.complain(mismatch(value, at, at === '' ? `server.${type}` : type))
    const said: Partial<T> = {}
    for (const [given, item] of Object.entries(value)) {
      const name = names.get(folded(given))
      if (name === undefined) reading.unknown(given)
      else if (item !== null) {
        const member = shape[name](item, `${type}.${name}`, reading)
        if (member !== undefined) said[name] = member as T[typeof name]
      }
    }
    // In the order in which they are shown.
    const members: Partial<T> = {}
    for (const name of names.values()) if (name in said) members[name] = said[name] as T[typeof name]
    return members
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Written)
}

/** Reads a JSON text. What it is about is undefined where it is no JSON at all. */
export function readJson<T>(json: string, read: Read<T>, strict: boolean): { value: T | undefined; fault?: string } {
  const reading = new Reading(strict)
  let parsed: unknown
  try {
    parsed = JSON.parse(json, keepNumbers)
  } catch {
    return { value: undefined, fault: syntaxFault(json) }
  }
  const value = parsed === null ? undefined : read(parsed, '', reading)
  return reading.fault === undefined ? { value } : { value, fault: reading.fault }
}

function keepNumbers(_name: string, value: unknown, context?: { readonly source: string }): unknown {
  return typeof value === 'number' ? new Written(context?.source ?? String(value)) : value
}

/** Whether the beginning of a text could be JSON, which is what most broken ones are. */
function syntaxFault(json: string): string {
  const trimmed = json.trimEnd()
  if (trimmed === '') return 'EOF'
  const isCut = /^\s*[{[]/.test(json) && !/[}\]]$/.test(trimmed)
  if (isCut) return 'unexpected EOF'
  const first = trimmed.trimStart()[0]
  return `invalid character ${first === "'" ? "'\\''" : `'${first}'`} looking for beginning of value at offset 1`
}
