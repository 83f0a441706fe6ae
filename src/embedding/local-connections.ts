// Clients in the same process, connected without a socket. They end with the server.

import type { NatsConnection } from '../client/api.ts'
import type { ConnectionOptions } from '../client/options.ts'
import type { Carrier } from '../client/transport.ts'
import type { Primary } from '../primary/primary.ts'

/** What connect() takes: what a client takes that does not look for a server. */
export type LocalConnectionOptions = Omit<ConnectionOptions, 'servers' | 'port' | 'tls'>

export class LocalConnections {
  private readonly primary: Primary
  private readonly open = new Set<NatsConnection>()

  constructor(primary: Primary) {
    this.primary = primary
  }

  /** `url` is the address that the client calls the server by. */
  async connect(options: LocalConnectionOptions, url: string): Promise<NatsConnection> {
    // Most programs that embed a server have their clients elsewhere.
    const [{ Connection }, { ConnectionError }] = await Promise.all([
      import('../client/connection.ts'),
      import('../client/errors.ts'),
    ])
    const dial: Carrier['dial'] = async ({ events }) => {
      const end = this.primary.connect(events)
      if (end === undefined) throw new ConnectionError('the server does not serve')
      return end
    }
    // There is one server, whatever it knows of others.
    const all = { ...options, servers: url, ignoreClusterUpdates: true }
    const connection = await Connection.open(all, { scheme: 'nats', lang: 'heddle.local', dial })
    this.open.add(connection)
    const closed = (): boolean => this.open.delete(connection)
    connection.closed().then(closed, closed)
    return connection
  }

  /** The server has ended. */
  async close(): Promise<void> {
    await Promise.all([...this.open].map((connection) => connection.close()))
  }
}
