// Accepts clients in the place of the server, and connects each of them to it: by one door for the NATS protocol, and
// by another one for WebSocket, if the server has that.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type Carriage, type ClientEvents, GatewayClient } from './test-client.ts'

/** Where clients come in, and where they are led. */
export class Door {
  readonly host: string
  readonly port: number
  private readonly listener: Server
  /** Where the server is; undefined: not there. */
  private server: { readonly host: string; readonly port: number } | undefined

  private constructor(listener: Server, accept: (near: Socket, far: Socket) => void, refuses: () => boolean) {
    const { address, port } = listener.address() as AddressInfo
    this.host = address
    this.port = port
    this.listener = listener
    listener.on('connection', (near: Socket) => {
      if (refuses() || this.server === undefined) near.resetAndDestroy()
      else accept(near, connect({ ...this.server, allowHalfOpen: true, noDelay: true }))
    })
  }

  /** Port 0 takes a free one. Rejects if the port cannot be had. */
  static async open(
    host: string,
    port: number,
    accept: (near: Socket, far: Socket) => void,
    refuses: () => boolean,
  ): Promise<Door> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true })
    listener.listen(port, host)
    await once(listener, 'listening')
    return new Door(listener, accept, refuses)
  }

  leadTo(host: string, port: number): void {
    this.server = { host, port }
  }

  /** There is no server until leadTo(): new connections are reset. */
  leadNowhere(): void {
    this.server = undefined
  }

  async close(): Promise<void> {
    const closed = once(this.listener, 'close')
    this.listener.close()
    await closed
  }
}

export class Gateway {
  /** New connections are reset at once. */
  refuses = false
  private readonly events: ClientEvents
  private readonly clients = new Set<GatewayClient>()
  private readonly doors: Door[] = []
  private count = 0

  constructor(events: Omit<ClientEvents, 'ended'>) {
    this.events = { ...events, ended: (client) => this.clients.delete(client) }
  }

  /**
   * Another address for clients; `carriage` says of each that comes how its bytes become operations. Rejects if the
   * port cannot be had.
   */
  async openDoor(host: string, port: number, carriage: () => Carriage): Promise<Door> {
    const accept = (near: Socket, far: Socket): void => {
      this.clients.add(new GatewayClient(++this.count, near, far, carriage(), this.events))
    }
    const door = await Door.open(host, port, accept, () => this.refuses)
    this.doors.push(door)
    return door
  }

  /** Those that are connected, in the order in which they came. */
  get connected(): GatewayClient[] {
    return [...this.clients]
  }

  leadNowhere(): void {
    for (const door of this.doors) door.leadNowhere()
  }

  /** Ends what is left of the connections, and takes no more. */
  async close(): Promise<void> {
    const closed = Promise.all(this.doors.map((door) => door.close()))
    for (const client of this.clients) client.cut()
    await closed
  }
}
