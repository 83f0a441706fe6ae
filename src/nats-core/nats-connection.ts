// How a connection of the client is given to the packages of nats.js.

import type { NatsConnection } from '@nats-io/nats-core'
import type { NatsConnection as OwnConnection } from '../client/index.ts'
import { NatsCoreConnection } from './connection.ts'

/**
 * A connection of `heddle/client` as one of nats-core: that of connect(), of a server in the same process, of a test
 * server. Both are the same connection, and may be used side by side.
 */
export function natsConnection(connection: OwnConnection): NatsConnection {
  return new NatsCoreConnection(connection)
}
