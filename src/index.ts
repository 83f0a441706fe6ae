// The embedding API: a NATS server inside any Node program.
//
//     import { createServer } from 'heddle'
//     const server = createServer({ port: -1 })
//     await server.ready()
//     …connect clients to server.url…
//     await server.close()

import { normaliseOptions, type ServerOptions } from './options.ts'
import { Primary } from './primary.ts'

export { OptionError, type ServerOptions } from './options.ts'

export interface HeddleServer {
  /** Resolves when clients are served; rejects if the server could not start (port taken, …). */
  ready(): Promise<void>
  /** Closes all connections and ends all threads. May be called more than once. */
  close(): Promise<void>
  /** Client port in use, known once ready. */
  readonly port: number
  /** Monitoring port in use, known once ready; undefined if there is none. */
  readonly monitorPort: number | undefined
  /** WebSocket port in use, known once ready; undefined if there is none. */
  readonly webSocketPort: number | undefined
  /** Address for clients of this machine, such as `nats://127.0.0.1:4222`. */
  readonly url: string
  /** The id that INFO announces: 56 characters, beginning with N. */
  readonly id: string
}

/** Starts a server. Throws OptionError for bad options; several servers may live in one process. */
export function createServer(options: ServerOptions = {}): HeddleServer {
  const primary = new Primary(normaliseOptions(options))
  const started = primary.start()
  started.catch(() => undefined) // ready() tells
  let closed: Promise<void> | undefined
  return {
    ready: () => started,
    close: () => {
      closed ??= started.then(
        () => primary.close(),
        () => undefined,
      )
      return closed
    },
    get port() {
      return primary.identity.port
    },
    get monitorPort() {
      return primary.monitorPort
    },
    get webSocketPort() {
      return primary.identity.webSocket?.port
    },
    get url() {
      const { host, port } = primary.identity
      const reachable =
        host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
      return `nats://${reachable}:${port}`
    },
    id: primary.identity.serverId,
  }
}
