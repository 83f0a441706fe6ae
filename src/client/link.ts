// One connection to one server, from the first byte to the last:
//
//     dial ─▶ INFO ─▶ TLS, if either side wants it ─▶ CONNECT, PING ─▶ PONG ─▶ live ─▶ ended
//
// Until it is live, what the server says is part of the handshake; then it goes to the owner.

import type { ServerInfo } from './api.ts'
import { bytesOf } from './bytes.ts'
import { deferred } from './deferred.ts'
import { ConnectionError, TimeoutError } from './errors.ts'
import type { CompleteOptions } from './options.ts'
import { Parser, type ParserHandler } from './parser.ts'
import { asError, serverError } from './reasons.ts'
import type { ServerEntry } from './servers.ts'
import type { Carrier, Transport, TransportEvents } from './transport.ts'

/** Protocol number of CONNECT: later INFO messages and `echo` are understood. */
const PROTOCOL = 1
/** How long a server has for the rest when the connection is closed. */
const LINGER_MS = 2_000
export const VERSION = '0.1.0'

export interface LinkOwner extends ParserHandler {
  /** A live link has ended; an error unless it was closed from here. */
  linkEnded(link: Link, error: Error | undefined): void
}

/** Where and how to connect. */
export interface LinkRequest {
  readonly server: ServerEntry
  readonly carrier: Carrier
  readonly options: CompleteOptions
  readonly owner: LinkOwner
  /** Gives up the handshake. */
  readonly signal: AbortSignal
}

export class Link implements TransportEvents, ParserHandler {
  readonly server: ServerEntry
  bytesIn = 0
  /** Resolves when its transport has ended. Never rejects. */
  readonly over: Promise<void>
  private readonly owner: LinkOwner
  private readonly parser: Parser
  private isLive = false
  private isOver = false
  private lingering: ReturnType<typeof setTimeout> | undefined
  private readonly greeting = deferred<ServerInfo>()
  private readonly pong = deferred()
  private readonly resolveOver: () => void
  /** What the server said before it closed. */
  private refusal: Error | undefined
  /** Why it ended before it was live. */
  private lost: Error | undefined
  private carried: Transport | undefined
  private latestInfo: ServerInfo | undefined

  private constructor({ server, owner }: LinkRequest) {
    this.server = server
    this.owner = owner
    this.parser = new Parser(this)
    const { promise, resolve } = deferred()
    this.over = promise
    this.resolveOver = resolve
    // Whoever waits for them is told; nobody may wait yet, or any more.
    this.greeting.promise.catch(() => undefined)
    this.pong.promise.catch(() => undefined)
  }

  get transport(): Transport {
    if (this.carried === undefined) throw new ConnectionError('not connected')
    return this.carried
  }

  /** What the server said of itself during the handshake. */
  get info(): ServerInfo {
    if (this.latestInfo === undefined) throw new ConnectionError('not connected')
    return this.latestInfo
  }

  /**
   * Connects and introduces the client. Rejects with the server's refusal (AuthorizationError, …), ConnectionError, or
   * TimeoutError.
   */
  static async open(request: LinkRequest): Promise<Link> {
    const link = new Link(request)
    const { signal, options } = request
    const expiry = new AbortController()
    const timer = setTimeout(
      () => expiry.abort(new ConnectionError('timeout', { cause: new TimeoutError() })),
      options.timeoutMs,
    )
    const either = AbortSignal.any([signal, expiry.signal])
    const { promise: given, reject } = deferred<never>()
    const giveUp = (): void => {
      reject(either.reason)
      link.carried?.destroy()
    }
    either.addEventListener('abort', giveUp, { once: true })
    given.catch(() => undefined)
    try {
      either.throwIfAborted()
      await Promise.race([given, link.shakeHands(request, either)])
      return link
    } catch (error) {
      link.parser.stop()
      link.carried?.destroy()
      throw link.refusal ?? asError(error)
    } finally {
      clearTimeout(timer)
      either.removeEventListener('abort', giveUp)
    }
  }

  private async shakeHands({ server, carrier, options }: LinkRequest, signal: AbortSignal): Promise<void> {
    const { tls } = options
    const wanted = server.scheme === 'tls' ? (tls ?? {}) : tls
    const transport = await carrier.dial({ server, tls: wanted, events: this, signal })
    this.carried = transport
    if (signal.aborted) transport.destroy()
    const info = await this.greeting.promise
    if (!options.echo && !(info.proto >= 1)) throw new ConnectionError(`server does not support 'noEcho'`)
    await this.secure(transport, info, wanted)
    const auth = (await this.authenticate(options, info)) ?? undefined
    const connect = {
      protocol: PROTOCOL,
      lang: carrier.lang,
      version: VERSION,
      verbose: options.verbose,
      pedantic: options.pedantic,
      echo: options.echo,
      headers: info.headers === true,
      no_responders: info.headers === true,
      tls_required: transport.isSecure,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...auth,
    }
    transport.write(bytesOf(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`), () => undefined)
    await this.pong.promise
    // It may have ended with the PONG.
    if (this.lost !== undefined) throw this.lost
  }

  private async secure(transport: Transport, info: ServerInfo, tls: CompleteOptions['tls']): Promise<void> {
    if (transport.isSecure) return
    const isOffered = info.tls_required === true || info.tls_available === true
    if (tls === null) {
      if (info.tls_required === true) throw new ConnectionError(`server requires 'tls'`)
      return
    }
    if (tls !== undefined && !isOffered) throw new ConnectionError(`server does not support 'tls'`)
    if (tls === undefined && info.tls_required !== true) return
    // A WebSocket is what its URL says.
    if (transport.secure === undefined) {
      if (tls !== undefined) throw new ConnectionError(`'tls' needs a server of scheme wss`)
      return
    }
    await transport.secure()
  }

  private async authenticate({ authenticator, hasAuthenticator }: CompleteOptions, { nonce }: ServerInfo) {
    return hasAuthenticator ? await authenticator(nonce) : this.server.auth
  }

  /** From now on the owner gets everything. */
  start(): void {
    this.isLive = true
    this.parser.handler = this.owner
  }

  /** Ends it when what was written has been taken, or soon; nothing that comes in is heard any more. */
  close(): void {
    const { carried } = this
    this.parser.stop()
    carried?.close()
    if (!this.isOver) this.lingering = setTimeout(() => carried?.destroy(), LINGER_MS)
  }

  /** Ends it now, for this reason. */
  fail(error: Error): void {
    this.refusal ??= error
    this.parser.stop()
    this.carried?.destroy()
  }

  // ── What the transport says ───────────────────────────────────────────────────────────────────────────────

  received(bytes: Uint8Array): void {
    this.bytesIn += bytes.length
    try {
      this.parser.parse(bytes)
    } catch (error) {
      this.fail(asError(error))
    }
  }

  ended(error?: Error): void {
    this.isOver = true
    clearTimeout(this.lingering)
    this.resolveOver()
    const reason = this.refusal ?? error
    if (this.isLive) {
      this.owner.linkEnded(this, reason)
      return
    }
    this.lost = reason ?? new ConnectionError('the server closed the connection')
    this.greeting.reject(this.lost)
    this.pong.reject(this.lost)
  }

  // ── What the server says during the handshake ─────────────────────────────────────────────────────────────

  processInfo(json: string): void {
    const info = JSON.parse(json) as ServerInfo
    this.latestInfo = info
    this.greeting.resolve(info)
  }

  processPong(): void {
    this.pong.resolve()
  }

  processErr(text: string): void {
    this.refusal = serverError(text)
    this.greeting.reject(this.refusal)
    this.pong.reject(this.refusal)
  }

  processPing(): void {
    this.carried?.write(bytesOf('PONG\r\n'), () => undefined)
  }

  processOk(): void {}

  processMsg(): void {}
}
