// Accepts clients in the place of the server, and connects each of them to it.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type ClientEvents, GatewayClient } from './test-client.ts'

export class Gateway {
  readonly host: string
  readonly port: number
  /** New connections are reset at once. */
  refuses = false
  private readonly listener: Server
  private readonly events: ClientEvents
  private readonly clients = new Set<GatewayClient>()
  /** Where the server is; undefined: not there yet. */
  private server: { readonly host: string; readonly port: number } | undefined
  private count = 0

  private constructor(listener: Server, events: ClientEvents) {
    const { address, port } = listener.address() as AddressInfo
    this.host = address
    this.port = port
    this.listener = listener
    this.events = events
    listener.on('connection', (socket: Socket) => this.accept(socket))
  }

  /** Port 0 takes a free one. Rejects if the port cannot be had. */
  static async open(host: string, port: number, events: Omit<ClientEvents, 'ended'>): Promise<Gateway> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true })
    listener.listen(port, host)
    await once(listener, 'listening')
    const gateway: Gateway = new Gateway(listener, {
      ...events,
      ended: (client) => gateway.clients.delete(client),
    })
    return gateway
  }

  leadTo(host: string, port: number): void {
    this.server = { host, port }
  }

  /** There is no server until leadTo(): new connections are reset. */
  leadNowhere(): void {
    this.server = undefined
  }

  /** Those that are connected, in the order in which they came. */
  get connected(): GatewayClient[] {
    return [...this.clients]
  }

  private accept(near: Socket): void {
    if (this.refuses || this.server === undefined) {
      near.resetAndDestroy()
      return
    }
    const far = connect({ ...this.server, allowHalfOpen: true, noDelay: true })
    this.clients.add(new GatewayClient(++this.count, near, far, this.events))
  }

  /** Ends what is left of the connections, and takes no more. */
  async close(): Promise<void> {
    const closed = once(this.listener, 'close')
    this.listener.close()
    for (const client of this.clients) client.cut()
    await closed
  }
}
