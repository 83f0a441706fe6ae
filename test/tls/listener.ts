// A server that does nothing but upgrade its connections and send back what it reads, for tests of the upgrade alone.
// It closes as a client of Heddle does: last words, then FIN.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Handle, takeHandle } from '../../src/base/node-private.ts'
import { readingSocketOver } from '../../src/net/handle.ts'
import type { TlsOptions } from '../../src/options/shapes.ts'
import { HandshakeLimit } from '../../src/tls/rate-limit.ts'
import { readInto } from '../../src/tls/read-into.ts'
import { readTls } from '../../src/tls/read-settings.ts'
import type { TlsSettings } from '../../src/tls/tls-settings.ts'
import { type TlsFailure, type TlsSession, TlsUpgrader } from '../../src/tls/upgrade.ts'

export const INFO = 'INFO {} \r\n'
const READ_BYTES = 256 * 1024

export type Outcome =
  | { readonly kind: 'secured'; readonly session: TlsSession }
  | { readonly kind: 'plain'; readonly bytes: string }
  | { readonly kind: 'failed'; readonly failure: TlsFailure }

/** What the configuration hands over for an empty block. */
export const NO_OPTIONS: TlsOptions = {
  certificates: [],
  caFile: '',
  verify: false,
  verifyOptional: false,
  verifyAndMap: false,
  verifyAndCheckKnownUrls: false,
  insecure: false,
  ocspPeer: undefined,
  cipherSuites: [],
  curvePreferences: [],
  minVersion: '1.2',
  timeout: 0,
  connectionRateLimit: 0,
  pinnedCerts: [],
  handshakeFirst: false,
  handshakeFirstFallback: 0,
}

export function settingsOf(options: Partial<TlsOptions>, allowNonTls = false): TlsSettings {
  const read = readTls({ ...NO_OPTIONS, ...options }, allowNonTls)
  if ('error' in read) throw new Error(read.error)
  return read.value
}

/** Upgrades connections and echoes; all of them read into one buffer, as those of a shard do. */
export class Echo {
  readonly upgrader: TlsUpgrader
  readonly outcomes: Outcome[] = []
  private readonly buffer = Buffer.alloc(READ_BYTES)
  private readonly onOutcome: (outcome: Outcome) => void

  constructor(settings: TlsSettings, limit?: HandshakeLimit, onOutcome: (outcome: Outcome) => void = () => undefined) {
    this.upgrader = new TlsUpgrader(settings, limit, async () => true)
    this.onOutcome = onOutcome
  }

  accept(arrived: Socket): void {
    this.upgrader.begin(arrived, {
      greet: () => arrived.write(INFO),
      secured: (socket, session) => {
        readInto(socket, this.buffer, (bytes) => socket.write(Buffer.from(this.buffer.subarray(0, bytes))))
        if (session.first) socket.write(INFO)
        this.serve(socket)
        this.tell({ kind: 'secured', session })
      },
      plain: (bytes) => {
        const echo = (read: number): void => void socket.write(Buffer.from(this.buffer.subarray(0, read)))
        const socket = readingSocketOver(takeHandle(arrived) as Handle, this.buffer, echo)
        this.serve(socket)
        socket.write(bytes)
        this.tell({ kind: 'plain', bytes: bytes.toString('latin1') })
      },
      failed: (failure) => {
        arrived.on('error', () => undefined)
        if (failure.text !== undefined) arrived.write(`-ERR '${failure.text}'\r\n`)
        arrived.end()
        arrived.resume()
        this.tell({ kind: 'failed', failure })
      },
    })
  }

  private serve(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.end())
    socket.resume()
  }

  private tell(outcome: Outcome): void {
    this.outcomes.push(outcome)
    this.onOutcome(outcome)
  }
}

/** An Echo with a port, in this thread. */
export class Listener {
  readonly echo: Echo
  port = 0
  /** Those that have been accepted and are not closed yet. */
  readonly sockets = new Set<Socket>()
  private readonly server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    this.echo.accept(socket)
  })
  private wakers: (() => void)[] = []

  private constructor(settings: TlsSettings, limit: HandshakeLimit | undefined) {
    this.echo = new Echo(settings, limit, () => {
      for (const wake of this.wakers.splice(0)) wake()
    })
  }

  static async start(settings: TlsSettings, limitMemory?: SharedArrayBuffer, perSecond = 0): Promise<Listener> {
    const listener = new Listener(settings, limitMemory && new HandshakeLimit(limitMemory, perSecond))
    listener.server.listen(0, '127.0.0.1', 4096)
    await once(listener.server, 'listening')
    listener.port = (listener.server.address() as AddressInfo).port
    return listener
  }

  /** How the next connections ended, as soon as there are so many. */
  async outcomes(count: number): Promise<Outcome[]> {
    while (this.echo.outcomes.length < count) await new Promise<void>((resolve) => this.wakers.push(resolve))
    return this.echo.outcomes
  }

  async close(): Promise<void> {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
    await once(this.server, 'close')
  }
}
