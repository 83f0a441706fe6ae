// Finds a server that lets the client in: tries them in turn, waits between two attempts at one, and gives up those
// that failed too often.

import type { ServerInfo } from './api.ts'
import { deferred } from './deferred.ts'
import { ConnectionError } from './errors.ts'
import { Link, type LinkOwner } from './link.ts'
import type { CompleteOptions } from './options.ts'
import { asError, isAuthenticationError } from './reasons.ts'
import type { ServerEntry, Servers } from './servers.ts'
import type { Carrier } from './transport.ts'

/** Doublings of the wait, at most. */
const DOUBLINGS_MAX = 16

export class Dialer {
  private readonly options: CompleteOptions
  private readonly servers: Servers
  private readonly carrier: Carrier
  private readonly owner: LinkOwner
  private readonly stopping = new AbortController()
  /** Servers that refused the user the last time. */
  private readonly refusing = new Set<ServerEntry>()

  constructor(options: CompleteOptions, servers: Servers, carrier: Carrier, owner: LinkOwner) {
    this.options = options
    this.servers = servers
    this.carrier = carrier
    this.owner = owner
  }

  /** Gives up, now and for ever. */
  stop(reason: Error): void {
    this.stopping.abort(reason)
  }

  /** A connected server says that the user is not, or no longer, welcome. */
  refused(server: ServerEntry): void {
    this.refusing.add(server)
  }

  /**
   * Tries until a server has let the client in. Each is tried once if `isFirst`, unless `waitOnFirstConnect`. Rejects
   * with the last error when no server is left. `whenTrying` is called before each attempt.
   */
  async connect(isFirst: boolean, info: ServerInfo | null, whenTrying: () => void): Promise<Link> {
    const { signal } = this.stopping
    const isPatient = !isFirst || this.options.waitOnFirstConnect
    let last: Error = new ConnectionError('connection refused')
    for (;;) {
      const server = await this.next(info)
      if (server === undefined) throw last
      signal.throwIfAborted()
      whenTrying()
      server.lastConnect = Date.now()
      try {
        const { carrier, options, owner } = this
        const link = await Link.open({ server, carrier, options, owner, signal })
        server.reconnects = 0
        server.didConnect = true
        this.refusing.delete(server)
        return link
      } catch (error) {
        signal.throwIfAborted()
        last = asError(error)
        this.failed(server, last, isPatient)
      }
    }
  }

  private failed(server: ServerEntry, error: Error, isPatient: boolean): void {
    server.reconnects++
    const isRefused = isAuthenticationError(error)
    const isRefusedAgain = isRefused && this.refusing.has(server) && !this.options.ignoreAuthErrorAbort
    if (isRefused) this.refusing.add(server)
    if (isPatient && isRefusedAgain) throw error
    const isGivenUp = !isPatient || server.reconnects >= this.options.reconnectAttemptsMax
    if (isGivenUp) this.servers.remove(server)
    else this.servers.moveBack(server)
  }

  /** The next server, when it is time for it. */
  private async next(info: ServerInfo | null): Promise<ServerEntry | undefined> {
    const first = this.servers.first
    if (first === undefined) return undefined
    await this.pause(this.waitMs(first))
    const { reconnectToServer } = this.options
    const { pool } = this.servers
    if (reconnectToServer === undefined) return pool[0]
    let chosen: ReturnType<typeof reconnectToServer>
    try {
      chosen = reconnectToServer(pool, info)
    } catch (cause) {
      throw new ConnectionError(`reconnectToServer failed: ${asError(cause).message}`, { cause })
    }
    const { server, delay } = chosen !== null && 'server' in chosen ? chosen : { server: chosen, delay: 0 }
    const entry = server === null ? pool[0] : pool.find((one) => one === server)
    if (entry === undefined) throw new ConnectionError('reconnectToServer failed: its server is not in the pool')
    await this.pause(delay)
    return entry
  }

  /** How long to wait before this server is tried (again). */
  private waitMs(server: ServerEntry): number {
    if (server.lastConnect === 0) return 0
    const { reconnectDelay, reconnectWaitMs, reconnectWaitMaxMs, jitterMs, jitterTlsMs, tls } = this.options
    const doublings = Math.min(Math.max(0, server.reconnects - 1), DOUBLINGS_MAX)
    const backOffMs = Math.max(reconnectWaitMs, Math.min(reconnectWaitMaxMs, reconnectWaitMs * 2 ** doublings))
    const jitter = tls === undefined || tls === null ? jitterMs : jitterTlsMs
    const waitMs = reconnectDelay === undefined ? backOffMs + Math.random() * jitter : reconnectDelay()
    // Attempts that fail at once leave the event loop its turns.
    return Math.max(1, server.lastConnect + waitMs - Date.now())
  }

  /** Waits; rejects when the dialer is stopped. */
  private pause(ms: number): Promise<void> {
    if (!(ms > 0)) return Promise.resolve()
    const { signal } = this.stopping
    const { promise, resolve, reject } = deferred()
    const stop = (): void => reject(signal.reason)
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', stop, { once: true })
    return promise.finally(() => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    })
  }
}
