// request() and requestMany(): publishes requests and gives their replies to whoever asked.

import type { Msg, Payload, PublishOptions, RequestManyOptions, RequestOptions, SubscriptionOptions } from './api.ts'
import { Empty } from './bytes.ts'
import { InvalidArgumentError, type PermissionViolationError } from './errors.ts'
import { createInbox } from './inbox.ts'
import { MsgImpl, type Responder } from './msg.ts'
import type { Parser } from './parser.ts'
import { ManyReplies, manySettings } from './request-many.ts'
import { OneReply, type ReplyTaker, Requests, type WaitingRequest, withSignal } from './requests.ts'
import type { SubscriptionImpl } from './subscription.ts'

/** What it needs of the connection. */
export interface RequesterOwner extends Responder {
  /** Throws what subscribe() throws, but that the connection drains. */
  addSubscription(subject: string, options: SubscriptionOptions): SubscriptionImpl
  /** Throws if it is closed or drains. */
  checkOpen(): void
}

export class Requester {
  private readonly owner: RequesterOwner
  private readonly timeoutMs: number
  private readonly inboxPrefix: string
  private readonly requests: Requests
  /** The subscription to the replies of all requests, from the first one on. */
  private shared: SubscriptionImpl | undefined

  /** `timeoutMs` is for requests that give none. */
  constructor(owner: RequesterOwner, timeoutMs: number, inboxPrefix: string) {
    this.owner = owner
    this.timeoutMs = timeoutMs
    this.inboxPrefix = inboxPrefix
    this.requests = new Requests(createInbox(inboxPrefix))
  }

  /** Whether this is the subscription to all replies. */
  owns(subscription: SubscriptionImpl): boolean {
    return subscription === this.shared
  }

  /** Not async: a promise less for each request. */
  request(subject: string, payload: Payload = Empty, options?: RequestOptions): Promise<Msg> {
    try {
      const one = new OneReply()
      if (options === undefined) {
        this.send(subject, payload, undefined, this.timeoutMs, one)
        return one.promise
      }
      const { timeout = this.timeoutMs, noMux, reply, signal } = options
      if (!(timeout > 0)) throw InvalidArgumentError.format('timeout', 'must be greater than 0')
      if (noMux !== true && reply !== undefined) {
        throw InvalidArgumentError.format(['reply', 'noMux'], 'are mutually exclusive')
      }
      signal?.throwIfAborted()
      const request = this.send(subject, payload, options, timeout, one)
      if (signal === undefined) return one.promise
      return withSignal(one.promise, signal, (error) => this.requests.fail(request, error))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async requestMany(
    subject: string,
    payload: Payload = Empty,
    options: Partial<RequestManyOptions> = {},
  ): Promise<AsyncIterable<Msg>> {
    const settings = manySettings(options)
    const { signal } = options
    signal?.throwIfAborted()
    const many = new ManyReplies(settings)
    const request = this.send(subject, payload, options, settings.maxWaitMs, many)
    const aborted = (): void => this.requests.fail(request, signal?.reason)
    signal?.addEventListener('abort', aborted, { once: true })
    many.whenDone(() => {
      signal?.removeEventListener('abort', aborted)
      this.requests.remove(request)
    })
    return many.replies
  }

  private send(
    subject: string,
    payload: Payload,
    options: (PublishOptions & { readonly noMux?: boolean }) | undefined,
    timeoutMs: number,
    taker: ReplyTaker,
  ): WaitingRequest {
    this.owner.checkOpen()
    const request = this.requests.add(subject, timeoutMs, taker)
    try {
      const reply = options?.noMux === true ? this.subscribeFor(request, options.reply) : this.sharedReply(request)
      this.owner.publish(subject, payload, options === undefined ? { reply } : { ...options, reply })
    } catch (error) {
      this.requests.remove(request)
      throw error
    }
    return request
  }

  /** The subject for the reply to a request, which all share a subscription for. */
  private sharedReply({ id }: WaitingRequest): string {
    const { prefix } = this.requests
    this.shared ??= this.owner.addSubscription(`${prefix}*`, { callback: () => undefined })
    return prefix + id
  }

  /** Subscribes for one request; returns the subject. */
  private subscribeFor(request: WaitingRequest, wanted: string | undefined): string {
    const reply = wanted === undefined || wanted === '' ? createInbox(this.inboxPrefix) : wanted
    const subscription = this.owner.addSubscription(reply, {
      callback: (error, message) => {
        if (error !== null) this.requests.fail(request, error)
        else this.requests.take(request, message as MsgImpl)
      },
    })
    request.whenOver = () => subscription.unsubscribe()
    return reply
  }

  /** A message of the shared subscription, as the parser has it. */
  processReply(message: Parser): void {
    const request = this.requests.request(message)
    if (request !== undefined) this.requests.take(request, new MsgImpl(this.owner, message, ''))
  }

  /** The shared subscription has ended: the next request makes another one. */
  forget(subscription: SubscriptionImpl): void {
    if (this.shared === subscription) this.shared = undefined
  }

  /** The server does not let the user publish, or subscribe to replies. */
  refused(error: PermissionViolationError): void {
    if (error.operation === 'publish') this.requests.failAll(error, error.subject)
    else if (this.shared?.subject === error.subject) this.requests.failAll(error)
  }

  /** The connection is closed. */
  failAll(reason: Error): void {
    this.requests.failAll(reason)
  }
}
