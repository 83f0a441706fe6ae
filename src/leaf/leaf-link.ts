// A link to another server as leaf nodes have it, once it is bound: one account here and one there. Who has dialled and
// who is the hub are two questions; usually the one that has dialled is the spoke.
//
// Before it is bound to an account, nothing but the handshake (greeting.ts) is taken from the other server.

import type { Account } from '../accounts/account.ts'
import { lowestLimits, NO_LIMIT, NO_LIMITS } from '../accounts/limits.ts'
import { identity } from '../auth/identity.ts'
import { LINK_CONTROL_LINE_MAX } from '../base/constants.ts'
import { CloseReason, type Fault, Faults, quote, shownName } from '../base/errors.ts'
import { Work } from '../base/turns.ts'
import type { Transport } from '../net/transport.ts'
import type { CompressionMode, CompressionOptions } from '../options/cluster.ts'
import { encodeError } from '../protocol/encoder.ts'
import { LinkComposer } from '../protocol/link-encoder.ts'
import { LEAF_FORMAT, type MessageHead } from '../protocol/link-handler.ts'
import { Origin, type Run, subjectOf } from '../protocol/run.ts'
import { unfoldShown } from '../protocol/shown-subject.ts'
import { RemoteLink } from '../remote/link.ts'
import type { DeliveryRights, Subscription } from '../routing/subscription.ts'
import { isValidFilter } from '../subjects/subject.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { WebSocketClient } from '../websocket/transport.ts'
import { Accepted } from './accepted.ts'
import type { LeafEvent, LeafFacts, LeafOrder, LeafRow, LeafTold } from './contract.ts'
import { Dialled } from './dialled.ts'
import { closed, type Greeting, type GreetingLink, type Judge, type LeafPeer } from './greeting.ts'
import { claimedUser } from './hello.ts'
import { type InterestHost, LeafInterest } from './leaf-interest.ts'
import { LeafRights, type LeafRules } from './leaf-rights.ts'
import type { LeafDesk, LeafOwner } from './owner.ts'
import { describe as describeRequestor, vouchFor } from './requestor.ts'
import { streamRules } from './stream-rules.ts'

/** One for all leaf links of a thread: a head is written before the next one is composed. */
const LEAF_DIALECT = new LinkComposer('leaf')
/** As nats-server numbers kinds of connections. */
const KIND_LEAF = 3
/** What the other server has said, or done, after which it is left alone for a while. */
const LOOP_DELAY_MS = 30_000
const VERSION_DELAY_MS = 5_000
const LOOP_PREFIX = '$LDS.'
/**
 * Over WebSocket: nats-server would put S2 around the frames, which nothing between the two servers could read then,
 * and masked frames do not become smaller by it. Messages are compressed in their frames instead.
 */
const NO_COMPRESSION: CompressionOptions = { mode: 'off', thresholds: [] }

export class LeafLink extends RemoteLink implements InterestHost, GreetingLink, WebSocketClient {
  readonly kind = KIND_LEAF
  readonly dialect = LEAF_DIALECT
  protected readonly noun: string
  protected readonly title = 'Leafnode'
  readonly tlsNoun = 'leafnode'
  account: Account
  /** The cluster of the other server. */
  cluster = ''
  readonly isWebSocket: boolean
  isSpoke: boolean
  isIsolated: boolean
  remoteAccount = ''
  delayMs = 0
  /** Undefined: it is plain. */
  tls: TlsSession | undefined
  private readonly order: LeafOrder
  private readonly desk: LeafDesk
  private readonly leafOwner: LeafOwner
  private readonly greeting: Greeting
  /** The domain of the other server’s streams; empty: it names none. */
  private domain = ''
  private rightsOf: LeafRights | undefined
  private interest: LeafInterest | undefined
  private isBound = false

  constructor(owner: LeafOwner, desk: LeafDesk, id: number, socket: Transport, order: LeafOrder, isWebSocket: boolean) {
    super(owner, id, socket, LEAF_FORMAT)
    this.noun = isWebSocket ? 'lid_ws' : 'lid'
    this.isWebSocket = isWebSocket
    this.leafOwner = owner
    this.desk = desk
    this.order = order
    const { dialled } = order
    const remote = dialled?.remote
    this.isSpoke = remote !== undefined && !remote.hub
    this.isIsolated = desk.options.isolate || remote?.isolate === true
    this.account = remote === undefined ? owner.accounts.global : desk.accountNamed(remote.account)
    this.greeting = dialled === undefined ? new Accepted(owner, desk, this) : new Dialled(owner, desk, this, dialled)
    this.parser.setLimits({ maxControlLine: LINK_CONTROL_LINE_MAX, maxPayload: owner.options.maxPayload })
    this.parser.connectDue = dialled === undefined
    this.parser.infoAllowed = this.compression.mode !== 'off'
  }

  get pingInterval(): number {
    return this.desk.options.pingInterval
  }

  get pingMax(): number {
    return this.desk.options.pingMax
  }

  // ── The handshake ─────────────────────────────────────────────────────────────────────────────────────

  greet(): void {
    this.greeting.greet()
  }

  processConnect(json: string): void {
    this.greeting.processConnect(json)
  }

  processInfo(json: string): void {
    this.greeting.processInfo(json)
  }

  /** A hub that is dialled is one that was configured, and has no credentials to send. */
  get isStranger(): boolean {
    return !this.isBound && this.order.dialled === undefined
  }

  closeBehind(fault: Fault): void {
    this.close(fault)
  }

  endInfo(): void {
    this.parser.infoAllowed = false
  }

  get compression(): CompressionOptions {
    if (this.isWebSocket) return NO_COMPRESSION
    return (this.order.dialled?.remote ?? this.desk.options).compression
  }

  get compressMode(): string {
    return this.mode === undefined ? 'off' : this.level
  }

  override negotiate(
    theirs: string,
    announce: (mode: CompressionMode) => void,
    then: (isCompressed: boolean) => void,
  ): void {
    super.negotiate(theirs, announce, then)
    if (!this.isStranger) this.trustCompressed()
  }

  meet({ name, cluster, domain, headers }: LeafPeer): void {
    this.cluster = cluster
    this.domain = domain
    this.options = { ...this.options, name, headers: headers && this.desk.identity.headers }
  }

  obey(rules: LeafRules): void {
    const { account, desk, domain } = this
    const streams = streamRules(account === desk.systemAccount, desk.hasStreams(account) ? desk.domain : '', domain)
    this.rightsOf = new LeafRights({ ...rules, ...streams }, () => this.owner.nowMs)
  }

  async bind(): Promise<boolean> {
    const { account, cluster, remoteAccount, isSpoke } = this
    const identity = { serverName: this.options.name, cluster, account: account.name, remoteAccount, isSpoke }
    const verdict = await this.desk.ask({ kind: 'bound', link: this.id, identity, most: account.limits.leafnodes })
    this.owner.wake()
    if (this.closing) return false
    if (verdict === undefined) return true
    if (verdict.refused.includes('Loop detected')) this.delayMs = LOOP_DELAY_MS
    this.refuse(closed(verdict.refused, CloseReason.protocolViolation))
    return false
  }

  // ── Bound to an account ───────────────────────────────────────────────────────────────────────────────

  begin(): void {
    const { desk, account } = this
    this.parser.connectDue = false
    this.isBound = true
    this.trustCompressed()
    this.keepAlive.start()
    const theirs = this.remoteAccount === '' ? '' : `, remote account: ${shownName(this.remoteAccount)}`
    this.owner.log.info(`Leafnode connection created for account: ${account.name}${theirs}`, this)
    desk.came(this.facts)
    this.interest = new LeafInterest(desk.feed, this, account.name)
    this.interest.start(this.ownFilters)
  }

  /** Users, imports or mappings may have changed. */
  async review(): Promise<void> {
    this.tellOwn()
    await this.greeting.review()
  }

  /** The token of its account is another one, or has ended. A server that was dialled is no user of it. */
  accountChanged(judge: Judge): void {
    const verdict = judge(this.greeting.identity ?? identity('none', '', this.account.name))
    if ('reason' in verdict) this.close(verdict)
    else this.tellOwn()
  }

  /** What this server itself takes of the account may be something else. */
  tellOwn(): void {
    this.interest?.change(this.ownFilters)
  }

  /** What this server itself takes of the account. */
  private get ownFilters(): readonly string[] {
    return [...this.desk.ownFilters(this.account), this.desk.loopSubject(this.account)]
  }

  mayTell(filter: string): boolean {
    return this.rightsOf?.mayTell(filter) !== false
  }

  override sendText(text: string): void {
    super.sendText(text)
  }

  private get space(): Account {
    return this.isSpoke ? this.account.hubs : this.account.leafs
  }

  // ── What the other server wants ───────────────────────────────────────────────────────────────────────

  processInterest(_account: string, subject: string, queue: string, weight: number): void {
    if (!this.mayPass()) return
    if (!isValidFilter(subject)) {
      this.send(encodeError('Invalid Subscription'))
      return
    }
    if (subject.startsWith(LOOP_PREFIX) && subject === this.desk.loopSubject(this.account)) {
      this.loopFound()
      return
    }
    const isLiteral = !subject.includes('*') && !subject.includes('>')
    if (isLiteral && this.rightsOf?.mayWant(subject) === false) {
      if (this.isSpoke) return
      this.delayMs = LOOP_DELAY_MS
      this.refuse(closed(`Permissions Violation for Subscription to ${quote(subject)}`, CloseReason.protocolViolation))
      return
    }
    this.wants(this.space, subject, queue, weight, this.cluster, '')
  }

  protected override mayWantMore(): boolean {
    const { maxSubscriptions: ofServer, maxPayload: payload } = this.owner.options
    const server = { subscriptions: ofServer === 0 ? NO_LIMIT : ofServer, payload }
    const { limits = NO_LIMITS } = this.greeting.identity ?? {}
    const most = lowestLimits(server, this.account.limits, limits).subscriptions
    if (most < 0 || this.interestCount < most) return true
    this.send(encodeError('maximum subscriptions exceeded'))
    return false
  }

  protected override isFiltered(subscription: Subscription): boolean {
    return this.rightsOf?.restrictsGiving === true && !subscription.subject.startsWith(LOOP_PREFIX)
  }

  processInterestEnd(_account: string, subject: string, queue: string): void {
    if (this.mayPass()) this.wantsNoMore(this.space, subject, queue, this.cluster)
  }

  /** Whether it is bound to an account; if not, it is closed. */
  private mayPass(): boolean {
    if (!this.isBound) this.refuse(Faults.authorization)
    return this.isBound
  }

  private loopFound(): void {
    const account = quote(this.account.name)
    const text = `Loop detected for leafnode account=${account}. Delaying attempt to reconnect for 30s`
    this.delayMs = LOOP_DELAY_MS
    this.refuse(closed(text, CloseReason.protocolViolation))
  }

  override get rights(): DeliveryRights | undefined {
    return this.rightsOf
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────

  processMessages(run: Run, { queues }: MessageHead): number {
    if (!this.mayPass()) return run.count
    const { account, rightsOf } = this
    this.inMessages += run.count
    this.inBytes += run.count * run.size
    this.owner.turns.left -= Work.run
    if (rightsOf !== undefined && !rightsOf.mayTake(subjectOf(run))) {
      if (!this.isSpoke) {
        const text = `Permissions Violation for Publish to ${quote(subjectOf(run))}`
        this.delayMs = LOOP_DELAY_MS
        this.refuse(closed(text, CloseReason.protocolViolation))
      }
      return run.count
    }
    run.origin = this.isSpoke ? Origin.hub : Origin.local
    run.cluster = this.cluster
    const { router, pool } = this.leafOwner
    const pass = (shown: Run): void =>
      router.map(shown, account, (mapped) => {
        // Under another subject other queue groups want it than the ones that it was dealt to.
        router.dispatch(mapped, account, this, undefined, mapped === shown ? queues : undefined)
      })
    unfoldShown(pool, run, (shown) => {
      if (account === this.desk.systemAccount) pass(shown)
      else vouchFor(pool, shown, account.name, pass)
    })
    return run.count
  }

  /** Of who asks behind it the account alone is certain. */
  override requestInfo(_share: boolean, service: string): string {
    const svc = Buffer.from(service, 'latin1').toString()
    return describeRequestor(this.account.name, { svc: svc || undefined })
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  refuse(fault: Fault): void {
    if (fault.text !== undefined) this.owner.log.error(fault.text, this)
    this.close(fault)
  }

  override processError(text: string): void {
    this.owner.log.error(`Leafnode Error '${text}'`, this)
    if (text.includes('Loop detected')) {
      this.delayMs = LOOP_DELAY_MS
      this.close(closed(undefined, CloseReason.protocolViolation))
    } else if (text.includes('remote leafnode has same cluster name')) this.delayMs = LOOP_DELAY_MS
    else if (text.includes('connection rejected since minimum version required is')) this.delayMs = VERSION_DELAY_MS
  }

  private tellPrimary(event: LeafEvent): void {
    this.attempt(() => this.desk.ask(event))
  }

  /** The primary has something for it. */
  told({ text }: LeafTold): void {
    if (!this.closing) this.refuse(closed(text === '' ? undefined : text, CloseReason.protocolViolation))
  }

  protected ended(): void {
    this.greeting.stop()
    this.interest?.stop()
    if (this.isBound) this.account.counters.endedLeafs.add(this)
    const isKnown = this.isBound || this.greeting.connected !== undefined
    if (isKnown && this.closeReason !== undefined) this.desk.went(this.facts, this.closeReason)
    this.tellPrimary({ kind: 'ended', link: this.id, delayMs: this.delayMs })
  }

  private get facts(): LeafFacts {
    const { id, ip, account, isBound, startMs, rttMs, inMessages, inBytes, outMessages, outBytes } = this
    const { identity, connected } = this.greeting
    return {
      id,
      ip,
      account: isBound ? account : undefined,
      startMs,
      rttMs,
      inMessages,
      inBytes,
      outMessages,
      outBytes,
      user: identity?.user ?? (connected === undefined ? '' : claimedUser(connected)),
      name: connected?.name ?? '',
      version: connected?.version ?? '',
      token: identity?.token,
      tags: identity?.tags ?? [],
    }
  }

  /** What pages say of it; undefined: it is not bound to an account yet. */
  row(withSubjects: boolean): LeafRow | undefined {
    if (!this.isBound) return undefined
    const { id, options, isSpoke, isIsolated, account, ip, port, rttMs } = this
    const { inMessages, inBytes, outMessages, outBytes, level } = this
    return {
      id,
      name: options.name,
      isSpoke,
      isIsolated,
      account: account.name,
      ip,
      port,
      rttMs,
      inMessages,
      inBytes,
      outMessages,
      outBytes,
      subscriptions: this.interestCount,
      subjects: withSubjects ? this.interestTexts : [],
      compression: level,
      isWebSocket: this.isWebSocket,
    }
  }
}
