// The `websocket` block (reference 4.8) as plain data, with its defaults and what makes it unusable.

import type { TlsOptions } from '../tls/options.ts'
import { readTls, type TlsSettings } from '../tls/settings.ts'
import { parseOrigin } from './origin.ts'

/** Times are milliseconds; a text that was not given is empty. */
export interface WebSocketOptions {
  readonly host: string
  /** -1: any free one; 0 = no listener. */
  readonly port: number
  readonly advertise: string
  /** Taken wherever it is given, even with `noTls`. */
  readonly tls: TlsOptions | undefined
  readonly noTls: boolean
  readonly sameOrigin: boolean
  readonly allowedOrigins: readonly string[]
  /** 0 = the default, HANDSHAKE_MS. */
  readonly handshakeTimeout: number
  readonly compression: boolean
  readonly username: string
  readonly password: string
  readonly token: string
  readonly authTimeout: number
  readonly noAuthUser: string
  readonly jwtCookie: string
  readonly userCookie: string
  readonly passCookie: string
  readonly tokenCookie: string
  readonly headers: Readonly<Record<string, string>>
  /** 0 = as other clients. */
  readonly pingInterval: number
}

const DEFAULTS: WebSocketOptions = {
  host: '0.0.0.0',
  port: 0,
  advertise: '',
  tls: undefined,
  noTls: false,
  sameOrigin: false,
  allowedOrigins: [],
  handshakeTimeout: 0,
  compression: false,
  username: '',
  password: '',
  token: '',
  authTimeout: 0,
  noAuthUser: '',
  jwtCookie: '',
  userCookie: '',
  passCookie: '',
  tokenCookie: '',
  headers: {},
  pingInterval: 0,
}

const FORBIDDEN_HEADERS = new Set(['host', 'content-length', 'connection', 'upgrade', 'nats-no-masking'])

/** The complete options, or what is wrong with them in nats-server's words; undefined: no listener is wanted. */
export function completeWebSocketOptions(
  given: Partial<WebSocketOptions> | undefined,
): WebSocketOptions | { readonly error: string } | undefined {
  if (given === undefined || given.port === undefined || given.port === 0) return undefined
  const options: WebSocketOptions = { ...DEFAULTS, ...given }
  if (!Number.isInteger(options.port) || options.port < -1 || options.port > 65535) {
    return { error: `websocket port must be a whole number from -1 to 65535, not ${options.port}` }
  }
  if (options.tls === undefined && !options.noTls) return { error: 'websocket requires TLS configuration' }
  for (const origin of options.allowedOrigins) {
    const parsed = parseOrigin(origin)
    if (parsed === undefined || (parsed.scheme !== 'http' && parsed.scheme !== 'https') || parsed.host === '') {
      const why = 'allowed origins must be absolute URLs with http or https scheme'
      return { error: `unable to parse allowed origin ${JSON.stringify(origin)}: ${why}` }
    }
  }
  for (const [name, value] of Object.entries(options.headers)) {
    const quoted = JSON.stringify(name)
    const lowered = name.toLowerCase()
    if (FORBIDDEN_HEADERS.has(lowered)) return { error: `websocket: invalid header ${quoted} not allowed` }
    if (lowered.startsWith('sec-websocket-')) {
      return { error: `websocket: invalid header ${quoted}, "Sec-WebSocket-" prefix not allowed` }
    }
    // Each becomes a line of the answer: none may make two of them.
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\uffff]*$/.test(value)) {
      return { error: `websocket: invalid header ${quoted}` }
    }
  }
  return options
}

/**
 * What a shard needs for TLS; undefined: the listener does without. Reads the files, so it is for the primary. A client
 * has to begin TLS before it is told anything.
 */
export function readWebSocketTls({ tls }: WebSocketOptions): TlsSettings | { readonly error: string } | undefined {
  if (tls === undefined) return undefined
  const read = readTls({ ...tls, handshakeFirst: true, handshakeFirstFallback: 0 }, false)
  return 'error' in read ? read : read.value
}
