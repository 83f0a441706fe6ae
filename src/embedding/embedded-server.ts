// The server that createServer() returns: a primary, and what belongs to the program around it.

import { nodeObstacle } from '../base/node-version.ts'
import type { NatsConnection } from '../client/api.ts'
import { OptionError } from '../config/normalise.ts'
import { Primary } from '../primary/primary.ts'
import { type EmbeddedOptions, type OptionsChange, readChange, readGiven } from './given-options.ts'
import { type LocalConnectionOptions, LocalConnections } from './local-connections.ts'

/** What is asked of a server cannot be answered in its state. */
export class ServerStateError extends Error {
  override name = 'ServerStateError'
  /** `NOT_READY`: ready() has not resolved yet. `CLOSED`: the server was closed, or could not start. */
  readonly code: 'NOT_READY' | 'CLOSED'

  constructor(code: 'NOT_READY' | 'CLOSED', message: string) {
    super(message)
    this.code = code
  }
}

export class EmbeddedServer {
  protected readonly primary: Primary
  private readonly started: Promise<void>
  private readonly local: LocalConnections
  /** The options in force, as they were given: changes are merged into them. */
  private given: EmbeddedOptions
  private reloads = Promise.resolve()
  private closed: Promise<void> | undefined

  /** Throws OptionError for bad options, Error if the log file cannot be opened. */
  constructor(options: EmbeddedOptions) {
    const obstacle = nodeObstacle()
    if (obstacle !== undefined) throw new OptionError(obstacle)
    const { given, options: complete, notices, hooks, logger } = readGiven(options)
    this.given = given
    this.primary = new Primary(complete, undefined, hooks, logger)
    this.local = new LocalConnections(this.primary)
    for (const notice of notices) this.primary.log.warn(notice)
    this.started = this.primary.start()
    this.started.catch(() => undefined) // ready() tells
  }

  /** Resolves when clients are served; rejects if the server could not start (port taken, …). */
  ready(): Promise<void> {
    return this.started
  }

  /** Closes all connections and ends all threads. May be called more than once, and before the server is ready. */
  close(): Promise<void> {
    this.closed ??= this.started.then(
      () => this.primary.close().finally(() => this.local.close()),
      () => undefined,
    )
    return this.closed
  }

  /** `await using server = createServer()` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Changes options while the server runs; connections are kept. The change is merged into the options in force (see
   * OptionsChange). Resolves when it is in force. Rejects, everything being as it was, with an OptionError that names a
   * bad setting, or one that cannot change while the server runs. Every connected client is checked again; whoever may
   * not be there any more is closed. Functions can be replaced, but neither added nor removed.
   */
  reload(change: OptionsChange): Promise<void> {
    const reload = this.reloads.then(() => this.apply(change))
    this.reloads = reload.catch(() => undefined)
    return reload
  }

  private async apply(change: OptionsChange): Promise<void> {
    const { given, options, hooks } = readChange(this.given, change)
    await this.primary.reload(options, hooks)
    this.given = given
  }

  /**
   * Lame duck mode: accepts no more clients, tells the connected ones to leave, closes the remaining ones within
   * `lameDuckDuration`, and ends. Resolves when the server has ended.
   */
  lameDuck(): Promise<void> {
    return this.started.then(() => this.primary.lameDuck()).finally(() => this.local.close())
  }

  /**
   * A client (docs/client.md) that is connected without a socket: bytes go from memory to memory. It logs in as others
   * do, but has no certificate. It is closed with the server. Rejects if the server does not serve, or as connect() of
   * the client does.
   */
  async connect(options: LocalConnectionOptions = {}): Promise<NatsConnection> {
    await this.started
    return this.local.connect(options, this.address)
  }

  /** Opens the log file again, after it was moved away. */
  reopenLog(): void {
    this.primary.log.reopen()
  }

  /** Client port in use. Before the server is ready and after it has closed, a ServerStateError is thrown. */
  get port(): number {
    this.requireRunning('port')
    return this.primary.port
  }

  /** Monitoring port in use; undefined if there is none. Throws as `port` does. */
  get monitorPort(): number | undefined {
    this.requireRunning('monitorPort')
    return this.primary.monitorPort
  }

  /** Port for HTTP in use (docs/http.md); undefined if there is none. Throws as `port` does. */
  get httpGatewayPort(): number | undefined {
    this.requireRunning('httpGatewayPort')
    return this.primary.httpGatewayPort
  }

  /** WebSocket port in use; undefined if there is none. Throws as `port` does. */
  get webSocketPort(): number | undefined {
    this.requireRunning('webSocketPort')
    return this.primary.identity.webSocket?.port
  }

  /** Address for clients of this machine, such as `nats://127.0.0.1:4222`. Throws as `port` does. */
  get url(): string {
    this.requireRunning('url')
    return this.address
  }

  /** The id that INFO announces: 56 characters, beginning with N. */
  get id(): string {
    return this.primary.identity.serverId
  }

  private get address(): string {
    const { host } = this.primary.options
    const reachable =
      host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
    return `nats://${reachable}:${this.primary.port}`
  }

  private requireRunning(member: string): void {
    const { isRunning, hasEnded } = this.primary
    if (isRunning && this.closed === undefined) return
    if (hasEnded || this.closed !== undefined)
      throw new ServerStateError('CLOSED', `the server is closed: it has no ${member}`)
    throw new ServerStateError('NOT_READY', `the server is not ready: await server.ready() before its ${member}`)
  }
}
