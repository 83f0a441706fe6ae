// The target of a request, split and decoded as Go's net/url does it, and its parameters, read as nats-server reads
// them (docs/reference/monitoring.md, "Parameters"): an empty one counts as absent, of several with one name the first
// counts, and a pair that cannot be decoded is not there. Names and values are byte strings, one char a byte.
//
// The first wrong parameter sets `refused`, and every value read after it may be a default: check before use.

import { quote } from '../base/errors.ts'

export interface Target {
  /** Undefined if it cannot be decoded. */
  readonly path: string | undefined
  /** Path and query as they were sent; the query begins with its question mark, or is empty. */
  readonly sent: readonly [path: string, query: string]
  readonly parameters: Parameters
}

/** Splits a request's target. The HTTP parser has bounded its length. */
export function parseTarget(target: string): Target {
  // Proxies ask with the whole address.
  const local = target.replace(/^https?:\/\/[^/?#]*/i, '')
  const [beforeFragment] = local.split('#', 1)
  const mark = beforeFragment.indexOf('?')
  const path = mark < 0 ? beforeFragment : beforeFragment.slice(0, mark)
  const query = mark < 0 ? '' : beforeFragment.slice(mark)
  return { path: decode(path === '' ? '/' : path), sent: [path, query], parameters: new Parameters(query.slice(1)) }
}

const BROKEN_ESCAPE = /%(?![0-9a-f]{2})/i
const ESCAPE = /%([0-9a-f]{2})/gi

/** Percent escapes to bytes; undefined if one is broken. */
function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  if (BROKEN_ESCAPE.test(text)) return undefined
  return text.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

const UINT64_MAX = '18446744073709551615'
const INT64_MAX = '9223372036854775807'
const INT64_MIN = '9223372036854775808'

/** Whether a decimal without leading zeros is larger than another one. */
function exceeds(digits: string, max: string): boolean {
  return digits.length > max.length || (digits.length === max.length && digits > max)
}

const SYNTAX = 'invalid syntax'
const RANGE = 'value out of range'

/** Reads digits as Go's ParseUint does, without arithmetic that could overflow. Returns digits or what is wrong. */
function unsignedDigits(text: string): { readonly digits: string } | { readonly wrong: string } {
  const leading = /^[0-9]*/.exec(text)?.[0] ?? ''
  const digits = leading.replace(/^0+(?=.)/, '')
  // Go reads on from left to right: what overflows before the first wrong letter is out of range.
  if (exceeds(digits, UINT64_MAX)) return { wrong: RANGE }
  if (leading === '' || leading.length < text.length) return { wrong: SYNTAX }
  return { digits }
}

/** Numbers that a double cannot tell apart are one and the same to us: nothing we have is that large. */
const bounded = (digits: string): number => Math.min(Number(digits), Number.MAX_SAFE_INTEGER)

export class Parameters {
  /** What is wrong with the first wrong one: a byte string. */
  refused: string | undefined
  private readonly values = new Map<string, string>()

  /** `query` is the text behind the question mark, or names and values from another source. */
  constructor(query: string | ReadonlyMap<string, string>) {
    if (typeof query !== 'string') {
      this.values = new Map(query)
      return
    }
    for (const pair of query.split('&')) {
      if (pair === '' || pair.includes(';')) continue
      const plain = pair.replaceAll('+', ' ')
      const equals = plain.indexOf('=')
      const name = decode(equals < 0 ? plain : plain.slice(0, equals))
      const value = equals < 0 ? '' : decode(plain.slice(equals + 1))
      if (name === undefined || value === undefined || this.values.has(name)) continue
      this.values.set(name, value)
    }
  }

  /** The byte string, empty if there is none. */
  bytes(name: string): string {
    return this.values.get(name) ?? ''
  }

  text(name: string): string {
    return Buffer.from(this.bytes(name), 'latin1').toString('utf8')
  }

  boolean(name: string): boolean {
    const value = this.bytes(name)
    if (value === '' || FALSE.has(value)) return false
    if (!TRUE.has(value)) this.refuse(`boolean for '${name}'`, 'ParseBool', value, SYNTAX)
    return TRUE.has(value)
  }

  /** A whole number; 0 if there is none. Never outside the safe integers. */
  integer(name: string): number {
    const value = this.bytes(name)
    if (value === '') return 0
    const negative = value.startsWith('-')
    const read = unsignedDigits(negative || value.startsWith('+') ? value.slice(1) : value)
    let wrong = 'wrong' in read ? read.wrong : undefined
    if ('digits' in read && exceeds(read.digits, negative ? INT64_MIN : INT64_MAX)) wrong = RANGE
    if (wrong !== undefined) this.refuse(`int for '${name}'`, 'Atoi', value, wrong)
    if (wrong !== undefined || !('digits' in read)) return 0
    return negative ? -bounded(read.digits) : bounded(read.digits)
  }

  /** A whole number that is not negative; 0 if there is none. */
  unsigned(name: string): number {
    const value = this.bytes(name)
    if (value === '') return 0
    const read = unsignedDigits(value)
    if ('digits' in read) return bounded(read.digits)
    this.refuse(`uint64 for '${name}'`, 'ParseUint', value, read.wrong)
    return 0
  }

  /** Says that a parameter is wrong, unless an earlier one was. `reason` is a byte string. */
  refuseWith(reason: string): void {
    this.refused ??= reason
  }

  private refuse(what: string, parser: string, value: string, wrong: string): void {
    const quoted = Buffer.from(quote(value)).toString('latin1')
    this.refuseWith(`Error decoding ${what}: strconv.${parser}: parsing ${quoted}: ${wrong}`)
  }
}
