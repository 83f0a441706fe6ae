// The connections of clients of a shard: how each kind begins, those that there are, and what is done to all of them.

import { type Fault, Faults } from '../base/errors.ts'
import { attempt } from '../base/guarded.ts'
import { Client } from '../connection/client.ts'
import type { HttpSession, Session } from '../connection/facts.ts'
import type { HttpEntry, HttpGateway, HttpGatewayClass, HttpGatewayOwner } from '../http/http-gateway.ts'
import { NumberMap, type ReadonlyNumberMap } from '../memory/number-map.ts'
import { type Arrival, type PipeArrival, socketOver } from '../net/handle.ts'
import type { Pipe } from '../net/pipe.ts'
import { TcpTransport } from '../net/tcp-transport.ts'
import type { Transport } from '../net/transport.ts'
import type { Gauges } from '../reports/gauges.ts'
import type { Eviction } from '../threads/messages.ts'
import type { TlsOfPorts } from '../tls/tls-settings.ts'
import type { WebSocketSession } from '../websocket/handshake.ts'
import type { WebSocketTransport } from '../websocket/transport.ts'
import type { WebSocketEntry, WebSockets, WebSocketsClass, WebSocketsOwner } from '../websocket/websockets.ts'
import type { ConnectionsOwner } from './owner.ts'

/** What is loaded where the options ask for it. */
export interface ConnectionParts {
  readonly WebSockets?: WebSocketsClass | undefined
  readonly HttpGateway?: HttpGatewayClass | undefined
}

type Owner = ConnectionsOwner & WebSocketsOwner & HttpGatewayOwner

export class Connections implements WebSocketEntry, HttpEntry {
  private readonly shard: ConnectionsOwner
  private readonly gauges: Pick<Gauges, 'connectionClosed'>
  private readonly webSockets: WebSockets | undefined
  private readonly gateway: HttpGateway | undefined
  private readonly open = new NumberMap<Client>()
  /** Connections too many, which the primary does not count, and clients by HTTP: their sockets are counted. */
  private readonly uncounted = new Set<Client>()
  private stopping = false

  constructor(
    shard: Owner,
    gauges: Pick<Gauges, 'connectionClosed'>,
    { WebSockets, HttpGateway }: ConnectionParts,
    tls: TlsOfPorts,
  ) {
    this.shard = shard
    this.gauges = gauges
    const { websocket, httpGateway } = shard.options
    if (WebSockets !== undefined && websocket !== undefined) this.webSockets = new WebSockets(shard, websocket, this)
    if (HttpGateway !== undefined && httpGateway !== undefined) {
      this.gateway = new HttpGateway(shard, httpGateway, this)
    }
    this.configure(tls)
  }

  /** TLS of the connections that come from now on. */
  configure(tls: TlsOfPorts): void {
    this.shard.tls.configure(tls.client)
    this.webSockets?.secure.configure(tls.webSocket)
    this.gateway?.secure.configure(tls.http)
  }

  // ── How one begins ────────────────────────────────────────────────────────────────────────────────────

  /** Begins to serve one that was handed over. A bug costs this one. */
  take(arrival: Arrival): void {
    try {
      this.begin(arrival)
    } catch (error) {
      const client = this.open.get(arrival.id)
      if (client !== undefined) {
        client.failed(error)
        return
      }
      this.shard.bugMet(error)
      arrival.handle.close()
      this.lost(arrival)
    }
  }

  private begin(arrival: Arrival): void {
    const { shard } = this
    if (arrival.kind === 'websocket' || arrival.kind === 'http') {
      const entry = arrival.kind === 'http' ? this.gateway : this.webSockets
      entry?.accept(arrival)
      return
    }
    const isSecured = arrival.kind === 'client' && shard.tls.comesFirst
    if (isSecured && !arrival.refused && !this.stopping) {
      const socket = socketOver(arrival.handle)
      shard.tls.enter(this.add(arrival, socket).client, socket)
      return
    }
    const onRead = (bytes: number): void => client.socketOnRead(bytes)
    const socket = new TcpTransport(arrival.handle, shard.readBuffer, onRead, shard.bugMet)
    const { client, refusal } = this.add(arrival, socket)
    client.greet()
    client.start(socket, refusal)
  }

  /**
   * Begins to serve one within the process. `open` makes its end here, which is returned. No TLS comes over it, and no
   * proxy has passed it on: its bytes do not leave the process. `http`: it is for requests by HTTP.
   */
  takePipe(
    arrival: PipeArrival,
    open: (readBuffer: Buffer, onRead: (bytes: number) => void) => Pipe,
    http?: HttpSession,
  ): Pipe {
    const { shard } = this
    shard.wake()
    const pipe = open(shard.readBuffer, (bytes) => client.socketOnRead(bytes))
    const client = this.serve(arrival, pipe, { http })
    return pipe
  }

  /** Makes a client of a WebSocket whose handshake is done, and begins to serve it. */
  admit(arrival: Arrival, transport: Transport, webSocket: WebSocketSession): Client {
    this.shard.wake()
    return this.serve(arrival, transport, { webSocket })
  }

  get takesLeafs(): boolean {
    return this.shard.links.takesLeafs
  }

  /** Makes a leaf link of a WebSocket whose handshake is done: it does not count as a client. */
  admitLeaf(arrival: Arrival, transport: WebSocketTransport, session: WebSocketSession): void {
    this.shard.links.admitLeaf(arrival.id, transport, session)
    this.lost(arrival)
  }

  private serve(arrival: PipeArrival, transport: Transport, session: Session): Client {
    const { client, refusal } = this.add(arrival, transport, session)
    client.attempt(() => {
      client.greet()
      client.start(transport, refusal)
    })
    return client
  }

  private add({ id, refused }: PipeArrival, transport: Transport, session?: Session) {
    const client = new Client(this.shard, id, transport, session)
    this.open.set(id, client)
    if (refused || session?.http !== undefined) this.uncounted.add(client)
    return { client, refusal: refused ? Faults.connections : this.stopping ? Faults.shutdown : undefined }
  }

  /** One is gone before it became a client, or it was one by HTTP. */
  lost({ refused }: Pick<Arrival, 'refused'>): void {
    if (!refused) this.gauges.connectionClosed(this.shard.index)
    this.shard.endIfEmpty()
  }

  /** The socket of one is gone. Returns whether it was there. */
  forget(client: Client): boolean {
    if (!this.open.delete(client.id)) return false
    if (!this.uncounted.delete(client)) this.gauges.connectionClosed(this.shard.index)
    return true
  }

  // ── All that there are ────────────────────────────────────────────────────────────────────────────────

  get clients(): ReadonlyNumberMap<Client> {
    return this.open
  }

  get isEmpty(): boolean {
    return this.open.size === 0 && this.gateway?.isBusy !== true
  }

  /** Does something for each that does not close. */
  each(act: (client: Client) => void): void {
    for (const client of this.open.values()) if (!client.closing) client.attempt(() => act(client))
  }

  /** Closes up to `count` of them, the earliest ones. */
  evict(count: number, eviction: Eviction): void {
    this.shard.wakeBehindRings()
    let left = count
    for (const client of this.open.values()) {
      if (left <= 0) break
      if (client.closing) continue
      client.attempt(() => client.close(Faults[eviction]))
      left--
    }
  }

  /** Closes them all; those that come from now on are turned away. */
  stop(fault: Fault): void {
    this.stopping = true
    this.webSockets?.stop()
    this.gateway?.stop()
    this.each((client) => client.close(fault))
  }

  /** Cuts those that are left, whatever is queued. */
  cut(): void {
    for (const client of this.open.values()) attempt(this.shard.bugMet, () => client.destroy())
    this.gateway?.cut()
  }
}
