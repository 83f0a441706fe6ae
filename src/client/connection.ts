// The connection that a program holds. It outlives the links to servers: what belongs to it is the subscriptions, the
// requests, and the output that waits for a server.

import type {
  Msg,
  NatsConnection,
  Payload,
  PublishOptions,
  RequestManyOptions,
  RequestOptions,
  ServerInfo,
  Stats,
  Status,
  Subscription,
  SubscriptionOptions,
} from './api.ts'
import { Empty } from './bytes.ts'
import { deferred } from './deferred.ts'
import { Dialer } from './dialer.ts'
import {
  ClosedConnectionError,
  ConnectionError,
  DrainingConnectionError,
  InvalidArgumentError,
  InvalidSubjectError,
  PermissionViolationError,
} from './errors.ts'
import { encodeHeaders, headers as newHeaders } from './headers.ts'
import type { Link, LinkOwner } from './link.ts'
import { MsgImpl } from './msg.ts'
import { type CompleteOptions, type ConnectionOptions, completeOptions } from './options.ts'
import { Output } from './output.ts'
import type { Parser } from './parser.ts'
import { Pings } from './pings.ts'
import { asError, isAuthenticationError, serverError } from './reasons.ts'
import { Requester, type RequesterOwner } from './requester.ts'
import { type Server, Servers } from './servers.ts'
import { Statuses } from './statuses.ts'
import { Subjects } from './subjects.ts'
import { SubscriptionImpl, type SubscriptionOwner } from './subscription.ts'
import type { Carrier } from './transport.ts'

const TRACE_DESTINATION = 'Nats-Trace-Dest'
const TRACE_ONLY = 'Nats-Trace-Only'

/** In this order; while it drains, subscriptions and requests are refused, and publishes are not. */
type State = 'open' | 'draining' | 'closed'

export class Connection implements NatsConnection, LinkOwner, SubscriptionOwner, RequesterOwner {
  private readonly options: CompleteOptions
  private readonly servers: Servers
  private readonly dialer: Dialer
  private readonly output: Output
  private readonly statuses = new Statuses()
  private readonly pings: Pings
  private readonly requester: Requester
  private readonly subjects = new Subjects()
  private readonly subscriptions = new Map<number, SubscriptionImpl>()
  private lastSid = 0
  /** Undefined while there is no server. */
  private link: Link | undefined
  private latestInfo: ServerInfo | undefined
  private state: State = 'open'
  private readonly end = deferred<Error | undefined>()
  private readonly aborted = (): void => {
    this.finish(asError(this.options.signal?.reason))
  }
  private inMsgs = 0
  /** Of the links before this one. */
  private inBytesBefore = 0
  /** Of the message before: most are like it. */
  private likeBefore: SubscriptionImpl | undefined
  private subjectBefore = ''

  private constructor(options: CompleteOptions, carrier: Carrier) {
    this.options = options
    this.servers = new Servers(options.servers, carrier.scheme, options.randomize)
    this.dialer = new Dialer(options, this.servers, carrier, this)
    this.output = new Output(options.bufferMax)
    this.requester = new Requester(this, options.requestTimeoutMs, options.inboxPrefix)
    this.pings = new Pings(options.pingIntervalMs, options.pingOutMax, {
      ping: () => this.sendPing(),
      pending: (count) => this.statuses.tell({ type: 'ping', pendingPings: count }),
      stale: () => this.stale(),
    })
  }

  /** Connects. Rejects with the error of the last server that was tried, or InvalidArgumentError. */
  static async open(given: ConnectionOptions, carrier: Carrier): Promise<Connection> {
    const options = completeOptions(given)
    options.signal?.throwIfAborted()
    const connection = new Connection(options, carrier)
    options.signal?.addEventListener('abort', connection.aborted, { once: true })
    try {
      connection.start(await connection.dialer.connect(true, null, () => undefined))
    } catch (error) {
      connection.finish(error as Error)
      throw error
    }
    return connection
  }

  // ── Publishing ────────────────────────────────────────────────────────────────────────────────────────────

  publish(subject: string, payload: Payload = Empty, options?: PublishOptions): void {
    if (this.state === 'closed') throw new ClosedConnectionError()
    if (options === undefined) this.output.publish(subject, '', undefined, payload)
    else this.output.publish(subject, options.reply ?? '', this.encodedHeaders(options), payload)
  }

  publishMessage(message: Msg): void {
    this.publish(message.subject, message.data, { reply: message.reply, headers: message.headers })
  }

  respondMessage(message: Msg): boolean {
    if (message.reply === undefined || message.reply === '') return false
    this.publish(message.reply, message.data, { headers: message.headers })
    return true
  }

  private encodedHeaders({ headers, traceDestination, traceOnly }: PublishOptions): Uint8Array | undefined {
    let all = headers
    if (traceDestination !== undefined && traceDestination !== '') {
      all = newHeaders()
      for (const [name, values] of headers ?? []) for (const value of values) all.append(name, value)
      all.set(TRACE_DESTINATION, traceDestination)
      if (traceOnly === true) all.set(TRACE_ONLY, 'true')
    }
    if (all === undefined) return undefined
    if (this.latestInfo !== undefined && this.latestInfo.headers !== true) {
      throw InvalidArgumentError.format('headers', 'are not available on this server')
    }
    return encodeHeaders(all)
  }

  // ── Subscriptions ─────────────────────────────────────────────────────────────────────────────────────────

  subscribe(subject: string, options: SubscriptionOptions = {}): Subscription {
    this.checkOpen()
    return this.addSubscription(subject, options)
  }

  checkOpen(): void {
    if (this.state === 'closed') throw new ClosedConnectionError()
    if (this.state === 'draining') throw new DrainingConnectionError()
  }

  addSubscription(subject: string, options: SubscriptionOptions): SubscriptionImpl {
    checkSubject(subject)
    const subscription = new SubscriptionImpl(this, ++this.lastSid, subject, options)
    this.subscriptions.set(subscription.sid, subscription)
    // Without a server it is told when there is one.
    if (this.link !== undefined) this.announce(subscription)
    if (options.signal?.aborted === true) subscription.unsubscribe()
    return subscription
  }

  private announce(subscription: SubscriptionImpl): void {
    const { subject, queue, sid, max, received } = subscription
    subscription.receivedBefore = received
    this.output.subscribe(subject, queue, sid)
    if (max !== undefined) this.output.unsubscribe(sid, max - received)
  }

  unsubscribe(subscription: SubscriptionImpl, max: number): void {
    const { sid, received, receivedBefore } = subscription
    const isKnown = this.subscriptions.has(sid)
    if (max > 0) {
      if (isKnown && this.link !== undefined) this.output.unsubscribe(sid, max - receivedBefore)
      return
    }
    this.subscriptions.delete(sid)
    this.likeBefore = undefined
    this.requester.forget(subscription)
    // A server that knows the number has ended it by itself.
    const isEndedByServer = subscription.max !== undefined && received >= subscription.max
    if (isKnown && this.link !== undefined && !isEndedByServer) this.output.unsubscribe(sid, 0)
    subscription.end()
  }

  async unsubscribeAndFlush(subscription: SubscriptionImpl): Promise<void> {
    if (this.state === 'closed') throw new ClosedConnectionError()
    if (this.link !== undefined) this.output.unsubscribe(subscription.sid, 0)
    // Without a server nothing is on its way, and with the end of one nothing is any more.
    if (this.link !== undefined) await this.pings.flush().catch(() => undefined)
    this.subscriptions.delete(subscription.sid)
    this.likeBefore = undefined
  }

  get drainTimeoutMs(): number {
    return this.options.drainTimeoutMs
  }

  slow(subscription: SubscriptionImpl, pending: number): void {
    this.statuses.tell({ type: 'slowConsumer', sub: subscription, pending })
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────────────────

  request(subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg> {
    return this.requester.request(subject, payload, options)
  }

  requestMany(subject: string, payload?: Payload, options?: Partial<RequestManyOptions>): Promise<AsyncIterable<Msg>> {
    return this.requester.requestMany(subject, payload, options)
  }

  // ── The life of a connection ──────────────────────────────────────────────────────────────────────────────

  flush(): Promise<void> {
    if (this.state === 'closed') return Promise.reject(new ClosedConnectionError())
    return this.pings.flush()
  }

  async rtt(): Promise<number> {
    if (this.state === 'closed') throw new ClosedConnectionError()
    if (this.link === undefined) throw new ConnectionError('disconnected')
    const startMs = performance.now()
    await this.pings.flush()
    return Math.max(0.001, performance.now() - startMs)
  }

  async drain(): Promise<void> {
    this.checkOpen()
    this.state = 'draining'
    // The replies that requests wait for come to the end of the others.
    const open = [...this.subscriptions.values()].filter((one) => !this.requester.owns(one))
    await Promise.all(open.map((one) => one.drain().catch(() => undefined)))
    // What was processed meanwhile may have been answered.
    if (this.link !== undefined) await this.pings.flush().catch(() => undefined)
    await this.close()
  }

  async close(): Promise<void> {
    const { link } = this
    this.finish(undefined)
    await link?.over
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state === 'open') await this.drain()
    else await this.end.promise
  }

  closed(): Promise<Error | undefined> {
    return this.end.promise
  }

  isClosed(): boolean {
    return this.state === 'closed'
  }

  isDraining(): boolean {
    return this.state === 'draining'
  }

  async reconnect(): Promise<void> {
    this.checkOpen()
    const { link } = this
    if (link === undefined) return
    this.statuses.tell({ type: 'forceReconnect' })
    this.output.flush()
    link.close()
    await link.over
  }

  get info(): ServerInfo | undefined {
    return this.link === undefined ? undefined : this.latestInfo
  }

  get bufferedAmount(): number {
    return this.output.bufferedAmount
  }

  get inboxPrefix(): string {
    return this.options.inboxPrefix
  }

  getServers(): readonly Server[] {
    return this.servers.pool
  }

  setServers(servers: readonly string[]): void {
    this.servers.replace(servers)
  }

  getServer(): string {
    return this.link?.server.listen ?? ''
  }

  status(): AsyncIterable<Status> {
    return this.statuses.listen()
  }

  stats(): Stats {
    return {
      inBytes: this.inBytesBefore + (this.link?.bytesIn ?? 0),
      outBytes: this.output.bytesOut,
      inMsgs: this.inMsgs,
      outMsgs: this.output.messages,
    }
  }

  // ── Links ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** There is a server. */
  private start(link: Link): void {
    this.link = link
    link.start()
    this.takeInfo(link.info)
    // What waits was published by a program that had subscribed before.
    this.output.attachBehind(link.transport, () => {
      for (const subscription of this.subscriptions.values()) this.announce(subscription)
    })
    this.pings.start()
  }

  linkEnded(link: Link, error: Error | undefined): void {
    if (this.link !== link) return
    this.link = undefined
    this.inBytesBefore += link.bytesIn
    this.output.detach()
    this.pings.lost(new ConnectionError('disconnected', error === undefined ? {} : { cause: error }))
    if (this.state === 'closed') return
    this.statuses.tell({ type: 'disconnect', server: link.server.listen })
    if (!this.options.reconnect || this.state !== 'open') {
      this.finish(error ?? (this.state === 'open' ? new ConnectionError('disconnected') : undefined))
      return
    }
    this.servers.moveBack(link.server)
    this.reconnectLater().catch((reason) => this.finish(reason))
  }

  private async reconnectLater(): Promise<void> {
    const link = await this.dialer.connect(false, this.latestInfo ?? null, () =>
      this.statuses.tell({ type: 'reconnecting' }),
    )
    this.start(link)
    this.statuses.tell({ type: 'reconnect', server: link.server.listen })
  }

  /** It is over for good. */
  private finish(error: Error | undefined): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.options.signal?.removeEventListener('abort', this.aborted)
    const reason = new ClosedConnectionError(error === undefined ? {} : { cause: error })
    this.dialer.stop(reason)
    this.output.flush()
    this.link?.close()
    this.output.detach()
    this.output.clear()
    this.pings.end(reason)
    this.requester.failAll(reason)
    for (const subscription of [...this.subscriptions.values()]) subscription.end()
    this.subscriptions.clear()
    this.statuses.tell({ type: 'close' })
    this.statuses.end()
    this.end.resolve(error)
  }

  private sendPing(): boolean {
    if (this.link === undefined) return false
    this.output.ping()
    // PINGs that waited would be answered by the next server, too.
    this.output.flush()
    return true
  }

  private stale(): void {
    this.statuses.tell({ type: 'staleConnection' })
    this.link?.fail(new ConnectionError('stale connection'))
  }

  // ── What the server says ──────────────────────────────────────────────────────────────────────────────────

  processMsg(message: Parser): void {
    this.inMsgs++
    let subscription = this.likeBefore
    if (!message.isLikeBefore || subscription === undefined) {
      subscription = this.subscriptions.get(message.sid)
      this.likeBefore = undefined
      if (subscription === undefined) return
      if (this.requester.owns(subscription)) {
        this.requester.processReply(message)
        return
      }
      this.likeBefore = subscription
      this.subjectBefore = this.subjects.text(message.bytes, message.subjectStart, message.subjectEnd)
    }
    subscription.deliver(new MsgImpl(this, message, this.subjectBefore))
  }

  processPing(): void {
    this.output.pong()
  }

  processPong(): void {
    this.pings.pong()
  }

  processOk(): void {}

  processInfo(json: string): void {
    this.takeInfo(JSON.parse(json) as ServerInfo)
  }

  private takeInfo(info: ServerInfo): void {
    const before = this.latestInfo
    this.latestInfo = info
    this.output.payloadMax = info.max_payload > 0 ? info.max_payload : Number.POSITIVE_INFINITY
    const server = this.link?.server
    const told = server?.scheme.startsWith('ws') === true ? info.ws_connect_urls : info.connect_urls
    if (!this.options.ignoreClusterUpdates && told !== undefined && told.length > 0) {
      const { added, deleted } = this.servers.update(told, server)
      if (added.length > 0 || deleted.length > 0) this.statuses.tell({ type: 'update', added, deleted })
    }
    if (info.ldm === true && before?.ldm !== true && server !== undefined) {
      this.statuses.tell({ type: 'ldm', server: server.listen })
    }
  }

  processErr(text: string): void {
    const error = serverError(text)
    if (error instanceof PermissionViolationError) this.refused(error)
    else if (isAuthenticationError(error) && this.link !== undefined) this.dialer.refused(this.link.server)
    this.statuses.tell({ type: 'error', error })
  }

  /** The server closes the connection after most errors; not after this one. */
  private refused(error: PermissionViolationError): void {
    this.requester.refused(error)
    if (error.operation === 'publish') return
    for (const subscription of [...this.subscriptions.values()]) {
      const isMeant = subscription.subject === error.subject && subscription.queue === (error.queue ?? '')
      if (isMeant) subscription.fail(error)
    }
  }
}

function checkSubject(subject: string): void {
  if (typeof subject !== 'string' || subject === '') throw new InvalidSubjectError(`${subject}`)
  for (let i = 0; i < subject.length; i++) if (subject.charCodeAt(i) <= 32) throw new InvalidSubjectError(subject)
}
