// A consumer that gives messages to who asks for them (docs/jetstream.md, "Asking for messages"). Requests wait here,
// and are told by status messages why they end.

import { API_LEVEL } from '../../base/constants.ts'
import { durationText } from '../../base/duration.ts'
import { randomText } from '../../base/event-head.ts'
import type { Json } from '../../base/json.ts'
import { type Run, replyOf } from '../../protocol/run.ts'
import { nowMs, timeText } from '../clock.ts'
import { Header, readHeaders, withHeaders } from '../message-headers.ts'
import { heartbeatHeaders, type Mode, type ModeOwner } from './mode.ts'
import type { Outgoing } from './outgoing.ts'
import { destination } from './outlet.ts'
import { type Priority, type PullRequest, readPullRequest } from './pull-request.ts'
import { WaitingRequest, WaitingRequests } from './waiting-requests.ts'

const NS_PER_MS = 1e6
const US_PER_MS = 1000
const PIN_ID = 'Nats-Pin-Id'
const RANK_MAX = 9

/** The only client that is served. */
interface Pin {
  readonly id: string
  readonly group: string
  readonly sinceMs: number
  untilMs: number
}

function withPin(outgoing: Outgoing, { id }: Pin): Outgoing {
  return outgoing.withHeaders(withHeaders(outgoing.headers ?? outgoing.message.headers, [[PIN_ID, id]]))
}

export class Pull implements Mode {
  private readonly consumer: ModeOwner
  private readonly waiting: WaitingRequests
  /** When the first of them expires or wants a heartbeat, or sooner. */
  private soonestMs = Number.POSITIVE_INFINITY
  private pin: Pin | undefined

  constructor(consumer: ModeOwner) {
    this.consumer = consumer
    this.waiting = new WaitingRequests(consumer.config.priority_policy === 'prioritized')
  }

  get isReady(): boolean {
    return this.waiting.first !== undefined
  }

  get nextMs(): number {
    return Math.min(this.soonestMs, this.pin?.untilMs ?? Number.POSITIVE_INFINITY)
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────────────

  /** Takes requests that were published. */
  take(run: Run): void {
    const reply = replyOf(run)
    if (reply === '') return
    for (let i = 0; i < run.count; i++) {
      const start = run.first + i * run.stride
      const headers = run.block.bytes.subarray(start, start + run.headerSize)
      const level = headers.length === 0 ? undefined : readHeaders(headers).get(Header.requiredLevel)
      if (level !== undefined && !(Number(level) <= API_LEVEL)) this.tell(reply, '412 Required Api Level')
      else this.ask(run.block.bytes.subarray(start + run.headerSize, start + run.size), reply)
    }
  }

  /** Somebody asks for messages, to be sent to `reply` (byte string). */
  ask(body: Buffer, reply: string): void {
    const request = readPullRequest(body)
    const status = typeof request === 'string' ? `400 Bad Request - ${request}` : this.admit(request, reply)
    if (status !== '') this.tell(reply, status)
  }

  /** Lets a request wait; or says why not. Empty: there is nothing to say. */
  private admit(request: PullRequest, reply: string): string {
    const { consumer } = this
    const wrong = this.whyNot(request)
    if (wrong !== undefined) return wrong
    consumer.lifetime.heard()
    if (this.isFull) this.prune()
    const status = request.noWait ? this.whyNotNow(request) : undefined
    if (status !== undefined) return status
    // Who awaits heartbeats notices their absence; told at once, he would ask again at once.
    if (this.isFull) return request.heartbeatMs === 0 ? '409 Exceeded MaxWaiting' : ''
    const waiting = new WaitingRequest(request, reply, nowMs())
    this.waiting.add(waiting)
    this.soonestMs = Math.min(this.soonestMs, waiting.expiresMs, waiting.heartbeatMs)
    consumer.signal()
    consumer.setAlarm()
    return ''
  }

  private get isFull(): boolean {
    return this.waiting.size >= this.consumer.config.max_waiting
  }

  private whyNot(request: PullRequest): string | undefined {
    const { max_batch: batch, max_expires: expires, max_bytes: bytes } = this.consumer.config
    if (batch > 0 && request.batch > batch) return `409 Exceeded MaxRequestBatch of ${batch}`
    const expiresMs = expires / NS_PER_MS
    if (expires > 0 && request.expiresMs > expiresMs) {
      return `409 Exceeded MaxRequestExpires of ${durationText(expiresMs)}`
    }
    if (bytes > 0 && request.maxBytes > bytes) return `409 Exceeded MaxRequestMaxBytes of ${bytes}`
    return request.priority === undefined ? undefined : this.whyNoPriority(request.priority)
  }

  private whyNoPriority(priority: Priority): string | undefined {
    const { priority_groups: groups, priority_policy: policy } = this.consumer.config
    const { group, id, minAckPending, minPending } = priority
    if ((minPending !== 0 || minAckPending !== 0) && policy !== 'overflow') {
      return '400 Bad Request - Not a Overflow Priority consumer'
    }
    if (id !== '' && policy !== 'pinned_client') return '400 Bad Request - Not a Pinned Client Priority consumer'
    if (priority.priority < 0 || priority.priority > RANK_MAX)
      return '400 Bad Request - Priority must be between 0 and 9'
    if (policy === 'none') return undefined
    if (group === '') return '400 Bad Request - Priority Group missing'
    if (!groups.includes(group)) return '400 Bad Request - Invalid Priority Group'
    const { pin } = this
    if (pin === undefined || id === '') return undefined
    if (id !== pin.id) return '423 Nats-Pin-Id mismatch'
    pin.untilMs = nowMs() + this.pinMs
    return undefined
  }

  /** Why a request that does not wait ends at once. */
  private whyNotNow(request: PullRequest): string | undefined {
    const { cursor, state } = this.consumer
    const pending = cursor.pending + state.queued
    if (pending === 0) return request.expiresMs === 0 ? '404 No Messages' : undefined
    this.prune()
    let asked = 0
    for (const { messagesLeft } of this.waiting.all()) asked += messagesLeft
    return pending < asked ? '408 Requests Pending' : undefined
  }

  // ── Sending ───────────────────────────────────────────────────────────────────────────────────────────

  send(message: Outgoing): boolean {
    const { outlet } = this.consumer
    for (let left = this.waiting.size; left > 0; left--) {
      const request = this.waiting.first
      if (request === undefined) return false
      if (request.expiresMs <= this.consumer.turnMs) this.end(request, '408 Request Timeout')
      else if (this.mayHave(request, message)) {
        const outgoing = this.pin === undefined ? message : withPin(message, this.pin)
        if (outlet.send(request.destination, outgoing) > 0) {
          this.served(request, message)
          return true
        }
        this.waiting.remove(request)
      }
    }
    return false
  }

  /** Whether the first request is served next; if not, it has been told so, or others come before it. */
  private mayHave(request: WaitingRequest, message: Outgoing): boolean {
    const { config, cursor, state } = this.consumer
    const { priority, maxBytes } = request.request
    let isNewPin = false
    if (config.priority_policy === 'pinned_client') {
      if (this.pin === undefined && request.pinId === '') {
        // Who is gone would keep all others waiting.
        if (!this.consumer.outlet.hasInterest(request.destination)) {
          this.waiting.remove(request)
          return false
        }
        this.assignPin(request)
        isNewPin = true
      } else if (this.pin === undefined || (request.pinId !== '' && request.pinId !== this.pin.id)) {
        this.end(request, '423 Nats-Wrong-Pin-Id')
        return false
      } else if (request.pinId === '') {
        this.waiting.toTheEnd(request)
        return false
      }
    }
    if (config.priority_policy === 'overflow' && priority !== undefined) {
      const { minAckPending, minPending } = priority
      const isBounded = minPending > 0 || minAckPending > 0
      const isReached =
        (minPending > 0 && minPending <= cursor.pending) || (minAckPending > 0 && minAckPending <= state.pending)
      if (isBounded && !isReached) {
        this.waiting.toTheEnd(request)
        return false
      }
    }
    if (maxBytes === 0 || message.size <= request.bytesLeft) return true
    if (isNewPin) this.pin = undefined
    this.end(request, '409 Message Size Exceeds MaxBytes')
    return false
  }

  private served(request: WaitingRequest, message: Outgoing): void {
    const { consumer, waiting } = this
    request.delivered++
    request.messagesLeft--
    if (request.request.maxBytes > 0) {
      request.bytesLeft -= message.size
      if (request.bytesLeft === 0) request.messagesLeft = 0
    }
    if (request.messagesLeft > 0) waiting.toTheEnd(request)
    else {
      waiting.remove(request)
      if (request.bytesLeft > 0) this.tellOf(request, '409 Batch Completed')
    }
    const { heartbeatMs } = request.request
    if (heartbeatMs > 0) request.heartbeatMs = consumer.turnMs + heartbeatMs
  }

  caughtUp(): void {
    for (const request of this.waiting.all()) {
      if (!request.request.noWait) continue
      if (request.expiresMs !== Number.POSITIVE_INFINITY && request.delivered === 0) continue
      this.waiting.remove(request)
      this.tell(request.reply, '404 No Messages')
    }
  }

  // ── Status messages ───────────────────────────────────────────────────────────────────────────────────

  private tell(reply: string, status: string): void {
    this.consumer.outlet.status(destination(reply), status)
  }

  /** With what is left of a request. */
  private tellOf(request: WaitingRequest, status: string): void {
    const { bytesLeft, messagesLeft } = request
    const headers = `Nats-Pending-Messages: ${messagesLeft}\r\nNats-Pending-Bytes: ${bytesLeft}\r\n`
    this.consumer.outlet.status(request.destination, status, headers)
  }

  private end(request: WaitingRequest, status: string): void {
    this.waiting.remove(request)
    this.tellOf(request, status)
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────

  tick(now: number): void {
    if (this.pin !== undefined && this.pin.untilMs <= now) this.unpin('timeout')
    if (this.soonestMs > now) return
    this.prune()
    let soonest = Number.POSITIVE_INFINITY
    for (const request of this.waiting.all()) {
      if (request.heartbeatMs <= now) {
        this.consumer.outlet.status(request.destination, '100 Idle Heartbeat', heartbeatHeaders(this.consumer))
        request.heartbeatMs = now + request.request.heartbeatMs
      }
      soonest = Math.min(soonest, request.expiresMs, request.heartbeatMs)
    }
    this.soonestMs = soonest
  }

  /** Requests that have expired end, and those that nobody waits behind any more. */
  private prune(): void {
    const now = nowMs()
    for (const request of this.waiting.all()) {
      if (request.expiresMs <= now) this.end(request, '408 Request Timeout')
      else if (!this.consumer.outlet.hasInterest(request.destination)) this.waiting.remove(request)
    }
  }

  /** How many requests wait. */
  countWaiting(): number {
    this.prune()
    return this.waiting.size
  }

  isListened(): boolean {
    return this.countWaiting() > 0
  }

  // ── Pins ──────────────────────────────────────────────────────────────────────────────────────────────

  private get pinMs(): number {
    return this.consumer.config.priority_timeout / NS_PER_MS
  }

  private assignPin(request: WaitingRequest): void {
    const id = randomText()
    const [group] = this.consumer.config.priority_groups
    const now = nowMs()
    this.pin = { id, group, sinceMs: now, untilMs: now + this.pinMs }
    request.pinId = id
    this.consumer.advisories.pinned(group, id)
    this.consumer.setAlarm()
  }

  /** Another client may be pinned. */
  unpin(reason: 'admin' | 'timeout'): void {
    const { group } = this.pin ?? { group: this.consumer.config.priority_groups[0] }
    this.pin = undefined
    this.consumer.advisories.unpinned(group, reason)
    this.consumer.signal()
  }

  /** What info shows of priority groups; undefined: nothing. */
  get groups(): Json | undefined {
    const { priority_groups: groups } = this.consumer.config
    if (groups.length === 0) return undefined
    const { pin } = this
    const pinned = pin && { pinned_client_id: pin.id }
    return [{ group: groups[0], ...pinned, pinned_ts: timeText(Math.floor((pin?.sinceMs ?? 0) * US_PER_MS)) }]
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────

  configured(): void {
    if (this.consumer.config.priority_policy !== 'pinned_client') this.pin = undefined
  }

  close(why: 'deleted' | 'closed'): void {
    for (const request of this.waiting.all()) {
      if (why === 'deleted') {
        this.waiting.remove(request)
        this.tell(request.reply, '409 Consumer Deleted')
      } else this.end(request, '409 Server Shutdown')
    }
  }
}
