// What a client's operations do: the parser calls, this acts on the connection, its subscriptions and the router.
// Grep for the verb: processConnect, processPub, processSub, processUnsub, processPing, processPong.

import type { Account } from '../accounts/account.ts'
import { type Limits, lowestLimits, NO_LIMIT, NO_LIMITS } from '../accounts/limits.ts'
import type { Refusal as LoginRefusal } from '../auth/identity.ts'
import { AuthFaults, type Identity } from '../auth/identity.ts'
import { type Credentials, NO_CREDENTIALS } from '../auth/request.ts'
import { PROTOCOL_VERSION, QUEUE_NAME_MAX } from '../base/constants.ts'
import { type Fault, Faults, quote, type Refusal, Refusals } from '../base/errors.ts'
import { Work } from '../base/turns.ts'
import type { SlowConsumerPolicy } from '../options/shapes.ts'
import { parseConnect } from '../protocol/connect.ts'
import { encodeNoResponders } from '../protocol/encoder.ts'
import type { ConnectOptions } from '../protocol/handshake.ts'
import type { Parser } from '../protocol/parser.ts'
import type { ParserHandler } from '../protocol/parser-handler.ts'
import { type Run, replyOf, subjectOf } from '../protocol/run.ts'
import type { Plan } from '../routing/plan.ts'
import type { Publisher } from '../routing/publisher.ts'
import type { Receiver } from '../routing/subscription.ts'
import { Subscription } from '../routing/subscription.ts'
import {
  countTokens,
  isLiteralIn,
  isReservedReply,
  isReservedSubject,
  isValidFilter,
  mayBeReservedReply,
  mayBeReservedSubject,
  RESERVED_QUEUE,
} from '../subjects/subject.ts'
import type { ClientLog } from './client-log.ts'
import { ClientDepartures, type DepartureHost, holdBack } from './departures.ts'
import type { ClientFacts } from './facts.ts'
import { Login, type LoginHost, type LoginOutcome } from './login.ts'
import type { ClientOwner } from './owner.ts'
import type { Rights } from './rights.ts'
import { UnheardRequests } from './unheard-requests.ts'

/** So many messages of a request reached nobody by one of the `asked` frames that it went out in. Byte strings. */
export interface UnheardRequest {
  readonly subject: string
  readonly reply: string
  readonly messages: number
  readonly asked: number
  /** The number of the request. */
  readonly question: number
}

/** The connection whose operations are carried out. */
export interface CommandHost extends ClientFacts, Publisher, Receiver, LoginHost, DepartureHost {
  account: Account
  options: ConnectOptions
  inMessages: number
  inBytes: number
  outMessages: number
  outBytes: number
  readonly id: number
  readonly closing: boolean
  readonly login: Login
  readonly rights: Rights | undefined
  /** Its subscriptions, by sid. */
  readonly subscriptions: Map<string, Subscription>
  readonly parser: Pick<Parser, 'connectDue' | 'allowHeaders' | 'runMax' | 'setLimits'>
  readonly keepAlive: { introduced(startMs: number): void; pong(): void }
  readonly log: Pick<
    ClientLog,
    'introduce' | 'error' | 'refused' | 'fault' | 'violation' | 'messageWentOut' | 'namedBesideCertificate'
  >
  readonly turn: { giveWay(): void }
  /** Frames of its own wait for a ring that is full. */
  readonly waitsForPeers: boolean
  send(bytes: Buffer, operation?: string): void
  sendOk(): void
  sendPong(): void
  /** Says so many times that something was refused. */
  refuse(refusal: Refusal, times?: number): void
  /** What INFO says has changed. */
  identityChanged(): void
  /** What follows from now on when too much waits for it. */
  setSlowConsumerPolicy(policy: SlowConsumerPolicy): void
  /** Its subscriptions leave the index, in as many turns as that takes; then `done` is called. */
  leaveIndex(done?: () => void): void
  endSubscription(subscription: Subscription): void
}

export class Operations implements ParserHandler, LoginOutcome {
  readonly login: Login
  /** Undefined: may do everything. */
  rights: Rights | undefined
  limits: Limits = NO_LIMITS
  connectReceived = false
  firstPongSent = false
  private readonly client: CommandHost
  private readonly shard: ClientOwner
  /** Counted among the connections of its account. */
  private isCounted = false
  /** Undefined: it never ended a member of a queue group. */
  private departures: ClientDepartures | undefined
  /** Undefined: there was none. */
  private unheard: UnheardRequests | undefined
  /** PINGs to be answered when its frames for other shards wait no more. */
  private pongsOwed = 0

  constructor(shard: ClientOwner, client: CommandHost) {
    this.shard = shard
    this.client = client
    this.login = new Login(shard, client, this)
  }

  // ── CONNECT, and what follows from it ─────────────────────────────────────────────────────────────────

  processConnect(json: string): void {
    const { client } = this
    this.shard.turns.left -= Work.connect
    this.catchUp()
    if (client.closing) return // what came was more than it has room for
    const options = parseConnect(json, client.options)
    if (options === undefined) {
      client.close(Faults.badArguments)
      return
    }
    client.options = options
    if (!this.shard.identity.headers) options.headers = false
    if (!this.connectReceived) {
      this.connectReceived = true
      client.keepAlive.introduced(client.startMs)
      // Plans know of its subscriptions whether it takes headers, and its own messages.
      if (client.subscriptions.size > 0) this.shard.generations.advanceAll()
      this.logIn(options)
      return
    }
    this.leaveSubscriptions(() => this.logIn(options))
  }

  /** Its subscriptions end; then it goes on. */
  private leaveSubscriptions(then?: () => void): void {
    const { client } = this
    const goOn = holdBack(client, () => {
      client.subscriptions.clear()
      then?.()
    })
    client.leaveIndex(goOn)
  }

  private logIn(options: ConnectOptions): void {
    const { client } = this
    if (options.account !== '' || options.newAccount) client.close(Faults.authorization)
    else this.login.connect(options)
  }

  mayGoOnWithoutConnect(): boolean {
    return this.login.goOnWithoutConnect()
  }

  /** The peer is authenticated; its permissions follow. */
  admitted(identity: Identity): void {
    const { shard, client } = this
    const { options, parser } = client
    this.leaveAccount()
    const account = shard.accounts.named(identity.account)
    // Without a CONNECT it was a user of another account, and has subscribed there.
    if (account !== client.account && client.subscriptions.size > 0) this.leaveSubscriptions()
    client.account = account
    const { connections } = client.account.limits
    if (connections >= 0) {
      this.isCounted = shard.accountConnections.join(client.account, shard.index, connections)
      if (!this.isCounted) {
        client.log.introduce({ options: client.options, identity })
        client.log.error(AuthFaults.accountConnections.text as string)
        client.close(AuthFaults.accountConnections)
        return
      }
    }
    this.grant(identity)
    this.applyLimits()
    parser.connectDue = false
    parser.allowHeaders(options.headers)
    parser.runMax = options.verbose ? 1 : Number.MAX_SAFE_INTEGER
    if (!this.connectReceived) return
    shard.system?.events.connected(client)
    shard.hooks?.connected(client)
    if (options.protocol < 0 || options.protocol > PROTOCOL_VERSION) client.close(Faults.protocolVersion)
    else if (options.noResponders && !options.headers) client.close(Faults.noRespondersHeaders)
    else client.sendOk()
  }

  refused(refusal: LoginRefusal, credentials: Credentials): void {
    this.client.log.refused(refusal, credentials)
    this.client.close(refusal.fault)
  }

  private grant({ permissions }: Identity): void {
    this.rights = permissions && this.shard.permissionSets.rights(permissions, () => this.shard.clockMs())
  }

  leaveAccount(): void {
    if (this.isCounted) this.shard.accountConnections.leave(this.client.account, this.shard.index)
    this.isCounted = false
  }

  // ── After a reload ────────────────────────────────────────────────────────────────────────────────────

  /** The peer may go on, by what its account and its permissions say now. */
  stayed(identity: Identity, hasOtherPermissions: boolean): void {
    const { client, shard } = this
    this.applyLimits()
    if (hasOtherPermissions) {
      // A review goes on in later turns, between others' messages.
      client.outbound.fanOut?.end()
      this.grant(identity)
      for (const subscription of [...client.subscriptions.values()]) this.judge(subscription, identity)
      shard.generations.advanceAll()
    }
    const { subscriptions } = this.limits
    if (subscriptions >= 0 && client.subscriptions.size > subscriptions) client.close(Faults.subscriptions)
  }

  /** A subscription that is not allowed any more is removed. */
  private judge(subscription: Subscription, identity: Identity): void {
    const { subject, queue, sid } = subscription
    const verdict = this.rights?.maySubscribe(subject, queue) ?? 'allowed'
    subscription.filtered = verdict === 'filtered'
    if (verdict !== 'denied') return
    this.client.endSubscription(subscription)
    this.client.refuse(Refusals.removed(subject, queue, sid, userText(identity)))
  }

  /** Its account has another limit of connections by now: it is counted, or is not any more. */
  recount(): void {
    const { client, shard } = this
    const isLimited = client.account.limits.connections >= 0
    if (!isLimited) this.leaveAccount()
    else if (!this.isCounted && !client.closing && this.login.identity !== undefined) {
      this.isCounted = shard.accountConnections.join(client.account, shard.index, Number.POSITIVE_INFINITY)
    }
  }

  /** Closes it if its account has more connections than it may have. */
  closeIfExcess(): void {
    const { client, shard } = this
    const { connections } = client.account.limits
    if (!this.isCounted || !shard.accountConnections.leaveIfExcess(client.account, shard.index, connections)) return
    this.isCounted = false
    client.close(AuthFaults.accountConnections)
  }

  /** The lowest of what the server, the account and the user allow. */
  applyLimits(): void {
    const { maxSubscriptions, maxPayload, maxControlLine } = this.shard.options
    const server = { subscriptions: maxSubscriptions === 0 ? NO_LIMIT : maxSubscriptions, payload: maxPayload }
    const user = this.login.identity?.limits ?? NO_LIMITS
    this.limits = lowestLimits(server, this.client.account.limits, user)
    this.client.parser.setLimits({ maxControlLine, maxPayload: this.limits.payload })
    this.client.setSlowConsumerPolicy(this.slowConsumerPolicy)
  }

  /** The user's, or else the account's, or else the server's. */
  private get slowConsumerPolicy(): SlowConsumerPolicy {
    return this.login.identity?.slowConsumer ?? this.client.account.slowConsumer ?? this.shard.options.slowConsumer
  }

  // ── PUB ───────────────────────────────────────────────────────────────────────────────────────────────

  processPub(run: Run): number {
    const { client, shard } = this
    const { options, account } = client
    // Only headers can ask for a trace.
    const mayBeTraced = run.headerSize > 0 && shard.tracing.mayConcern(run, account)
    const isRefused = options.pedantic && !isLiteralIn(run.line.bytes, run.subjectStart, run.subjectEnd)
    // What is refused is refused before each message, and delivered all the same, as nats-server does it.
    if (isRefused) run.count = 1
    else if (run.count > 1) run.count = this.fitting(run, mayBeTraced)
    const { count } = run
    client.inMessages += count
    client.inBytes += count * run.size
    if (isRefused) client.refuse(Refusals.invalidPublishSubject)
    if (mayBeTraced) shard.tracing.publish(run, client, (one) => this.process(one))
    else this.process(run)
    return count
  }

  /** How many messages of a run there is time for in this turn: one at least. */
  private fitting(run: Run, mayBeTraced: boolean): number {
    const { turns, router } = this.shard
    const { account } = this.client
    const isMapped = !account.mappings.isEmpty
    const fitting =
      mayBeTraced || isMapped
        ? Math.max(1, Math.floor(turns.left / (mayBeTraced ? Work.trace : Work.mapping)))
        : router.planner.planOf(run, account).fitting(turns.left, run.size)
    return Math.min(run.count, fitting)
  }

  private process(run: Run): void {
    const { client, shard } = this
    const { account } = client
    if (account.mappings.isEmpty) this.publish(run)
    else {
      let isLost = true
      shard.router.map(run, account, (mapped) => {
        isLost = false
        if (mapped !== run) shard.router.trace?.mapped(subjectOf(mapped))
        this.publish(mapped)
      })
      if (!isLost) return
      client.sendOk()
      this.heard(run, 0)
    }
  }

  private publish(run: Run): void {
    const { client, shard } = this
    const { options, account } = client
    const plan = shard.router.planner.planOf(run, account)
    // Faults of the subject are reported first, as by nats-server.
    if (this.hasReservedSubject(run)) return
    if (this.rights !== undefined && !this.mayPublish(run, plan, this.rights)) return
    if (this.hasReservedReply(run)) return
    if (options.verbose) client.sendOk()
    this.heard(run, shard.router.dispatch(run, account, client, plan))
  }

  /** A run has led to so many deliveries. */
  private heard(run: Run, deliveries: number): void {
    const isRequest = this.client.options.noResponders && run.replyEnd > run.replyStart
    if (deliveries === 0 && isRequest) this.answerNoResponders(run)
  }

  /** Whether the subject, as mappings have it, is for the server alone; the client has been told so. */
  private hasReservedSubject(run: Run): boolean {
    const { bytes } = run.line
    if (!mayBeReservedSubject(bytes[run.subjectStart], bytes[run.subjectStart + 1])) return false
    const subject = subjectOf(run)
    if (!isReservedSubject(subject)) return false
    this.refuseRun(run, Refusals.publish(subject))
    return true
  }

  /** The same for the reply subject. */
  private hasReservedReply(run: Run): boolean {
    const { bytes } = run.line
    const { replyEnd, replyStart } = run
    if (replyEnd === replyStart || !mayBeReservedReply(bytes[replyStart], bytes[replyStart + 1])) return false
    const reply = replyOf(run)
    if (!isReservedReply(reply)) return false
    this.refuseRun(run, Refusals.reply(reply))
    return true
  }

  /** Whether the run, or as much of it as is left in it, may go on under the subject that mappings have given it. */
  private mayPublish(run: Run, plan: Plan, rights: Rights): boolean {
    const allowed = rights.publishable(plan, run)
    if (allowed === run.count) return true
    const refused = run.count - allowed
    run.count = refused
    this.refuseRun(run, Refusals.publish(subjectOf(run)))
    run.count = allowed
    return allowed > 0
  }

  private refuseRun(run: Run, refusal: Refusal): void {
    this.shard.router.trace?.refused(refusal.text)
    this.client.refuse(refusal, run.count)
  }

  /** A request has reached nobody on one of the shards that it went to. */
  nobodyHeard({ subject, reply, messages, asked, question }: UnheardRequest): void {
    this.unheard ??= new UnheardRequests()
    const unheard = this.unheard.add(question, messages, asked)
    if (unheard > 0) this.sayNoResponders(subject, reply, unheard)
  }

  private answerNoResponders(run: Run): void {
    this.sayNoResponders(subjectOf(run), replyOf(run), run.count)
  }

  private sayNoResponders(subject: string, reply: string, times: number): void {
    const { client } = this
    const sid = this.shard.router.planner.plainSidOf(client, client.account, reply)
    if (sid === undefined) return
    this.shard.turns.left -= times * Work.noResponders
    const answer = encodeNoResponders(subject, reply, sid)
    for (let i = 0; i < times && !client.closing; i++) client.send(answer)
  }

  // ── Before an operation takes effect ──────────────────────────────────────────────────────────────────

  /**
   * Messages that publishers on other shards have flushed by now are processed first: they are delivered by the earlier
   * subscriptions and permissions, and before the answer. The work counts as this client's: one that sends thousands of
   * operations while others publish yields the sooner.
   */
  private catchUp(): void {
    this.shard.catchUp()
  }

  // ── SUB, UNSUB ────────────────────────────────────────────────────────────────────────────────────────

  processSub(subject: string, queue: string, sid: string): void {
    const { client, shard, limits } = this
    this.catchUp()
    shard.turns.left -= Work.subscription
    if (client.closing) return // what came was more than it has room for
    const { maxSubscriptionTokens } = shard.options
    const verdict = this.rights === undefined ? 'allowed' : this.rights.maySubscribe(subject, queue)
    if (queue.length > QUEUE_NAME_MAX) {
      client.refuse(Refusals.queueName)
      return
    }
    if (queue === RESERVED_QUEUE || (verdict === 'denied' && queue !== '')) {
      client.refuse(Refusals.subscribeQueue(subject, queue, sid))
      return
    }
    if (verdict === 'denied') {
      client.refuse(Refusals.subscribe(subject, sid))
      return
    }
    if (maxSubscriptionTokens > 0 && countTokens(subject) > maxSubscriptionTokens) {
      client.refuse(Refusals.tooManyTokens(subject, sid))
      return
    }
    if (limits.subscriptions >= 0 && client.subscriptions.size >= limits.subscriptions) {
      client.refuse(Refusals.subscriptions)
      return
    }
    // A sid in use keeps its first subscription.
    if (!client.subscriptions.has(sid)) {
      if (!isValidFilter(subject)) {
        client.refuse(Refusals.invalidSubject)
        return
      }
      const subscription = new Subscription(client, client.account, subject, queue, sid)
      subscription.filtered = verdict === 'filtered'
      if (!shard.sublist.insert(subscription)) {
        client.refuse(Refusals.subscriptions)
        return
      }
      client.subscriptions.set(sid, subscription)
    }
    client.sendOk()
  }

  processUnsub(sid: string, max: number): void {
    const { client, shard } = this
    this.catchUp()
    shard.turns.left -= Work.subscription
    if (client.closing) return // what came was more than it has room for
    const subscription = client.subscriptions.get(sid)
    if (subscription !== undefined) {
      if (max > subscription.delivered) {
        subscription.max = max
        // From now on it is counted message by message: plans that have it in a group are stale.
        shard.generations.advanceFor(subscription.subject)
      } else if (subscription.queue === '') client.endSubscription(subscription)
      else {
        this.departures ??= new ClientDepartures(client, shard.router.departures)
        this.departures.begin(subscription)
      }
    }
    // While messages for a member that left are on their way, no more of the client's operations are taken.
    if (!this.departures?.holdBack(() => client.sendOk())) client.sendOk()
  }

  // ── PING, PONG ────────────────────────────────────────────────────────────────────────────────────────

  processPing(): void {
    this.catchUp()
    if (this.client.closing) return // what came was more than it has room for
    const { passing } = this.client
    if (passing !== undefined) {
      this.client.passing = undefined
      this.shard.router.whenPassed(
        passing,
        holdBack(this.client, () => this.processPing()),
      )
      return
    }
    // PONG says that what was published before is on its way: it waits with frames for which a ring has no room.
    if (this.client.waitsForPeers) this.pongsOwed++
    else this.pong()
  }

  payPongs(): void {
    for (; this.pongsOwed > 0 && !this.client.closing; this.pongsOwed--) this.pong()
  }

  private pong(): void {
    const { client } = this
    client.sendPong()
    if (!this.connectReceived || this.firstPongSent) return
    this.firstPongSent = true
    client.identityChanged()
    client.log.introduce({ options: client.options, identity: this.login.identity })
  }

  processPong(): void {
    this.client.keepAlive.pong()
  }

  turnIsOver(): void {
    this.client.turn.giveWay()
  }

  processFault(fault: Fault, cause: string): void {
    if (fault === Faults.authorization) {
      this.client.log.refused({ cause: 'an operation came before CONNECT' }, NO_CREDENTIALS)
    } else this.client.log.fault(fault, cause)
    this.client.close(fault)
  }
}

/** Whose a subscription was, in nats-server's words. */
function userText({ way, user }: Identity): string {
  const kind = way === 'nkey' ? 'Nkey' : way === 'jwt' ? 'JWT User' : way === 'token' ? 'Token' : 'User'
  return `${kind} ${quote(user === '' ? 'N/A' : Buffer.from(user).toString('latin1'))}`
}
