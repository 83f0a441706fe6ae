// The requests that wait for messages of a consumer. They are served in turn, a message each; those of a lower priority
// number come before others, where the consumer goes by priorities.
//
//     first ─▶ [request] ⇄ [request] ⇄ [request] ◀─ last      served: to the end, unless it has had all it asked for

import { type Link, LinkedList } from './linked-list.ts'
import { type Destination, destination } from './outlet.ts'
import type { PullRequest } from './pull-request.ts'

export class WaitingRequest {
  readonly request: PullRequest
  /** Where its messages go: byte string. */
  readonly reply: string
  readonly destination: Destination
  /** The pin that it has; empty: none. */
  pinId: string
  /** Messages and bytes that it may still have. */
  messagesLeft: number
  bytesLeft: number
  delivered = 0
  /** Milliseconds since 1970; Infinity: never. */
  readonly expiresMs: number
  heartbeatMs: number
  /** Where it waits. */
  link: Link<WaitingRequest> | undefined

  constructor(request: PullRequest, reply: string, nowMs: number) {
    this.request = request
    this.reply = reply
    this.destination = destination(reply)
    this.pinId = request.priority?.id ?? ''
    this.messagesLeft = request.batch
    this.bytesLeft = request.maxBytes
    this.expiresMs = request.expiresMs === 0 ? Number.POSITIVE_INFINITY : nowMs + request.expiresMs
    this.heartbeatMs = request.heartbeatMs === 0 ? Number.POSITIVE_INFINITY : nowMs + request.heartbeatMs
  }

  get rank(): number {
    return this.request.priority?.priority ?? Number.MAX_SAFE_INTEGER
  }
}

export class WaitingRequests {
  private readonly byPriority: boolean
  private readonly list = new LinkedList<WaitingRequest>()

  constructor(byPriority: boolean) {
    this.byPriority = byPriority
  }

  get size(): number {
    return this.list.size
  }

  get first(): WaitingRequest | undefined {
    return this.list.first?.item
  }

  add(request: WaitingRequest): void {
    let before = this.list.last
    if (this.byPriority) while (before !== undefined && before.item.rank > request.rank) before = before.before
    request.link = this.list.insert(request, before)
  }

  remove(request: WaitingRequest): void {
    if (request.link !== undefined) this.list.remove(request.link)
    request.link = undefined
  }

  /** The others come first: all, or by priorities those of its own. */
  toTheEnd(request: WaitingRequest): void {
    if (this.list.size === 1) return
    this.remove(request)
    this.add(request)
  }

  /** All, in their order; the current one may be removed meanwhile. */
  all(): Iterable<WaitingRequest> {
    return this.list
  }
}
