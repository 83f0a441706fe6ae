// What a page answers, before it is HTTP. Refusals are answers as well; nothing here throws.

import { goJson } from './go-format.ts'

/** Members that are undefined are left out. */
export type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [member: string]: Json }

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** What the body says, where that is JSON. */
  readonly value?: Json
}

const TEXT = 'text/plain; charset=utf-8'
/** The pages are for everybody's dashboards; nats-server lets any origin read them. */
const JSON_HEADERS = { 'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*' }
/** Texts echo what was asked for: no browser shall guess that they are something else. */
const TEXT_HEADERS = { 'Content-Type': TEXT, 'X-Content-Type-Options': 'nosniff' }

/** The body is written when somebody asks for it: over the system account the value goes out in another form. */
export function jsonAnswer(value: Json, status = 200, indent = 2): Answer {
  return {
    status,
    headers: JSON_HEADERS,
    value,
    get body() {
      return Buffer.from(goJson(value, indent))
    },
  }
}

/** Words for people. */
export function textAnswer(text: string, status = 200): Answer {
  return { status, headers: TEXT_HEADERS, body: Buffer.from(text) }
}

/** A wrong parameter: 400 with the reason, a byte string (one char a byte), as it may quote any byte of the URL. */
export function refusal(byteString: string): Answer {
  return { status: 400, headers: TEXT_HEADERS, body: Buffer.from(byteString, 'latin1') }
}

export const NOT_FOUND: Answer = { status: 404, headers: TEXT_HEADERS, body: Buffer.from('404 page not found\n') }

/** A bug of ours; the log has the cause. */
export const INTERNAL_ERROR: Answer = {
  status: 500,
  headers: TEXT_HEADERS,
  body: Buffer.from('500 internal server error\n'),
}

/** For members that nats-server leaves out when they are empty. */
export function unlessEmpty<T extends string | number>(value: T): T | undefined {
  return value === '' || value === 0 ? undefined : value
}

export function unlessNone(list: readonly Json[]): readonly Json[] | undefined {
  return list.length === 0 ? undefined : list
}
