// The client in Node.
//
//     import { connect } from 'heddle/client'
//     const nc = await connect({ servers: 'nats://127.0.0.1:4222' })
//     for await (const message of nc.subscribe('orders.*')) message.respond('thanks')

import type { NatsConnection } from './api.ts'
import { Connection } from './connection.ts'
import { nodeCarrier } from './node-transport.ts'
import type { ConnectionOptions } from './options.ts'
import { wsconnect } from './web.ts'

export * from './common.ts'
export { type WsConnectionOptions, wsconnect } from './web.ts'

function isWebSocket(server: string): boolean {
  const start = server.slice(0, 'wss://'.length).toLowerCase()
  return start.startsWith('ws://') || start.startsWith('wss://')
}

/**
 * Connects, by TCP, or by WebSocket if the servers say so. Rejects with the error of the last server that was tried
 * (AuthorizationError, ConnectionError, …), or InvalidArgumentError.
 */
export async function connect(options: ConnectionOptions = {}): Promise<NatsConnection> {
  const servers = [options.servers ?? []].flat()
  if (servers.some(isWebSocket)) return wsconnect(options)
  return Connection.open(options, nodeCarrier)
}
