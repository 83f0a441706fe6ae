// The opening handshake (RFC 6455, 4.2; docs/reference/websocket.md, "Opening handshake"): a request's head in, an
// answer out. Holds no socket.
//
// The checks, their order and their answers are those of nats-server. One difference: after a refusal the connection is
// closed, because this port serves nothing else.

import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { WebSocketOptions } from '../options/shapes.ts'
import { OriginPolicy } from '../text/origin.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import { offersIn, PERMESSAGE_DEFLATE } from './extensions.ts'
import { type BadRequest, cookiesOf, hasToken, type RequestHead, readRequest } from './request.ts'

export const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
export const DEFLATE_ANSWER = `${PERMESSAGE_DEFLATE}; server_no_context_takeover; client_no_context_takeover`
export const NO_MASKING = 'Nats-No-Masking'
const LEAF_PATH = '/leafnode'
const MQTT_PATH = '/mqtt'

/** Credentials that came with the handshake; they count where CONNECT has none. Empty = none. */
export interface Cookies {
  readonly jwt: string
  readonly user: string
  readonly pass: string
  readonly token: string
}

/** What the handshake says of a client. */
export interface WebSocketSession {
  readonly cookies: Cookies
  /** Address that a proxy says it speaks for; empty = none. Shown, never trusted. */
  readonly forwardedFor: string
  /** permessage-deflate was agreed upon. */
  readonly compression: boolean
  /** The client masks its frames. */
  readonly masked: boolean
  readonly browser: 'none' | 'safari' | 'other'
  /** What is known of its TLS; undefined if it has none. */
  readonly tls: TlsSession | undefined
}

export type Verdict =
  | { readonly kind: 'client' | 'leaf'; readonly response: string; readonly session: WebSocketSession }
  | Refusal

export interface Refusal {
  readonly kind: 'refused'
  readonly response: string
  /** For the log; undefined if the request was not even HTTP. */
  readonly why: string | undefined
}

export class Handshake {
  private readonly options: WebSocketOptions
  private readonly origins: OriginPolicy
  /** The configured headers, ready to be sent. */
  private readonly headers: string

  constructor(options: WebSocketOptions) {
    this.options = options
    this.origins = new OriginPolicy(options.sameOrigin, options.allowedOrigins)
    this.headers = Object.entries(options.headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
  }

  /** Judges a request by its head (a byte string, without its empty line). `tls`: that which it came over. */
  judge(head: string, tls: TlsSession | undefined): Verdict {
    const request = readRequest(head)
    if ('status' in request) return refuseRequest(request)
    const refused = this.objection(request, tls !== undefined)
    if (refused !== undefined) return refused
    const session = { ...this.sessionOf(request), tls }
    const response = this.accept(request, session)
    return { kind: request.path.endsWith(LEAF_PATH) ? 'leaf' : 'client', response, session }
  }

  private objection(request: RequestHead, secure: boolean): Refusal | undefined {
    const { headers } = request
    const first = (name: string): string => headers.get(name)?.[0] ?? ''
    if (request.path.endsWith(MQTT_PATH)) return refuse(404, 'mqtt websocket endpoint not enabled')
    if (request.method !== 'GET') return refuse(405, 'request method must be GET')
    if (request.host === '') return refuse(400, "'Host' missing in request")
    if (!hasToken(request, 'upgrade', 'websocket')) return refuse(400, "invalid value for header 'Upgrade'")
    if (!hasToken(request, 'connection', 'upgrade')) return refuse(400, "invalid value for header 'Connection'")
    const key = first('sec-websocket-key')
    if (key === '') return refuse(400, 'key missing')
    if (!isKey(key)) return refuse(400, 'invalid websocket key')
    if (!hasToken(request, 'sec-websocket-version', '13')) return refuse(400, 'invalid version')
    const origin = first('origin') || first('sec-websocket-origin')
    const why = this.origins.objection(origin, request.host, secure)
    return why === undefined ? undefined : refuse(403, `origin not allowed: ${why}`)
  }

  private sessionOf(request: RequestHead): Omit<WebSocketSession, 'tls'> {
    const { headers } = request
    const { jwtCookie, userCookie, passCookie, tokenCookie, compression } = this.options
    const cookies = cookiesOf(request)
    const [forwardedFor = ''] = headers.get('x-forwarded-for') ?? []
    return {
      cookies: {
        jwt: cookies.get(jwtCookie) ?? '',
        user: cookies.get(userCookie) ?? '',
        pass: cookies.get(passCookie) ?? '',
        token: cookies.get(tokenCookie) ?? '',
      },
      forwardedFor: isIP(forwardedFor) === 0 ? '' : forwardedFor,
      compression: compression && offersDeflate(headers.get('sec-websocket-extensions') ?? []),
      masked: headers.get('nats-no-masking')?.[0] !== 'true',
      browser: browserOf(headers.get('user-agent')?.[0] ?? ''),
    }
  }

  private accept({ headers }: RequestHead, { compression, masked }: WebSocketSession): string {
    const key = headers.get('sec-websocket-key')?.[0] ?? ''
    const lines = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${createHash('sha1')
        .update(key + GUID)
        .digest('base64')}`,
    ]
    if (compression) lines.push(`Sec-WebSocket-Extensions: ${DEFLATE_ANSWER}`)
    if (!masked) lines.push(`${NO_MASKING}: true`)
    return `${lines.join('\r\n')}\r\n${this.headers}\r\n`
  }
}

/** Sixteen bytes in base64. */
function isKey(key: string): boolean {
  return /^[A-Za-z0-9+/]{22}==$/.test(key)
}

/**
 * Whether a client offers permessage-deflate in a way that we can take up. One that limits our window is not taken up:
 * nats-server ignores the limit, and such a client could not read what it is sent.
 */
function offersDeflate(headers: readonly string[]): boolean {
  const offers = headers.flatMap((header) => offersIn(header) ?? [])
  return offers.some(({ name, parameters }) => name === PERMESSAGE_DEFLATE && !parameters.has('server_max_window_bits'))
}

/**
 * Safari is recognised by a word that only it has; Chrome calls itself Safari as well (docs/reference/websocket.md,
 * "Browsers").
 */
function browserOf(userAgent: string): WebSocketSession['browser'] {
  if (!userAgent.startsWith('Mozilla/')) return 'none'
  return userAgent.includes('Version/') && userAgent.includes('Safari/') ? 'safari' : 'other'
}

const STATUS_TEXTS = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
} as const

function refuse(status: keyof typeof STATUS_TEXTS, why: string): Refusal {
  const text = STATUS_TEXTS[status]
  const lines = [
    `HTTP/1.1 ${status} ${text}`,
    'Content-Type: text/plain; charset=utf-8',
    'Sec-Websocket-Version: 13',
    'X-Content-Type-Options: nosniff',
    `Date: ${new Date().toUTCString()}`,
    `Content-Length: ${text.length + 1}`,
    'Connection: close',
  ]
  return { kind: 'refused', response: `${lines.join('\r\n')}\r\n\r\n${text}\n`, why }
}

/** The answer to what is not a request. */
export function refuseRequest({ status }: BadRequest): Refusal {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n`
  return { kind: 'refused', response: head + status, why: undefined }
}
