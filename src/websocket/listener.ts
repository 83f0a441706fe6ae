// The listener for WebSocket clients, on the primary thread: it accepts and hands over, like that for other clients.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { LISTEN_BACKLOG } from '../constants.ts'
import type { Log } from '../log.ts'
import { hostPort } from '../transport.ts'

export class WebSocketListener {
  private readonly server: Server
  private readonly log: Log

  /** `onConnection` takes over each socket, which has not been read. */
  constructor(onConnection: (socket: Socket) => void, log: Log) {
    this.log = log
    this.server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true })
    this.server.on('connection', onConnection)
  }

  /** Resolves with the port; `port` -1 takes a free one. `tls`: the shards will want it. */
  listen(host: string, port: number, tls: boolean): Promise<number> {
    const { server, log } = this
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port: port === -1 ? 0 : port, backlog: LISTEN_BACKLOG }, () => {
        server.off('error', reject)
        server.on('error', (error) => log.error(`Error accepting websocket connections: ${error.message}`))
        const bound = (server.address() as AddressInfo).port
        log.info(`Listening for websocket clients on ${tls ? 'wss' : 'ws'}://${hostPort(host, bound)}`)
        if (!tls) log.warn('Websocket not configured with TLS. DO NOT USE IN PRODUCTION!')
        resolve(bound)
      })
    })
  }

  close(): void {
    this.server.close()
  }
}
