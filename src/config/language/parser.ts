// Tokens in, a tree of entries out (docs/reference/configuration-files.md, "Entries"): maps, arrays, variables,
// includes. The parser gets files and the environment from a Surroundings, so that it can be tested without either.
//
// Two stacks do the work, and nothing recurses but includes and values from the environment, which are bounded:
//   containers  the maps and arrays that are open, the file's own map at the bottom
//   keys        keys that wait for their value; a key without one stays there, as in nats-server
//
// A map's entry carries the place of its key, an array's entry its own.

import { dirname, join } from 'node:path'
import { suffixFactor } from '../blocks/sizes.ts'
import { SOURCES_BYTES_MAX, type Surroundings } from '../surroundings.ts'
import { Lexer } from './lexer.ts'
import type { Token } from './scanner.ts'
import type { ConfigArray, ConfigEntry, ConfigMap, ConfigValue, Place } from './tree.ts'

/** Text quoted from a file is cut here: a complaint is one line that a person can read. */
const MESSAGE_CHARS_MAX = 2000

/** What is wrong with the file, as one line. */
export class ConfigSyntaxError extends Error {
  override name = 'ConfigSyntaxError'

  constructor(text: string) {
    super(text.slice(0, MESSAGE_CHARS_MAX))
  }
}

/** The file goes round in circles, or on and on: where that was noticed does not matter. */
class EndlessConfigError extends ConfigSyntaxError {}

/** Values that one configuration may hold: a hundred thousand users would be half of it. */
const VALUES_MAX = 1_000_000
/** Files and environment values that may be read for one configuration, and how deep they may refer to each other. */
const SOURCES_MAX = 10_000
const SOURCES_DEPTH_MAX = 64

/** The member under which a value from the environment is parsed. */
const VALUE_KEY = 'pk'
/** A value that begins so is a bcrypt hash, not a variable. */
const BCRYPT = '2a$'

/** What all parsers of one configuration share. */
interface Shared extends Surroundings {
  /** Files that are being read, from the outermost in. */
  readonly files: string[]
  /** Environment variables that are being parsed. */
  readonly variables: Set<string>
  sources: number
  bytes: number
  values: number
}

/** Reads a configuration file with all that it includes. Throws ConfigSyntaxError. */
export function parseConfigFile(path: string, surroundings: Surroundings): ConfigMap {
  return parseFile(path, { ...surroundings, files: [], variables: new Set(), sources: 0, bytes: 0, values: 0 })
}

function parseFile(path: string, shared: Shared): ConfigMap {
  if (shared.files.includes(path)) throw new EndlessConfigError(`include loop: ${[...shared.files, path].join(' -> ')}`)
  let bytes: string
  try {
    bytes = shared.readFile(path)
  } catch (error) {
    throw new ConfigSyntaxError((error as Error).message)
  }
  shared.files.push(path)
  const map = new Parser(bytes, path, shared).parse()
  shared.files.pop()
  return map
}

class Parser {
  private readonly lexer: Lexer
  private readonly path: string
  private readonly shared: Shared
  /** For a value from the environment: the place of the reference, which is reported for its parts. */
  private readonly fixedPlace: Place | undefined
  private readonly root: ConfigMap = new Map()
  private readonly containers: (ConfigMap | ConfigArray)[] = [this.root]
  private readonly keys: Token[] = []

  constructor(bytes: string, path: string, shared: Shared, fixedPlace?: Place) {
    shared.sources++
    shared.bytes += bytes.length
    if (shared.sources > SOURCES_MAX) throw new EndlessConfigError(`more than ${SOURCES_MAX} includes and variables`)
    if (shared.files.length + shared.variables.size > SOURCES_DEPTH_MAX) {
      throw new EndlessConfigError(`includes and variables are more than ${SOURCES_DEPTH_MAX} deep`)
    }
    if (shared.bytes > SOURCES_BYTES_MAX) {
      throw new EndlessConfigError(`configuration is larger than ${SOURCES_BYTES_MAX} bytes`)
    }
    this.lexer = new Lexer(bytes)
    this.path = path
    this.shared = shared
    this.fixedPlace = fixedPlace
  }

  parse(): ConfigMap {
    let before: Token | undefined
    for (;;) {
      const token = this.lexer.next()
      if (token.kind === 'end') {
        // A brace that is left over passes for the end of a file that is all in braces.
        if (before?.kind !== 'key' || before.text === '}') return this.root
        throw new ConfigSyntaxError(`config is invalid (${this.path}:${token.line}:${token.column})`)
      }
      this.process(token)
      before = token
    }
  }

  private process(token: Token): void {
    switch (token.kind) {
      case 'error':
        throw new ConfigSyntaxError(`Parse error on line ${token.line}: '${token.text}'`)
      case 'key':
        this.keys.push(token)
        break
      case 'mapStart':
        this.containers.push(new Map())
        break
      case 'arrayStart':
        this.containers.push([])
        break
      case 'mapEnd':
      case 'arrayEnd':
        this.add(this.entry(token, this.containers.pop() as ConfigMap | ConfigArray))
        break
      case 'string':
        this.add(this.entry(token, token.text))
        break
      case 'boolean':
        this.add(this.entry(token, /^(?:true|yes|on)$/i.test(token.text)))
        break
      case 'integer': {
        const value = integerOf(token.text)
        if (value !== undefined) this.add(this.entry(token, value))
        break
      }
      case 'float':
        this.add(this.entry(token, floatOf(token.text)))
        break
      case 'datetime':
        this.add(this.entry(token, dateOf(token.text)))
        break
      case 'variable':
        this.add(this.entry(token, this.lookUp(token)))
        break
      case 'include':
        this.include(token)
        break
    }
  }

  private entry(token: Token, value: ConfigValue): ConfigEntry {
    const place = this.fixedPlace ?? { file: this.path, line: token.line, column: token.column }
    return { value, place, usedAsVariable: false }
  }

  /** Puts an entry into the innermost open map, under the latest key, or array. */
  private add(entry: ConfigEntry): void {
    if (++this.shared.values > VALUES_MAX) throw new EndlessConfigError(`more than ${VALUES_MAX} values`)
    const container = this.containers[this.containers.length - 1]
    if (Array.isArray(container)) {
      container.push(entry)
      return
    }
    const key = this.keys.pop() as Token
    entry.place = this.fixedPlace ?? { file: entry.place.file, line: key.line, column: key.column }
    container.set(key.text, entry)
  }

  private include(token: Token): void {
    let included: ConfigMap
    try {
      // nats-server joins an absolute path to the folder, too.
      included = parseFile(join(dirname(this.path), token.text), this.shared)
    } catch (error) {
      if (!(error instanceof ConfigSyntaxError) || error instanceof EndlessConfigError) throw error
      throw new ConfigSyntaxError(`error parsing include file '${token.text}', ${error.message}`)
    }
    const container = this.containers[this.containers.length - 1] as ConfigMap
    for (const [key, entry] of included) container.set(key, entry)
  }

  /** The value of a `$NAME`: the nearest entry of that name in the maps that are open, or the environment's. */
  private lookUp(token: Token): ConfigValue {
    const name = token.text
    if (name.startsWith(BCRYPT)) return `$${name}`
    for (let i = this.containers.length - 1; i >= 0; i--) {
      const container = this.containers[i]
      const entry = Array.isArray(container) ? undefined : container.get(name)
      if (entry === undefined) continue
      entry.usedAsVariable = true
      return entry.value
    }
    const value = this.fromEnvironment(token)
    if (value !== undefined) return value
    throw new ConfigSyntaxError(`variable reference for '${name}' on line ${token.line} can not be found`)
  }

  private fromEnvironment(token: Token): ConfigValue | undefined {
    const { variables, environment } = this.shared
    const name = token.text
    const failed = (reason: string): ConfigSyntaxError =>
      new ConfigSyntaxError(`variable reference for '${name}' on line ${token.line} could not be parsed: ${reason}`)
    if (variables.has(name)) throw failed(`variable reference cycle for '${name}'`)
    const text = environment(name)
    if (text === undefined) return undefined
    variables.add(name)
    try {
      const bytes = Buffer.from(`${VALUE_KEY}=${text}`, 'utf8').toString('latin1')
      const place = this.entry(token, '').place
      return new Parser(bytes, '', this.shared, place).parse().get(VALUE_KEY)?.value
    } catch (error) {
      if (!(error instanceof ConfigSyntaxError) || error instanceof EndlessConfigError) throw error
      throw failed(error.message)
    } finally {
      variables.delete(name)
    }
  }
}

/** An integer with its size's suffix; undefined for a suffix that means nothing, which leaves the key without value. */
function integerOf(text: string): bigint | undefined {
  const digits = /^[-\p{Nd}]*/u.exec(text)?.[0] ?? ''
  if (!/^-?[0-9]+$/.test(digits)) throw new ConfigSyntaxError(`expected integer, but got '${text}'`)
  // So many digits are a mistake, and converting millions of them takes long.
  const value = digits.length > 40 ? 2n ** 64n : BigInt(digits)
  if (value !== BigInt.asIntN(64, value)) throw new ConfigSyntaxError(`integer '${text}' is out of the range`)
  const factor = suffixFactor(text.slice(digits.length))
  return factor === undefined ? undefined : BigInt.asIntN(64, value * factor)
}

function floatOf(text: string): number {
  const value = Number(text)
  if (Number.isNaN(value)) throw new ConfigSyntaxError(`expected float, but got '${text}'`)
  if (!Number.isFinite(value)) throw new ConfigSyntaxError(`float '${text}' is out of the range`)
  return value
}

function dateOf(text: string): Date {
  const date = new Date(text)
  if (Number.isNaN(date.getTime()) || `${date.toISOString().slice(0, 19)}Z` !== text) {
    throw new ConfigSyntaxError(`expected Zulu formatted DateTime, but got '${text}'`)
  }
  return date
}
