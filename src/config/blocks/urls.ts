// Addresses of other servers in configurations.

import type { ConfigEntry } from '../language/tree.ts'
import { quoteText } from '../problems.ts'
import { kind, type Reading } from './schema.ts'

/** Whether a text can be a URL: no control characters, a good scheme, percent signs with two digits, a good port. */
export function isUrl(text: string): boolean {
  const trimmed = text.trim()
  if (/\p{Cc}/u.test(trimmed)) return false
  const [, scheme, rest] = /^([^:/?#]*:)?(.*)$/s.exec(trimmed) as RegExpExecArray
  if (scheme !== undefined && !/^[a-zA-Z][a-zA-Z0-9+.-]*:$/.test(scheme)) return false
  if (scheme !== undefined && !rest.startsWith('/')) return true // whatever it is, it is not of this kind
  if (/%(?![0-9a-fA-F]{2})/.test(rest)) return false
  const authority = /^\/\/([^/?#]*)/.exec(rest)?.[1]
  if (authority === undefined) return true
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  if (/[ <>"\\^`{|}]/.test(host)) return false
  return /^(?:\[[^\]]*\]|[^:[\]]*)(?::[0-9]*)?$/.test(host)
}

/** Text without the user and password of a URL, for complaints. */
export function withoutUser(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, '//[REDACTED]@')
}

/** Reads one URL; `what` is said in complaints. */
export function readUrl(entry: ConfigEntry, text: string, what: string, { problems }: Reading): string | undefined {
  const url = text.trim()
  return isUrl(url) ? url : problems.error(entry, `error parsing ${what} url [${quoteText(withoutUser(url))}]`)
}

/** Reads a list of URLs, with a warning for one that is there twice. */
export function readUrls(entry: ConfigEntry, what: string, reading: Reading): string[] | undefined {
  const { problems } = reading
  const seen = new Set<string>()
  return problems.array(entry)?.flatMap((item) => {
    const text = problems.string(item)
    if (text === undefined) return []
    if (seen.has(text)) {
      problems.warnUse(item, withoutUser(text), `Duplicate ${what} entry detected`)
      return []
    }
    seen.add(text)
    return readUrl(item, text, what, reading) ?? []
  })
}

/** Rows for a list of URLs. */
export const urls = (what: string) => kind<string[]>('list', (entry, reading) => readUrls(entry, what, reading))

/** Rows for one URL, as a list of it. */
export const url = (what: string) =>
  kind<string[]>('url', (entry, reading) => {
    const text = reading.problems.string(entry)
    const read = text === undefined ? undefined : readUrl(entry, text, what, reading)
    return read === undefined ? undefined : [read]
  })
