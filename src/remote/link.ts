// A link to another server, on the shard that has it for life: socket to parser to verbs, and back. It is a receiver
// like a client, whose subscriptions are what the other server wants, and a publisher of what comes from there. Routes
// and leaf nodes add their handshake, and say in which account subscriptions are listed.
//
// Life: as that of a client (connection/client.ts): closing takes two steps, out of every index at once, released at
// the end of the turn.

import type { Account } from '../accounts/account.ts'
import { hostPort, plainAddress } from '../base/addresses.ts'
import {
  LINGER_MS,
  LINK_CONTROL_LINE_MAX,
  LINK_PAYLOAD_MAX,
  LINK_PENDING_MAX,
  QUEUE_NAME_MAX,
} from '../base/constants.ts'
import { bugText, CloseReason, type Fault, Faults, shownName } from '../base/errors.ts'
import { attempt } from '../base/guarded.ts'
import { Work, workOfRead } from '../base/turns.ts'
import type { LogSource } from '../log/log.ts'
import { abandon } from '../net/handle.ts'
import { KeepAlive, type KeepAliveOwner } from '../net/keep-alive.ts'
import { Outbound } from '../net/outbound.ts'
import { ReadGate } from '../net/read-gate.ts'
import type { Transport } from '../net/transport.ts'
import { Turn, type TurnOwner } from '../net/turn.ts'
import type { CompressionMode, CompressionOptions } from '../options/cluster.ts'
import { encodeError, PING, PONG } from '../protocol/encoder.ts'
import type { LinkFormat, LinkHandler, MessageHead } from '../protocol/link-handler.ts'
import { LinkParser } from '../protocol/link-parser.ts'
import type { Run } from '../protocol/run.ts'
import type { LinkDialect } from '../routing/link-plan.ts'
import type { Peer } from '../routing/peer.ts'
import type { Publisher } from '../routing/publisher.ts'
import { type DeliveryRights, type Receiver, Subscription } from '../routing/subscription.ts'
import { CHUNK_BYTES_LIMIT } from '../s2/frames.ts'
import { S2Reader } from '../s2/reader.ts'
import { chooseCompression, levelOf } from './compression.ts'
import { interestKey } from './interest-key.ts'
import type { LinkOwner } from './owner.ts'
import { S2Transport } from './s2-transport.ts'

/** What one chunk of a server that has not logged in may become. */
const COMPRESSED_STRANGER_MAX = 64 * 1024

export abstract class RemoteLink implements LinkHandler, Receiver, Publisher, KeepAliveOwner, TurnOwner, LogSource {
  readonly id: number
  abstract readonly kind: number
  abstract readonly dialect: LinkDialect
  /** What lines of the log call it: `rid`. */
  protected abstract readonly noun: string
  /** `Router`, in the line that says that it is closed. */
  protected abstract readonly title: string
  /** What it takes of messages, and what the other server calls itself. */
  options = { headers: true, echo: false, name: '' }
  readonly ip: string
  readonly port: number
  readonly outbound: Outbound
  readonly keepAlive: KeepAlive
  /** Milliseconds on the shard's clock. */
  readonly startMs: number
  lastActivityMs: number
  inMessages = 0
  inBytes = 0
  outMessages = 0
  outBytes = 0
  closing = false
  closeReason: CloseReason | undefined
  sentTo = 0
  /** Interest of the other server, by key. */
  protected readonly subscriptions = new Map<string, Subscription>()
  protected readonly owner: LinkOwner
  protected readonly parser: LinkParser
  private socket: Transport
  private readonly turn: Turn
  private gate: ReadGate | undefined
  /** Undefined: the link is not compressed. */
  private decompressor: S2Reader | undefined
  private compressor: S2Transport | undefined
  /** What is written is compressed by this mode; undefined: it is not compressed. */
  protected mode: CompressionMode | undefined
  /** The other server has named a mode. */
  private isAsked = false
  private hasFailed = false
  /** The end of its socket will be heard of. */
  private isHeard = false
  private lingersUntilMs = 0

  /** `format`: of its lines, until the handshake says otherwise. */
  constructor(owner: LinkOwner, id: number, socket: Transport, format: LinkFormat) {
    this.owner = owner
    this.id = id
    this.socket = socket
    this.ip = plainAddress(socket.remoteAddress ?? '')
    this.port = socket.remotePort ?? 0
    this.startMs = owner.nowMs
    this.lastActivityMs = owner.nowMs
    this.keepAlive = new KeepAlive(owner, this)
    this.outbound = new Outbound(owner, socket, LINK_PENDING_MAX, {
      overflowed: () => this.close(Faults.slowConsumerPending),
      failed: (error) => this.failed(error),
    })
    this.turn = new Turn(owner, this)
    const limits = { maxControlLine: LINK_CONTROL_LINE_MAX, maxPayload: LINK_PAYLOAD_MAX }
    this.parser = new LinkParser(this, owner.pool, limits, format, owner.turns)
    this.parser.runMax = Number.MAX_SAFE_INTEGER
  }

  /** The account of its messages, where it is for one alone. */
  abstract readonly account: Account

  /** Begins to read. */
  start(socket: Transport): void {
    this.socket = socket
    this.outbound.moveTo(socket)
    socket.on('error', (error) => this.attempt(() => this.socketOnError(error)))
    socket.on('end', () => this.attempt(() => this.socketOnEnd()))
    socket.on('close', () => this.attempt(() => this.socketOnClose()))
    this.isHeard = true
    if (!this.closing) socket.resume()
    if (socket.closed === true) this.socketOnClose()
  }

  // ── What subclasses do ────────────────────────────────────────────────────────────────────────────────

  abstract processInfo(json: string): void
  abstract processConnect(json: string): void
  abstract processInterest(
    account: string,
    subject: string,
    queue: string,
    weight: number,
    origin: string | undefined,
  ): void
  abstract processInterestEnd(account: string, subject: string, queue: string, origin: string | undefined): void
  abstract processMessages(run: Run, head: MessageHead): number
  /** It begins to close: nobody is to be told anything of it any more. */
  protected abstract ended(): void
  abstract readonly pingInterval: number
  abstract readonly pingMax: number

  // ── Socket events ─────────────────────────────────────────────────────────────────────────────────────

  /** `bytes` have been read into the shard's read buffer. */
  socketOnRead(bytes: number): void {
    if (this.closing) return
    const { owner, parser } = this
    owner.beginRead()
    this.lastActivityMs = owner.nowMs
    this.turn.take(() => {
      owner.lastServed.turnTo(this.id, () => this.label)
      this.keepAlive.heard(owner.nowMs)
      const { readBlock, readStart } = owner
      ;(this.decompressor ?? parser).push(readBlock, readStart, readStart + bytes)
    }, bytes)
    owner.endRead()
  }

  // ── Compression ───────────────────────────────────────────────────────────────────────────────────────

  protected abstract readonly compression: CompressionOptions

  /**
   * Decides by what the other server names. `announce` says what was chosen, in plain, where the other one is to be
   * told; `then` goes on, with output compressed if it is to be. What cannot be chosen closes the link.
   */
  protected negotiate(
    theirs: string,
    announce: (mode: CompressionMode) => void,
    then: (isCompressed: boolean) => void,
  ): void {
    const choice = chooseCompression(this.compression, theirs)
    this.isAsked = theirs !== ''
    if (choice === undefined) {
      then(false)
      return
    }
    if ('refused' in choice) {
      this.owner.log.error(choice.refused, this)
      this.close({ text: choice.refused, reason: CloseReason.protocolViolation })
      return
    }
    this.mode = choice.mode
    announce(choice.mode)
    this.compress(this.level !== 's2_uncompressed', () => then(true))
  }

  /**
   * Compression is to be another one from now on (`compression`). Returns whether the link can go on: it cannot where
   * both sides have to agree anew.
   */
  protected recompress(): boolean {
    const { mode } = this.compression
    if (this.mode === undefined) return mode === 'off' || !this.isAsked
    if (mode === 'off' || mode === 'accept') return false
    this.mode = mode
    if (this.compressor !== undefined) this.compressor.compresses = this.level !== 's2_uncompressed'
    return true
  }

  /** How it is compressed, as pages call it. */
  get level(): string {
    const { mode, owner } = this
    if (mode === undefined) return this.compression.mode === 'off' || this.isAsked ? 'off' : 'not supported'
    const rttMs = this.rttMs > 0 ? this.rttMs : owner.nowMs - this.startMs
    return levelOf(mode, this.compression.thresholds, rttMs)
  }

  /** Calls back when all that was sent so far has gone out plain, and what is read and written is compressed. */
  private compress(compresses: boolean, then: () => void): void {
    const { outbound, owner, parser } = this
    // The other server compresses what it sends from here on, whatever this one still has to send.
    this.decompressor = new S2Reader(
      {
        take: (block, start, end) => {
          parser.push(block, start, end)
          owner.turns.left -= workOfRead(end - start)
          return !this.closing
        },
        get isFull() {
          return parser.isSuspended
        },
        damaged: (cause) => {
          owner.log.error(`${this.title} decompression ERROR: ${cause}`, this)
          this.close({ text: undefined, reason: CloseReason.readError })
        },
      },
      COMPRESSED_STRANGER_MAX,
    )
    outbound.flush()
    outbound.whenDrained(() => {
      if (this.closing) return
      this.compressor = new S2Transport(this.socket, compresses)
      outbound.moveTo(this.compressor)
      then()
    })
  }

  /** The other server is known: what one piece of its output may become is bounded by what it may send. */
  protected trustCompressed(): void {
    if (this.decompressor !== undefined) this.decompressor.chunkMax = CHUNK_BYTES_LIMIT
  }

  private socketOnEnd(): void {
    this.owner.wakeBehindRings()
    if (!this.closing) this.close({ text: undefined, reason: CloseReason.clientClosed })
    else this.socket.destroySoon()
  }

  private socketOnError(error: NodeJS.ErrnoException): void {
    const reason = error.syscall?.startsWith('write') ? CloseReason.writeError : CloseReason.readError
    this.close({ text: undefined, reason: error.code === 'ECONNRESET' ? CloseReason.clientClosed : reason })
    this.socket.destroy()
  }

  private socketOnClose(): void {
    try {
      this.close({ text: undefined, reason: CloseReason.clientClosed })
    } finally {
      this.outbound.close()
      this.owner.forgetLink(this)
      abandon(this.socket)
    }
  }

  attempt(act: () => unknown): void {
    attempt((error) => this.failed(error), act)
  }

  /** A bug: it costs this link. */
  failed(error: unknown): void {
    if (this.hasFailed) return
    this.hasFailed = true
    this.owner.log.error(`Internal error: ${bugText(error)}`, this)
    try {
      this.close(Faults.internal)
      if (this.isHeard) return
    } catch (another) {
      this.owner.log.error(`Internal error: ${bugText(another)}`, this)
    }
    this.socket.destroy()
    this.owner.forgetLink(this)
  }

  // ── Interest of the other server ──────────────────────────────────────────────────────────────────────

  /** It wants this of `account`; of a queue group it has so many members. Said again, it has other ones. */
  protected wants(
    account: Account,
    subject: string,
    queue: string,
    weight: number,
    origin: string | undefined,
    sid: string,
  ): void {
    const { owner } = this
    const key = interestKey(account.name, subject, queue, origin)
    const known = this.subscriptions.get(key)
    owner.turns.left -= Work.subscription
    if (known !== undefined && known.weight === weight) return
    if (queue.length > QUEUE_NAME_MAX) {
      owner.log.complaint('Another server wants messages for a queue group with too long a name', this, this)
      return
    }
    if (known === undefined && !this.mayWantMore()) return
    const subscription = new Subscription(this, account, subject, queue, sid, weight)
    subscription.leafCluster = origin
    subscription.filtered = this.isFiltered(subscription)
    const { sublist } = owner
    if (!(known === undefined ? sublist.insert(subscription) : sublist.replace(known, subscription))) {
      owner.log.complaint('The index has no room for what another server wants', this, this)
      return
    }
    this.subscriptions.set(key, subscription)
  }

  /** Whether there may be one more; the other server is told if not. */
  protected mayWantMore(): boolean {
    return true
  }

  /** Whether each message for what it wants is to be asked about (`rights`). */
  protected isFiltered(_subscription: Subscription): boolean {
    return false
  }

  protected wantsNoMore(account: Account, subject: string, queue: string, origin: string | undefined): void {
    const key = interestKey(account.name, subject, queue, origin)
    const known = this.subscriptions.get(key)
    this.owner.turns.left -= Work.subscription
    if (known === undefined) return
    this.subscriptions.delete(key)
    this.owner.sublist.remove(known)
  }

  /** How much the other server wants. */
  get interestCount(): number {
    return this.subscriptions.size
  }

  /** The same as texts, for pages. */
  get interestTexts(): string[] {
    return Array.from(this.subscriptions.values(), ({ subject }) => subject)
  }

  // ── As a receiver ─────────────────────────────────────────────────────────────────────────────────────

  get rights(): DeliveryRights | undefined {
    return undefined
  }

  readonly log = {
    messageWentOut: (head: string, message: Buffer): void => {
      this.owner.log.trace(`->> [${head}] ${message.length}`, this)
    },
  }

  get slowConsumerPolicy(): 'disconnect' {
    return 'disconnect'
  }

  get droppedMessages(): number {
    return 0
  }

  endSubscription(): void {}

  // ── As a publisher ────────────────────────────────────────────────────────────────────────────────────

  /** What comes from other servers is not held back for a receiver: it has gone through a server already. */
  holdFor(): void {}

  get passing(): undefined {
    return undefined
  }

  set passing(_shards: Set<number> | undefined) {}

  get awaitsResponders(): boolean {
    return false
  }

  holdForPeer(peer: Peer): void {
    this.readGate.holdForPeer(peer)
  }

  holdForShard(): void {}

  releaseForShard(): void {}

  nobodyHeard(): void {}

  requestInfo(_share: boolean, _service: string): string {
    return ''
  }

  introduce(then: (info: string) => void): void {
    then('')
  }

  // ── Lines ─────────────────────────────────────────────────────────────────────────────────────────────

  send(bytes: Buffer): void {
    this.outbound.appendBuffer(bytes)
  }

  /** A line, or several, each with its CRLF; a byte string. */
  protected sendText(text: string): void {
    this.outbound.appendBuffer(Buffer.from(text, 'latin1'))
  }

  mayGoOnWithoutConnect(): boolean {
    return false
  }

  processPing(): void {
    this.send(PONG)
  }

  processPong(): void {
    this.keepAlive.pong()
    if (this.compressor !== undefined) this.compressor.compresses = this.level !== 's2_uncompressed'
  }

  processError(text: string): void {
    this.owner.log.error(`${this.title} Error '${text}'`, this)
    this.close({ text: undefined, reason: CloseReason.parseError })
  }

  processFault(fault: Fault, cause: string): void {
    this.owner.log.error(`${this.title} parser ERROR: ${fault.text ?? fault.reason}: ${JSON.stringify(cause)}`, this)
    this.close(fault)
  }

  turnIsOver(): void {
    this.turn.giveWay()
  }

  private get readGate(): ReadGate {
    this.gate ??= new ReadGate(this.socket, this, () => undefined)
    return this.gate
  }

  /** Takes nothing more until the function that it answers is called. */
  suspend(): () => void {
    this.parser.suspend()
    const goOn = this.readGate.hold()
    return () => {
      if (!this.closing) this.attempt(() => this.turn.take(() => this.resume()))
      goOn()
    }
  }

  private resume(): void {
    this.parser.resume()
    this.decompressor?.goOn()
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────

  sendPing(): void {
    this.send(PING)
  }

  peerIsStale(): void {
    this.close(Faults.staleConnection)
  }

  /** Round trip time in milliseconds; 0 = not measured yet. */
  get rttMs(): number {
    return this.keepAlive.rttMs
  }

  /** Called every second or so. */
  sweep(): void {
    this.parser.forgetPlan()
    if (this.closing && this.owner.clock.nowMs > this.lingersUntilMs) this.socket.destroy()
  }

  // ── Closing ───────────────────────────────────────────────────────────────────────────────────────────

  close(fault: Fault): void {
    if (this.closing) return
    const { owner } = this
    this.outbound.fanOut?.end()
    this.closing = true
    this.closeReason = fault.reason
    this.lingersUntilMs = owner.clock.nowMs + LINGER_MS
    this.parser.stop()
    this.decompressor?.stop()
    this.gate?.close()
    this.keepAlive.stop()
    owner.sublist.removeInPieces(this.subscriptions.values(), owner)
    if (fault.text !== undefined) this.send(encodeError(fault.text))
    owner.log.info(`${this.title} connection closed: ${fault.reason}${this.remoteText}`, this)
    this.ended()
    owner.linkClosed(this)
  }

  private get remoteText(): string {
    const { name } = this.options
    return name === '' ? '' : ` - Remote: ${shownName(name)}`
  }

  /** Closes when none of its lines is being dealt with: a timer's way. */
  closeByTimer(fault: Fault): void {
    this.owner.wakeBehindRings()
    this.attempt(() => this.close(fault))
  }

  /** Step two: what is queued goes out, then FIN. */
  release(): void {
    this.outbound.flush()
    this.outbound.whenDrained(() => {
      if (this.closeReason !== undefined) this.socket.farewell?.(this.closeReason)
      this.socket.end()
      this.socket.resume()
    })
  }

  destroy(): void {
    this.socket.destroy()
  }

  get label(): string {
    return `${hostPort(this.ip, this.port)} - ${this.noun}:${this.id}`
  }
}
