// The problems of a configuration, collected while it is read: errors, which refuse it, and warnings, with which a
// server still starts. Texts are those of nats-server.

import { quote } from '../base/errors.ts'
import { type ConfigEntry, type ConfigMap, type ConfigValue, placeText, typeName } from './language/tree.ts'

/** Text quoted from a file is cut here: a complaint is one line that a person can read. */
const MESSAGE_CHARS_MAX = 2000
/** The number of errors that are reported; further ones are left out. */
const TOLD_MAX = 100

export class Problems {
  readonly errors: string[] = []
  readonly warnings: string[] = []
  private untold = 0

  /** Something is wrong with an entry, or, without one, with the configuration as a whole. */
  error(entry: ConfigEntry | undefined, text: string): undefined {
    this.add(this.errors, entry, text)
  }

  unknown(entry: ConfigEntry, key: string): undefined {
    if (this.errors.length < TOLD_MAX) this.error(entry, `unknown field ${quoteText(key)}`)
    else this.untold++
  }

  /** A key that is used as it should not be. */
  warnUse(entry: ConfigEntry, key: string, text: string): void {
    this.warn(entry, `invalid use of field ${quoteText(key)}: ${text}`)
  }

  warn(entry: ConfigEntry | undefined, text: string): void {
    this.add(this.warnings, entry, text)
  }

  private add(list: string[], entry: ConfigEntry | undefined, text: string): void {
    if (list.length < TOLD_MAX) list.push(placed(entry, text))
    else this.untold++
  }

  /** What `-t` and a refused start print: warnings first, then errors, a line each. */
  get text(): string {
    const lines = [...this.warnings, ...this.errors]
    if (this.untold > 0) lines.push(`and ${this.untold} more`)
    return lines.map((line) => `${line}\n`).join('')
  }

  // ── Values of a certain type; undefined and an error for others ─────────────────────────────────────────────

  string(entry: ConfigEntry): string | undefined {
    const { value } = entry
    return typeof value === 'string' ? value : this.wrongType(entry, 'string')
  }

  boolean(entry: ConfigEntry): boolean | undefined {
    const { value } = entry
    return typeof value === 'boolean' ? value : this.wrongType(entry, 'bool')
  }

  integer(entry: ConfigEntry): number | undefined {
    const { value } = entry
    return typeof value === 'bigint' ? Number(value) : this.wrongType(entry, 'int64')
  }

  array(entry: ConfigEntry): ConfigEntry[] | undefined {
    const { value } = entry
    return Array.isArray(value) ? value : this.wrongType(entry, '[]interface {}')
  }

  map(entry: ConfigEntry): ConfigMap | undefined {
    const { value } = entry
    return value instanceof Map ? value : this.wrongType(entry, 'map[string]interface {}')
  }

  private wrongType(entry: ConfigEntry, wanted: string): undefined {
    this.error(entry, `interface conversion: interface {} is ${typeName(entry.value)}, not ${wanted}`)
  }
}

function placed(entry: ConfigEntry | undefined, text: string): string {
  const line = entry === undefined || entry.place.file === '' ? text : `${placeText(entry.place)}: ${text}`
  return line.slice(0, MESSAGE_CHARS_MAX)
}

/** Text in quotes, as Go's %q; cut where it is too long to be read. */
export function quoteText(text: string): string {
  return quote(Buffer.from(text.slice(0, MESSAGE_CHARS_MAX), 'utf8').toString('latin1'))
}

/**
 * A value in error texts, as Go's %v. Contents of maps and arrays are not shown: they may be secrets, and nats-server
 * shows their addresses in memory.
 */
export function shownValue(value: ConfigValue): string {
  if (typeof value === 'number') return floatText(value)
  if (value instanceof Date) return `${value.toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`
  if (value instanceof Map) return value.size === 0 ? 'map[]' : typeName(value)
  if (Array.isArray(value)) return value.length === 0 ? '[]' : typeName(value)
  return String(value)
}

/** The same as Go's %q. */
export function quotedValue(value: ConfigValue): string {
  return typeof value === 'string' ? quoteText(value) : shownValue(value)
}

/** Exponents from which on Go writes a float with one. */
const EXPONENT_MIN = -4
const EXPONENT_MAX = 5

function floatText(value: number): string {
  const [digits, exponent] = value.toExponential().split('e')
  const power = Number(exponent)
  if (value === 0 || (power >= EXPONENT_MIN && power <= EXPONENT_MAX)) return String(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}
