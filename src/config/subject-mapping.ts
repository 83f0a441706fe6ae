// Whether a subject can be turned into another (reference 4.3), such as `a.*` into `b.{{wildcard(1)}}`.
// Here it is only checked, in the words of nats-server; who maps subjects parses the destination for himself.

import { hasWildcard, isValidSubject } from './subjects.ts'

const BAD = 'invalid mapping destination'
const INT32_MAX = 2 ** 31 - 1

/** What a destination's token does, and with which of the source's wildcards (from 1). */
interface Placeholder {
  readonly name: string
  readonly wildcards: readonly number[]
}

type ArgumentReader = (args: string[]) => Placeholder | string

const FUNCTIONS: readonly (readonly [spelling: RegExp, read: ArgumentReader])[] = [
  [spelling('wildcard'), readWildcard],
  [spelling('partition'), readPartition],
  [spelling('random'), readRandom],
  [spelling('split'), readSplit],
  ...['split from left', 'split from right', 'slice from left', 'slice from right', 'left', 'right'].map(
    (words) => [spelling(words), (args: string[]) => readTokenAndNumber(words, args)] as const,
  ),
]

/** The name of these words, each of which may begin with a capital. */
function spelling(words: string): RegExp {
  const letters = words.split(' ').map((word) => `[${word[0]}${word[0].toUpperCase()}]${word.slice(1)}`)
  return new RegExp(`^${letters.join('')}$`)
}

/** Why `source` cannot be mapped to `destination`; undefined if it can. */
export function whyNoMapping(source: string, destination: string): string | undefined {
  if (destination === '') return undefined
  const tokens = destination.split('.')
  for (const [i, token] of tokens.entries()) {
    if (token === '' || (token === '>' && i < tokens.length - 1)) return `${BAD}: invalid transform`
    if (!isFunction(token) && /[\t\n\f\r ]/.test(token)) return `${BAD}: invalid transform`
  }
  return whyNoTransform(source, destination, false)
}

/** The same for imports, which must be able to turn the subject back: each wildcard, and nothing but wildcards. */
export function whyNoTransform(source: string, destination: string, reversible: boolean): string | undefined {
  const from = source.split('.')
  const to = destination.split('.')
  if (!isParted(from) || !isParted(to) || to.includes('*')) return 'invalid subject'
  if (from.includes('>') !== to.includes('>')) return 'invalid subject'
  const wildcards = from.filter((token) => token === '*').length
  let used = 0
  for (const token of to) {
    const placeholder = placeholderOf(token)
    if (placeholder === undefined) continue
    if (typeof placeholder === 'string') return `${BAD}: ${placeholder} in ${token}`
    const { name } = placeholder
    if (reversible && name !== 'wildcard') {
      return `${BAD}: the only mapping function allowed for import transforms is {{Wildcard()}} in ${token}`
    }
    if (!hasWildcard(source)) {
      if (name === 'random' || name === 'partition') continue
      return `${BAD}: wildcard index out of range in ${token}`
    }
    const beyond = placeholder.wildcards.find((index) => index > wildcards)
    if (beyond !== undefined) return `${BAD}: wildcard index out of range in ${token}: [${beyond}]`
    used += placeholder.wildcards.length
  }
  return reversible && used < wildcards ? `${BAD}: not using all of the token wildcard(s) in ${destination}` : undefined
}

/** `a.*.b.*` as a destination: `a.$1.b.$2`. */
export function withPlaceholders(subject: string): string {
  let index = 0
  return subject
    .split('.')
    .map((token) => (token === '*' ? `$${++index}` : token))
    .join('.')
}

/** A destination as a subject: a wildcard for each placeholder. */
export function withWildcards(destination: string): string {
  return destination
    .split('.')
    .map((token) => (/^\$[1-9]/.test(token) || /^\{\{\s*[wW]ildcard\s*\([^)]+\)\s*\}\}$/.test(token) ? '*' : token))
    .join('.')
}

function isParted(tokens: readonly string[]): boolean {
  return tokens.every((token, i) => token !== '' && (token !== '>' || i === tokens.length - 1))
}

function isFunction(token: string): boolean {
  return token.length > 4 && token.startsWith('{{') && token.endsWith('}}')
}

/** What a token stands for; undefined if for itself, a text if it is wrong. */
function placeholderOf(token: string): Placeholder | string | undefined {
  if (/^\$[-+]?[0-9]+$/.test(token)) return { name: 'wildcard', wildcards: [Number(token.slice(1))] }
  if (!isFunction(token)) return undefined
  const parts = /^\{\{\s*([a-zA-Z]+)\s*\((.*)\)\s*\}\}$/.exec(token)
  const found = FUNCTIONS.find(([name]) => name.test(parts?.[1] ?? ''))
  return found?.[1](parts?.[2].split(/,\s*/) ?? []) ?? 'unknown function'
}

const TOO_FEW = 'not enough arguments passed to the function'
const TOO_MANY = 'too many arguments passed to the function'
const INVALID = 'function argument is invalid or in the wrong format'

function numberOf(text: string): number | undefined {
  const trimmed = text.replace(/^ +| +$/g, '')
  return /^[-+]?[0-9]{1,18}$/.test(trimmed) ? Number(trimmed) : undefined
}

function readWildcard(args: string[]): Placeholder | string {
  if (args.length > 1) return TOO_MANY
  if (args[0] === '') return TOO_FEW
  const index = numberOf(args[0])
  return index === undefined ? INVALID : { name: 'wildcard', wildcards: [index] }
}

function readPartition(args: string[]): Placeholder | string {
  const [count, ...wildcards] = args.map(numberOf)
  if (count === undefined || count > INT32_MAX || wildcards.includes(undefined)) return INVALID
  return { name: 'partition', wildcards: wildcards as number[] }
}

function readRandom(args: string[]): Placeholder | string {
  if (args.length !== 1) return TOO_FEW
  const max = numberOf(args[0])
  return max === undefined || max > INT32_MAX ? INVALID : { name: 'random', wildcards: [] }
}

function readSplit(args: string[]): Placeholder | string {
  if (args.length !== 2) return args.length < 2 ? TOO_FEW : TOO_MANY
  const index = numberOf(args[0])
  return index === undefined || /[ .]/.test(args[1]) ? INVALID : { name: 'split', wildcards: [index] }
}

function readTokenAndNumber(name: string, args: string[]): Placeholder | string {
  if (args.length !== 2) return args.length < 2 ? TOO_FEW : TOO_MANY
  const [index, amount] = args.map(numberOf)
  if (index === undefined || amount === undefined || Math.abs(amount) > INT32_MAX) return INVALID
  return { name, wildcards: [index] }
}

/** Why a destination list is refused as a whole; undefined if it is not. */
export function whyNoMappings(
  source: string,
  destinations: readonly { readonly subject: string; readonly weight: number; readonly cluster: string }[],
): string | undefined {
  if (!isValidSubject(source)) return 'invalid subject'
  const seen = new Set<string>()
  const totals = new Map<string, number>()
  for (const { subject, weight, cluster } of destinations) {
    if (seen.has(subject)) return `duplicate entry for ${JSON.stringify(subject)}`
    seen.add(subject)
    if (weight > 100) return 'individual weights need to be <= 100'
    const total = (totals.get(cluster) ?? 0) + weight
    if (total > 100) return 'total weight needs to be <= 100'
    totals.set(cluster, total)
    const wrong = whyNoMapping(source, subject)
    if (wrong !== undefined) return wrong
  }
  return undefined
}
