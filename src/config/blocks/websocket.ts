// `websocket { … }` (docs/reference/websocket.md, "The websocket block"), and the small block of credentials that it
// shares with mqtt.

import type { Draft, WebSocketOptions } from '../../options/shapes.ts'
import { isPlainData, typeName } from '../language/tree.ts'
import { kind, type Schema } from './schema.ts'
import { tls } from './tls.ts'
import {
  block,
  boolean,
  duration,
  got,
  listen,
  millisecondsOf,
  ofType,
  only,
  recordOf,
  spanOf,
  text,
  textsOf,
} from './values.ts'

export interface SimpleAuth {
  username: string
  password: string
  token: string
  authTimeout: number
}

const seconds = kind<number>('seconds', (entry, { problems }) => {
  const ms = millisecondsOf(entry)
  if (ms !== undefined) return ms
  const { value } = entry
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value) * 1000
  return isPlainData(entry) ? problems.error(entry, "'timeout' wrong type") : 1000 // as in nats-server
})

const SIMPLE_AUTH: Schema<SimpleAuth> = {
  title: 'websocket.authorization',
  keys: [
    text('username', ['user', 'username'], 'name'),
    text('password', ['pass', 'password'], 'password'),
    text('token', 'token', 'token'),
    seconds('authTimeout', 'timeout', 'maximum time for CONNECT, in seconds'),
  ],
}

const readSimpleAuth = block(SIMPLE_AUTH, () => ({ username: '', password: '', token: '', authTimeout: 0 }))

/** Rows for credentials of the clients of one listener alone: what they are becomes the listener's own. */
export const simpleAuth = kind<string, Partial<Record<keyof SimpleAuth, unknown>>>(
  'block',
  (entry, reading, name, into) => Object.assign(into, readSimpleAuth(entry, reading, name)).username,
  { block: SIMPLE_AUTH },
)

export const AUTH_KEYS = ['authorization', 'authentication']

const handshakeTimeout = kind<number>('duration', (entry, reading, name) => {
  if (typeof entry.value === 'string' || isPlainData(entry)) return spanOf(entry, reading)
  const seconds = only('bigint', ofType('error parsing handshake timeout: unsupported type'))(entry, reading, name)
  return seconds === undefined ? undefined : seconds * 1000
})

/** For an embedding program port 0 is a free one; in a file it means no listener. */
export const listenPort = kind<number>('integer', (entry, { problems }) => {
  const port = problems.integer(entry)
  return port === 0 && isPlainData(entry) ? -1 : port
})

export const origins = kind<string[]>('list', textsOf('allowed origins'))

const headers = kind<Readonly<Record<string, string>>>(
  'block',
  recordOf(
    only('string', (value, name) => `error parsing header key ${name}: unsupported type ${typeName(value)}`),
    ofType('error parsing headers: unsupported type'),
  ),
)

export const WEBSOCKET: Schema<Draft<WebSocketOptions>> = {
  title: 'websocket',
  keys: [
    listen('host', 'listen', 'address and port, or port'),
    text('host', ['host', 'net'], 'address', '0.0.0.0'),
    listenPort('port', 'port', 'port; without it there is no listener'),
    text('advertise', 'advertise', 'address announced to clients'),
    tls('clients')('tls', 'tls', 'TLS of the listener; either this or no_tls is required'),
    boolean('noTls', 'no_tls', 'serve without TLS'),
    boolean('sameOrigin', 'same_origin', 'accept only pages from the same host'),
    origins(
      'allowedOrigins',
      ['allowed_origins', 'allowed_origin', 'allow_origins', 'allow_origin', 'origins', 'origin'],
      'accept only pages from these origins',
      'any',
    ),
    handshakeTimeout('handshakeTimeout', 'handshake_timeout', 'maximum time for the handshake; a number means seconds'),
    boolean('compression', ['compression', 'compress'], 'offer permessage-deflate'),
    simpleAuth('username', AUTH_KEYS, 'credentials for WebSocket clients alone'),
    text('noAuthUser', 'no_auth_user', 'user of clients without credentials'),
    text('jwtCookie', 'jwt_cookie', 'cookie that holds the user JWT'),
    text('userCookie', 'user_cookie', 'cookie that holds the name'),
    text('passCookie', 'pass_cookie', 'cookie that holds the password'),
    text('tokenCookie', 'token_cookie', 'cookie that holds the token'),
    headers('headers', 'headers', 'extra headers of the response'),
    duration('pingInterval', 'ping_interval', 'interval between PINGs, in place of the top-level ping_interval'),
  ],
}

/** Reads the block. */
export const readWebSocket = block<Draft<WebSocketOptions>>(
  WEBSOCKET,
  () => ({
    host: '',
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
  }),
  got('Expected websocket to be a map'),
)
