// One connection: socket to parser to verb handlers. It belongs to one shard for its life.
//
// Life: created with its socket → INFO sent → operations, one after the other → closing (marked, out of every index,
// last output queued) → drained, FIN sent → gone. Closing takes two steps so that code that is delivering just now
// never meets a half-removed connection: allowance() in delivery.ts sees `closing`, the release comes at the turn's
// end.

import type { Account } from '../accounts/account.ts'
import type { Limits } from '../accounts/limits.ts'
import { hostPort, plainAddress } from '../base/addresses.ts'
import { LINGER_MS, PROTOCOL_VERSION } from '../base/constants.ts'
import { CloseReason, type Fault, Faults, type Refusal } from '../base/errors.ts'
import { attempt } from '../base/guarded.ts'
import { Work } from '../base/turns.ts'
import { DropPolicy } from '../net/drop-policy.ts'
import { abandon } from '../net/handle.ts'
import { KeepAlive, type KeepAliveOwner } from '../net/keep-alive.ts'
import { Outbound } from '../net/outbound.ts'
import { ReadGate } from '../net/read-gate.ts'
import { type SlowWrites, sweepWrites } from '../net/slow-writes.ts'
import type { Transport } from '../net/transport.ts'
import { Turn, type TurnOwner } from '../net/turn.ts'
import type { Options } from '../options/options.ts'
import type { SlowConsumerPolicy } from '../options/shapes.ts'
import { CLIENT_DIALECT, type Dialect, encodeError, OK, PING, PONG } from '../protocol/encoder.ts'
import { type ConnectOptions, defaultConnectOptions } from '../protocol/handshake.ts'
import { Parser } from '../protocol/parser.ts'
import type { Peer } from '../routing/peer.ts'
import type { Subscription } from '../routing/subscription.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { WebSocketSession } from '../websocket/handshake.ts'
import { firstInfo, laterInfo } from './client-info.ts'
import { ClientLog } from './client-log.ts'
import type { ClientType, Session } from './facts.ts'
import type { Login } from './login.ts'
import { type CommandHost, Operations, type UnheardRequest } from './operations.ts'
import type { ClientOwner } from './owner.ts'
import { requestInfo } from './request-info.ts'
import type { Rights } from './rights.ts'

/** Where the peer is not awaited to close its half. */
const AT_ONCE: readonly unknown[] = [CloseReason.clientClosed, CloseReason.serverShutdown]
export class Client implements CommandHost, KeepAliveOwner, TurnOwner {
  readonly id: number
  readonly log: ClientLog
  readonly outbound: Outbound
  readonly parser: Parser
  account: Account
  ip: string
  port: number
  /** Milliseconds on the shard's clock. */
  readonly startMs: number
  readonly isLocal: boolean
  readonly clientType: ClientType
  /** What its handshake said, if it came by WebSocket. */
  readonly webSocket: WebSocketSession | undefined
  /** Latest traffic of either direction. */
  lastActivityMs: number
  options: ConnectOptions = defaultConnectOptions()
  readonly subscriptions = new Map<string, Subscription>()

  inMessages = 0
  inBytes = 0
  outMessages = 0
  outBytes = 0
  /** Of outMessages, those that were dropped because it was slow. */
  droppedMessages = 0
  closing = false
  passing: Set<number> | undefined
  sentTo = 0
  closeReason: CloseReason | undefined
  closedAtMs = 0
  /** On the loop's clock: then it is cut, whatever it has taken. */
  private lingersUntilMs = 0

  private readonly shard: ClientOwner
  private socket: Transport
  /** TLS is being negotiated: the socket is not usable yet. */
  private securing = true
  /** A bug was met. */
  private hasFailed = false
  /** Undefined: plain. */
  tls: TlsSession | undefined
  readonly keepAlive: KeepAlive
  readonly operations: Operations
  private latestReadBytes = 0
  readonly turn: Turn
  /** Why it is closed as soon as all that came before has been dealt with. */
  private lastFault: Fault | undefined
  readGate: ReadGate | undefined
  slowWrites: SlowWrites | undefined
  private dropPolicy: DropPolicy | undefined

  constructor(shard: ClientOwner, id: number, socket: Transport, { webSocket, http }: Session = {}) {
    this.shard = shard
    this.id = id
    this.socket = socket
    this.webSocket = webSocket
    this.clientType = webSocket !== undefined ? 'websocket' : http !== undefined ? 'http' : 'nats'
    this.tls = (webSocket ?? http)?.tls
    this.account = shard.accounts.global
    this.isLocal = socket.isLocal === true
    this.ip = plainAddress(socket.remoteAddress ?? '')
    this.port = socket.remotePort ?? 0
    this.log = new ClientLog(shard, id, this.ip, this.port, webSocket?.forwardedFor)
    this.startMs = shard.nowMs
    this.lastActivityMs = shard.nowMs
    this.keepAlive = new KeepAlive(shard, this)
    const { options } = shard
    this.outbound = new Outbound(shard, socket, options.maxPending, {
      overflowed: () => this.close(Faults.slowConsumerPending),
      failed: (error) => this.failed(error),
    })
    this.turn = new Turn(shard, this)
    this.operations = new Operations(shard, this)
    this.parser = new Parser(this.operations, shard.pool, options, shard.turns)
    this.parser.connectDue = this.login.greeting.expectsConnect
    this.operations.applyLimits()
    if (options.trace) this.parser.tracer = this.log
    this.log.debug('Client connection created')
  }

  /** Sends INFO: the server's identity and its requirements. */
  greet(): void {
    this.outbound.appendBuffer(firstInfo(this, this.shard))
  }

  /** Begins to read from `socket`, plain or secured, or closes at once for `refusal`. */
  start(socket: Transport, refusal: Fault | undefined): void {
    this.securing = false
    this.socket = socket
    this.outbound.moveTo(socket)
    socket.on('error', (error) => this.attempt(() => this.socketOnError(error)))
    socket.on('end', () => this.attempt(() => this.socketOnEnd()))
    socket.on('close', () => this.attempt(() => this.socketOnClose()))
    this.keepAlive.start()
    this.login.start()
    if (refusal !== undefined) this.close(refusal)
    else if (!this.closing) socket.resume()
    if (socket.closed === true) this.socketOnClose() // it said so before we listened
  }

  // ── Socket events ─────────────────────────────────────────────────────────────────────────────────────

  /** `bytes` have been read into the shard's read buffer. */
  socketOnRead(bytes: number): void {
    if (this.closing) return
    const { shard, parser } = this
    shard.beginRead()
    this.lastActivityMs = shard.nowMs
    this.latestReadBytes = bytes
    this.takeTurn(() => {
      shard.lastServed.turnTo(this.id, () => `${this.peer} - cid:${this.id}`)
      this.keepAlive.heard(shard.nowMs)
      parser.push(shard.readBlock, shard.readStart, shard.readStart + bytes)
      this.readGate?.afterRead(bytes)
    }, bytes)
    shard.endRead()
  }

  private takeTurn(work: () => void, readBytes?: number): void {
    this.turn.take(work, readBytes)
    if (this.lastFault !== undefined && !this.parser.hasRest) this.close(this.lastFault)
  }

  get isStranger(): boolean {
    return this.parser.connectDue
  }

  /** Closes it when all that came before has been dealt with. */
  closeBehind(fault: Fault): void {
    if (this.parser.hasRest) this.lastFault ??= fault
    else this.close(fault)
  }

  /** Does something of this connection's for the event loop. */
  attempt(act: () => unknown): void {
    attempt((error) => this.failed(error), act)
  }

  /** A bug: it costs this connection, not the shard. The first one is logged. */
  failed(error: unknown): void {
    if (this.hasFailed) return
    this.hasFailed = true
    this.log.bug(error)
    const isServed = !this.closing && !this.securing
    try {
      this.close(Faults.internal)
      if (isServed) return
    } catch (another) {
      this.log.bug(another)
    }
    this.socket.destroy()
    this.shard.forget(this)
  }

  private socketOnEnd(): void {
    this.shard.wakeBehindRings()
    if (!this.closing) this.closeBehind({ text: undefined, reason: CloseReason.clientClosed })
    else this.socket.destroySoon()
  }

  private socketOnError(error: NodeJS.ErrnoException): void {
    const reason =
      error.syscall === 'write' || error.syscall === 'writev' ? CloseReason.writeError : CloseReason.readError
    this.closeNow({ text: undefined, reason: error.code === 'ECONNRESET' ? CloseReason.clientClosed : reason })
  }

  private socketOnClose(): void {
    try {
      this.closeNow({ text: undefined, reason: CloseReason.clientClosed })
    } finally {
      this.shard.forget(this)
      abandon(this.socket)
    }
  }

  // ── Subscriptions ─────────────────────────────────────────────────────────────────────────────────────

  endSubscription(subscription: Subscription): void {
    if (this.shard.options.trace) this.log.subscriptionEnded(subscription.sid)
    this.subscriptions.delete(subscription.sid)
    this.shard.sublist.remove(subscription)
  }

  /**
   * Its subscriptions leave the index, in as many turns as that takes; then `done` is called. Nothing is delivered to
   * removed ones, nor to any of a closing connection, which is remembered with them.
   */
  leaveIndex(done?: () => void): void {
    const { shard, subscriptions } = this
    if (shard.options.trace) for (const sid of subscriptions.keys()) this.log.subscriptionEnded(sid)
    shard.sublist.removeInPieces(subscriptions.values(), shard, done)
  }

  // ── Output ────────────────────────────────────────────────────────────────────────────────────────────

  /** A client, as nats-server numbers kinds of connections. */
  get kind(): number {
    return 0
  }

  get dialect(): Dialect {
    return CLIENT_DIALECT
  }

  /** `operation` is what the trace shows; messages that we make ourselves are not shown. */
  send(bytes: Buffer, operation?: string): void {
    if (this.shard.options.trace && operation !== undefined) this.log.wentOut(operation)
    this.outbound.appendBuffer(bytes)
  }

  /** INFO has changed: clients that understand a later INFO get one, once they are connected. */
  identityChanged(): void {
    if (this.understandsLaterInfo) this.outbound.appendBuffer(laterInfo(this, this.shard))
  }

  /** Says to this one alone that the server is about to end, if it understands that. */
  tellLameDuck(): 'told' | 'deaf' {
    if (!this.understandsLaterInfo) return 'deaf'
    this.outbound.appendBuffer(laterInfo(this, this.shard, true))
    return 'told'
  }

  private get understandsLaterInfo(): boolean {
    return this.operations.firstPongSent && this.options.protocol >= PROTOCOL_VERSION
  }

  sendPong(): void {
    this.send(PONG, 'PONG')
  }

  sendOk(): void {
    if (this.options.verbose) this.send(OK, 'OK')
  }

  /** Says so many times that something was refused. */
  refuse(refusal: Refusal, times = 1): void {
    this.shard.turns.left -= Work.refusal + times * Work.refusalText
    this.log.violation(refusal.logged, times)
    const text = encodeError(refusal.text)
    for (let i = 0; i < times && !this.closing; i++) this.send(text, `-ERR ${refusal.text}`)
  }

  /** New options are in force. */
  optionsChanged(options: Options, before: Options): void {
    this.parser.tracer = options.trace ? this.log : undefined
    this.operations.applyLimits()
    this.keepAlive.optionsChanged(options, before)
  }

  // ── Falling behind as a receiver ──────────────────────────────────────────────────────────────────────

  /** What follows from now on when too much waits for it. */
  setSlowConsumerPolicy(policy: SlowConsumerPolicy): void {
    if (policy === this.slowConsumerPolicy) return
    this.dropPolicy =
      policy === 'disconnect'
        ? undefined
        : new DropPolicy(policy, (messages, isFirst) => this.dropped(messages, isFirst))
    this.outbound.setDropPolicy(this.dropPolicy)
  }

  get slowConsumerPolicy(): SlowConsumerPolicy {
    return this.dropPolicy?.policy ?? 'disconnect'
  }

  private dropped(messages: number, beginsEpisode: boolean): void {
    const { shard, dropPolicy } = this
    this.droppedMessages += messages
    shard.records.dropped(this, messages)
    shard.hooks?.dropped(this, messages, this.outbound.pendingBytes)
    if (!beginsEpisode || dropPolicy === undefined) return
    const which = dropPolicy.policy === 'drop_oldest' ? 'oldest' : 'newest'
    this.log.warn(`Slow Consumer Detected: MaxPending of ${shard.options.maxPending} Exceeded, drops ${which} messages`)
  }

  // ── Being held back as a publisher ────────────────────────────────────────────────────────────────────

  private get gate(): ReadGate {
    this.readGate ??= new ReadGate(this.socket, this, () => this.operations.payPongs())
    return this.readGate
  }

  /** Frames of its own wait for a ring that is full. */
  get waitsForPeers(): boolean {
    return this.readGate?.waitsForPeers === true
  }

  /** Takes nothing more until the function that it answers is called. */
  suspend(): () => void {
    this.parser.suspend()
    const goOn = this.gate.hold()
    return () => {
      if (!this.closing) this.attempt(() => this.takeTurn(() => this.parser.resume()))
      goOn()
    }
  }

  holdFor(receiver: Outbound): void {
    if (receiver.isStuck) return
    if (this.gate.holdFor(receiver, this.latestReadBytes)) this.shard.records.counters.stall()
  }

  get awaitsResponders(): boolean {
    return this.options.noResponders
  }

  /** A request of its own has reached nobody by one of the frames that it went out in. */
  nobodyHeard(request: UnheardRequest): void {
    if (!this.closing) this.operations.nobodyHeard(request)
  }

  holdForShard(index: number): void {
    this.gate.holdForShard(index, this.latestReadBytes)
  }

  releaseForShard(index: number): void {
    this.readGate?.releaseForShard(index)
  }

  holdForPeer(peer: Peer): void {
    this.gate.holdForPeer(peer)
  }

  requestInfo(share: boolean, service: string): string {
    return requestInfo(this, this.shard, share, service)
  }

  introduce(then: (info: string) => void): void {
    then(this.requestInfo(true, ''))
  }

  get connectReceived(): boolean {
    return this.operations.connectReceived
  }

  get limits(): Limits {
    return this.operations.limits
  }

  get login(): Login {
    return this.operations.login
  }

  get label(): string {
    return this.log.label
  }

  /** Undefined: may do everything. */
  get rights(): Rights | undefined {
    return this.operations.rights
  }

  /** Round trip time in milliseconds; 0 = not measured yet. */
  get rttMs(): number {
    return this.keepAlive.rttMs
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────

  get pingInterval(): number {
    const { pingInterval, websocket } = this.shard.options
    return (this.webSocket !== undefined && websocket?.pingInterval) || pingInterval
  }

  get pingMax(): number {
    return this.shard.options.pingMax
  }

  sendPing(): void {
    this.send(PING, 'PING')
  }

  peerIsStale(): void {
    this.log.debug('Stale Client Connection - Closing')
    this.close(Faults.staleConnection)
  }

  /** Called every second or so: a peer that takes nothing is cut, unless messages are dropped instead. */
  sweep(nowMs: number): void {
    this.parser.forgetPlan()
    if (this.closing) {
      // Its time to read the remaining output and to close is over.
      if (this.shard.clock.nowMs > this.lingersUntilMs) this.socket.destroy()
    } else if (this.dropPolicy !== undefined) {
      const dropped = this.dropPolicy.endOfEpisode(nowMs)
      if (dropped > 0) this.log.info(`Slow Consumer caught up; ${dropped} messages dropped`)
    } else this.slowWrites = sweepWrites(this.slowWrites, this, this.shard, this.socket)
  }

  /** It missed a write deadline and gets more time. */
  triedAgain(still: boolean): void {
    this.shard.records.triedAgain(this, still)
  }

  /** The shard's clock was put forward by `ms`. */
  clockAdvanced(ms: number): void {
    this.login.clockAdvanced(ms)
  }

  // ── Closing ───────────────────────────────────────────────────────────────────────────────────────────

  /** Step one: out of every index, last output queued. Step two, release(), comes at the end of the turn. */
  close(fault: Fault): void {
    if (this.closing) return
    // What it was sent until now it gets.
    this.outbound.fanOut?.end()
    this.closing = true
    this.closeReason = fault.reason
    this.closedAtMs = this.shard.nowMs
    this.lingersUntilMs = this.shard.clock.nowMs + LINGER_MS
    this.parser.stop()
    this.readGate?.close()
    this.keepAlive.stop()
    this.login.stop()
    this.operations.leaveAccount()
    this.leaveIndex()
    if (fault.text !== undefined) this.send(encodeError(fault.text), `-ERR ${fault.text}`)
    this.log.debug(`Client connection closed: ${fault.reason}`)
    this.shard.closed(this, fault)
  }

  /** Closes when no operation of its own is being carried out: a timer's way. */
  closeByTimer(fault: Fault): void {
    this.shard.wakeBehindRings()
    this.attempt(() => this.close(fault))
  }

  /** Closes without waiting for anything. */
  private closeNow(fault: Fault): void {
    this.close(fault)
    this.socket.destroy()
  }

  /** Step two: what is queued goes out, then FIN; the sweep cuts a peer that does not take its leave. */
  release(): void {
    if (this.securing) {
      this.socket.destroy()
      return
    }
    if (this.closeReason === CloseReason.slowConsumerPending || this.closeReason === CloseReason.slowConsumerDeadline) {
      this.outbound.close()
      this.socket.destroy()
      return
    }
    this.outbound.flush()
    this.outbound.whenDrained(() => {
      if (this.closeReason !== undefined) this.socket.farewell?.(this.closeReason)
      this.socket.end()
      this.socket.resume()
      if (AT_ONCE.includes(this.closeReason)) this.socket.destroySoon()
    })
  }

  /** Ends the socket whatever is queued: the server has no more time. */
  destroy(): void {
    this.socket.destroy()
  }

  // ── Words for people ──────────────────────────────────────────────────────────────────────────────────

  /** The peer's address and port. */
  get peer(): string {
    return hostPort(this.ip, this.port)
  }
}
