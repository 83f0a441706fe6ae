// The digest of a configuration: SHA-256 of its JSON form, equal to nats-server's for the same file (reference 3). It
// is shown by `-t`, in the log at start, and by /varz, and tells whether two servers run with the same settings.
//
// JSON as Go writes it: keys in the order of their bytes, <, > and & escaped, and floats in Go's shortest form.

import { createHash } from 'node:crypto'
import { NESTING_MAX } from './lexer.ts'
import { ConfigSyntaxError } from './parser.ts'
import { SOURCES_BYTES_MAX } from './surroundings.ts'
import type { ConfigArray, ConfigMap, ConfigValue } from './tree.ts'

/** `sha256:<hex>`. Throws ConfigSyntaxError if variables that use each other make the whole too large. */
export function digestOf(map: ConfigMap): string {
  const writer = new JsonWriter()
  writer.write(map)
  return `sha256:${createHash('sha256').update(`${writer.text}\n`).digest('hex')}`
}

class JsonWriter {
  text = ''
  private depth = 0

  write(value: ConfigValue): void {
    if (typeof value === 'string') this.text += stringJson(value)
    else if (typeof value === 'number') this.text += floatJson(value)
    else if (value instanceof Date) this.text += `"${value.toISOString().slice(0, 19)}Z"`
    else if (typeof value !== 'object') this.text += String(value)
    else {
      this.depth++
      if (this.depth > NESTING_MAX) throw new ConfigSyntaxError(`values are more than ${NESTING_MAX} deep`)
      if (Array.isArray(value)) this.writeArray(value)
      else this.writeMap(value)
      this.depth--
    }
    if (this.text.length > SOURCES_BYTES_MAX) throw new ConfigSyntaxError('configuration is too large')
  }

  private writeArray(array: ConfigArray): void {
    this.text += '['
    for (const [i, item] of array.entries()) {
      if (i > 0) this.text += ','
      this.write(item.value)
    }
    this.text += ']'
  }

  private writeMap(map: ConfigMap): void {
    this.text += '{'
    for (const [i, key] of [...map.keys()].sort(byBytes).entries()) {
      this.text += `${i > 0 ? ',' : ''}${stringJson(key)}:`
      this.write(map.get(key)?.value ?? '')
    }
    this.text += '}'
  }
}

/** The order of UTF-8, which is that of code points and not of JavaScript's strings. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function stringJson(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The shortest digits that read back the same; an exponent from 1e21 on and below 1e-6, as in JavaScript. */
function floatJson(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}
