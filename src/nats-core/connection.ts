// A connection of the client as one of nats-core, with what the packages of nats.js use of it beyond its documented
// members: `options.inboxPrefix`, `features`, `getServerVersion()`, listeners to its end, `_resub()`, and the protocol
// of its messages.

import type {
  Msg,
  NatsConnection,
  Payload,
  PublishOptions,
  RequestManyOptions,
  RequestOptions,
  Server,
  ServerInfo,
  Stats,
  Status,
  Subscription,
  SubscriptionOptions,
} from '@nats-io/nats-core'
import { Features, MuxSubscription, parseSemVer, type RequestOne, type SemVer } from '@nats-io/nats-core/internal'
import { headers as newHeaders } from '../client/headers.ts'
import type { NatsConnection as OwnConnection, Msg as OwnMsg, Status as OwnStatus } from '../client/index.ts'
import { asTheirs, rejectAsTheirs, theirError } from './errors.ts'
import { iterationOver } from './iterating.ts'
import { NatsCoreMsg, type Publisher } from './message.ts'
import { NatsCoreSubscription } from './subscription.ts'

/** How a consumer learns of the end of the connection. */
interface CloseListener {
  connectionClosedCallback(): void
}

/** Milliseconds for a request whose timeout is 0, as nats-core has it. */
const REQUEST_MS = 1_000
/** Packages send headers with every message, mostly none: those need not be encoded each time. */
const NO_HEADERS = newHeaders()

function ownOptions<T extends PublishOptions>(options: T): T {
  const { headers } = options
  const isEmpty = headers !== undefined && headers.code === 0 && headers.keys().length === 0
  return isEmpty ? { ...options, headers: NO_HEADERS } : options
}

export class NatsCoreConnection implements NatsConnection {
  readonly options: { readonly inboxPrefix: string }
  private readonly own: OwnConnection
  private readonly publisher: Publisher
  private readonly closeListeners = new Set<CloseListener>()
  private featuresOf = ''
  private latestFeatures = new Features(parseSemVer('0.0.0'))

  constructor(own: OwnConnection) {
    this.own = own
    this.options = { inboxPrefix: own.inboxPrefix }
    this.publisher = new MuxPublisher(this)
    own
      .closed()
      .then(() => {
        for (const listener of [...this.closeListeners]) listener.connectionClosedCallback()
      })
      .catch(() => undefined)
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────

  publish(subject: string, payload?: Payload, options?: PublishOptions): void {
    asTheirs(() => this.own.publish(subject, payload, options && ownOptions(options)))
  }

  publishMessage({ subject, data, reply, headers }: Msg): void {
    this.publish(subject, data, { ...(reply === undefined ? {} : { reply }), ...(headers && { headers }) })
  }

  respondMessage({ reply, data, headers }: Msg): boolean {
    if (reply === undefined || reply === '') return false
    this.publish(reply, data, headers && { headers })
    return true
  }

  subscribe(subject: string, options: SubscriptionOptions = {}): Subscription {
    return new NatsCoreSubscription(this.own, this.publisher, subject, options)
  }

  request(subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg> {
    const wrapped = (message: OwnMsg): Msg => new NatsCoreMsg(message, this.publisher)
    const given = options && ownOptions(options.timeout === 0 ? { ...options, timeout: REQUEST_MS } : options)
    return this.own.request(subject, payload, given).then(wrapped, rejectAsTheirs)
  }

  async requestMany(
    subject: string,
    payload?: Payload,
    options: Partial<RequestManyOptions> = {},
  ): Promise<AsyncIterable<Msg>> {
    const replies = await this.own.requestMany(subject, payload, options).catch(rejectAsTheirs)
    return iterationOver(replies, (message) => new NatsCoreMsg(message, this.publisher))
  }

  // ── The life of the connection ────────────────────────────────────────────────────────────────────────────

  /** Undefined while there is no server: `info?` of nats-core means that, which a getter cannot say. */
  get info(): ServerInfo {
    return this.own.info as ServerInfo
  }

  closed(): Promise<undefined | Error> {
    return this.own.closed().then(theirError)
  }

  close(): Promise<void> {
    return this.own.close()
  }

  flush(): Promise<void> {
    return this.own.flush().catch(rejectAsTheirs)
  }

  drain(): Promise<void> {
    return this.own.drain().catch(rejectAsTheirs)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.own[Symbol.asyncDispose]()
  }

  isClosed(): boolean {
    return this.own.isClosed()
  }

  isDraining(): boolean {
    return this.own.isDraining()
  }

  getServer(): string {
    return this.own.getServer()
  }

  getServers(): readonly Server[] {
    return this.own.getServers()
  }

  setServers(servers: string[]): void {
    asTheirs(() => this.own.setServers(servers))
  }

  status(): AsyncIterable<Status> {
    return iterationOver(this.own.status(), (status) => this.theirStatus(status))
  }

  private theirStatus(status: OwnStatus): Status {
    if (status.type === 'error') return { type: 'error', error: theirError(status.error) }
    return status as Status
  }

  stats(): Stats {
    return this.own.stats()
  }

  rtt(): Promise<number> {
    return this.own.rtt().catch(rejectAsTheirs)
  }

  reconnect(): Promise<void> {
    return this.own.reconnect().catch(rejectAsTheirs)
  }

  // ── What the packages use beyond that ─────────────────────────────────────────────────────────────────────

  /** What the server can do, by its version. */
  get features(): Features {
    const version = this.own.info?.version
    if (version !== undefined && version !== this.featuresOf) {
      this.featuresOf = version
      this.latestFeatures = new Features(parseSemVer(version))
    }
    return this.latestFeatures
  }

  getServerVersion(): SemVer | undefined {
    const version = this.own.info?.version
    return version === undefined ? undefined : parseSemVer(version)
  }

  addCloseListener(listener: CloseListener): void {
    this.closeListeners.add(listener)
  }

  removeCloseListener(listener: CloseListener): void {
    this.closeListeners.delete(listener)
  }

  /** Changes the subject of a subscription. */
  _resub(subscription: NatsCoreSubscription, subject: string): void {
    subscription.resubscribe(subject)
  }
}

/** Requests as nats-core makes them, each an object of its own: with a subscription to the replies of all. */
class MuxPublisher implements Publisher {
  readonly options = { noAsyncTraces: true }
  readonly muxSubscriptions = new MuxSubscription()
  private readonly connection: NatsCoreConnection
  private replies: Subscription | undefined

  constructor(connection: NatsCoreConnection) {
    this.connection = connection
    this.muxSubscriptions.init(connection.options.inboxPrefix)
  }

  publish(subject: string, payload?: Payload, options?: PublishOptions): void {
    this.connection.publish(subject, payload, options)
  }

  request(request: RequestOne): RequestOne {
    const { muxSubscriptions: mux } = this
    this.replies ??= this.subscribe(mux)
    mux.add(request)
    return request
  }

  private subscribe(mux: MuxSubscription): Subscription {
    const dispatch: (error: null, message: Msg) => unknown = mux.dispatcher()
    const replies = this.connection.subscribe(`${mux.baseInbox}*`, {
      callback: (error, message) => {
        if (error === null) dispatch(null, message)
        else for (const request of mux.all()) request.resolver(error, message)
      },
    })
    replies.closed
      .then(() => {
        this.replies = undefined
        mux.close()
      })
      .catch(() => undefined)
    return replies
  }
}
