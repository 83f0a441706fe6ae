// The digest of a configuration: SHA-256 of its JSON form, equal to nats-server's for the same file
// (docs/reference/configuration-files.md, "Digest"). It is shown by `-t`, in the log at start, and by /varz, and tells
// whether two servers run with the same settings.
//
// JSON as Go writes it: keys in the order of their bytes, <, > and & escaped, and floats in Go's shortest form.

import { createHash } from 'node:crypto'
import { SOURCES_BYTES_MAX } from '../surroundings.ts'
import { NESTING_MAX } from './lexer.ts'
import { ConfigSyntaxError } from './parser.ts'
import type { ConfigArray, ConfigMap, ConfigValue } from './tree.ts'

/** `sha256:<hex>`. Throws ConfigSyntaxError if variables that use each other make the whole too large. */
export function digestOf(map: ConfigMap): string {
  const json = new JsonWriter().json(map)
  return `sha256:${createHash('sha256').update(`${json}\n`).digest('hex')}`
}

class JsonWriter {
  /** JSON of maps and arrays: one that many variables refer to is written once. */
  private readonly written = new Map<ConfigMap | ConfigArray, string>()
  private depth = 0
  private chars = 0

  json(value: ConfigValue): string {
    if (typeof value === 'string') return stringJson(value)
    if (typeof value === 'number') return floatJson(value)
    if (value instanceof Date) return `"${value.toISOString().slice(0, 19)}Z"`
    if (typeof value !== 'object') return String(value)
    let text = this.written.get(value)
    if (text !== undefined) return text
    this.depth++
    if (this.depth > NESTING_MAX) throw new ConfigSyntaxError(`values are more than ${NESTING_MAX} deep`)
    text = Array.isArray(value) ? this.arrayJson(value) : this.mapJson(value)
    this.depth--
    this.chars += text.length
    if (this.chars > SOURCES_BYTES_MAX) throw new ConfigSyntaxError('configuration is too large')
    this.written.set(value, text)
    return text
  }

  private arrayJson(array: ConfigArray): string {
    return `[${array.map((item) => this.json(item.value)).join(',')}]`
  }

  private mapJson(map: ConfigMap): string {
    const members = sorted([...map.keys()]).map((key) => `${stringJson(key)}:${this.json(map.get(key)?.value ?? '')}`)
    return `{${members.join(',')}}`
  }
}

const SURROGATE = /[\ud800-\udfff]/

/** In the order of UTF-8, which is that of code points; JavaScript's differs where there are surrogates. */
function sorted(keys: string[]): string[] {
  if (!keys.some((key) => SURROGATE.test(key))) return keys.sort()
  return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

function stringJson(text: string): string {
  const json = JSON.stringify(text)
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The shortest digits that read back the same; an exponent from 1e21 on and below 1e-6, as in JavaScript. */
function floatJson(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}
