// What a program sees of the client, as types. Names follow nats.js (@nats-io/nats-core 3), so that switching is a
// change of import; what only this client has says so.

import type { MsgHdrs } from './headers.ts'
import type { Server } from './servers.ts'

export type Payload = Uint8Array | string

/** INFO: what the server says of itself and of this connection. */
export interface ServerInfo {
  readonly server_id: string
  readonly server_name: string
  readonly version: string
  readonly proto: number
  readonly go: string
  readonly host: string
  readonly port: number
  readonly headers?: boolean
  readonly max_payload: number
  readonly client_id: number
  readonly client_ip?: string
  readonly auth_required?: boolean
  readonly nonce?: string
  readonly cluster?: string
  /** Other servers of the cluster. */
  readonly connect_urls?: readonly string[]
  readonly ws_connect_urls?: readonly string[]
  readonly tls_required?: boolean
  readonly tls_available?: boolean
  readonly tls_verify?: boolean
  readonly jetstream?: boolean
  readonly api_lvl?: number
  readonly git_commit?: string
  /** Lame duck mode: the server is about to end. */
  readonly ldm?: boolean
}

export interface Stats {
  /** Bytes on the wire, in both directions. */
  readonly inBytes: number
  readonly outBytes: number
  readonly inMsgs: number
  readonly outMsgs: number
}

// ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────

export interface Msg {
  readonly subject: string
  /** The number of the subscription that got it. */
  readonly sid: number
  /** Where an answer is expected; empty: nowhere. */
  readonly reply?: string | undefined
  /** The payload: a view of memory that was read from the network; nobody else writes to it. */
  readonly data: Uint8Array
  readonly headers?: MsgHdrs | undefined
  /** Publishes to `reply`. Returns false if the message has none. Throws as publish() does. */
  respond(payload?: Payload, options?: PublishOptions): boolean
  /** The payload as JSON. Throws SyntaxError. */
  json<T>(reviver?: (key: string, value: unknown) => unknown): T
  /** The payload as text; bytes that are no UTF-8 become U+FFFD. */
  string(): string
  /** Bytes of headers and payload. (Only this client.) */
  size(): number
}

export interface TraceOptions {
  /** A subject to which the servers report the way of this message. */
  traceDestination?: string
  /** The message is not delivered, only its way reported. */
  traceOnly?: boolean
}

export interface PublishOptions extends TraceOptions {
  /** Where an answer is expected. */
  reply?: string | undefined
  headers?: MsgHdrs | undefined
}

export interface RequestOptions extends TraceOptions {
  /** Milliseconds to wait for the reply; default: `timeout` of the connection if given, else 1,000. */
  timeout: number
  headers?: MsgHdrs
  /** With a subscription of its own instead of the one that all requests share. */
  noMux?: boolean
  /** The subject of the reply; needs `noMux`. */
  reply?: string
  /** Gives up the request: it is rejected with the signal's reason. (Only this client.) */
  signal?: AbortSignal
}

/**
 * When requestMany() has enough: after `maxWait` (timer), after `maxMessages` (count), when nothing came for `stall`
 * (stall), or when a message without payload came (sentinel). `maxWait` bounds each, and `maxMessages` if given.
 */
export type RequestStrategy = 'timer' | 'count' | 'stall' | 'sentinel'

export interface RequestManyOptions extends TraceOptions {
  strategy: RequestStrategy
  /** Milliseconds. */
  maxWait: number
  headers?: MsgHdrs
  maxMessages?: number
  noMux?: boolean
  /** Milliseconds; default 300. */
  stall?: number
  /** Ends the iteration with the signal's reason. (Only this client.) */
  signal?: AbortSignal
}

// ── Subscriptions ───────────────────────────────────────────────────────────────────────────────────────────

/** Gets each message, or an error that ends the subscription. What it throws is thrown as an uncaught exception. */
export type MsgCallback<T> = (error: Error | null, message: T) => void

export interface SubOpts<T> {
  /** Of all subscriptions of a queue, one gets each message. */
  queue?: string
  /** Unsubscribes after so many messages. */
  max?: number
  /** Milliseconds: without a message until then the subscription ends with TimeoutError. */
  timeout?: number
  /** Gets the messages; without it the subscription is to be iterated over. */
  callback?: MsgCallback<T>
  /** With more messages waiting for the iteration than this, a `slowConsumer` status is reported. */
  slow?: number
  /** With so many messages waiting for the iteration, further ones are dropped and counted. (Only this client.) */
  maxPending?: number
  /** Unsubscribes when it is aborted. (Only this client.) */
  signal?: AbortSignal
}

export type SubscriptionOptions = SubOpts<Msg>

export interface Subscription extends AsyncIterable<Msg> {
  /** Resolves when the subscription has ended: to the error that ended it, if any. Never rejects. */
  readonly closed: Promise<Error | undefined>
  /** Ends it at once, or after `max` messages since its beginning. */
  unsubscribe(max?: number): void
  /** Ends it when every message that is on its way has been processed; resolves then. */
  drain(): Promise<void>
  /** unsubscribe(), for `using`. (Only this client.) */
  [Symbol.dispose](): void
  /** drain(), unless closed already, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
  isDraining(): boolean
  isClosed(): boolean
  getSubject(): string
  getReceived(): number
  getProcessed(): number
  /** Messages that wait for the iteration. */
  getPending(): number
  /** Messages dropped for `maxPending`. (Only this client.) */
  getDropped(): number
  getID(): number
  getMax(): number | undefined
  /**
   * Iterates over all messages that are there at a time as one array, which saves a promise for each. The array is
   * the caller's until the next one is asked for. (Only this client.)
   */
  batches(): AsyncIterable<readonly Msg[]>
}

// ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────

export type DisconnectStatus = { type: 'disconnect'; server: string }
export type ReconnectStatus = { type: 'reconnect'; server: string }
export type ReconnectingStatus = { type: 'reconnecting' }
export type ClusterUpdateStatus = { type: 'update'; added?: string[]; deleted?: string[] }
export type LDMStatus = { type: 'ldm'; server: string }
export type ServerErrorStatus = { type: 'error'; error: Error }
export type ClientPingStatus = { type: 'ping'; pendingPings: number }
export type StaleConnectionStatus = { type: 'staleConnection' }
export type ForceReconnectStatus = { type: 'forceReconnect' }
export type SlowConsumerStatus = { type: 'slowConsumer'; sub: Subscription; pending: number }
export type CloseStatus = { type: 'close' }
export type Status =
  | DisconnectStatus
  | ReconnectStatus
  | ReconnectingStatus
  | ClusterUpdateStatus
  | LDMStatus
  | ServerErrorStatus
  | ClientPingStatus
  | StaleConnectionStatus
  | ForceReconnectStatus
  | SlowConsumerStatus
  | CloseStatus

// ── The connection ──────────────────────────────────────────────────────────────────────────────────────────

export interface NatsConnection {
  /** What the server said last; undefined while there is none. */
  readonly info?: ServerInfo | undefined
  /** What the subjects of replies begin with: `inboxPrefix` of the options. (Only this client.) */
  readonly inboxPrefix: string
  /** Bytes that the operating system has not taken yet; `await flush()` waits for them. (Only this client.) */
  readonly bufferedAmount: number
  /** Resolves when the connection is closed for good: to the error that closed it, if any. Never rejects. */
  closed(): Promise<Error | undefined>
  /** Closes at once: pending requests fail, subscriptions end. What was published before is still sent. */
  close(): Promise<void>
  /**
   * Sends a message, with the others of this turn of the event loop. Throws InvalidSubjectError, InvalidArgumentError
   * (payload larger than the server takes, headers where it has none), ClosedConnectionError, and
   * ReconnectBufferExceededError.
   */
  publish(subject: string, payload?: Payload, options?: PublishOptions): void
  /** Publishes a message that was received, with its subject, reply subject and headers. Throws as publish() does. */
  publishMessage(message: Msg): void
  /** Publishes the payload and headers of a message to its reply subject; false if it has none. */
  respondMessage(message: Msg): boolean
  /** Throws InvalidSubjectError, InvalidArgumentError, ClosedConnectionError, DrainingConnectionError. */
  subscribe(subject: string, options?: SubscriptionOptions): Subscription
  /**
   * Publishes a request and resolves to the first reply. Rejects with TimeoutError, or with RequestError, whose
   * `cause` is a NoRespondersError if nobody is subscribed, with DrainingConnectionError, or as publish() throws.
   */
  request(subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg>
  /** Publishes a request; the iteration has the replies, until the strategy has enough. */
  requestMany(subject: string, payload?: Payload, options?: Partial<RequestManyOptions>): Promise<AsyncIterable<Msg>>
  /** Resolves when the server has processed everything before. Rejects if the connection is lost before. */
  flush(): Promise<void>
  /** Ends all subscriptions when they have processed what is on its way, sends what is left, and closes. */
  drain(): Promise<void>
  /** drain(), unless closed already, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
  isClosed(): boolean
  isDraining(): boolean
  /** Host and port of the connected server; empty while there is none. */
  getServer(): string
  /** Events from now on, until the connection is closed. */
  status(): AsyncIterable<Status>
  stats(): Stats
  /** Milliseconds that a flush takes. */
  rtt(): Promise<number>
  /** Leaves the server, and goes on with the next one. Rejects if closed or draining. */
  reconnect(): Promise<void>
  /** The servers that it may use, those that its cluster told of among them; the first is the next to try. */
  getServers(): readonly Server[]
  /**
   * From the next reconnect on only these are used, and those that their cluster tells of. The connection stays. Throws
   * InvalidArgumentError for none, for addresses that are none, and for a mix of WebSocket and others.
   */
  setServers(servers: readonly string[]): void
}
