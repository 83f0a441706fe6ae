// Headers of a message: `NATS/1.0`, a status if the server or a service set one, then a line `Name: value` each. Names
// keep the letter case in which they were written.

import { trimBlanks } from '../text/scan.ts'
import { bytesOf, textOf } from './bytes.ts'
import { InvalidArgumentError } from './errors.ts'

/** How names are compared: as written, in the canonical form of MIME (`Content-Type`), or in any letter case. */
export const Match = { Exact: 'exact', CanonicalMIME: 'canonical', IgnoreCase: 'insensitive' } as const
export type Match = (typeof Match)[keyof typeof Match]

export interface MsgHdrs extends Iterable<[string, string[]]> {
  /** Whether there is a status of 300 or more. */
  readonly hasError: boolean
  /** `503 No Responders`, or the part of it that there is. */
  readonly status: string
  /** 0: no status. */
  readonly code: number
  readonly description: string
  /** The first value of this name; empty if there is none. */
  get(name: string, match?: Match): string
  /** Replaces all values of this name. Throws InvalidArgumentError for names and values that cannot be sent. */
  set(name: string, value: string, match?: Match): void
  /** Adds a value to those of this name. Throws InvalidArgumentError as set() does. */
  append(name: string, value: string, match?: Match): void
  has(name: string, match?: Match): boolean
  keys(): string[]
  values(name: string, match?: Match): string[]
  delete(name: string, match?: Match): void
  /** The last value of this name; empty if there is none. */
  last(name: string, match?: Match): string
}

const VERSION = 'NATS/1.0'
const LINE_END = '\r\n'
const STATUS_ERROR_MIN = 300

/** A name in the canonical form of MIME: `content-type` becomes `Content-Type`. */
export function canonicalMIMEHeaderKey(name: string): string {
  checkName(name)
  return name
    .split('-')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join('-')
}

function checkName(name: string): void {
  let isFine = name.length > 0
  for (let i = 0; i < name.length && isFine; i++) {
    const code = name.charCodeAt(i)
    isFine = code > 32 && code < 127 && name[i] !== ':'
  }
  if (!isFine) throw InvalidArgumentError.format('header', `'${name}' is not a name that a header can have`)
}

function checkedValue(value: string): string {
  if (value.includes('\r') || value.includes('\n')) {
    throw InvalidArgumentError.format('header', 'values must not have line ends')
  }
  return trimBlanks(value, 0)
}

export class MsgHdrsImpl implements MsgHdrs {
  readonly code: number
  readonly description: string
  private readonly lines = new Map<string, string[]>()
  /** As they are sent; undefined after a change. */
  private encoded: Uint8Array | undefined

  constructor(code = 0, description = '') {
    this.code = code
    this.description = description
  }

  /** Reads a block of headers; lines that are none are left out. */
  static decode(block: Uint8Array): MsgHdrsImpl {
    const [first, ...rest] = textOf(block).split(LINE_END)
    const status = trimBlanks(first, VERSION.length)
    const code = Number.parseInt(status, 10) || 0
    const headers = new MsgHdrsImpl(code, trimBlanks(status, code > 0 ? `${code}`.length : 0))
    for (const line of rest) {
      const colon = line.indexOf(':')
      if (colon > 0) headers.add(line.slice(0, colon), trimBlanks(line, colon + 1))
    }
    return headers
  }

  get hasError(): boolean {
    return this.code >= STATUS_ERROR_MIN
  }

  get status(): string {
    return trimBlanks(`${this.code > 0 ? this.code : ''} ${this.description}`, 0)
  }

  get(name: string, match: Match = Match.Exact): string {
    return this.values(name, match)[0] ?? ''
  }

  last(name: string, match: Match = Match.Exact): string {
    return this.values(name, match).at(-1) ?? ''
  }

  has(name: string, match: Match = Match.Exact): boolean {
    return this.namesLike(name, match).length > 0
  }

  values(name: string, match: Match = Match.Exact): string[] {
    return this.namesLike(name, match).flatMap((one) => this.lines.get(one) ?? [])
  }

  keys(): string[] {
    return [...this.lines.keys()]
  }

  set(name: string, value: string, match: Match = Match.Exact): void {
    const checked = checkedValue(value)
    checkName(name)
    this.delete(name, match)
    this.add(match === Match.CanonicalMIME ? canonicalMIMEHeaderKey(name) : name, checked)
  }

  append(name: string, value: string, match: Match = Match.Exact): void {
    checkName(name)
    const key = match === Match.CanonicalMIME ? canonicalMIMEHeaderKey(name) : name
    this.add(this.namesLike(key, match)[0] ?? key, checkedValue(value))
  }

  delete(name: string, match: Match = Match.Exact): void {
    for (const one of this.namesLike(name, match)) this.lines.delete(one)
    this.encoded = undefined
  }

  [Symbol.iterator](): IterableIterator<[string, string[]]> {
    return this.lines.entries()
  }

  size(): number {
    return this.lines.size
  }

  toRecord(): Record<string, string[]> {
    return Object.fromEntries(this.lines)
  }

  /** The block as it is sent, with the empty line at its end. */
  encode(): Uint8Array {
    this.encoded ??= bytesOf(this.toString())
    return this.encoded
  }

  toString(): string {
    const status = this.status === '' ? '' : ` ${this.status}`
    const lines = [...this.lines].flatMap(([name, values]) => values.map((value) => `${name}: ${value}${LINE_END}`))
    return `${VERSION}${status}${LINE_END}${lines.join('')}${LINE_END}`
  }

  private add(name: string, value: string): void {
    const values = this.lines.get(name)
    if (values === undefined) this.lines.set(name, [value])
    else values.push(value)
    this.encoded = undefined
  }

  private namesLike(name: string, match: Match): string[] {
    if (match === Match.Exact) return this.lines.has(name) ? [name] : []
    const lower = name.toLowerCase()
    return [...this.lines.keys()].filter((one) => one.toLowerCase() === lower)
  }
}

/** Headers to fill; with a code, such as that of a service's error, they have a status. */
export function headers(code = 0, description = ''): MsgHdrs {
  return new MsgHdrsImpl(code, description)
}

/** The block to send of headers of any implementation. */
export function encodeHeaders(given: MsgHdrs): Uint8Array {
  if (given instanceof MsgHdrsImpl) return given.encode()
  const own = new MsgHdrsImpl(given.code, given.description)
  for (const [name, values] of given) for (const value of values) own.append(name, value)
  return own.encode()
}
