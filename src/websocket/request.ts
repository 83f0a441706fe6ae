// The head of an HTTP request, as far as a WebSocket handshake needs it: request line and headers, no body. Requests
// that Go's HTTP server refuses are refused here, with its texts; so are folded header lines, which it tolerates.
//
// Node's HTTP server is not used: it would read each connection into buffers of its own, with a socket and parser
// object per connection, and would then have to return the socket.

import { Characters, DIGITS, HEX_DIGITS, TOKEN, trimBlanks, VISIBLE } from '../text/scan.ts'
import { splitUrl } from '../text/url.ts'

/** A request's head. Header names are in lower case; of a header that comes several times, all values in order. */
export interface RequestHead {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly headers: ReadonlyMap<string, readonly string[]>
}

/** Why a request is refused before its contents are examined: the status line behind `HTTP/1.1 `. */
export interface BadRequest {
  readonly status: string
}

const bad = (status: string): BadRequest => Object.freeze({ status })
export const BAD_REQUEST = bad('400 Bad Request')
export const TOO_LARGE = bad('431 Request Header Fields Too Large')
const BAD_HOST = bad('400 Bad Request: malformed Host header')
const NO_HOST = bad('400 Bad Request: missing required Host header')
const BAD_VERSION = bad('505 HTTP Version Not Supported: unsupported protocol version')

const PATH_ENDS = new Characters('?#')
/** No controls but tabs. */
const HEADER_VALUE = new Characters('\t', '\x20\x7e', '\x80\xff')
/** The characters that Go accepts in a Host header. */
const HOST = new Characters("!$%&'()*+,-.:;=[]_~", '09', 'AZ', 'az')
const COOKIE_VALUE = new Characters(' !', '#:', '<[', ']~')

const SPACE = 0x20
const PERCENT = 0x25
const COLON = 0x3a
const EQUALS = 0x3d

/** Reads a head (a byte string, without the empty line that ends it). Lines may end in LF alone. */
export function readRequest(text: string): RequestHead | BadRequest {
  const lines = text.split('\n')
  // Only what ends in LF is a line whose CR goes with it.
  for (let i = 0; i < lines.length - 1; i++) if (lines[i].endsWith('\r')) lines[i] = lines[i].slice(0, -1)
  const line = readRequestLine(lines[0])
  if ('status' in line) return line
  const headers = readHeaders(lines)
  if (headers === undefined) return BAD_REQUEST
  const hosts = headers.get('host') ?? []
  if (hosts.length > 1) return BAD_REQUEST
  if (hosts.length === 0 && !line.isOld) return NO_HOST
  const [host = ''] = hosts
  if (!HOST.isAll(host)) return BAD_HOST
  const url = splitUrl(line.target)
  const local = url?.rest ?? line.target
  const path = local.slice(0, PATH_ENDS.firstIn(local, 0))
  if ((path !== '' && !path.startsWith('/')) || hasBadEscape(path)) return BAD_REQUEST
  return { method: line.method, path, host: url?.authority ?? host, headers }
}

/** `isOld`: HTTP/1.0. */
interface RequestLine {
  readonly method: string
  readonly target: string
  readonly isOld: boolean
}

/** `GET /path HTTP/1.1`. */
function readRequestLine(line: string): RequestLine | BadRequest {
  const methodEnd = TOKEN.endOf(line, 0)
  const targetEnd = line.lastIndexOf(' ')
  if (methodEnd === 0 || line.charCodeAt(methodEnd) !== SPACE || targetEnd <= methodEnd + 1) return BAD_REQUEST
  const version = line.slice(targetEnd + 1)
  if (version.length !== 8 || !version.startsWith('HTTP/') || version[6] !== '.') return BAD_REQUEST
  if (!DIGITS.has(version.charCodeAt(5)) || !DIGITS.has(version.charCodeAt(7))) return BAD_REQUEST
  const target = line.slice(methodEnd + 1, targetEnd)
  if (!VISIBLE.isAll(target)) return BAD_REQUEST
  if (version[5] !== '1') return BAD_VERSION
  return { method: line.slice(0, methodEnd), target, isOld: version[7] === '0' }
}

/** Those behind the first line, by their names in lower case; undefined: one is none. */
export function readHeaders(lines: readonly string[]): Map<string, string[]> | undefined {
  const headers = new Map<string, string[]>()
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]
    const nameEnd = TOKEN.endOf(line, 0)
    if (nameEnd === 0 || line.charCodeAt(nameEnd) !== COLON) return undefined
    const value = trimBlanks(line, nameEnd + 1)
    if (!HEADER_VALUE.isAll(value)) return undefined
    const name = line.slice(0, nameEnd).toLowerCase()
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  return headers
}

function hasBadEscape(path: string): boolean {
  for (let at = 0; at < path.length; at++) {
    if (path.charCodeAt(at) !== PERCENT) continue
    if (!HEX_DIGITS.has(path.charCodeAt(at + 1)) || !HEX_DIGITS.has(path.charCodeAt(at + 2))) return true
  }
  return false
}

/** Whether one of a header's comma-separated values is `token`, in any letter case. */
export function hasToken({ headers }: Pick<RequestHead, 'headers'>, name: string, token: string): boolean {
  const values = headers.get(name) ?? []
  return values.some((value) => value.split(',').some((part) => trimBlanks(part).toLowerCase() === token.toLowerCase()))
}

/** A cookie's value as Go takes it: without quotes around it; undefined if it holds what a cookie must not hold. */
function cookieValue(text: string): string | undefined {
  const value = text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
  return COOKIE_VALUE.isAll(value) ? value : undefined
}

/** The cookies of a request; of several with one name the last counts. */
export function cookiesOf({ headers }: RequestHead): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>()
  for (const line of headers.get('cookie') ?? []) {
    for (const part of line.split(';')) {
      const pair = trimBlanks(part)
      const nameEnd = TOKEN.endOf(pair, 0)
      if (nameEnd === 0 || pair.charCodeAt(nameEnd) !== EQUALS) continue
      const value = cookieValue(pair.slice(nameEnd + 1))
      if (value !== undefined) cookies.set(pair.slice(0, nameEnd), value)
    }
  }
  return cookies
}
