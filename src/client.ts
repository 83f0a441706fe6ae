// One connection: socket to parser to verb handlers. It belongs to one shard for its life.
//
// Life: created with its socket → INFO sent → operations, one after the other → closing (marked, out of every index,
// last words queued) → drained, FIN sent → gone. Closing takes two steps so that whoever is delivering just now never
// meets a half-removed connection: allowance() in router.ts sees `closing`, the release comes at the turn's end.

import type { Socket } from 'node:net'
import type { Account } from './accounts/account.ts'
import { requestInfo } from './accounts/request-info.ts'
import { FIRST_PING_MS, LINGER_MS, PROTOCOL_VERSION, RTT_AGE_MAX_MS } from './constants.ts'
import { CloseReason, type Fault, Faults, Refusals } from './errors.ts'
import { Outbound } from './outbound.ts'
import type { Peer } from './peer.ts'
import { encodeError, encodeNoResponders, OK, PING, PONG } from './protocol/encoder.ts'
import { type ConnectOptions, defaultConnectOptions, encodeInfo, parseConnect } from './protocol/handshake.ts'
import { Parser, type ParserHandler } from './protocol/parser.ts'
import type { Run } from './protocol/run.ts'
import { ReadGate } from './read-gate.ts'
import type { Publisher } from './router.ts'
import type { Shard } from './shard.ts'
import {
  countTokens,
  isReservedReply,
  isReservedSubject,
  isValidFilter,
  isValidLiteral,
  mayBeReserved,
  RESERVED_QUEUE,
} from './subjects/subject.ts'
import { Subscription } from './subjects/sublist.ts'

/** Not zero, which means unknown. */
const RTT_MIN_MS = 0.001

export class Client implements ParserHandler, Publisher {
  readonly id: number
  readonly outbound: Outbound
  readonly parser: Parser
  account: Account
  readonly ip: string
  readonly port: number
  /** Milliseconds on the shard's clock. */
  readonly startMs: number
  /** Latest bytes from the peer, and latest traffic of either direction. */
  private lastReadMs: number
  lastActivityMs: number
  options: ConnectOptions = defaultConnectOptions()
  readonly subscriptions = new Map<string, Subscription>()

  inMessages = 0
  inBytes = 0
  outMessages = 0
  outBytes = 0
  /** Milliseconds; 0 = not measured yet. */
  rttMs = 0
  closing = false
  closeReason: CloseReason | undefined
  closedAtMs = 0

  private readonly shard: Shard
  private readonly socket: Socket
  private connectReceived = false
  private firstPongSent = false
  private pingsOut = 0
  private pingDueMs = 0
  private pingSentMs = Number.NEGATIVE_INFINITY
  private latestReadBytes = 0
  private readGate: ReadGate | undefined
  /** PINGs to be answered when its frames for other shards wait no more. */
  private pongsOwed = 0

  constructor(shard: Shard, id: number, socket: Socket) {
    this.shard = shard
    this.id = id
    this.socket = socket
    this.account = shard.accounts.global
    this.ip = socket.remoteAddress ?? ''
    this.port = socket.remotePort ?? 0
    this.startMs = shard.nowMs
    this.lastReadMs = shard.nowMs
    this.lastActivityMs = shard.nowMs
    const { options } = shard
    this.outbound = new Outbound(shard, socket, options.maxPending, () => this.close(Faults.slowConsumerPending))
    this.parser = new Parser(this, shard.pool, options)
    this.parser.traced = options.trace
    socket.on('error', (error) => this.socketOnError(error))
    socket.on('end', () => this.socketOnEnd())
    socket.on('close', () => this.socketOnClose())
  }

  /** Greets the peer and begins to read, or closes at once for `refusal`. */
  start(refusal: Fault | undefined): void {
    this.debug('Client connection created')
    this.planPing(this.firstPingMs())
    this.send(encodeInfo(this.shard.identity, this.id, this.ip))
    if (refusal !== undefined) this.close(refusal)
    else this.socket.resume()
  }

  // ── Socket events ─────────────────────────────────────────────────────────────────────────────────────

  /** `bytes` have been read into the shard's read buffer. */
  socketOnRead(bytes: number): void {
    if (this.closing) return
    const { shard, parser } = this
    shard.beginRead()
    this.lastReadMs = shard.nowMs
    this.lastActivityMs = shard.nowMs
    this.latestReadBytes = bytes
    try {
      parser.push(shard.readBlock, shard.readStart, shard.readStart + bytes)
      this.readGate?.afterRead(bytes)
    } catch (error) {
      // A bug of ours costs this connection, not the shard.
      shard.log.error(`${this.label} - ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      this.close(Faults.internal)
    }
    shard.endRead()
  }

  private socketOnEnd(): void {
    if (!this.closing) this.close({ text: undefined, reason: CloseReason.clientClosed })
    else this.socket.destroySoon()
  }

  private socketOnError(error: NodeJS.ErrnoException): void {
    const reason =
      error.syscall === 'write' || error.syscall === 'writev' ? CloseReason.writeError : CloseReason.readError
    this.closeNow({ text: undefined, reason: error.code === 'ECONNRESET' ? CloseReason.clientClosed : reason })
  }

  private socketOnClose(): void {
    this.closeNow({ text: undefined, reason: CloseReason.clientClosed })
    this.outbound.close()
    this.shard.forget(this)
  }

  // ── Operations ────────────────────────────────────────────────────────────────────────────────────────

  processConnect(json: string): void {
    const options = parseConnect(json, this.options)
    if (options === undefined) {
      this.close(Faults.badArguments)
      return
    }
    const before = this.options
    this.options = options
    if (!this.connectReceived) {
      this.connectReceived = true
      // An estimate; the first PING measures it.
      if (this.rttMs === 0) this.rttMs = Math.max(this.shard.clockMs() - this.startMs, RTT_MIN_MS)
      this.planPing(this.firstPingMs())
    } else {
      this.leaveIndex()
      this.subscriptions.clear()
    }
    if (before.headers !== options.headers) this.parser.allowHeaders(options.headers)
    this.parser.runMax = options.verbose || options.pedantic ? 1 : Number.MAX_SAFE_INTEGER
    if (options.account !== '' || options.newAccount) this.close(Faults.authorization)
    else if (options.protocol < 0 || options.protocol > PROTOCOL_VERSION) this.close(Faults.protocolVersion)
    else if (options.noResponders && !options.headers) this.close(Faults.noRespondersHeaders)
    else if (options.verbose) this.send(OK)
  }

  processPub(run: Run): void {
    this.inMessages += run.count
    this.inBytes += run.count * run.size
    const { options } = this
    if (options.pedantic && !isValidLiteral(subjectOf(run))) this.refuse(Refusals.invalidPublishSubject)
    if (!this.mayPublish(run)) return
    if (options.verbose) this.send(OK)
    const sent = this.shard.router.publish(run, this.account, this)
    if (sent === 0 && options.noResponders && run.replyEnd > run.replyStart) this.answerNoResponders(run)
  }

  /** Subjects of the server itself are not for clients. */
  private mayPublish(run: Run): boolean {
    const { bytes } = run.line
    if (mayBeReserved(bytes[run.subjectStart])) {
      const subject = subjectOf(run)
      if (isReservedSubject(subject)) return this.refuseEach(run, Refusals.publish(subject))
    }
    if (run.replyEnd > run.replyStart && mayBeReserved(bytes[run.replyStart])) {
      const reply = replyOf(run)
      if (isReservedReply(reply)) return this.refuseEach(run, Refusals.reply(reply))
    }
    return true
  }

  private refuseEach(run: Run, text: string): false {
    for (let i = 0; i < run.count; i++) this.refuse(text)
    return false
  }

  private answerNoResponders(run: Run): void {
    const reply = replyOf(run)
    const sid = this.shard.plainSidOf(this, reply)
    if (sid === undefined) return
    const answer = encodeNoResponders(subjectOf(run), reply, sid)
    for (let i = 0; i < run.count && !this.closing; i++) this.send(answer)
  }

  processSub(subject: string, queue: string, sid: string): void {
    this.shard.catchUp()
    if (this.closing) return // what came was more than it has room for
    const { maxSubscriptions, maxSubscriptionTokens } = this.shard.options
    if (queue === RESERVED_QUEUE) {
      this.refuse(Refusals.subscribeQueue(subject, queue))
      return
    }
    if (maxSubscriptionTokens > 0 && countTokens(subject) > maxSubscriptionTokens) {
      this.refuse(Refusals.tooManyTokens(subject))
      return
    }
    if (maxSubscriptions > 0 && this.subscriptions.size >= maxSubscriptions) {
      this.refuse(Refusals.subscriptions)
      return
    }
    // A sid in use keeps its first subscription.
    if (!this.subscriptions.has(sid)) {
      if (!isValidFilter(subject)) {
        this.refuse(Refusals.invalidSubject)
        return
      }
      const subscription = new Subscription(this, this.account, subject, queue, sid)
      if (!this.shard.sublist.insert(subscription)) {
        this.refuse(Refusals.subscriptions)
        return
      }
      this.subscriptions.set(sid, subscription)
    }
    if (this.options.verbose) this.send(OK)
  }

  processUnsub(sid: string, max: number): void {
    this.shard.catchUp()
    if (this.closing) return // what came was more than it has room for
    const subscription = this.subscriptions.get(sid)
    if (subscription !== undefined) {
      if (max > subscription.delivered) {
        subscription.max = max
        // From now on it is counted message by message: routes that have it in a group are stale.
        this.shard.subscriptionChanged(subscription)
      } else this.endSubscription(subscription)
    }
    if (this.options.verbose) this.send(OK)
  }

  processPing(): void {
    // PONG says that what was published before is on its way: it waits with frames for which a ring has no room.
    if (this.readGate?.waitsForPeers === true) this.pongsOwed++
    else this.pong()
  }

  private payPongs(): void {
    for (; this.pongsOwed > 0 && !this.closing; this.pongsOwed--) this.pong()
  }

  private pong(): void {
    this.send(PONG)
    if (!this.connectReceived || this.firstPongSent) return
    this.firstPongSent = true
    if (this.options.protocol >= PROTOCOL_VERSION) {
      this.send(encodeInfo(this.shard.identity, this.id, this.ip, { account: this.account.name }))
    }
  }

  processPong(): void {
    if (this.pingsOut > 0) this.rttMs = Math.max(this.shard.clockMs() - this.pingSentMs, RTT_MIN_MS)
    this.pingsOut = 0
  }

  processFault(fault: Fault, snippet: string): void {
    if (fault.text !== undefined) this.shard.log.error(`${this.label} - ${fault.text}: ${JSON.stringify(snippet)}`)
    else this.debug(`${fault.reason}: ${JSON.stringify(snippet)}`)
    this.close(fault)
  }

  processTrace(verb: string, argument: string): void {
    const text = Buffer.from(argument, 'latin1').toString('utf8')
    if (verb === 'MSG_PAYLOAD') this.shard.log.trace(`${this.label} - <<- MSG_PAYLOAD: [${JSON.stringify(text)}]`)
    else this.shard.log.trace(`${this.label} - <<- [${text === '' ? verb : `${verb} ${text}`}]`)
  }

  // ── Subscriptions ─────────────────────────────────────────────────────────────────────────────────────

  endSubscription(subscription: Subscription): void {
    this.subscriptions.delete(subscription.sid)
    this.shard.sublist.remove(subscription)
  }

  /** Nothing is delivered to its subscriptions any more; a closed connection is remembered with them. */
  private leaveIndex(): void {
    this.shard.sublist.removeAll(this.subscriptions.values())
  }

  // ── Output ────────────────────────────────────────────────────────────────────────────────────────────

  private send(bytes: Buffer): void {
    if (this.parser.traced) this.shard.log.trace(`${this.label} - ->> [${bytes.toString('utf8').trimEnd()}]`)
    this.outbound.appendBuffer(bytes)
  }

  private refuse(text: string): void {
    this.debug(text)
    this.send(encodeError(text))
  }

  // ── Being held back as a publisher ────────────────────────────────────────────────────────────────────

  private get gate(): ReadGate {
    this.readGate ??= new ReadGate(this.socket, () => this.payPongs())
    return this.readGate
  }

  holdFor(receiver: Outbound): void {
    if (receiver.isStuck(this.shard.nowMs)) return
    if (this.gate.holdFor(receiver, this.latestReadBytes)) this.shard.counters.stall()
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

  requestInfo(share: boolean): string {
    return requestInfo(this, this.shard, share)
  }

  get stalls(): number {
    return this.readGate?.stalls ?? 0
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────

  private firstPingMs(): number {
    return Math.min(FIRST_PING_MS, this.shard.options.pingInterval) * (1 + Math.random() / 5)
  }

  private planPing(afterMs: number): void {
    this.shard.pings.remove(this, this.pingDueMs)
    this.pingDueMs = this.shard.nowMs + afterMs
    this.shard.pings.add(this, this.pingDueMs)
  }

  /** The time for a PING has come: sends one unless the peer was heard of lately, or finds the peer stale. */
  pingDue(nowMs: number): void {
    const { options } = this.shard
    this.planPing(options.pingInterval)
    const needRtt = this.rttMs === 0 || nowMs - this.pingSentMs > RTT_AGE_MAX_MS
    if (nowMs - this.lastReadMs < options.pingInterval && !needRtt) return
    if (this.pingsOut + 1 > options.pingMax) {
      this.debug('Stale Client Connection - Closing')
      this.close(Faults.staleConnection)
      return
    }
    this.pingsOut++
    this.pingSentMs = this.shard.clockMs()
    this.send(PING)
  }

  /** Called every second or so: a peer that takes nothing is cut. */
  sweep(nowMs: number): void {
    this.parser.forgetRoute()
    if (this.closing) {
      // It had time to take its last words and say goodbye.
      if (nowMs - this.closedAtMs > LINGER_MS) this.socket.destroy()
    } else if (this.outbound.waitingMs(nowMs) > this.shard.options.writeDeadline) {
      this.close(Faults.slowConsumerDeadline)
    }
  }

  // ── Closing ───────────────────────────────────────────────────────────────────────────────────────────

  /** Step one: out of every index, last words queued. Step two, release(), comes at the end of the turn. */
  close(fault: Fault): void {
    if (this.closing) return
    this.closing = true
    this.closeReason = fault.reason
    this.closedAtMs = this.shard.nowMs
    this.parser.stop()
    this.readGate?.close()
    this.shard.pings.remove(this, this.pingDueMs)
    this.leaveIndex()
    if (fault.text !== undefined) this.outbound.appendBuffer(encodeError(fault.text))
    this.debug(`Client connection closed: ${fault.reason}`)
    this.shard.closed(this, fault)
  }

  /** Closes without waiting for anything. */
  private closeNow(fault: Fault): void {
    this.close(fault)
    this.socket.destroy()
  }

  /** Step two: what is queued goes out, then FIN; the sweep cuts a peer that does not take its leave. */
  release(): void {
    if (this.closeReason === CloseReason.slowConsumerPending || this.closeReason === CloseReason.slowConsumerDeadline) {
      this.outbound.close()
      this.socket.destroy()
      return
    }
    this.outbound.flush()
    this.outbound.whenDrained(() => {
      this.socket.end()
      if (this.closeReason === CloseReason.clientClosed) this.socket.destroySoon()
      else this.socket.resume()
    })
  }

  /** Ends the socket whatever is queued: the server has no more time. */
  destroy(): void {
    this.socket.destroy()
  }

  // ── Words for people ──────────────────────────────────────────────────────────────────────────────────

  /** The peer's address and port. */
  get peer(): string {
    return `${this.ip.includes(':') ? `[${this.ip}]` : this.ip}:${this.port}`
  }

  get label(): string {
    return `${this.peer} - cid:${this.id}`
  }

  private debug(text: string): void {
    if (this.shard.options.debug) this.shard.log.debug(`${this.label} - ${text}`)
  }
}

function subjectOf(run: Run): string {
  return run.line.bytes.toString('latin1', run.subjectStart, run.subjectEnd)
}

function replyOf(run: Run): string {
  return run.line.bytes.toString('latin1', run.replyStart, run.replyEnd)
}
