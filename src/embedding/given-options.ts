// What a program gives to createServer(), and the changes that it gives to reload().

import { HOOK_NAMES, type Hooks } from '../auth/hooks.ts'
import { blockReader } from '../config/file.ts'
import { isPlainObject, shownData } from '../config/language/tree.ts'
import { type Normalised, normaliseEmbedded, OptionError } from '../config/normalise.ts'
import { readFile } from '../config/surroundings.ts'
import { LOGGER_FUNCTIONS, type Logger } from '../log/logger.ts'
import type { Options, ServerOptions } from '../options/options.ts'

/** What createServer() takes: plain data, and functions. */
export interface EmbeddedOptions extends ServerOptions, Hooks {
  /**
   * Logs lines of the server, with the levels that `debug` and `trace` switch on: `console`, a pino logger, or any
   * object with such functions. It cannot be changed while the server runs. Default: `log`, `logFile` or `syslog`.
   */
  logger?: Logger
}

/**
 * A change of options, merged into those in force as a JSON merge patch (RFC 7396): what is left out stays as it is, an
 * object is merged member by member, any other value, an array too, replaces the one before, and null removes a member,
 * so that its default holds again.
 */
export type OptionsChange = Changed<EmbeddedOptions>
type Changed<T> = T extends Whole ? T : { [K in keyof T]?: Changed<T[K]> | null }
/** What is replaced as a whole. */
type Whole = string | number | boolean | undefined | readonly unknown[] | ((...given: never[]) => unknown) | Logger

export interface Given extends Normalised {
  /** A copy of what was given: changes are merged into it. */
  readonly given: EmbeddedOptions
  readonly hooks: Hooks
  readonly logger: Logger | undefined
}

/** Completes and checks options as they were given. Throws OptionError. */
export function readGiven(given: EmbeddedOptions): Given {
  if (!isPlainObject(given)) throw new OptionError(`options must be a plain object, not ${shownData(given)}`)
  const options: Record<string, unknown> = { ...given }
  const hooks: Record<string, unknown> = {}
  for (const name of HOOK_NAMES) {
    if (!Object.hasOwn(given, name)) continue
    // Undefined, it would leave the door open that it is to guard.
    if (typeof given[name] !== 'function')
      throw new OptionError(`${name} must be a function, not ${shownData(given[name])}`)
    hooks[name] = given[name]
    delete options[name]
  }
  const { logger }: EmbeddedOptions = given
  delete options['logger']
  if (Object.hasOwn(given, 'logger')) checkLogger(given)
  const normalised = normaliseEmbedded(options, blockReader(readFile))
  const complete: Options = logger === undefined ? normalised.options : { ...normalised.options, log: 'program' }
  return { ...normalised, options: Object.freeze(complete), given: merged({}, given) as EmbeddedOptions, hooks, logger }
}

/** Throws an OptionError if the logger is none, or other options say where lines go. */
function checkLogger(given: EmbeddedOptions): void {
  const { logger } = given
  const lacking = LOGGER_FUNCTIONS.find((name) => typeof logger?.[name] !== 'function')
  if (lacking !== undefined) throw new OptionError(`logger must be an object with a function ${lacking}()`)
  for (const name of ['log', 'logFile', 'syslog', 'remoteSyslog'] as const) {
    if (given[name] !== undefined) throw new OptionError(`logger and ${name} cannot be used together`)
  }
}

/** Options in force with a change merged into them, completed and checked. Throws OptionError. */
export function readChange(before: EmbeddedOptions, change: OptionsChange): Given {
  if (!isPlainObject(change))
    throw new OptionError(`a change of options must be a plain object, not ${shownData(change)}`)
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) {
      throw new OptionError(`${name} must not be undefined: leave it out to keep it, or give null for its default`)
    }
  }
  if (change.logger !== undefined && change.logger !== before.logger) {
    throw new OptionError('logger cannot be changed while the server runs')
  }
  return readGiven(merged(before as Members, change) as EmbeddedOptions)
}

type Members = Readonly<Record<string, unknown>>

/** Plain data is nested less deep than this; config/language/tree.ts refuses what is deeper. */
const DEPTH_MAX = 200

/** RFC 7396. What is plain data is copied. */
function merged(before: Members, change: Members, depth = 0): Members {
  if (depth > DEPTH_MAX) throw new OptionError('the options are nested too deep')
  // Without a prototype: `__proto__` is a name like any other.
  const result: Record<string, unknown> = Object.assign(Object.create(null), before)
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete result[name]
    else if (name === 'logger' && depth === 0)
      result[name] = value // an object of the program's, plain or not
    else if (isPlainObject(value)) {
      const earlier = result[name]
      result[name] = merged(isPlainObject(earlier) ? earlier : {}, value, depth + 1)
    } else result[name] = copied(value, depth + 1)
  }
  return result
}

function copied(value: unknown, depth: number): unknown {
  if (Array.isArray(value) && depth <= DEPTH_MAX) return Array.from(value, (member) => copied(member, depth + 1))
  return isPlainObject(value) ? merged({}, value, depth) : value
}
