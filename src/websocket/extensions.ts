// The extensions that a client offers (RFC 6455, 9.1): `permessage-deflate; client_max_window_bits, x; y="z"`.

import { Characters, TOKEN } from '../text/scan.ts'

export const PERMESSAGE_DEFLATE = 'permessage-deflate'

export interface Offer {
  readonly name: string
  /** Names of its parameters. */
  readonly parameters: ReadonlySet<string>
}

const BLANKS = new Characters(' \t')
const BACKSLASH = 0x5c

/** What one header offers, names in lower case; undefined: it is not well formed. */
export function offersIn(header: string): Offer[] | undefined {
  const offers: Offer[] = []
  let at = BLANKS.endOf(header, 0)
  for (;;) {
    const nameEnd = TOKEN.endOf(header, at)
    if (nameEnd === at) return undefined
    const parameters = new Set<string>()
    offers.push({ name: header.slice(at, nameEnd).toLowerCase(), parameters })
    at = BLANKS.endOf(header, nameEnd)
    while (header[at] === ';') {
      const start = BLANKS.endOf(header, at + 1)
      const end = TOKEN.endOf(header, start)
      if (end === start) return undefined
      parameters.add(header.slice(start, end).toLowerCase())
      at = BLANKS.endOf(header, end)
      if (header[at] !== '=') continue
      const valueStart = BLANKS.endOf(header, at + 1)
      const valueEnd = header[valueStart] === '"' ? endOfQuoted(header, valueStart) : TOKEN.endOf(header, valueStart)
      if (valueEnd === valueStart || valueEnd > header.length) return undefined
      at = BLANKS.endOf(header, valueEnd)
    }
    if (at === header.length) return offers
    if (header[at] !== ',') return undefined
    at = BLANKS.endOf(header, at + 1)
  }
}

/** Behind the closing quote; beyond the end of the text if there is none. */
function endOfQuoted(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  return at + 1
}
