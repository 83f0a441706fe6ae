// Absolute URLs of strangers, as far as the server reads them: `scheme://authority/path?query#fragment`.

import { Characters, LETTERS } from './scan.ts'

/** What a scheme is made of behind its first letter. */
const SCHEME = new Characters('+.-', '09', 'az', 'AZ')
const AUTHORITY_ENDS = new Characters('/?#')

export interface Url {
  readonly scheme: string
  readonly authority: string
  /** The text behind the authority. */
  readonly rest: string
}

/** Undefined: it is not absolute. Nothing is decoded, and letters keep their case. */
export function splitUrl(text: string): Url | undefined {
  const schemeEnd = LETTERS.has(text.charCodeAt(0)) ? SCHEME.endOf(text, 1) : 0
  if (schemeEnd === 0 || !text.startsWith('://', schemeEnd)) return undefined
  const from = schemeEnd + '://'.length
  const to = AUTHORITY_ENDS.firstIn(text, from)
  return { scheme: text.slice(0, schemeEnd), authority: text.slice(from, to), rest: text.slice(to) }
}
