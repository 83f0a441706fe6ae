// `http_gateway { … }` (docs/http.md). nats-server has no such block.

import type { Draft, HttpGatewayOptions } from '../../options/shapes.ts'
import type { Schema } from './schema.ts'
import { tls } from './tls.ts'
import { block, boolean, duration, got, listen, text } from './values.ts'
import { listenPort, origins } from './websocket.ts'

const REQUEST_TIMEOUT_MS = 5_000
const HEARTBEAT_MS = 15_000

export const HTTP_GATEWAY: Schema<Draft<HttpGatewayOptions>> = {
  title: 'http_gateway',
  keys: [
    listen('host', 'listen', 'address and port, or port'),
    text('host', ['host', 'net'], 'address', 'that of the server'),
    listenPort('port', 'port', 'port, -1 = any free port; without it there is no listener'),
    tls('clients')('tls', 'tls', 'TLS of the listener; either this or no_tls is required'),
    boolean('noTls', 'no_tls', 'serve without TLS'),
    origins(
      'allowedOrigins',
      ['allowed_origins', 'allowed_origin', 'allow_origins', 'allow_origin', 'origins', 'origin'],
      'origins whose pages may use the listener',
      'none',
    ),
    duration('requestTimeout', 'request_timeout', 'default timeout of a request', '5 s'),
    duration('heartbeat', 'heartbeat', 'interval between keep-alive comments in an event stream', '15 s'),
  ],
}

/** Reads the block. */
export const readHttpGateway = block<Draft<HttpGatewayOptions>>(
  HTTP_GATEWAY,
  () => ({
    host: '',
    port: 0,
    tls: undefined,
    noTls: false,
    allowedOrigins: [],
    requestTimeout: REQUEST_TIMEOUT_MS,
    heartbeat: HEARTBEAT_MS,
  }),
  got('Expected http_gateway to be a map'),
)
