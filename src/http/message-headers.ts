// Headers of messages in HTTP, and back (docs/http.md, "Headers"). What HTTP and its proxies add for themselves is not
// part of a message, and what is part of a message cannot become a line of HTTP of its own.
//
//     Nats-Msg-Id: 7           ◀──▶  Nats-Msg-Id: 7
//     Nats-Header-Tenant: a    ◀──▶  Tenant: a
//     traceparent: 00-…        ◀──▶  traceparent: 00-…
//     Content-Type: text/html  ◀───  Content-Type: text/html

import { isUtf8 } from 'node:buffer'
import type { OutgoingHttpHeaders } from 'node:http'
import { type MsgHdrs, MsgHdrsImpl } from '../client/headers.ts'
import { Characters, TOKEN } from '../text/scan.ts'
import { type Problem, Problems } from './problems.ts'

const OWN = 'nats-'
const OTHER = 'nats-header-'
const OTHER_SHOWN = 'Nats-Header-'
/** Those of the W3C, by which traces go on. */
const AS_THEY_ARE: ReadonlySet<string> = new Set(['traceparent', 'tracestate'])
const VALUE = new Characters('\t', '\x20\x7e', '\x80\xff')

/** Names and values in turn, as they came, a char for each byte. Undefined: the message has none. */
export function toMessage(raw: readonly string[]): MsgHdrsImpl | Problem | undefined {
  let headers: MsgHdrsImpl | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = messageName(raw[i])
    if (name === undefined) continue
    if (name === '') return Problems.badRequest('Nats-Header- must be followed by a name')
    headers ??= new MsgHdrsImpl()
    headers.append(name, textOf(raw[i + 1]))
  }
  return headers
}

/** A value is UTF-8, or else Latin-1, as HTTP had it once. */
function textOf(value: string): string {
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : value
}

/** What a header of HTTP is called in the message; undefined: it is none of the message's. */
function messageName(name: string): string | undefined {
  const lower = name.toLowerCase()
  if (AS_THEY_ARE.has(lower)) return lower
  if (lower.startsWith(OTHER)) return spelled(name.slice(OTHER.length))
  return lower.startsWith(OWN) ? spelled(name) : undefined
}

/**
 * Names of messages are compared by letter case, those of HTTP are not: browsers and HTTP/2 write small letters. A name
 * all in small letters gets the usual spelling; any other one is kept.
 */
function spelled(name: string): string {
  if (name !== name.toLowerCase()) return name
  const words = name.split('-').map((word) => (word === 'ttl' ? 'TTL' : word.slice(0, 1).toUpperCase() + word.slice(1)))
  return words.join('-')
}

/** Those of a message for the answer. What no header of HTTP can hold is left out. */
export function toHttp(headers: MsgHdrs | undefined): OutgoingHttpHeaders {
  const answer: Record<string, string[]> = {}
  for (const [name, values] of headers ?? []) {
    if (!TOKEN.isAll(name)) continue
    const lower = name.toLowerCase()
    const isOwn = lower.startsWith(OWN) || AS_THEY_ARE.has(lower)
    const shown = lower === 'content-type' ? 'Content-Type' : isOwn ? name : OTHER_SHOWN + name
    const bytes = values.map((value) => Buffer.from(value).toString('latin1')).filter((value) => VALUE.isAll(value))
    if (bytes.length > 0) answer[shown] = shown === 'Content-Type' ? bytes.slice(0, 1) : bytes
  }
  if (headers !== undefined && headers.status !== '')
    answer['Nats-Status'] = [Buffer.from(headers.status).toString('latin1')]
  return answer
}
