// The head of an HTTP request, as far as a WebSocket handshake needs it: request line and headers, no body. What Go's
// HTTP server refuses is refused here, with its words; so is what it only tolerates (folded header lines).
//
// Node's HTTP server is not used: it would read each connection into buffers of its own, with a socket and parser
// object a connection, and would then have to give the socket back.

/** A request's head. Header names are in lower case; of a header that comes several times, all values in order. */
export interface RequestHead {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly headers: ReadonlyMap<string, readonly string[]>
}

/** Why a request is refused before anybody looks at what it asks for: the status line behind `HTTP/1.1 `. */
export interface BadRequest {
  readonly status: string
}

const bad = (status: string): BadRequest => Object.freeze({ status })
export const BAD_REQUEST = bad('400 Bad Request')
export const TOO_LARGE = bad('431 Request Header Fields Too Large')
const BAD_HOST = bad('400 Bad Request: malformed Host header')
const NO_HOST = bad('400 Bad Request: missing required Host header')
const BAD_VERSION = bad('505 HTTP Version Not Supported: unsupported protocol version')

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/(\d)\.(\d)$/
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/
/** No controls but tabs. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/
/** What Go lets stand in a Host header. */
const HOST = /^[!$%&'()*+,\-.:;=[\]_~0-9A-Za-z]*$/

/** Reads a head (a byte string, without the empty line that ends it). Lines may end in LF alone. */
export function readRequest(text: string): RequestHead | BadRequest {
  const [first, ...lines] = text.split(/\r?\n/)
  const line = REQUEST_LINE.exec(first)
  if (line === null) return BAD_REQUEST
  const [, method, target, major, minor] = line
  if (major !== '1') return BAD_VERSION
  const headers = new Map<string, string[]>()
  for (const each of lines) {
    const header = HEADER_LINE.exec(each)
    if (header === null || !HEADER_VALUE.test(header[2])) return BAD_REQUEST
    const name = header[1].toLowerCase()
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [header[2]])
    else values.push(header[2])
  }
  const hosts = headers.get('host') ?? []
  if (hosts.length > 1) return BAD_REQUEST
  if (hosts.length === 0 && minor !== '0') return NO_HOST
  const [host = ''] = hosts
  if (!HOST.test(host)) return BAD_HOST
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)(.*)$/i.exec(target)
  const path = (absolute?.[2] ?? target).replace(/[?#].*$/, '')
  if ((path !== '' && !path.startsWith('/')) || BAD_ESCAPE.test(path)) return BAD_REQUEST
  return { method, path, host: absolute?.[1] ?? host, headers }
}

/** Whether one of a header's comma-separated values is `token`, in any letter case. */
export function hasToken({ headers }: RequestHead, name: string, token: string): boolean {
  const values = headers.get(name) ?? []
  return values.some((value) => value.split(',').some((part) => trimmed(part).toLowerCase() === token.toLowerCase()))
}

const trimmed = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '')

/** A cookie's value as Go takes it: without quotes around it; undefined if it holds what a cookie must not hold. */
function cookieValue(text: string): string | undefined {
  const value = text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
  return /^[\x20\x21\x23-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(value) ? value : undefined
}

/** The cookies of a request; of several with one name the last counts. */
export function cookiesOf({ headers }: RequestHead): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>()
  for (const line of headers.get('cookie') ?? []) {
    for (const part of line.split(';')) {
      const [, name, text] = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(.*?)[ \t]*$/.exec(part) ?? []
      const value = text === undefined ? undefined : cookieValue(text)
      if (value !== undefined) cookies.set(name, value)
    }
  }
  return cookies
}
