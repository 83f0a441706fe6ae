// From an accepted connection to one that speaks TLS, on the shard that serves it (docs/reference/handshake.md,
// "Order").
//
//     handshake first ──▶ wait ──────────┐        ┌─ a TLS record ──▶ its turn ──▶ handshake ──▶ secured
//                          │ fallback    │ bytes  │
//                          ▼             ├────────┼─ else, after INFO, where plain is allowed ──▶ plain
//     otherwise ────▶ INFO ──▶ wait ─────┘        │
//                                                 └─ else ──▶ failed, as it is when the time is over
//
// The first bytes are examined before OpenSSL gets them: a peer that does not speak TLS is sent nothing in TLS. They
// also announce the expensive part of a handshake. Only a few of these begin in a turn of the loop, so that a storm of
// connects does not stop the shard's other clients. Each connection has one absolute deadline at any time.

import assert from 'node:assert/strict'
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import { Deadline } from '../base/deadline.ts'
import { bugText } from '../base/errors.ts'
import { attempt } from '../base/guarded.ts'
import { socketBelow } from '../base/node-private.ts'
import { TurnQueue } from '../base/turn-queue.ts'
import type { OcspPeerOptions } from '../options/shapes.ts'
import { Alert, type AlertCode, plainAlert, sealedAlert, trafficSecretOf } from './alert.ts'
import { buildServer } from './context.ts'
import { certificateFault, describeTlsError, NOT_TLS, TIMED_OUT } from './errors.ts'
import { publicKeyPin } from './names.ts'
import type { CheckPeer } from './ocsp/peers.ts'
import type { HandshakeLimit } from './rate-limit.ts'
import { readEarly } from './read-into.ts'
import type { TlsSettings } from './tls-settings.ts'

/**
 * Handshakes that begin in one turn of the loop. Each takes about half a millisecond of processor. While 1,000 clients
 * connected at once, another client's PING took 5 to 10 ms (99th percentile) with 2 to 8 of them, 100 to 225 ms without
 * a bound; that did not do more handshakes a second.
 */
const HANDSHAKES_A_TURN = 4
/** The first byte of a TLS record that holds a handshake. */
const HANDSHAKE_RECORD = 0x16

/** What is known of a connection's TLS. */
export interface TlsSession {
  /** `1.2` or `1.3`. */
  readonly version: string
  /** By its standard name, which is also Go's. */
  readonly cipher: string
  /** TLS came before INFO, which is still to be sent. */
  readonly first: boolean
  /** The client's certificate (DER), verified; undefined if none was asked for. */
  readonly peerCertificate: Buffer | undefined
  /** Its chain as it was verified, itself first (DER); empty if none was asked for, or the connection has ended. */
  peerChain(): readonly Buffer[]
}

/** Why a connection ends before it is secured. A Fault with what the log should say. */
export interface TlsFailure {
  /** The text of an -ERR in plain, if any. */
  readonly text: string | undefined
  readonly reason: 'TLS Handshake Failure' | 'Maximum Connections Exceeded' | 'Client Closed'
  /** Why the handshake failed, for the log; undefined: it need not be told. */
  readonly cause: string | undefined
  /** A line for `debug` only: everyday on an open port, such as a probe of a load balancer. */
  readonly everyday: boolean
}

const failure = (cause: string, everyday = false): TlsFailure => ({
  text: undefined,
  reason: 'TLS Handshake Failure',
  cause,
  everyday,
})

const notTls = failure(NOT_TLS, true)
const timedOut = failure(TIMED_OUT, true)
const throttled: TlsFailure = {
  text: 'Connection throttling is active. Please try again later.',
  reason: 'Maximum Connections Exceeded',
  cause: undefined,
  everyday: true,
}
const left: TlsFailure = { text: undefined, reason: 'Client Closed', cause: undefined, everyday: true }

/** The owner of an upgrade is told, once, how it ends. What the calls that tell it throw is lost. */
export interface UpgradeHandler {
  /** INFO is due, in plain. Called at most once, perhaps within begin(). */
  greet(): void
  /**
   * From here on this is the connection, which stays open for writing when the peer has finished. Its errors must be
   * listened to from within the call.
   */
  secured(socket: TLSSocket, session: TlsSession): void
  /** It stays plain; these bytes have been read, perhaps none. The socket's errors are the handler's from here on. */
  plain(bytes: Buffer): void
  /**
   * It must be closed. A socket that has never seen TLS may still be written to; another is destroyed right after. Its
   * errors are the handler's from here on.
   */
  failed(failure: TlsFailure): void
}

/** Upgrades the connections of one shard. */
export class TlsUpgrader {
  private settings: TlsSettings
  private server: Server
  private limit: HandshakeLimit | undefined
  readonly checkPeer: CheckPeer
  /** By the plain socket below, from begin() until its end is told. */
  private readonly upgrades = new Map<Socket, Upgrade>()
  private readonly ready = new TurnQueue(HANDSHAKES_A_TURN)

  /**
   * `settings` have been checked by readTls(). `limit`: shared with the other shards; undefined: none. `checkPeer`:
   * checks whether a certificate is revoked.
   */
  constructor(settings: TlsSettings, limit: HandshakeLimit | undefined, checkPeer: CheckPeer) {
    this.checkPeer = checkPeer
    this.settings = settings
    this.server = this.serverFor(settings)
    this.limit = limit
  }

  /** New connections use the new settings; the others keep theirs. */
  reload(settings: TlsSettings, limit?: HandshakeLimit): void {
    this.server = this.serverFor(settings)
    this.settings = settings
    this.limit = limit
  }

  /**
   * Takes over a connection that has been accepted and not read. Nothing else listens to the socket until the end.
   * `greeted`: INFO has been sent, and is not due any more.
   */
  begin(socket: Socket, handler: UpgradeHandler, greeted = false): void {
    const upgrade = new Upgrade(this, this.settings, this.server, socket, handler)
    this.upgrades.set(socket, upgrade)
    upgrade.begin(greeted)
  }

  /** After how many milliseconds INFO is due; undefined: only after TLS. */
  get greetingMs(): number | undefined {
    const { handshakeFirst, fallbackMs } = this.settings
    return !handshakeFirst ? 0 : fallbackMs > 0 ? fallbackMs : undefined
  }

  /** Ends an upgrade without telling its handler, and destroys the socket. Nothing if it has ended already. */
  cancel(socket: Socket): void {
    if (!this.upgrades.has(socket)) return
    this.forget(socket)
    // The result of one that is under way is ignored.
    socket.on('error', () => undefined)
    socket.destroy()
  }

  /** Connections on their way. */
  get pending(): number {
    return this.upgrades.size
  }

  // ── For its upgrades ──────────────────────────────────────────────────────────────────────────────────

  isThrottled(): boolean {
    return this.limit !== undefined && !this.limit.allow()
  }

  forget(socket: Socket): void {
    this.upgrades.get(socket)?.detach()
    this.upgrades.delete(socket)
  }

  /** A handshake is due: it begins at the end of this turn, or of one of the next. */
  enqueue(upgrade: Upgrade): void {
    this.ready.add(() => upgrade.attempt(() => upgrade.beginHandshake()))
  }

  private serverFor(settings: TlsSettings): Server {
    const built = buildServer(settings)
    assert('value' in built, 'TLS settings that were not checked')
    built.value.on('secureConnection', (socket) => {
      const upgrade = this.upgradeOf(socket)
      upgrade?.attempt(() => upgrade.handshakeDone(socket))
    })
    built.value.on('tlsClientError', (error, socket) => {
      const upgrade = this.upgradeOf(socket)
      upgrade?.attempt(() => upgrade.handshakeFailed(error))
    })
    if (settings.verify) {
      built.value.on('keylog', (line, socket) => this.upgrades.get(socketBelow(socket))?.keyLogged(line))
    }
    return built.value
  }

  private upgradeOf(socket: TLSSocket): Upgrade | undefined {
    const upgrade = this.upgrades.get(socketBelow(socket))
    if (upgrade === undefined) socket.destroy()
    return upgrade
  }
}

/** One connection on its way. */
class Upgrade {
  private readonly owner: TlsUpgrader
  private readonly settings: TlsSettings
  private readonly server: Server
  private readonly socket: Socket
  private readonly handler: UpgradeHandler
  private readonly deadline = new Deadline()
  private greeted = false
  private handshaking = false
  /** Of the server's application traffic, where certificates are asked for: until the upgrade is over. */
  private secret: Buffer | undefined
  private over = false

  constructor(owner: TlsUpgrader, settings: TlsSettings, server: Server, socket: Socket, handler: UpgradeHandler) {
    this.owner = owner
    this.settings = settings
    this.server = server
    this.socket = socket
    this.handler = handler
  }

  // ── Waiting for the first bytes ───────────────────────────────────────────────────────────────────────

  /** Does something of this connection's for the event loop: a bug costs it alone. */
  attempt(act: () => unknown): void {
    attempt((error) => this.fail(failure(bugText(error))), act)
  }

  begin(greeted: boolean): void {
    const { socket, settings } = this
    socket.on('readable', this.socketOnReadable)
    socket.on('end', this.socketOnEnd)
    socket.on('error', this.socketOnError)
    socket.on('close', this.socketOnEnd)
    if (greeted) this.afterInfo()
    else if (!settings.handshakeFirst) this.greet()
    else if (settings.fallbackMs > 0) this.within(settings.fallbackMs, () => this.greet())
    else this.requireTls()
  }

  private greet(): void {
    this.greeted = true
    this.handler.greet()
    if (!this.over) this.afterInfo()
  }

  private afterInfo(): void {
    this.greeted = true
    if (this.mayBePlain) this.within(this.settings.timeoutMs, () => this.stayPlain(Buffer.alloc(0)))
    else this.requireTls()
  }

  /** The client has had INFO and may go on as it likes. */
  private get mayBePlain(): boolean {
    return this.greeted && this.settings.allowNonTls
  }

  /** It is certain that TLS must come: the time for the handshake begins, and it counts. */
  private requireTls(): void {
    this.within(this.settings.timeoutMs, () => this.fail(timedOut))
    if (this.owner.isThrottled()) this.fail(throttled)
  }

  private readonly socketOnReadable = (): void => this.attempt(() => this.readFirst())

  private readFirst(): void {
    const { socket } = this
    const bytes: Buffer | null = socket.read()
    if (bytes === null) return
    socket.off('readable', this.socketOnReadable)
    const wasOpenTillNow = this.mayBePlain || (!this.greeted && this.settings.fallbackMs > 0)
    if (bytes[0] === HANDSHAKE_RECORD) {
      if (wasOpenTillNow) this.requireTls()
      if (this.over) return
      socket.unshift(bytes)
      this.deadline.stop() // the wait for its turn is our doing
      this.owner.enqueue(this)
    } else if (this.mayBePlain) this.stayPlain(bytes)
    else this.fail(notTls)
  }

  private readonly socketOnEnd = (): void => {
    this.attempt(() => this.fail(this.mayBePlain && !this.handshaking ? left : failure('EOF')))
  }

  private readonly socketOnError = (error: Error): void => {
    this.attempt(() => this.fail(this.mayBePlain ? left : failure(describeTlsError(error))))
  }

  private stayPlain(bytes: Buffer): void {
    this.finish()
    this.handler.plain(bytes)
  }

  // ── The handshake ─────────────────────────────────────────────────────────────────────────────────────

  beginHandshake(): void {
    if (this.over || this.socket.destroyed) return // if it is destroyed, its end comes still
    this.stopListening()
    this.handshaking = true
    this.within(this.settings.timeoutMs, () => this.fail(timedOut))
    // From here on Node listens to the socket. It reads what was put back before anything that comes later; an end that
    // has come already it does not see.
    this.socket.on('end', this.socketOnEnd)
    // One that stops in the middle of a handshake will not finish it.
    this.socket.allowHalfOpen = false
    this.server.emit('connection', this.socket)
  }

  handshakeDone(socket: TLSSocket): void {
    const { verify, certificateOptional, pinnedCerts, ocspPeer } = this.settings
    const mayDoWithout = certificateOptional && socket.getPeerX509Certificate() === undefined
    if (verify && !socket.authorized && !mayDoWithout) {
      const { text, alert } = certificateFault(socket)
      this.refuseCertificate(socket, text, alert)
      return
    }
    const peerCertificate = verify ? socket.getPeerX509Certificate()?.raw : undefined
    if (pinnedCerts.length > 0) {
      const pin = peerCertificate && publicKeyPin(peerCertificate)
      if (pin === undefined || !pinnedCerts.includes(pin)) {
        this.refuseCertificate(socket, 'certificate not pinned', Alert.badCertificate)
        return
      }
    }
    if (ocspPeer === undefined) this.admit(socket, peerCertificate)
    else this.attempt(() => this.admitIfGood(socket, peerCertificate, ocspPeer))
  }

  /** What comes meanwhile waits, as far as the stream's buffer goes, and the time for the handshake goes on. */
  private async admitIfGood(socket: TLSSocket, certificate: Buffer | undefined, ocspPeer: OcspPeerOptions) {
    socket.on('error', this.socketOnError)
    const isGood = await this.owner.checkPeer(chainOf(socket), ocspPeer)
    if (this.over) return
    if (!isGood) {
      this.fail(failure('client not OCSP valid'))
      return
    }
    this.admit(socket, certificate)
    socket.off('error', this.socketOnError)
    readEarly(socket)
  }

  private admit(socket: TLSSocket, peerCertificate: Buffer | undefined): void {
    this.finish()
    socket.allowHalfOpen = true
    this.handler.secured(socket, {
      version: (socket.getProtocol() ?? '').replace('TLSv', ''),
      cipher: socket.getCipher().standardName,
      first: !this.greeted,
      peerCertificate,
      peerChain: peerCertificate === undefined ? noChain : chainReader(socket),
    })
  }

  handshakeFailed(error: Error): void {
    this.fail(failure(describeTlsError(error)))
  }

  /** OpenSSL tells a secret of the handshake. */
  keyLogged(line: Buffer): void {
    this.secret ??= trafficSecretOf(line)
    line.fill(0)
  }

  /** The handshake is just done, and what OpenSSL has to say last has not been written. */
  private refuseCertificate(socket: TLSSocket, text: string, alert: AlertCode): void {
    const { name } = socket.getCipher()
    const isNew = socket.getProtocol() === 'TLSv1.3'
    const record = isNew ? this.secret && sealedAlert(alert, name, this.secret) : plainAlert(alert)
    if (record !== undefined) this.socket.write(record)
    this.fail(failure(text))
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  private fail(why: TlsFailure): void {
    if (this.over) return
    this.finish()
    this.handler.failed(why)
    if (this.handshaking) this.socket.destroy()
  }

  private finish(): void {
    this.owner.forget(this.socket)
  }

  /** Lets go of the socket. */
  detach(): void {
    this.over = true
    this.secret?.fill(0)
    this.secret = undefined
    this.deadline.stop()
    this.stopListening()
  }

  private stopListening(): void {
    const { socket } = this
    socket.off('readable', this.socketOnReadable)
    socket.off('end', this.socketOnEnd)
    socket.off('error', this.socketOnError)
    socket.off('close', this.socketOnEnd)
  }

  private within(ms: number, act: () => void): void {
    this.deadline.start(ms, () => this.attempt(act))
  }
}

const noChain = (): readonly Buffer[] => []

/** Holds nothing but the socket: it lives as long as the connection. */
function chainReader(socket: TLSSocket): () => readonly Buffer[] {
  return () => chainOf(socket)
}

function chainOf(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = []
  let certificate = socket.getPeerX509Certificate()
  while (certificate !== undefined && !chain.some((one) => one.equals((certificate as X509Certificate).raw))) {
    chain.push(certificate.raw)
    certificate = certificate.issuerCertificate
  }
  return chain
}
