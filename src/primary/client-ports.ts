// The ports for clients: the NATS port and, if configured, a Unix socket, and the ports for
// WebSockets and for HTTP.

import { ANY_HOST, hostPort, listenerUrls } from '../base/addresses.ts'
import type { Handle } from '../base/node-private.ts'
import type { Log } from '../log/log.ts'
import type { Arrival } from '../net/handle.ts'
import { Listener } from '../net/listener.ts'
import type { Options } from '../options/options.ts'
import type { TlsOptions } from '../options/shapes.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { Ports } from './server-files.ts'
import { identityOf } from './server-identity.ts'

type PortsLog = Pick<Log, 'info' | 'warn' | 'error'>

/** Listeners that a server may do without, by the kind of their connections. */
type OtherListeners = { -readonly [Kind in Exclude<Arrival['kind'], 'client'>]?: Listener }

export class ClientPorts {
  private readonly client: Listener
  private readonly others: OtherListeners

  /** Rejects, with everything closed again, if a port cannot be had. */
  static async open(options: Options): Promise<ClientPorts> {
    const { host, port, unixSocket, unixSocketMode, websocket, httpGateway } = options
    const client = await Listener.open(host, port)
    const others: OtherListeners = {}
    try {
      if (unixSocket !== '') others.unix = await Listener.openUnix(unixSocket, Number.parseInt(unixSocketMode, 8))
      if (websocket !== undefined && websocket.port !== 0) {
        others.websocket = await Listener.open(websocket.host || ANY_HOST, websocket.port)
      }
      if (httpGateway !== undefined && httpGateway.port !== 0) {
        others.http = await Listener.open(httpGateway.host || host, httpGateway.port)
      }
      return new ClientPorts(client, others)
    } catch (error) {
      for (const listener of [client, ...Object.values(others)]) listener.close()
      throw error
    }
  }

  private constructor(client: Listener, others: OtherListeners) {
    this.client = client
    this.others = others
  }

  private get all(): Listener[] {
    return [this.client, ...Object.values(this.others)]
  }

  /** From now on connections, including waiting ones, are offered to `take`, which returns whether it took them. */
  serve(options: Options, log: PortsLog, take: (handle: Handle, kind: Arrival['kind']) => boolean): void {
    const { client } = this
    const { unix, websocket: webSocket, http } = this.others
    client.serve(
      (handle) => take(handle, 'client'),
      (error) => log.error(`Error accepting connections: ${error.message}`),
    )
    for (const kind of ['unix', 'websocket', 'http'] as const) {
      this.others[kind]?.serve(
        (handle) => take(handle, kind),
        (error) => log.error(`Error accepting ${kind} connections: ${error.message}`),
      )
    }
    if (webSocket !== undefined) {
      const at = hostPort(options.websocket?.host || ANY_HOST, webSocket.port)
      log.info(`Listening for websocket clients on ${webSocketScheme(options)}://${at}`)
      if (options.websocket?.tls === undefined) log.warn('Websocket not configured with TLS. DO NOT USE IN PRODUCTION!')
    }
    if (http !== undefined) {
      const { host = '', tls } = options.httpGateway ?? {}
      const at = hostPort(host || options.host, http.port)
      log.info(`Listening for HTTP clients on ${httpScheme(options)}://${at}`)
      if (tls === undefined)
        log.warn('HTTP listener not configured with TLS: passwords and tokens are sent in clear text')
    }
    if (unix !== undefined) log.info(`Listening for client connections on unix:${unix.address}`)
    log.info(`Listening for client connections on ${hostPort(options.host, client.port)}`)
    if (options.proxyProtocol) log.info('PROXY protocol enabled for client connections')
    if (options.tls !== undefined) tellOfTls(options.tls, options.allowNonTls, log)
  }

  /** Shards can take connections again: offers them the waiting ones. */
  offerWaiting(): void {
    for (const listener of this.all) listener.offerWaiting()
  }

  /** What INFO says of a server with these ports. */
  identity(serverId: string, options: Options): ServerIdentity {
    const {
      client,
      others: { websocket: webSocket },
    } = this
    const identity = identityOf(serverId, options, client.port)
    if (webSocket === undefined) return identity
    const host = options.websocket?.host || ANY_HOST
    return { ...identity, webSocket: { host, port: webSocket.port } }
  }

  /** What the ports file says of them; `monitor`: where the monitoring pages are. */
  urls(options: Options, monitor: { scheme: string; address: string; port: number } | undefined): Ports {
    const { address, port } = this.client
    const { websocket: webSocket, http, unix } = this.others
    return {
      nats: listenerUrls(options.tls === undefined ? 'nats' : 'tls', address, port),
      ...(monitor === undefined ? {} : { monitoring: listenerUrls(monitor.scheme, monitor.address, monitor.port) }),
      ...(webSocket === undefined
        ? {}
        : { websocket: listenerUrls(webSocketScheme(options), webSocket.address, webSocket.port) }),
      ...(http === undefined ? {} : { http: listenerUrls(httpScheme(options), http.address, http.port) }),
      ...(unix === undefined ? {} : { unix: [`unix:${unix.address}`] }),
    }
  }

  get port(): number {
    return this.client.port
  }

  /** Undefined: there is no port for HTTP. */
  get httpPort(): number | undefined {
    return this.others.http?.port
  }

  get isOpen(): boolean {
    return this.client.isOpen
  }

  close(): void {
    for (const listener of this.all) listener.close()
  }
}

function tellOfTls({ handshakeFirst, handshakeFirstFallback }: TlsOptions, allowNonTls: boolean, log: PortsLog): void {
  log.info(`TLS ${allowNonTls ? 'available' : 'required'} for client connections`)
  if (handshakeFirst && handshakeFirstFallback === 0) {
    log.warn('Clients that are not using "TLS Handshake First" option will fail to connect')
  }
}

function webSocketScheme({ websocket }: Options): 'ws' | 'wss' {
  return websocket?.tls === undefined ? 'ws' : 'wss'
}

function httpScheme({ httpGateway }: Options): 'http' | 'https' {
  return httpGateway?.tls === undefined ? 'http' : 'https'
}
