// A link to another server as leaf nodes have it: one account here and one there. Who has dialled and who is the hub
// are two questions; usually the one that has dialled is the spoke.
//
//     accepted   INFO ─▶ CONNECT ─▶ login ─▶ bound ─▶ INFO with connect_info, interest
//     dialled    INFO ─▶ CONNECT is sent ─▶ INFO with connect_info ─▶ bound ─▶ interest
//
// Before it is bound to an account, nothing but the handshake is taken from the other server.

import type { Account } from '../accounts/account.ts'
import { lowestLimits, NO_LIMIT, NO_LIMITS } from '../accounts/limits.ts'
import { AuthFaults, type Identity, isRefusal } from '../auth/identity.ts'
import { createNonce } from '../auth/nkey.ts'
import type { AuthRequest } from '../auth/request.ts'
import { hostPort } from '../base/addresses.ts'
import { ACCOUNT_NAME_MAX, LINK_CONTROL_LINE_MAX, TIMER_MAX_MS } from '../base/constants.ts'
import { Deadline } from '../base/deadline.ts'
import { CloseReason, type Fault, Faults, quote } from '../base/errors.ts'
import { Work } from '../base/turns.ts'
import type { Transport } from '../net/transport.ts'
import type { CompressionOptions } from '../options/cluster.ts'
import { encodeError } from '../protocol/encoder.ts'
import { LinkComposer } from '../protocol/link-encoder.ts'
import { LEAF_FORMAT, type MessageHead } from '../protocol/link-handler.ts'
import { Origin, type Run, subjectOf } from '../protocol/run.ts'
import { unfoldShown } from '../protocol/shown-subject.ts'
import { RemoteLink } from '../remote/link.ts'
import { isWord } from '../remote/members.ts'
import type { DeliveryRights, Subscription } from '../routing/subscription.ts'
import { byteString } from '../subjects/byte-string.ts'
import { isValidFilter } from '../subjects/subject.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { LeafEvent, LeafOrder, LeafRow, LeafTold } from './contract.ts'
import { type Signer, sign } from './credentials.ts'
import {
  compressionLine,
  connectLine,
  infoLine,
  type LeafConnect,
  type LeafInfo,
  readConnect,
  readInfo,
} from './hello.ts'
import { type InterestHost, LeafInterest } from './leaf-interest.ts'
import { LeafRights, type LeafRules, withDenies } from './leaf-rights.ts'
import type { LeafDesk, LeafOwner } from './owner.ts'
import { describe as describeRequestor, vouchFor } from './requestor.ts'
import { streamRules } from './stream-rules.ts'
import { isOlder } from './version.ts'

/** One for all leaf links of a thread: a head is written before the next one is composed. */
const LEAF_DIALECT = new LinkComposer('leaf')
/** As nats-server numbers kinds of connections. */
const KIND_LEAF = 3
/** From CONNECT to the INFO that answers it. */
const ANSWER_MS = 2_000
/** What the other server has said, or done, after which it is left alone for a while. */
const LOOP_DELAY_MS = 30_000
const VERSION_DELAY_MS = 5_000
const RESERVED_CLUSTER = '_'
const LOOP_PREFIX = '$LDS.'

const closed = (text: string | undefined, reason: CloseReason): Fault => ({ text, reason })

export class LeafLink extends RemoteLink implements InterestHost {
  readonly kind = KIND_LEAF
  readonly dialect = LEAF_DIALECT
  protected readonly noun = 'lid'
  protected readonly title = 'Leafnode'
  readonly tlsNoun = 'leafnode'
  readonly order: LeafOrder
  account: Account
  /** The cluster of the other server. */
  cluster = ''
  isSpoke: boolean
  isIsolated: boolean
  /** The domain of the other server’s streams; empty: it names none. */
  private domain = ''
  /** The account that the other server names. */
  remoteAccount = ''
  private readonly desk: LeafDesk
  private readonly leafOwner: LeafOwner
  private readonly nonce: string
  private readonly deadline = new Deadline()
  /** When the user of the other server ends. */
  private readonly expiry = new Deadline()
  private rightsOf: LeafRights | undefined
  private interest: LeafInterest | undefined
  private identity: Identity | undefined
  /** Undefined: it is plain. */
  tls: TlsSession | undefined
  /** What it has logged in with. */
  private connected: LeafConnect | undefined
  private state: 'greeted' | 'compressing' | 'deciding' | 'connecting' | 'bound' = 'greeted'
  private hasNegotiated = false
  /** Not to be dialled again before that. */
  private delayMs = 0

  constructor(owner: LeafOwner, desk: LeafDesk, id: number, socket: Transport, order: LeafOrder) {
    super(owner, id, socket, LEAF_FORMAT)
    this.leafOwner = owner
    this.desk = desk
    this.order = order
    const remote = order.dialled?.remote
    this.isSpoke = remote !== undefined && !remote.hub
    this.isIsolated = desk.options.isolate || remote?.isolate === true
    this.account = remote === undefined ? owner.accounts.global : desk.accountNamed(remote.account)
    this.nonce = remote === undefined ? createNonce() : ''
    this.parser.setLimits({ maxControlLine: LINK_CONTROL_LINE_MAX, maxPayload: owner.options.maxPayload })
    this.parser.connectDue = remote === undefined
    this.parser.infoAllowed = this.compression.mode !== 'off'
  }

  /** The other server is sent INFO, and has so long to log in; or it is dialled, and has so long to send INFO. */
  greet(): void {
    const { dialled } = this.order
    if (dialled !== undefined) {
      this.deadline.start(dialled.remote.firstInfoTimeout, () => this.closeByTimer(Faults.staleConnection))
      return
    }
    this.sendText(this.introduction())
    this.deadline.start(this.desk.options.authTimeout, () => this.closeByTimer(AuthFaults.timeout))
  }

  get pingInterval(): number {
    return this.desk.options.pingInterval
  }

  get pingMax(): number {
    return this.desk.options.pingMax
  }

  // ── Handshake of the side that accepts ────────────────────────────────────────────────────────────────

  private introduction(answer?: Parameters<typeof infoLine>[0]['answer']): string {
    const { desk, id, nonce } = this
    const { options, identity } = desk
    return infoLine({
      identity,
      host: options.host,
      port: options.port,
      clientId: id,
      nonce,
      ip: hostPort(this.ip, this.port),
      cluster: this.owner.options.cluster === undefined ? '' : desk.cluster,
      domain: desk.domain,
      urls: options.noAdvertise ? [] : desk.urls,
      tls: { required: options.tls !== undefined, verify: options.tls?.verify === true },
      compression: this.compression.mode,
      maxPayload: this.owner.options.maxPayload,
      ...(answer === undefined ? {} : { answer }),
    })
  }

  processConnect(json: string): void {
    const connect = this.order.dialled === undefined && this.state === 'greeted' ? readConnect(json) : undefined
    if (connect === undefined) {
      this.close(Faults.badArguments)
      return
    }
    const refusal = this.whyNot(connect)
    if (refusal !== undefined) {
      this.refuse(refusal)
      return
    }
    this.state = 'deciding'
    const goOn = this.suspend()
    this.attempt(async () => {
      const answer = await this.desk.identify(this.request(connect), () => this.closing)
      this.owner.wake()
      if (this.closing) return
      if (isRefusal(answer)) {
        this.owner.log.debug(answer.cause, this)
        this.refuse(answer.fault)
      } else await this.admit(connect, answer)
      goOn()
    })
  }

  // ── Compression ───────────────────────────────────────────────────────────────────────────────────────

  protected get compression(): CompressionOptions {
    return (this.order.dialled?.remote ?? this.desk.options).compression
  }

  /** The side that has dialled says first, in plain, that it compresses. */
  private agree(theirs: string, then: (isCompressed: boolean) => void): void {
    this.hasNegotiated = true
    const announce = (): void => {
      if (this.order.dialled !== undefined) this.sendText(compressionLine(this.id, this.compression.mode))
    }
    this.negotiate(theirs, announce, then)
  }

  private whyNot({ lang, gateway, cluster }: LeafConnect): Fault | undefined {
    if (lang !== '') return closed('attempted to connect to leaf node port', CloseReason.wrongPort)
    if (gateway !== '') {
      return closed(
        `Rejecting connection from gateway ${quote(byteString(gateway))} on the leafnode port`,
        CloseReason.wrongPort,
      )
    }
    return this.whyNotCluster(cluster)
  }

  /** The name is part of lines that other servers are sent. */
  private whyNotCluster(cluster: string): Fault | undefined {
    if (!isWord(cluster)) return closed('cluster name cannot contain spaces', CloseReason.protocolViolation)
    if (cluster === RESERVED_CLUSTER) return closed('cluster name is reserved', CloseReason.clusterName)
    if (cluster.length > ACCOUNT_NAME_MAX) return closed(undefined, CloseReason.protocolViolation)
    if (cluster !== '' && cluster === this.desk.cluster) {
      return closed('remote leafnode has same cluster name', CloseReason.clusterName)
    }
    return undefined
  }

  private request(connect: LeafConnect): AuthRequest {
    const { user, password, token, jwt, nkey, signature, name, version, protocol } = connect
    return {
      credentials: { user, password, token, jwt, nkey, signature, proxySignature: '' },
      client: { name, lang: '', version, protocol },
      nonce: this.nonce,
      ip: this.ip,
      connectionId: this.id,
      connectionType: 'LEAFNODE',
      ...this.desk.tlsOf(this.tls),
      nowMs: this.leafOwner.clock.dateMs,
    }
  }

  private async admit(connect: LeafConnect, identity: Identity): Promise<void> {
    this.identity = identity
    this.connected = connect
    this.account = this.desk.accountNamed(identity.account)
    this.cluster = byteString(connect.cluster)
    this.isSpoke = connect.isHub
    this.isIsolated ||= connect.isolate
    this.remoteAccount = connect.remoteAccount
    this.domain = connect.domain
    this.options = { ...this.options, name: connect.name, headers: connect.headers && this.desk.identity.headers }
    const { publish, subscribe } = identity.permissions ?? {}
    this.obeyUser(connect, identity)
    const { minVersion } = this.desk.options
    if (minVersion !== '' && isOlder(connect.version, minVersion)) {
      this.answer(publish, subscribe)
      const text = `connection rejected since minimum version required is ${quote(minVersion)}`
      this.refuse(closed(text, CloseReason.badProtocolVersion))
      return
    }
    if (await this.bind()) {
      this.answer(publish, subscribe)
      this.begin()
    }
  }

  private obeyUser({ denyPublish }: LeafConnect, { permissions, expiresAtMs }: Identity): void {
    const { publish, subscribe, responses } = permissions ?? {}
    const allowed = subscribe?.allow?.length === 0 ? { ...subscribe, allow: undefined } : subscribe
    this.obey({ incoming: publish, outgoing: withDenies(allowed, denyPublish), ...(responses && { responses }) })
    this.expiry.stop()
    if (expiresAtMs === undefined) return
    const leftMs = Math.min(Math.max(1, expiresAtMs - this.leafOwner.clock.dateMs), TIMER_MAX_MS)
    this.expiry.start(leftMs, () => this.closeByTimer(AuthFaults.expired))
  }

  /** Users may have changed: it stays if it may log in again, into the same account. */
  async review(): Promise<void> {
    const { connected, identity } = this
    this.interest?.change(this.ownFilters)
    if (connected === undefined || identity === undefined || this.closing) return
    const answer = await this.desk.identify(this.request(connected), () => this.closing)
    this.owner.wake()
    if (this.closing) return
    if (isRefusal(answer)) this.refuse(answer.fault)
    else if (answer.account !== identity.account) this.close(AuthFaults.forgotten)
    else {
      this.identity = answer
      this.obeyUser(connected, answer)
    }
  }

  private answer(exports: LeafRules['incoming'], imports: LeafRules['outgoing']): void {
    const account = Buffer.from(this.account.name, 'latin1').toString()
    this.sendText(this.introduction({ account, ...(exports && { exports }), ...(imports && { imports }) }))
  }

  // ── Handshake of the side that has dialled ────────────────────────────────────────────────────────────

  processInfo(json: string): void {
    const info = readInfo(json)
    if (this.order.dialled === undefined && info !== undefined) {
      this.heardFromDialler(info)
      return
    }
    if (info === undefined) {
      this.close(Faults.badArguments)
      return
    }
    if (this.state === 'greeted') this.heardFirst(info)
    else if (this.state === 'compressing') this.goOnToConnect(info)
    else if (this.state === 'connecting' && info.isAnswer) this.attempt(() => this.heardAnswer(info))
    else if (this.state === 'bound') this.heardLater(info)
  }

  /** Before CONNECT it chooses compression, once; afterwards what it says of itself changes nothing. */
  private heardFromDialler({ compression }: LeafInfo): void {
    if (this.state !== 'greeted') return
    this.parser.infoAllowed = false
    if (this.hasNegotiated) return
    this.agree(compression, (isCompressed) => {
      if (isCompressed) this.sendText(this.introduction())
    })
  }

  private heardFirst(info: LeafInfo): void {
    this.deadline.stop()
    if (info.clientId === 0 || !(info.hasUrls || info.answersConnect)) {
      this.owner.log.error('attempted to connect to wrong port', this)
      this.close(closed(undefined, CloseReason.wrongPort))
      return
    }
    const refusal = this.whyNotCluster(info.cluster)
    if (refusal !== undefined) {
      this.delayMs = LOOP_DELAY_MS
      this.refuse(refusal)
      return
    }
    this.cluster = byteString(info.cluster)
    this.domain = info.domain
    this.options = { ...this.options, name: info.serverName, headers: info.headers && this.desk.identity.headers }
    this.tellUrls(info)
    this.agree(info.compression, (isCompressed) => {
      if (!isCompressed) {
        this.goOnToConnect(info)
        return
      }
      this.state = 'compressing'
      this.deadline.start(this.order.dialled?.remote.firstInfoTimeout ?? 0, () =>
        this.closeByTimer(Faults.staleConnection),
      )
    })
  }

  private goOnToConnect(info: LeafInfo): void {
    this.deadline.stop()
    this.state = 'connecting'
    const goOn = this.suspend()
    this.attempt(async () => {
      await this.connect(info)
      this.owner.wake()
      this.owner.schedule()
      goOn()
    })
  }

  private async connect(info: LeafInfo): Promise<void> {
    const { desk, order } = this
    const { dialled } = order
    if (dialled === undefined) return
    const { remote, username, password } = dialled
    const signer: Signer = { jwt: dialled.jwt, seed: dialled.seed || remote.nkey }
    const signed = await sign(signer, info.nonce)
    if (this.closing) return
    if (signed === undefined) {
      this.owner.log.error('the credentials of a remote cannot be used', this)
      this.close(closed(undefined, CloseReason.authentication))
      return
    }
    this.sendText(
      connectLine({
        identity: desk.identity,
        credentials: { user: username, password, token: password === '' ? username : '', ...signed },
        domain: desk.domain,
        cluster: desk.cluster,
        isHub: remote.hub,
        streams: desk.hasStreams(this.account),
        denyImports: remote.denyImports,
        isolate: remote.requestIsolation,
        compression: this.mode === undefined ? 'off' : this.level,
        account: remote.account,
      }),
    )
    if (info.answersConnect) {
      this.deadline.start(ANSWER_MS, () =>
        this.closeByTimer(closed('Stale Leaf Node Connection - Closing', CloseReason.staleConnection)),
      )
    } else await this.heardAnswer(info)
  }

  private async heardAnswer(info: LeafInfo): Promise<void> {
    this.deadline.stop()
    this.state = 'deciding'
    this.remoteAccount = info.remoteAccount
    this.obeyInfo(info)
    const goOn = this.suspend()
    if (await this.bind()) this.begin()
    this.owner.schedule()
    goOn()
  }

  private obeyInfo({ imports, exports }: LeafInfo): void {
    const { denyImports = [], denyExports = [] } = this.order.dialled?.remote ?? {}
    const allowed = imports?.allow?.length === 0 ? { ...imports, allow: undefined } : imports
    this.obey({ incoming: withDenies(allowed, denyImports), outgoing: withDenies(exports, denyExports) })
  }

  private heardLater(info: LeafInfo): void {
    this.tellUrls(info)
    if (info.hasPermissions) this.obeyInfo(info)
  }

  private tellUrls({ urls }: LeafInfo): void {
    if (urls.length > 0 && this.order.dialled?.remote.ignoreDiscovered === false) {
      this.tellPrimary({ kind: 'urls', link: this.id, urls })
    }
  }

  // ── Bound to an account ───────────────────────────────────────────────────────────────────────────────

  private obey(rules: LeafRules): void {
    const { account, desk, domain } = this
    const streams = streamRules(account === desk.systemAccount, desk.hasStreams(account) ? desk.domain : '', domain)
    this.rightsOf = new LeafRights({ ...rules, ...streams }, () => this.owner.nowMs)
  }

  /** Asks the primary whether there may be such a link. Returns whether there is one. */
  private async bind(): Promise<boolean> {
    const { account, cluster, remoteAccount, isSpoke } = this
    this.state = 'deciding'
    const identity = { serverName: this.options.name, cluster, account: account.name, remoteAccount, isSpoke }
    const verdict = await this.desk.ask({ kind: 'bound', link: this.id, identity, most: account.limits.leafnodes })
    this.owner.wake()
    if (this.closing) return false
    if (verdict === undefined) return true
    if (verdict.refused.includes('Loop detected')) this.delayMs = LOOP_DELAY_MS
    this.refuse(closed(verdict.refused, CloseReason.protocolViolation))
    return false
  }

  private begin(): void {
    const { desk, account } = this
    this.deadline.stop()
    this.parser.connectDue = false
    this.state = 'bound'
    this.trustCompressed()
    this.keepAlive.start()
    const theirs = this.remoteAccount === '' ? '' : `, remote account: ${this.remoteAccount}`
    this.owner.log.info(`Leafnode connection created for account: ${account.name}${theirs}`, this)
    this.interest = new LeafInterest(desk.feed, this, account.name)
    this.interest.start(this.ownFilters)
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
    if (!this.isBound()) return
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
    const { limits = NO_LIMITS } = this.identity ?? {}
    const most = lowestLimits(server, this.account.limits, limits).subscriptions
    if (most < 0 || this.interestCount < most) return true
    this.send(encodeError('maximum subscriptions exceeded'))
    return false
  }

  protected override isFiltered(subscription: Subscription): boolean {
    return this.rightsOf?.restrictsGiving === true && !subscription.subject.startsWith(LOOP_PREFIX)
  }

  processInterestEnd(_account: string, subject: string, queue: string): void {
    if (this.isBound()) this.wantsNoMore(this.space, subject, queue, this.cluster)
  }

  /** Whether it is bound to an account; if not, it is closed. */
  private isBound(): boolean {
    if (this.state === 'bound') return true
    this.refuse(Faults.authorization)
    return false
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
    if (!this.isBound()) return run.count
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

  /** Closes with a text that the log has too. */
  private refuse(fault: Fault): void {
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
    this.deadline.stop()
    this.expiry.stop()
    this.interest?.stop()
    this.tellPrimary({ kind: 'ended', link: this.id, delayMs: this.delayMs })
  }

  /** What pages say of it; undefined: it is not bound to an account yet. */
  row(withSubjects: boolean): LeafRow | undefined {
    if (this.state !== 'bound') return undefined
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
    }
  }

  /** Of the user that it logged in as; undefined: it has not logged in here. */
  get user(): string {
    return this.identity?.user ?? ''
  }
}
