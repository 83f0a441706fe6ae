// A consumer that pushes its messages to a subject, as long as somebody listens there (docs/jetstream.md, "Pushed
// messages"), no more than a client has room for (flow control), and no faster than it may.

import { randomText } from '../../base/event-head.ts'
import { type Run, replyOf, subjectOf } from '../../protocol/run.ts'
import { byteString } from '../../subjects/byte-string.ts'
import { nowMs } from '../clock.ts'
import { readHeaders } from '../message-headers.ts'
import type { ConsumerConfig } from './config.ts'
import type { InterestWatch, Watcher } from './interest-watch.ts'
import { heartbeatHeaders, type Mode, type ModeOwner } from './mode.ts'
import type { Outgoing } from './outgoing.ts'
import { type Destination, destination } from './outlet.ts'

const NS_PER_MS = 1e6
const MS_PER_S = 1000
const BITS = 8
/** Bytes that may be on their way: at first, and when the client has kept up for long enough. */
const WINDOW_MIN = 2 * 1024 * 1024
const WINDOW_MAX = 32 * 1024 * 1024
const FLOW_ID_LENGTH = 4

export class Push implements Mode, Watcher {
  private readonly consumer: ModeOwner
  private readonly watch: InterestWatch
  /** `$JS.FC.<stream>.<consumer>.`, a byte string. */
  private readonly flowPrefix: string
  private to: Destination
  private isActive = false
  private lastSentMs = nowMs()
  private window = WINDOW_MIN
  /** Bytes that the client has not said it has. */
  private unanswered = 0
  /** What the client is asked to answer, and the bytes that the answer is about. */
  private question: { readonly subject: string; bytes: number } | undefined
  /** When what was sent so far is paid for, by the rate limit. */
  private paidMs = 0

  constructor(consumer: ModeOwner, watch: InterestWatch, flowPrefix: string) {
    this.consumer = consumer
    this.watch = watch
    this.flowPrefix = flowPrefix
    this.to = destination(byteString(consumer.config.deliver_subject))
  }

  listen(): void {
    this.look()
    this.watch.add(this)
  }

  get isReady(): boolean {
    return this.isActive && (!this.consumer.config.flow_control || this.unanswered <= this.window)
  }

  get nextMs(): number {
    const { idle_heartbeat: heartbeat } = this.consumer.config
    return heartbeat > 0 && this.isActive ? this.lastSentMs + heartbeat / NS_PER_MS : Number.POSITIVE_INFINITY
  }

  /** Looks whether somebody listens. */
  look(): void {
    const { consumer } = this
    const { config, outlet } = consumer
    const isActive = outlet.hasInterest(this.to, byteString(config.deliver_group))
    if (isActive === this.isActive) return
    this.isActive = isActive
    consumer.lifetime.heard()
    // Whoever listens now was not asked.
    this.unanswered = 0
    this.question = undefined
    this.lastSentMs = nowMs()
    consumer.signal()
    consumer.setAlarm()
  }

  isListened(): boolean {
    this.look()
    return this.isActive
  }

  send(message: Outgoing): boolean {
    const { config, outlet, turnMs: now } = this.consumer
    if (outlet.send(this.to, message) === 0) {
      this.look()
      return false
    }
    this.lastSentMs = now
    if (config.rate_limit_bps > 0) this.pay(message.size, now)
    if (config.flow_control) this.count(message.size)
    return true
  }

  /** What leaves next has to wait until this is paid for. */
  private pay(size: number, now: number): void {
    const { burstBytes, config } = this.consumer
    const bytesPerMs = config.rate_limit_bps / BITS / MS_PER_S
    this.paidMs = Math.max(this.paidMs, now) + size / bytesPerMs
    this.consumer.pace.holdUntil(this.paidMs - burstBytes / bytesPerMs)
  }

  // ── Flow control ──────────────────────────────────────────────────────────────────────────────────────

  private count(size: number): void {
    const { config, state } = this.consumer
    this.unanswered += size
    if (this.question !== undefined) return
    const isFull = config.ack_policy === 'flow_control' && state.pending + 1 >= config.max_ack_pending
    if (this.unanswered > this.window / 2 || isFull) this.ask()
  }

  private ask(): void {
    const subject = this.flowPrefix + randomText().slice(0, FLOW_ID_LENGTH)
    this.question = { subject, bytes: this.unanswered }
    this.consumer.outlet.status(this.to, '100 FlowControl Request', '', subject)
  }

  /** The client has answered: what was sent before it was asked has arrived. */
  answered(run: Run): void {
    const { consumer, question } = this
    if (question === undefined || lastToken(subjectOf(run)) !== lastToken(question.subject)) return
    this.question = undefined
    this.unanswered = Math.max(0, this.unanswered - question.bytes)
    this.window = Math.min(this.window * 2, WINDOW_MAX)
    if (consumer.config.ack_policy === 'flow_control' && run.headerSize > 0) {
      const headers = readHeaders(run.block.bytes.subarray(run.first, run.first + run.headerSize))
      const seq = Number(headers.get('Nats-Last-Stream'))
      const consumerSeq = Number(headers.get('Nats-Last-Consumer') ?? 0)
      if (seq > 0) consumer.acknowledge(seq, consumerSeq, false)
    }
    consumer.signal()
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────

  caughtUp(): void {}

  tick(now: number): void {
    if (this.nextMs > now) return
    const { config, outlet, state } = this.consumer
    const stalled = this.question === undefined ? '' : `Nats-Consumer-Stalled: ${this.question.subject}\r\n`
    outlet.status(this.to, '100 Idle Heartbeat', heartbeatHeaders(this.consumer) + stalled)
    this.lastSentMs = now
    if (config.ack_policy === 'flow_control' && state.pending > 0 && this.question === undefined) this.ask()
  }

  /** It answers no requests. */
  refusePull(run: Run): void {
    const reply = replyOf(run)
    if (reply !== '') this.consumer.outlet.status(destination(reply), '409 Consumer is push based')
  }

  configured(before: ConsumerConfig): void {
    const { config } = this.consumer
    if (config.rate_limit_bps !== before.rate_limit_bps) this.paidMs = 0
    if (config.deliver_subject !== before.deliver_subject) this.to = destination(byteString(config.deliver_subject))
    this.look()
  }

  close(): void {
    this.watch.remove(this)
  }
}

/** What a question is known by: its subject has two forms. */
function lastToken(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1)
}
