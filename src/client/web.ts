// Connections by WebSocket, for both entries.

import type { NatsConnection } from './api.ts'
import { Connection } from './connection.ts'
import type { ConnectionOptions } from './options.ts'
import { standardWebSocket, type WebSocketFactory, webSocketCarrier } from './websocket-transport.ts'

export interface WsConnectionOptions extends ConnectionOptions {
  /** Makes the WebSockets, in place of the standard one. (Only this client.) */
  webSocket?: WebSocketFactory
}

/**
 * Connects by WebSocket; servers without a scheme are of `wss`. Rejects with the error of the last server that was
 * tried, or InvalidArgumentError.
 */
export function wsconnect(options: WsConnectionOptions = {}): Promise<NatsConnection> {
  const { webSocket = standardWebSocket, ...others } = options
  return Connection.open(others, webSocketCarrier('heddle.ws', webSocket))
}
