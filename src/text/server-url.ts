// Where another server is, as an operator or another server writes it: `scheme://user:password@host:port/path`, or
// `host:port`.

import { isIP } from 'node:net'
import { Characters, DIGITS } from './scan.ts'
import { splitUrl } from './url.ts'

const PORT_DIGITS = 5
const PORT_MAX = 65_535
/** What names of hosts are made of. */
const HOST = new Characters('.-_', '09', 'az', 'AZ')

export interface ServerUrl {
  /** In lower case; empty: none. */
  readonly scheme: string
  readonly host: string
  readonly port: number
  readonly credentials: readonly [user: string, password: string]
  /** The text behind host and port. */
  readonly path: string
}

/** Undefined: it names no host or no port. */
export function readServerUrl(text: string): ServerUrl | undefined {
  const { scheme = '', authority = text, rest = '' } = splitUrl(text) ?? {}
  const at = authority.lastIndexOf('@')
  const place = authority.slice(at + 1)
  const colon = place.lastIndexOf(':')
  const port = place.slice(colon + 1)
  const named = place.slice(0, colon)
  const isBracketed = named.startsWith('[') && named.endsWith(']')
  const host = isBracketed ? named.slice(1, -1) : named
  if (colon < 1 || host === '' || port.length > PORT_DIGITS || !DIGITS.isAll(port)) return undefined
  if (isBracketed ? isIP(host) !== 6 : !HOST.isAll(host)) return undefined
  if (Number(port) < 1 || Number(port) > PORT_MAX) return undefined
  const user = authority.slice(0, Math.max(0, at))
  const split = user.indexOf(':')
  const names = split < 0 ? ([user, ''] as const) : ([user.slice(0, split), user.slice(split + 1)] as const)
  const credentials = [decoded(names[0]), decoded(names[1])] as const
  return { scheme: scheme.toLowerCase(), host, port: Number(port), credentials, path: rest }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
