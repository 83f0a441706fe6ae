// A route on its shard: the handshake, interest both ways, and messages both ways. Which route it is, and whether it
// may be one, the primary knows (primary/cluster.ts). The rules: docs/reference/clusters.md.
//
//     dialled    CONNECT ─▶     ◀─ INFO     register     INFO ─▶ [PING ─▶]   RS+ … both ways
//     accepted   INFO ─▶        ◀─ CONNECT  ◀─ INFO      register            RS+ … both ways
//
// Where both want compression, INFO goes once more in each direction before that, plain from who has dialled.

import { isDeepStrictEqual } from 'node:util'
import type { Account } from '../accounts/account.ts'
import { Deadline } from '../base/deadline.ts'
import { CloseReason, type Fault, Faults, quote, shownName } from '../base/errors.ts'
import { Work } from '../base/turns.ts'
import type { Transport } from '../net/transport.ts'
import type { ClusterOptions, CompressionMode, CompressionOptions } from '../options/cluster.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import { interestEndLine, interestLine } from '../protocol/link-encoder.ts'
import type { LinkFormat, MessageHead } from '../protocol/link-handler.ts'
import { Origin, type Run } from '../protocol/run.ts'
import { unfoldShown } from '../protocol/shown-subject.ts'
import type { FeedListener, InterestFeed, LocalInterest } from '../remote/interest-feed.ts'
import { interestKey } from '../remote/interest-key.ts'
import { RemoteLink } from '../remote/link.ts'
import type { LinkOwner } from '../remote/owner.ts'
import { byteString } from '../subjects/byte-string.ts'
import { isValidFilter } from '../subjects/subject.ts'
import { publicKeyPin } from '../tls/names.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { RouteRow, RouteScope, RouteTold, RouteVerdict } from './contract.ts'
import { poolIndexOf, type RouteEvent, type RouteHello, type RouteOrder } from './contract.ts'
import { connectLine, infoLine, type RouteConnect, type RouteIntroduction, readConnect, readHello } from './hello.ts'
import { ROUTE_DIALECT } from './route-dialect.ts'
import { RouteRights } from './route-rights.ts'

/** A route, as nats-server numbers kinds of connections. */
const ROUTER = 1
/** The first INFO, where nothing says how long it may take. */
const INFO_MS = 2000
const FIRST_FORMAT: LinkFormat = { kind: 'route', namesAccount: true, namesOriginOnEnd: true }
/** Interest that is sent in one piece. */
const LINES_TOGETHER = 100
/** So much of other servers may be on its way to the primary. */
const UNTOLD_MAX = 64

/** What routes need of their shard besides what all links do. */
export interface RouteDesk {
  readonly identity: ServerIdentity
  readonly feed: InterestFeed
  readonly systemSubjects: readonly string[]
  readonly systemAccount: string
  /** Whether an account is known, as configured. */
  knowsAccount(name: string): boolean
  /** Whether these are what the cluster demands of other servers, if it demands any. `certificate`: DER. */
  mayConnect(user: string, password: string, certificate: Buffer | undefined): Promise<boolean>
  /** Asks the primary. */
  ask(event: RouteEvent): Promise<RouteVerdict | undefined>
}

const closed = (text: string | undefined, reason: CloseReason): Fault => ({ text, reason })

export class RouteLink extends RemoteLink implements FeedListener {
  readonly kind = ROUTER
  readonly dialect = ROUTE_DIALECT
  protected readonly noun = 'rid'
  protected readonly title = 'Router'
  readonly tlsNoun = 'route'
  /** Undefined: it is plain. */
  tls: TlsSession | undefined
  private readonly routes: RouteDesk
  private readonly order: RouteOrder
  private readonly deadline = new Deadline()
  private cluster: ClusterOptions
  /** What the other server has logged in with; undefined: it has not, or was dialled. */
  private login: Pick<RouteConnect, 'user' | 'password'> | undefined
  private hello: RouteHello | undefined
  private scope: RouteScope | undefined
  private format = FIRST_FORMAT
  private rightsOf: RouteRights
  /** While those that follow are told: what has an end meanwhile is withdrawn by these. */
  private rightsBefore: RouteRights | undefined
  private awaitsPong = false
  private isRegistering = false
  private hasNegotiated = false
  /** So many times all interest is being told just now; what has changed since the first of them began. */
  private tellings = 0
  private readonly toldMeanwhile = new Set<string>()
  /** The mode of compression that INFO says, where it is another one than the configured. */
  private chosen: CompressionMode | undefined
  /** What it has heard of servers and the primary has not taken in. */
  private untold = 0

  constructor(owner: LinkOwner, routes: RouteDesk, id: number, socket: Transport, order: RouteOrder) {
    super(owner, id, socket, FIRST_FORMAT)
    this.routes = routes
    this.order = order
    this.cluster = owner.options.cluster as ClusterOptions
    this.rightsOf = new RouteRights(this.cluster.permissions, undefined)
    this.parser.connectDue = order.dialled === undefined
  }

  /** Each side begins: INFO or CONNECT, and the other one has so long to answer. */
  greet(): void {
    const { dialled } = this.order
    if (dialled === undefined) {
      this.sendHello()
      this.deadline.start(this.cluster.authTimeout, () =>
        this.closeByTimer(closed('Authentication Timeout', CloseReason.authenticationTimeout)),
      )
    } else {
      this.sendText(connectLine(this.routes.identity, dialled, this.cluster.tls !== undefined))
      this.deadline.start(INFO_MS, () => this.closeByTimer(Faults.staleConnection))
    }
  }

  get account(): Account {
    const { accounts } = this.owner
    return this.scope?.kind === 'account' ? accounts.named(this.scope.account) : accounts.global
  }

  get pingInterval(): number {
    return this.cluster.pingInterval
  }

  get pingMax(): number {
    return this.cluster.pingMax
  }

  protected get compression(): CompressionOptions {
    return this.cluster.compression
  }

  // ── Handshake ─────────────────────────────────────────────────────────────────────────────────────────

  processConnect(json: string): void {
    const connect = readConnect(json)
    if (connect === undefined || this.order.dialled !== undefined) {
      this.close(Faults.badArguments)
      return
    }
    const goOn = this.suspend()
    this.attempt(async () => {
      const refusal = await this.whyNot(connect)
      this.owner.wake()
      if (!this.closing) this.connected(connect, refusal)
      goOn()
    })
  }

  private connected({ headers, user, password }: RouteConnect, refusal: Fault | undefined): void {
    if (refusal !== undefined) {
      this.owner.log.error(refusal.text ?? refusal.reason, this)
      this.close(refusal)
      return
    }
    this.options = { ...this.options, headers: headers && this.routes.identity.headers }
    this.parser.connectDue = false
    this.login = { user, password }
  }

  private async whyNot({ lang, gateway, cluster, isDynamic, ...login }: RouteConnect): Promise<Fault | undefined> {
    if (lang !== '') return closed('attempted to connect to route port', CloseReason.wrongPort)
    if (gateway !== '') {
      const text = `Rejecting connection from gateway ${quote(byteString(gateway))} on the Route port`
      return closed(text, CloseReason.wrongPort)
    }
    if (!(await this.mayConnect(login))) return Faults.authorization
    if (cluster === '_') {
      return closed('Rejecting connection, cluster name "_" is reserved', CloseReason.clusterName)
    }
    const own = this.routes.identity.cluster
    if (own === undefined || own.isDynamic || isDynamic || cluster === own.name) return undefined
    return closed(
      `Rejecting connection, cluster name ${quote(byteString(cluster))} does not match ${quote(byteString(own.name))}`,
      CloseReason.clusterName,
    )
  }

  private mayConnect({ user, password }: Pick<RouteConnect, 'user' | 'password'>): Promise<boolean> {
    return this.routes.mayConnect(user, password, this.tls?.peerCertificate)
  }

  processInfo(json: string): void {
    const hello = readHello(json)
    if (hello === undefined) {
      this.close(Faults.badArguments)
      return
    }
    if (this.scope !== undefined) {
      this.heardLater(hello)
      return
    }
    if (this.isRegistering) return
    if (!this.hasNegotiated) {
      this.agree(hello)
      return
    }
    this.register(hello)
  }

  /**
   * Both servers choose whether the route is compressed, each by what the other one's first INFO says. If it is, the
   * one that has dialled says so in plain, and both introduce themselves again, compressed.
   */
  private agree(hello: RouteHello): void {
    this.hasNegotiated = true
    const isDialled = this.order.dialled !== undefined
    const announce = (mode: CompressionMode): void => {
      this.chosen = mode
      if (isDialled) this.sendHello()
    }
    this.negotiate(hello.compression, announce, (isCompressed) => {
      if (!isCompressed) {
        this.chosen = 'off'
        this.register(hello)
      } else if (!isDialled) this.sendHello()
    })
    // Who is dialled, or has said who it is, is a server of the cluster.
    this.trustCompressed()
  }

  /** Sends INFO: what this server is, and which route this one is. */
  private sendHello(route: Partial<RouteIntroduction> = {}): void {
    const { identity } = this.routes
    const compression = this.chosen ?? this.cluster.compression.mode
    this.sendText(infoLine({ identity, options: this.cluster, compression, ...route }))
  }

  private register(hello: RouteHello): void {
    if (this.order.dialled !== undefined && hello.poolIndex) {
      this.close(
        closed(`Route pool index should not be set but is set to ${hello.poolIndex}`, CloseReason.duplicateRoute),
      )
      return
    }
    this.isRegistering = true
    this.hello = hello
    this.deadline.stop()
    const goOn = this.suspend()
    this.attempt(async () => {
      const verdict = await this.routes.ask({ kind: 'register', link: this.id, ip: this.ip, hello })
      this.owner.wake()
      if (!this.closing) this.registered(hello, verdict)
      goOn()
    })
  }

  private registered(hello: RouteHello, verdict: RouteVerdict | undefined): void {
    if (verdict === undefined || 'refused' in verdict) {
      const text = verdict?.text === '' ? undefined : verdict?.text
      if (verdict !== undefined && verdict.refused !== '') this.owner.log.debug(verdict.refused, this)
      this.close(closed(text, CloseReason.duplicateRoute))
      return
    }
    const { scope } = verdict
    this.scope = scope
    this.options = { ...this.options, name: hello.serverName, headers: hello.headers && this.options.headers }
    this.format = {
      kind: 'route',
      namesAccount: scope.kind !== 'account',
      namesOriginOnEnd: hello.takesOriginsOnEnd,
    }
    this.parser.format = this.format
    this.rightsOf = new RouteRights(this.cluster.permissions, hello)
    if (this.order.dialled !== undefined) {
      const poolIndex = scope.kind === 'pool' ? scope.index : 0
      const account = scope.kind === 'account' ? scope.account : ''
      const { gossipMode } = verdict
      this.sendHello({ poolIndex, account, gossipMode })
    }
    if (verdict.asksForPong) {
      this.awaitsPong = true
      this.sendPing()
    }
    this.keepAlive.start()
    this.owner.log.info(`Route connection created: Remote: ${shownName(hello.serverName)}`, this)
    this.routes.feed.add(this)
    this.tellAll((interest) => this.lineOf(interest))
  }

  override processPong(): void {
    super.processPong()
    if (!this.awaitsPong) return
    this.awaitsPong = false
    this.tellPrimary({ kind: 'taken', link: this.id })
  }

  override processPing(): void {
    if (this.scope !== undefined || this.order.dialled !== undefined || !this.parser.connectDue) super.processPing()
  }

  private heardLater(hello: RouteHello): void {
    if (hello.serverId === this.hello?.serverId && (hello.imports !== undefined || hello.exports !== undefined)) {
      const before = this.rightsOf
      this.hello = { ...this.hello, imports: hello.imports, exports: hello.exports }
      this.rightsOf = new RouteRights(this.cluster.permissions, hello)
      // What it exports now is told; nothing is withdrawn.
      this.owner.turns.wait(() =>
        this.tellAll((interest) => (before.maySendInterest(interest.subject) ? '' : this.lineOf(interest))),
      )
    }
    const isOther = hello.serverId !== this.hello?.serverId
    if ((!isOther && !hello.isLameDuck) || this.untold >= UNTOLD_MAX) return
    this.untold++
    this.attempt(async () => {
      await this.routes.ask({ kind: 'info', link: this.id, hello })
      this.untold--
    })
  }

  // ── Other options ─────────────────────────────────────────────────────────────────────────────────────

  /** Whether the other server’s certificate, if it has shown one, is of those that are pinned. */
  isPinned({ tls }: ClusterOptions): boolean {
    const certificate = this.tls?.peerCertificate
    if (certificate === undefined || tls === undefined || tls.pinnedCerts.length === 0) return true
    return tls.pinnedCerts.includes(publicKeyPin(certificate) ?? '')
  }

  /** The options of the cluster are others. */
  review(options: ClusterOptions): void {
    const { cluster: before, login } = this
    if (isDeepStrictEqual(options, before)) return
    this.cluster = options
    if (!isDeepStrictEqual(options.compression, before.compression) && !this.recompress()) {
      this.close(closed(undefined, CloseReason.clientClosed))
      return
    }
    if (login !== undefined) this.attempt(() => this.reviewLogin(login))
    if (!isDeepStrictEqual(options.permissions, before.permissions)) this.permit()
  }

  private async reviewLogin(login: NonNullable<RouteLink['login']>): Promise<void> {
    const mayStay = await this.mayConnect(login)
    this.owner.wake()
    if (mayStay || this.closing) return
    this.owner.log.error('authentication error', this)
    this.close(Faults.authorization)
    this.owner.schedule()
  }

  /** Permissions are others: both sides forget what they may not know, and the other one tells what it may now. */
  private permit(): void {
    const { hello } = this
    if (hello === undefined || this.scope === undefined) return
    const before = this.rightsOf
    this.rightsOf = new RouteRights(this.cluster.permissions, hello)
    this.sendHello()
    for (const subscription of [...this.subscriptions.values()]) {
      if (this.rightsOf.mayExport(subscription.subject)) continue
      this.wantsNoMore(subscription.account, subscription.subject, subscription.queue, subscription.leafCluster)
    }
    this.rightsBefore = before
    this.tellAll((interest) => {
      const mayKnow = this.rightsOf.maySendInterest(interest.subject)
      if (mayKnow === before.maySendInterest(interest.subject)) return ''
      return this.lineOf(mayKnow ? interest : { ...interest, count: 0 })
    })
  }

  override processError(text: string): void {
    this.tellPrimary({ kind: 'refused', link: this.id, text })
    super.processError(text)
  }

  private tellPrimary(event: RouteEvent): void {
    this.attempt(() => this.routes.ask(event))
  }

  /** The primary has something for it. */
  told(what: RouteTold): void {
    if (this.closing) return
    if (what.kind === 'close') {
      const { duplicateRoute, routeRemoved } = CloseReason
      this.close(closed(undefined, what.because === 'removed' ? routeRemoved : duplicateRoute))
    } else this.sendText(what.line)
  }

  // ── What this server wants ────────────────────────────────────────────────────────────────────────────

  private isFor(account: string): boolean {
    const { scope } = this
    if (scope === undefined) return false
    if (scope.kind === 'all') return true
    if (scope.kind === 'account') return scope.account === account
    return !scope.apart.includes(account) && poolIndexOf(account, scope.size) === scope.index
  }

  /**
   * Tells of all interest what `lineFor` it says, in as many turns as it takes. What changes meanwhile is told at once,
   * and is not told again when its place in the order comes.
   */
  private tellAll(lineFor: (interest: LocalInterest) => string): void {
    const { owner } = this
    this.tellings++
    owner.turns.inPieces(
      this.ownInterest(),
      LINES_TOGETHER * Work.operation,
      (some) => this.attempt(() => this.tell(some, lineFor)),
      () => {
        if (--this.tellings > 0) return
        this.toldMeanwhile.clear()
        this.rightsBefore = undefined
      },
    )
  }

  private tell(some: readonly LocalInterest[], lineFor: (interest: LocalInterest) => string): void {
    if (this.closing) return
    const due = some.filter((interest) => !this.toldMeanwhile.has(keyOf(interest)))
    this.owner.wake()
    this.sendText(due.map(lineFor).join(''))
    this.owner.schedule()
  }

  /** All that this server wants of the accounts of this route, some at a time. */
  private *ownInterest(): Generator<LocalInterest[]> {
    const { feed, systemAccount, systemSubjects } = this.routes
    if (this.isFor(systemAccount)) yield systemSubjects.map((subject) => interestOf(systemAccount, subject))
    let some: LocalInterest[] = []
    for (const account of feed.accounts) {
      if (!this.isFor(account)) continue
      for (const interest of feed.of(account)) {
        if (this.closing) return
        if (some.push(interest) < LINES_TOGETHER) continue
        yield some
        some = []
      }
    }
    yield some
  }

  interestChanged(interest: LocalInterest, before: number): void {
    const { account, queue, count } = interest
    const isNews = queue === '' ? before === 0 || count === 0 : before !== count
    if (!isNews || !this.isFor(account)) return
    if (this.tellings > 0) this.toldMeanwhile.add(keyOf(interest))
    this.sendText(this.lineOf(interest))
  }

  /** Empty: the other server is not to be told. */
  private lineOf(interest: LocalInterest): string {
    const { account, subject, queue, count, origin } = interest
    const { hello, rightsBefore } = this
    const isKnown = count === 0 && rightsBefore?.maySendInterest(subject) === true
    if (!isKnown && !this.rightsOf.maySendInterest(subject)) return ''
    const isNamed = origin !== undefined && hello?.takesOrigins === true
    const shown = !isNamed || (origin === '' && !hello.takesUnnamedOrigins) ? undefined : origin || '_'
    const line = { account, subject, queue, weight: count, origin: shown }
    return count > 0 ? interestLine(this.format, line) : interestEndLine(this.format, line)
  }

  // ── What the other server wants ───────────────────────────────────────────────────────────────────────

  processInterest(name: string, subject: string, queue: string, weight: number, origin: string | undefined): void {
    const account = this.accountOf(name)
    if (account === undefined) {
      const text = `Unknown account ${JSON.stringify(name)} for remote subject ${JSON.stringify(subject)}`
      this.owner.log.complaint(text, this, this)
      return
    }
    if (!isValidFilter(subject)) return
    if (!this.rightsOf.mayExport(subject)) {
      const text = `Can not export ${JSON.stringify(subject)}, ignoring remote subscription request`
      this.owner.log.debug(text, this)
      return
    }
    this.wants(account.routes, subject, queue, weight, origin, this.scope?.kind === 'account' ? '' : account.name)
  }

  processInterestEnd(name: string, subject: string, queue: string, origin: string | undefined): void {
    const account = this.accountOf(name)
    if (account !== undefined) this.wantsNoMore(account.routes, subject, queue, origin)
  }

  /** The account of a line; undefined: this server has none of this name. */
  private accountOf(name: string): Account | undefined {
    const { scope } = this
    if (scope?.kind === 'account') return this.owner.accounts.named(scope.account)
    return scope !== undefined && this.routes.knowsAccount(name) ? this.owner.accounts.named(name) : undefined
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────

  processMessages(run: Run, { account: name, queues, origin }: MessageHead): number {
    const account = this.accountOf(name)
    this.inMessages += run.count
    this.inBytes += run.count * run.size
    if (account === undefined) return run.count
    this.owner.turns.left -= Work.run
    run.origin = Origin.route
    run.cluster = origin
    unfoldShown(this.owner.pool, run, (one) => {
      this.owner.router.dispatch(one, account, this, undefined, queues)
    })
    return run.count
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  protected ended(): void {
    this.deadline.stop()
    this.routes.feed.remove(this)
    this.tellPrimary({ kind: 'ended', link: this.id })
  }

  /** What pages say of it; undefined until the handshake is done. */
  row(withSubjects: boolean, wallClock: (ms: number) => number): RouteRow | undefined {
    const { hello, scope, order, outbound } = this
    if (hello === undefined || scope === undefined) return undefined
    return {
      id: this.id,
      remoteId: hello.serverId,
      remoteName: hello.serverName,
      account: scope.kind === 'account' ? scope.account : '',
      isDialled: order.dialled !== undefined,
      isConfigured: order.dialled?.isConfigured === true,
      ip: this.ip,
      port: this.port,
      startMs: wallClock(this.startMs),
      lastActivityMs: wallClock(this.lastActivityMs),
      rttMs: this.rttMs,
      pendingBytes: outbound.pendingBytes,
      inMessages: this.inMessages,
      inBytes: this.inBytes,
      outMessages: this.outMessages,
      outBytes: this.outBytes,
      subscriptions: this.interestCount,
      subjects: withSubjects ? this.interestTexts : [],
      compression: this.level,
    }
  }
}

const keyOf = ({ account, subject, queue, origin }: LocalInterest): string =>
  interestKey(account, subject, queue, origin)

const interestOf = (account: string, subject: string): LocalInterest => ({
  account,
  subject,
  queue: '',
  origin: undefined,
  abroad: undefined,
  count: 1,
})
