// The client under the packages of nats.js, in Node: in the place of @nats-io/transport-node.
//
//     import { jetstream } from '@nats-io/jetstream'
//     import { connect } from 'heddle/nats-core'
//     const js = jetstream(await connect({ servers: 'nats://127.0.0.1:4222' }))

import type { NatsConnection } from '@nats-io/nats-core'
import {
  type ConnectionOptions,
  connect as ownConnect,
  wsconnect as ownWsconnect,
  type WsConnectionOptions,
} from '../client/index.ts'
import { rejectAsTheirs } from './errors.ts'
import { natsConnection } from './nats-connection.ts'

export * from '@nats-io/nats-core'
export { natsConnection } from './nats-connection.ts'

/** connect() of `heddle/client`, as a connection of nats-core. Rejects as that does, with the errors of nats-core. */
export function connect(options?: ConnectionOptions): Promise<NatsConnection> {
  return ownConnect(options).then(natsConnection, rejectAsTheirs)
}

/** The same for wsconnect(). */
export function wsconnect(options?: WsConnectionOptions): Promise<NatsConnection> {
  return ownWsconnect(options).then(natsConnection, rejectAsTheirs)
}
