// Subject transforms (docs/reference/accounts.md, "Subject transforms"): a source filter and a destination made of
// literal tokens, wildcards of the source and functions of them, such as `orders.*.*` to
// `shard.{{partition(8,1)}}.orders.$1.$2`. Mappings, imports and exports are made of them.
//
// A destination is compiled once into one small function per token. Subjects are byte strings.

import { LETTERS } from '../text/scan.ts'
import { isValidFilter, matchesTokens } from './subject.ts'

/** What a destination token becomes, given the tokens of the current subject. */
type Piece = (tokens: readonly string[]) => string

export interface Transform {
  readonly source: string
  readonly destination: string
  /** Whether the source matches a literal subject. */
  matches(tokens: readonly string[]): boolean
  /** The subject that a matching one becomes. */
  apply(tokens: readonly string[]): string
}

/** Why a destination is refused; nats-server's words. */
export interface TransformError {
  readonly error: string
}

const BAD_SUBJECT = 'invalid subject'
const BAD_DESTINATION = 'invalid mapping destination'
const Reason = {
  unusedWildcards: 'not using all of the token wildcard(s)',
  unknownFunction: 'unknown function',
  outOfRange: 'wildcard index out of range',
  tooFew: 'not enough arguments passed to the function',
  tooMany: 'too many arguments passed to the function',
  badArgument: 'function argument is invalid or in the wrong format',
  importOnlyWildcard: 'the only mapping function allowed for import transforms is {{Wildcard()}}',
} as const

function refuse(reason: string, token: string): TransformError {
  return { error: `${BAD_DESTINATION}: ${reason} in ${token}` }
}

const INT32_MAX = 2 ** 31 - 1
/** Only the first letter of each word in a name may be either case. */
const NAMES = [
  ['wildcard', /^[wW]ildcard$/],
  ['partition', /^[pP]artition$/],
  ['split', /^[sS]plit$/],
  ['splitFromLeft', /^[sS]plit[fF]rom[lL]eft$/],
  ['splitFromRight', /^[sS]plit[fF]rom[rR]ight$/],
  ['sliceFromLeft', /^[sS]lice[fF]rom[lL]eft$/],
  ['sliceFromRight', /^[sS]lice[fF]rom[rR]ight$/],
  ['left', /^[lL]eft$/],
  ['right', /^[rR]ight$/],
  ['random', /^[rR]andom$/],
] as const
type FunctionName = (typeof NAMES)[number][0]

/** A destination token as written. */
type Placeholder =
  | { readonly kind: 'literal' }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly wildcards: number[]; readonly argument: Argument }

interface Argument {
  readonly number: number
  readonly text: string
}

/**
 * Compiles a transform. `reversible` is for imports: all wildcards of the source must be used, and nothing but them.
 * An empty source means `>`.
 */
export function compileTransform(source: string, destination: string, reversible = false): Transform | TransformError {
  const from = source === '' ? '>' : source
  if (!isValidFilter(from) || !isValidFilter(destination)) return { error: BAD_SUBJECT }
  const sourceTokens = from.split('.')
  const destinationTokens = destination.split('.')
  const hasTail = sourceTokens.at(-1) === '>'
  if (destinationTokens.includes('*') || hasTail !== (destinationTokens.at(-1) === '>')) return { error: BAD_SUBJECT }

  /** The positions of the wildcards in the source. */
  const wildcards = sourceTokens.flatMap((token, at) => (token === '*' ? [at] : []))
  const pieces: Piece[] = []
  let used = 0
  for (const token of hasTail ? destinationTokens.slice(0, -1) : destinationTokens) {
    const placeholder = readToken(token)
    if ('error' in placeholder) return placeholder
    if (placeholder.kind === 'literal') {
      pieces.push(() => token)
      continue
    }
    const { name, argument } = placeholder
    if (reversible && name !== 'wildcard') return refuse(Reason.importOnlyWildcard, token)
    const places: number[] = []
    if (placeholder.wildcards.length > 0 && wildcards.length === 0 && !hasTail) return refuse(Reason.outOfRange, token)
    for (const index of placeholder.wildcards) {
      if (index < 1 || index > wildcards.length) return refuse(Reason.outOfRange, `${token}: [${index}]`)
      places.push(wildcards[index - 1])
    }
    used += places.length
    pieces.push(FUNCTIONS[name](places, argument))
  }
  if (reversible && used < wildcards.length) return refuse(Reason.unusedWildcards, destination)

  const tailFrom = sourceTokens.length - 1
  return {
    source: from,
    destination,
    matches: (tokens) => matchesTokens(sourceTokens, tokens),
    apply: (tokens) => {
      const result = pieces.map((piece) => piece(tokens))
      if (hasTail) for (let i = tailFrom; i < tokens.length; i++) result.push(tokens[i])
      return result.join('.')
    },
  }
}

/**
 * The way back of a reversible transform: what the destination matches becomes what the source matches. `*` and `>` may
 * be among its tokens, so that filters are mapped back as well.
 */
export function reverseTransform(transform: Transform): Transform {
  const sourceTokens = transform.source.split('.')
  const order: number[] = []
  const filter = transform.destination.split('.').map((token) => {
    const placeholder = readToken(token)
    if ('error' in placeholder || placeholder.kind === 'literal') return token
    order.push(placeholder.wildcards[0])
    return '*'
  })
  let wildcard = 0
  const destination = sourceTokens.map((token) => {
    if (token !== '*') return token
    wildcard++
    return `$${order.indexOf(wildcard) + 1}`
  })
  const reversed = compileTransform(filter.join('.'), destination.join('.'))
  if ('error' in reversed) throw new Error(`a reversible transform has no way back: ${reversed.error}`)
  return reversed
}

/** The destination of a transform that changes nothing: `foo.*.>` to `foo.$1.>`. */
export function identityDestination(source: string): string {
  let wildcard = 0
  const tokens = source.split('.').map((token) => (token === '*' ? `$${++wildcard}` : token))
  return tokens.join('.')
}

// ── Reading a token ─────────────────────────────────────────────────────────────────────────────────────────

function integer(text: string): number | undefined {
  const trimmed = text.trim()
  return /^[+-]?\d{1,15}$/.test(trimmed) ? Number(trimmed) : undefined
}

function readToken(token: string): Placeholder | TransformError {
  if (token.length > 1 && token[0] === '$') {
    const index = integer(token.slice(1))
    // Subjects of the server itself begin with $ too.
    if (index === undefined) return { kind: 'literal' }
    return { kind: 'call', name: 'wildcard', wildcards: [index], argument: { number: 0, text: '' } }
  }
  if (token.length <= 4 || !token.startsWith('{{') || !token.endsWith('}}')) return { kind: 'literal' }
  const call = readCall(token.slice(2, -2).trim())
  const name = NAMES.find(([, pattern]) => call !== undefined && pattern.test(call.name))?.[0]
  if (call === undefined || name === undefined) return refuse(Reason.unknownFunction, token)
  return readArguments(token, name, call.given)
}

/** `name(arguments)`, the arguments parted at commas, behind which blanks mean nothing. */
function readCall(text: string): { readonly name: string; readonly given: readonly string[] } | undefined {
  const nameEnd = LETTERS.endOf(text, 0)
  const rest = text.slice(nameEnd).trimStart()
  if (nameEnd === 0 || !rest.startsWith('(') || !rest.endsWith(')')) return undefined
  const given = rest
    .slice(1, -1)
    .split(',')
    .map((argument, i) => (i === 0 ? argument : argument.trimStart()))
  return { name: text.slice(0, nameEnd), given }
}

function readArguments(token: string, name: FunctionName, given: readonly string[]): Placeholder | TransformError {
  const first = integer(given[0])
  const place = (wildcards: number[], number = 0, text = ''): Placeholder => {
    return { kind: 'call', name, wildcards, argument: { number, text } }
  }
  switch (name) {
    case 'wildcard':
      if (given.length === 1 && given[0] === '') return refuse(Reason.tooFew, token)
      if (given.length > 1) return refuse(Reason.tooMany, token)
      return first === undefined ? refuse(Reason.badArgument, token) : place([first])
    case 'random':
      if (given.length !== 1) return refuse(Reason.tooFew, token)
      if (first === undefined || first > INT32_MAX || first < 0) return refuse(Reason.badArgument, token)
      return place([], first)
    case 'partition': {
      const numbers = given.map(integer)
      if (first === undefined || first > INT32_MAX || first < 0) return refuse(Reason.badArgument, token)
      const wildcards = numbers.slice(1).filter((number) => number !== undefined)
      return wildcards.length < numbers.length - 1 ? refuse(Reason.badArgument, token) : place(wildcards, first)
    }
    case 'split': {
      if (given.length < 2) return refuse(Reason.tooFew, token)
      if (given.length > 2) return refuse(Reason.tooMany, token)
      const delimiter = given[1]
      if (first === undefined || /[ .]/.test(delimiter)) return refuse(Reason.badArgument, token)
      return place([first], 0, delimiter)
    }
    default: {
      if (given.length < 2) return refuse(Reason.tooFew, token)
      if (given.length > 2) return refuse(Reason.tooMany, token)
      const second = integer(given[1])
      if (first === undefined || second === undefined || Math.abs(second) > INT32_MAX) {
        return refuse(Reason.badArgument, token)
      }
      return place([first], second)
    }
  }
}

// ── The functions ───────────────────────────────────────────────────────────────────────────────────────────

/** A function of one wildcard's token and a size; a size that is not inside the token leaves it as it is. */
function sized(cut: (token: string, size: number) => string): (places: number[], argument: Argument) => Piece {
  return ([place], { number: size }) => {
    return (tokens) => (size > 0 && size < tokens[place].length ? cut(tokens[place], size) : tokens[place])
  }
}

function slices(token: string, size: number, from: number): string {
  const parts = from > 0 ? [token.slice(0, from)] : []
  for (let at = from; at < token.length; at += size) parts.push(token.slice(at, at + size))
  return parts.join('.')
}

const FUNCTIONS: Readonly<Record<FunctionName, (places: number[], argument: Argument) => Piece>> = {
  wildcard:
    ([place]) =>
    (tokens) =>
      tokens[place],
  partition:
    (places, { number: buckets }) =>
    (tokens) => {
      const key = places.length > 0 ? places.map((place) => tokens[place]).join('') : tokens.join('.')
      return buckets === 0 ? '0' : String(fnv1a(key) % buckets)
    },
  random:
    (_, { number: ceiling }) =>
    () =>
      String(Math.floor(Math.random() * Math.max(ceiling, 1))),
  // Empty parts are left out: a token of a subject is never empty.
  split:
    ([place], { text: delimiter }) =>
    (tokens) =>
      tokens[place]
        .split(delimiter)
        .filter((part) => part !== '')
        .join('.') || tokens[place],
  splitFromLeft: sized((token, size) => `${token.slice(0, size)}.${token.slice(size)}`),
  splitFromRight: sized((token, size) => `${token.slice(0, -size)}.${token.slice(-size)}`),
  sliceFromLeft: sized((token, size) => slices(token, size, 0)),
  sliceFromRight: sized((token, size) => slices(token, size, token.length % size)),
  left: sized((token, size) => token.slice(0, size)),
  right: sized((token, size) => token.slice(-size)),
}

/** FNV-1a, 32 bits, of a byte string. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
