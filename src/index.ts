// The embedding API: a NATS server inside any Node program.
//
//     import { createServer } from 'heddle'
//     const server = createServer({ port: -1 })
//     await server.ready()
//     …connect clients to server.url…
//     await server.close()

import type { Authenticate } from './auth/custom.ts'
import { nodeObstacle } from './base/node-version.ts'
import type { NatsConnection } from './client/api.ts'
import type { ConnectionOptions } from './client/options.ts'
import type { Carrier } from './client/transport.ts'
import { blockReader } from './config/file.ts'
import { isPlainObject, shownData } from './config/language/tree.ts'
import { type Normalised, normaliseEmbedded, OptionError } from './config/normalise.ts'
import { readFile } from './config/surroundings.ts'
import type { ServerOptions } from './options/options.ts'
import { Primary } from './primary/primary.ts'

export type { Authenticate, AuthenticateAnswer, AuthenticateRequest } from './auth/custom.ts'
export { OptionError } from './config/normalise.ts'
export type { ServerOptions } from './options/options.ts'

/** What createServer() takes: plain data, and a function. */
export interface EmbeddedOptions extends ServerOptions {
  /**
   * Authenticates clients, in place of all configured ways: it gets the contents of CONNECT and the known facts about
   * the connection, and returns the user, or undefined to refuse the client. It runs on the calling thread, within the
   * time for CONNECT (2 s, or `timeout` of `authorization`). Accounts that it names have to be among the `accounts`.
   */
  authenticate?: Authenticate
}

/** What connect() takes: what a client takes that does not look for a server. */
export type LocalConnectionOptions = Omit<ConnectionOptions, 'servers' | 'port' | 'tls'>

export interface HeddleServer {
  /** Resolves when clients are served; rejects if the server could not start (port taken, …). */
  ready(): Promise<void>
  /** Closes all connections and ends all threads. May be called more than once. */
  close(): Promise<void>
  /**
   * Goes on by other options; connections are kept. Takes all options again: those left out return to their defaults.
   * Resolves when they are in force. Rejects, everything being as it was, with an OptionError that names a bad setting,
   * or one that cannot change while the server runs. Every connected client is checked again; whoever may not be there
   * any more is closed. `authenticate` stays as it was if it is left out, and cannot be added.
   */
  reload(options: EmbeddedOptions): Promise<void>
  /**
   * Lame duck mode: accepts no more clients, tells the connected ones to leave, closes the remaining ones within
   * `lameDuckDuration`, and ends. Resolves when the server has ended.
   */
  lameDuck(): Promise<void>
  /**
   * A client (docs/client.md) that is connected without a socket: bytes go from memory to memory. It logs in as others
   * do, but has no certificate. It is closed with the server. Rejects if the server does not serve, or as connect() of
   * the client does.
   */
  connect(options?: LocalConnectionOptions): Promise<NatsConnection>
  /** Opens the log file again, after it was moved away. */
  reopenLog(): void
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

/** Options as they were given, complete and checked. Throws OptionError. */
function read(given: EmbeddedOptions): Normalised & { readonly authenticate: Authenticate | undefined } {
  if (!isPlainObject(given)) throw new OptionError(`options must be a plain object, not ${shownData(given)}`)
  const { authenticate, ...options }: EmbeddedOptions = given
  // Undefined, it would leave the door open that it is to guard.
  if (Object.hasOwn(given, 'authenticate') && typeof authenticate !== 'function') {
    throw new OptionError(`authenticate must be a function, not ${shownData(authenticate)}`)
  }
  return { ...normaliseEmbedded(options, blockReader(readFile)), authenticate }
}

/** Where clients of this machine reach it. */
function urlOf({ options: { host }, port }: Primary): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  return `nats://${reachable}:${port}`
}

/** Connections within the process, which end with the server. */
class LocalConnections {
  private readonly primary: Primary
  private readonly open = new Set<NatsConnection>()

  constructor(primary: Primary) {
    this.primary = primary
  }

  async connect(options: LocalConnectionOptions): Promise<NatsConnection> {
    // Most programs that embed a server have their clients elsewhere.
    const [{ Connection }, { ConnectionError }] = await Promise.all([
      import('./client/connection.ts'),
      import('./client/errors.ts'),
    ])
    const dial: Carrier['dial'] = async ({ events }) => {
      const end = this.primary.connect(events)
      if (end === undefined) throw new ConnectionError('the server does not serve')
      return end
    }
    // There is one server, whatever it knows of others.
    const all = { ...options, servers: urlOf(this.primary), ignoreClusterUpdates: true }
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

/**
 * Starts a server. Throws OptionError for bad options, Error if the log file cannot be opened; several servers may
 * live in one process.
 */
export function createServer(given: EmbeddedOptions = {}): HeddleServer {
  const obstacle = nodeObstacle()
  if (obstacle !== undefined) throw new OptionError(obstacle)
  const { options: complete, notices, authenticate } = read(given)
  const primary = new Primary(complete, undefined, authenticate)
  for (const notice of notices) primary.log.warn(notice)
  const started = primary.start()
  started.catch(() => undefined) // ready() tells
  const local = new LocalConnections(primary)
  let closed: Promise<void> | undefined
  return {
    ready: () => started,
    close: () => {
      closed ??= started.then(
        () => primary.close().finally(() => local.close()),
        () => undefined,
      )
      return closed
    },
    get port() {
      return primary.port
    },
    get monitorPort() {
      return primary.monitorPort
    },
    get webSocketPort() {
      return primary.identity.webSocket?.port
    },
    get url() {
      return urlOf(primary)
    },
    reload: async (next) => {
      const { options, authenticate: other } = read(next)
      await primary.reload(options, other)
    },
    connect: async (options = {}) => {
      await started
      return local.connect(options)
    },
    lameDuck: () => started.then(() => primary.lameDuck()).finally(() => local.close()),
    reopenLog: () => primary.log.reopen(),
    id: primary.identity.serverId,
  }
}
