// JSON as written, for where JSON.parse is not enough: all members in their order, including duplicates, and the
// notation of numbers. Its input has been accepted by JSON.parse before.

import { Characters, DIGITS } from './scan.ts'

export interface Token {
  readonly kind: 'string' | 'number' | 'word' | 'mark'
  /** It is text[start, end). */
  readonly start: number
  readonly end: number
}

const NUMBER = new Characters('+-.eE', '09')
const WORD = new Characters('', 'az')
const BLANKS = new Characters(' \t\n\r')

/** The tokens of a JSON text, one after the other. */
export function* tokensOf(json: string): Generator<Token> {
  for (let start = BLANKS.endOf(json, 0); start < json.length; ) {
    const token = tokenAt(json, start)
    yield token
    start = BLANKS.endOf(json, token.end)
  }
}

function tokenAt(json: string, start: number): Token {
  const first = json.charCodeAt(start)
  if (json[start] === '"') return { kind: 'string', start, end: endOfString(json, start) }
  if (WORD.has(first)) return { kind: 'word', start, end: WORD.endOf(json, start) }
  if (NUMBER.has(first)) return { kind: 'number', start, end: NUMBER.endOf(json, start) }
  return { kind: 'mark', start, end: start + 1 }
}

function endOfString(json: string, start: number): number {
  let at = start + 1
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1
  return at + 1
}

/** A member of an object: its name, and its value as it is written. */
export type Member = readonly [name: string, value: string]

/** The members of a text that is an object, in their order; one name may come several times. */
export function membersOf(json: string): Member[] {
  const members: Member[] = []
  let depth = 0
  let name: string | undefined
  let valueStart = -1
  for (const { kind, start, end } of tokensOf(json)) {
    const mark = kind === 'mark' ? json[start] : ''
    if (depth === 1 && (mark === ',' || mark === '}')) {
      if (name !== undefined) members.push([name, json.slice(valueStart, start).trimEnd()])
      name = undefined
      valueStart = -1
    } else if (depth === 1 && name === undefined && kind === 'string')
      name = JSON.parse(json.slice(start, end)) as string
    else if (depth === 1 && mark !== ':' && valueStart < 0) valueStart = start
    if (mark === '{' || mark === '[') depth++
    else if (mark === '}' || mark === ']') depth--
  }
  return members
}

/** Names of members that Go takes for the same: it knows two letters more that an s or a k may be. */
export function folded(name: string): string {
  return name.toLowerCase().replaceAll('ſ', 's')
}

/** Bounds of Go's whole numbers. */
export const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n } as const
export const UINT64 = { min: 0n, max: 2n ** 64n - 1n } as const
/** A sign and the digits of the largest. */
const INTEGER_LENGTH_MAX = 20

/**
 * A whole number as Go reads it, which must be written as one (1.0 is none), brought into the range that numbers are
 * exact in. Undefined: it is none, or out of bounds.
 */
export function readInteger(written: string, { min, max }: typeof INT64 | typeof UINT64): number | undefined {
  const digits = written.startsWith('-') ? written.slice(1) : written
  if (written.length > INTEGER_LENGTH_MAX || digits === '' || !DIGITS.isAll(digits)) return undefined
  const value = BigInt(written)
  if (value < min || value > max || (min === 0n && digits !== written)) return undefined
  return Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
}
