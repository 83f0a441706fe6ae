// Whether a page may connect: the check of the Origin header that browsers send (`same_origin` and `allowed_origins`;
// docs/reference/websocket.md, "Origins"). A client that is not a browser sends none, and is admitted: it could send
// any value.

import { Characters, DIGITS } from './scan.ts'
import { splitUrl } from './url.ts'

const HOST_ENDS = new Characters(':[]')
const BRACKETED_ENDS = new Characters('[]')

/** Scheme, host and port of a page; the default port of the scheme where none is written. */
export interface Origin {
  readonly scheme: string
  readonly host: string
  readonly port: string
}

/** Parses an absolute URL; undefined if it is none. */
export function parseOrigin(text: string): Origin | undefined {
  const url = splitUrl(text)
  if (url === undefined) return undefined
  const { authority } = url
  const scheme = url.scheme.toLowerCase()
  const at = splitHostPort(authority.slice(authority.lastIndexOf('@') + 1), scheme === 'https')
  return at === undefined ? undefined : { scheme, ...at }
}

/** Host in lower case, and port, of `host:port` or a host alone; undefined if it is neither. */
export function splitHostPort(text: string, secure: boolean): { host: string; port: string } | undefined {
  const isBracketed = text.startsWith('[')
  const from = isBracketed ? 1 : 0
  const to = (isBracketed ? BRACKETED_ENDS : HOST_ENDS).firstIn(text, from)
  if (isBracketed && text[to] !== ']') return undefined
  const hostEnd = isBracketed ? to + 1 : to
  const port = text.slice(hostEnd + 1)
  if (hostEnd < text.length && (text[hostEnd] !== ':' || !DIGITS.isAll(port))) return undefined
  const defaultPort = secure ? '443' : '80'
  return { host: text.slice(from, to).toLowerCase(), port: hostEnd < text.length ? port : defaultPort }
}

export class OriginPolicy {
  private readonly sameOrigin: boolean
  private readonly allowed: readonly Origin[]

  /** `allowed`: absolute URLs; empty = any page, as far as `sameOrigin` lets it. */
  constructor(sameOrigin: boolean, allowed: readonly string[]) {
    this.sameOrigin = sameOrigin
    this.allowed = allowed.map(parseOrigin).filter((origin) => origin !== undefined)
  }

  /** Why a page must not connect, or undefined if it may. `host` is that of the request. */
  objection(origin: string, host: string, secure: boolean): string | undefined {
    if (origin === '' || (!this.sameOrigin && this.allowed.length === 0)) return undefined
    const page = parseOrigin(origin)
    if (page === undefined) return `parse ${JSON.stringify(origin)}: invalid URI for request`
    if (this.sameOrigin) {
      const here = splitHostPort(host, secure)
      if (here === undefined) return `address ${host}: invalid host`
      const scheme = secure ? 'https' : 'http'
      if (page.scheme !== scheme || page.host !== here.host || page.port !== here.port) return 'not same origin'
    }
    return this.allowed.length === 0 || this.lists(page) ? undefined : 'not in the allowed list'
  }

  /** Whether an origin is one of those that are allowed by name. */
  isListed(origin: string): boolean {
    const page = parseOrigin(origin)
    return page !== undefined && this.lists(page)
  }

  private lists(page: Origin): boolean {
    return this.allowed.some(
      ({ scheme, host, port }) => scheme === page.scheme && host === page.host && port === page.port,
    )
  }
}
