// The bodies of requests to the server itself (docs/reference/system-account.md, "Requests and answers"): JSON, read as
// Go reads it into nats-server's structures. Names are compared without regard to case, unknown names are ignored, and
// a member of another type is refused with Go's text. A body holds a filter for the servers that are asked, and the
// parameters of a page.

import { Parameters } from '../../monitor/parameters.ts'
import { folded, INT64, membersOf, readInteger, UINT64 } from '../../text/json.ts'
import { goText } from '../../text/utf8.ts'

/** Go's types of members. */
type Kind = 'bool' | 'int' | 'uint64' | 'string' | '[]string'

interface Member {
  readonly kind: Kind
  /** Its structure in nats-server, for refusals. */
  readonly part: string
  /** The parameter of the page that says the same; undefined: none does. */
  readonly parameter?: string
}

export interface BodyShape {
  readonly structure: string
  /** By name, in lower case. */
  readonly members: ReadonlyMap<string, Member>
}

type Given = Readonly<Record<string, readonly [kind: Kind, parameter?: string]>>

const FILTER = 'EventFilterOptions'
const FILTERS: Given = {
  server_name: ['string'],
  cluster: ['string'],
  host: ['string'],
  exact_match: ['bool'],
  tags: ['[]string'],
  domain: ['string'],
}

/** A body of filters and the members given; `options` is the name of nats-server's structure without its ending. */
export function bodyShape(options: string, members: Given): BodyShape {
  const own = Object.entries(members).map(([name, given]) => [name, memberOf(given, `${options}Options`)] as const)
  const filters = Object.entries(FILTERS).map(([name, given]) => [name, memberOf(given, FILTER)] as const)
  return { structure: `${options}EventOptions`, members: new Map([...filters, ...own]) }
}

function memberOf([kind, parameter]: Given[string], part: string): Member {
  return parameter === undefined ? { kind, part } : { kind, part, parameter }
}

type Value = string | number | boolean | readonly string[]

/** What a body says. */
export class RequestOptions {
  private readonly values: ReadonlyMap<string, Value>
  private readonly shape: BodyShape

  constructor(values: ReadonlyMap<string, Value>, shape: BodyShape) {
    this.values = values
    this.shape = shape
  }

  text(name: string): string {
    const value = this.values.get(name)
    return typeof value === 'string' ? value : ''
  }

  is(name: string): boolean {
    return this.values.get(name) === true
  }

  number(name: string): number {
    const value = this.values.get(name)
    return typeof value === 'number' ? value : 0
  }

  texts(name: string): readonly string[] {
    const value = this.values.get(name)
    return Array.isArray(value) ? value : []
  }

  /** As parameters of a page; `more` come on top. Texts as byte strings. */
  parameters(more: Readonly<Record<string, string>> = {}): Parameters {
    const pairs = new Map<string, string>()
    for (const [name, value] of this.values) {
      const parameter = this.shape.members.get(name)?.parameter
      if (parameter !== undefined) pairs.set(parameter, Buffer.from(String(value)).toString('latin1'))
    }
    for (const [name, value] of Object.entries(more)) pairs.set(name, value)
    return new Parameters(pairs)
  }
}

/** Reads a body; an empty one says nothing. Never throws. */
export function readBody(body: Uint8Array, shape: BodyShape): RequestOptions | { readonly wrong: string } {
  const values = new Map<string, Value>()
  if (body.length === 0) return new RequestOptions(values, shape)
  const text = goText(Buffer.from(body))
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { wrong: syntaxError(text) }
  }
  if (json === null) return new RequestOptions(values, shape)
  if (typeof json !== 'object' || Array.isArray(json)) {
    return { wrong: `json: cannot unmarshal ${kindOf(json)} into Go value of type server.${shape.structure}` }
  }
  // In the order in which they are written: of several with one name the last counts.
  for (const [name, written] of membersOf(text)) {
    const lower = folded(name)
    const member = shape.members.get(lower)
    if (member === undefined || written === 'null') continue
    const value = valueIn(written, member.kind)
    if (value === undefined) {
      const [what, type] = mismatch(written, member.kind)
      const field = `${shape.structure}.${member.part}.${lower}`
      return { wrong: `json: cannot unmarshal ${what} into Go struct field ${field} of type ${type}` }
    }
    values.set(lower, value)
  }
  return new RequestOptions(values, shape)
}

/** The value that is written; undefined: it is of another type. */
function valueIn(written: string, kind: Kind): Value | undefined {
  if (kind === 'int') return readInteger(written, INT64)
  if (kind === 'uint64') return readInteger(written, UINT64)
  const value: unknown = JSON.parse(written)
  if (kind === 'bool') return typeof value === 'boolean' ? value : undefined
  if (kind === 'string') return typeof value === 'string' ? value.toWellFormed() : undefined
  if (!Array.isArray(value) || !value.every((item) => item === null || typeof item === 'string')) return undefined
  return value.map((item: string | null) => (item ?? '').toWellFormed())
}

/** What is of another type than it should be, and what that is. */
function mismatch(written: string, kind: Kind): readonly [what: string, type: string] {
  const given: unknown = JSON.parse(written)
  if (kind === '[]string' && Array.isArray(given)) {
    return [kindOf(given.find((item) => item !== null && typeof item !== 'string')), 'string']
  }
  return [typeof given === 'number' && isNumeric(kind) ? `number ${written}` : kindOf(given), kind]
}

function isNumeric(kind: Kind): boolean {
  return kind === 'int' || kind === 'uint64'
}

/** What Go calls the kind of a JSON value. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

/** With Go's text, where the beginning and the end are enough to know it. */
function syntaxError(text: string): string {
  const trimmed = text.trim()
  const [first = ''] = trimmed
  if (trimmed !== '' && !/^[-{["0-9tfn]/.test(trimmed)) {
    return `invalid character '${first}' looking for beginning of value`
  }
  return /[}\]"]$/.test(trimmed) ? 'invalid JSON' : 'unexpected end of JSON input'
}
