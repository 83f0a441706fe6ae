// `websocket { … }` (reference 4.8), and the small block of credentials that it shares with mqtt.

import { parseDuration } from '../../base/duration.ts'
import type { Draft, WebSocketOptions } from '../../options/shapes.ts'
import { type ConfigEntry, isPlainData, typeName } from '../language/tree.ts'
import {
  boolean,
  custom,
  duration,
  integer,
  listenOf,
  type Reading,
  readBlock,
  type Schema,
  text,
  textsOf,
} from './schema.ts'
import { readTls } from './tls.ts'
import { TLS } from './tls-keys.ts'

export interface SimpleAuth {
  username: string
  password: string
  token: string
  authTimeout: number
}

export const SIMPLE_AUTH: Schema<SimpleAuth> = {
  title: 'websocket.authorization',
  keys: [
    text('username', ['user', 'username'], 'name'),
    text('password', ['pass', 'password'], 'password'),
    text('token', 'token', 'token'),
    custom('seconds', 'timeout', 'time for CONNECT, a number of seconds', (entry, into, { problems }) => {
      const { value } = entry
      if (typeof value === 'bigint' || typeof value === 'number') into.authTimeout = Number(value) * 1000
      else if (isPlainData(entry)) problems.error(entry, "'timeout' wrong type")
      else into.authTimeout = 1000 // as in nats-server
    }),
  ],
}

export const WEBSOCKET: Schema<Draft<WebSocketOptions>> = {
  title: 'websocket',
  keys: [
    custom('listen', 'listen', 'address and port, or port', (entry, into, reading) => {
      const listen = listenOf(entry, reading)
      if (listen !== undefined) Object.assign(into, listen)
    }),
    text('host', ['host', 'net'], 'address', '0.0.0.0'),
    integer('port', 'port', 'port; there is no listener without'),
    text('advertise', 'advertise', 'address told to clients'),
    custom(
      'block',
      'tls',
      'TLS of the listener; this or no_tls is required',
      (entry, into, reading) => {
        into.tls = readTls(entry, 'clients', reading)
      },
      { block: TLS as Schema<never> },
    ),
    boolean('noTls', 'no_tls', 'serve without TLS', 'false'),
    boolean('sameOrigin', 'same_origin', 'the page must come from the same host', 'false'),
    custom(
      'list',
      ['allowed_origins', 'allowed_origin', 'allow_origins', 'allow_origin', 'origins', 'origin'],
      'the page must come from one of these',
      (entry, into, reading) => {
        into.allowedOrigins = textsOf(entry, 'allowed origins', reading) ?? []
      },
      { default: 'any' },
    ),
    custom(
      'duration',
      'handshake_timeout',
      'longest handshake; a number means seconds',
      (entry, into, { problems }) => {
        const { value } = entry
        if (typeof value === 'bigint') into.handshakeTimeout = Number(value) * 1000
        else if (typeof value !== 'string') {
          problems.error(entry, `error parsing handshake timeout: unsupported type ${typeName(value)}`)
        } else {
          const span = parseDuration(value)
          if ('ms' in span) into.handshakeTimeout = span.ms
          else problems.error(entry, span.wrong)
        }
      },
    ),
    boolean('compression', ['compression', 'compress'], 'offer permessage-deflate', 'false'),
    custom(
      'block',
      ['authorization', 'authentication'],
      'credentials for WebSocket clients alone',
      (entry, into, reading) => {
        Object.assign(into, readSimpleAuth(entry, reading))
      },
      { block: SIMPLE_AUTH as Schema<never> },
    ),
    text('noAuthUser', 'no_auth_user', 'user of clients without credentials'),
    text('jwtCookie', 'jwt_cookie', 'cookie that holds the user JWT'),
    text('userCookie', 'user_cookie', 'cookie that holds the name'),
    text('passCookie', 'pass_cookie', 'cookie that holds the password'),
    text('tokenCookie', 'token_cookie', 'cookie that holds the token'),
    custom('block', 'headers', 'extra headers of the response', readHeaders),
    duration('pingInterval', 'ping_interval', 'time between PINGs, instead of that of other clients'),
  ],
}

function readHeaders(entry: ConfigEntry, into: Draft<WebSocketOptions>, { problems }: Reading): void {
  if (!(entry.value instanceof Map)) {
    problems.error(entry, `error parsing headers: unsupported type ${typeName(entry.value)}`)
    return
  }
  const headers: [string, string][] = []
  for (const [name, item] of entry.value) {
    if (typeof item.value === 'string') headers.push([name, item.value])
    else problems.error(item, `error parsing header key ${name}: unsupported type ${typeName(item.value)}`)
  }
  into.headers = Object.fromEntries(headers)
}

export function readSimpleAuth(entry: ConfigEntry, reading: Reading): SimpleAuth {
  const auth = { username: '', password: '', token: '', authTimeout: 0 }
  const map = reading.problems.map(entry)
  if (map !== undefined) readBlock(map, SIMPLE_AUTH, auth, reading)
  return auth
}

/** Reads the block. */
export function readWebSocket(entry: ConfigEntry, reading: Reading): WebSocketOptions | undefined {
  const { value } = entry
  if (!(value instanceof Map)) {
    return reading.problems.error(entry, `Expected websocket to be a map, got ${typeName(value)}`)
  }
  const options: Draft<WebSocketOptions> = {
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
  }
  readBlock(value, WEBSOCKET, options, reading)
  return options
}
