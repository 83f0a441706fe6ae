// The answer of a page, before it becomes HTTP. Refusals are answers as well; nothing here throws.

import type { Json } from '../base/json.ts'
import { writeJson } from './json-writer.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The pieces of its body, written on demand: over the system account a value goes out in another form. */
  readonly body: () => Promise<readonly Buffer[]>
  /** What the body says, where that is JSON. */
  readonly value?: Json
  /** What the body says, where that is a text. */
  readonly text?: string
}

const TEXT = 'text/plain; charset=utf-8'
/** The pages are for any dashboard; nats-server lets every origin read them. */
const JSON_HEADERS = { 'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*' }
/** Texts echo what was asked for: no browser shall guess that they are something else. */
const TEXT_HEADERS = { 'Content-Type': TEXT, 'X-Content-Type-Options': 'nosniff' }

/** However many take it, it is written once. */
export function jsonAnswer(value: Json, status = 200, indent = 2): Answer {
  let written: Promise<readonly Buffer[]> | undefined
  const body = (): Promise<readonly Buffer[]> => {
    written ??= writeJson(value, indent)
    return written
  }
  return { status, headers: JSON_HEADERS, value, body }
}

/** A body that is there already. */
export function bytesAnswer(bytes: Buffer, headers: Answer['headers'], status = 200): Answer {
  return { status, headers, body: () => Promise.resolve([bytes]) }
}

/** Texts for the operator. */
export function textAnswer(text: string, status = 200, headers: Answer['headers'] = TEXT_HEADERS): Answer {
  return { ...bytesAnswer(Buffer.from(text), headers, status), text }
}

/** A wrong parameter: 400 with the reason, a byte string (one char a byte), as it may quote any byte of the URL. */
export function refusal(byteString: string): Answer {
  const bytes = Buffer.from(byteString, 'latin1')
  const headers = bytes.some(isBinary) ? { ...TEXT_HEADERS, 'Content-Type': 'application/octet-stream' } : TEXT_HEADERS
  return { ...bytesAnswer(bytes, headers, 400), text: bytes.toString() }
}

/** Control characters by which Go knows that something is no text: all but tab, line ends, form feed and escape. */
function isBinary(byte: number): boolean {
  return byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b
}

export const NOT_FOUND = textAnswer('404 page not found\n', 404)

/** A bug; the log has the cause. */
export const INTERNAL_ERROR = textAnswer('500 internal server error\n', 500)

/** The page cannot be made at present: `reason` says why. */
export function unavailable(reason: string): Answer {
  return textAnswer(`503 service unavailable: ${reason}\n`, 503, { ...TEXT_HEADERS, 'Retry-After': '1' })
}
