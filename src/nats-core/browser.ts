// The client under the packages of nats.js, in browsers: by WebSocket only.

import type { NatsConnection } from '@nats-io/nats-core'
import { wsconnect as ownWsconnect, type WsConnectionOptions } from '../client/web.ts'
import { rejectAsTheirs } from './errors.ts'
import { natsConnection } from './nats-connection.ts'

export * from '@nats-io/nats-core'
export { natsConnection, wsconnect as connect }

/** wsconnect() of `heddle/client`, as a connection of nats-core. Rejects as that does, with the errors of nats-core. */
export function wsconnect(options?: WsConnectionOptions): Promise<NatsConnection> {
  return ownWsconnect(options).then(natsConnection, rejectAsTheirs)
}
