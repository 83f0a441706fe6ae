// The pump of a consumer: it picks the next message, loads it, and sends it. All that makes it go on only signals; it
// runs once a turn, and for no longer than its part of it.

import { attempt } from '../../base/guarded.ts'
import { nowMs } from '../clock.ts'
import type { JetStreamOwner } from '../owner.ts'
import type { Retention } from '../retention.ts'
import type { StoredMessage, StreamStore } from '../storage/store.ts'
import type { AckState, Unacknowledged } from './ack-state.ts'
import type { ConsumerConfig } from './config.ts'
import type { Cursor } from './cursor.ts'
import type { Mode } from './mode.ts'
import { Outgoing, sizeHeaders } from './outgoing.ts'
import type { Outlet } from './outlet.ts'
import type { Pace } from './pace.ts'

/** The consumer, as far as its messages on their way need it. */
export interface PumpedConsumer {
  readonly owner: Pick<JetStreamOwner, 'bugMet' | 'turns' | 'wake'>
  readonly stream: {
    readonly store: Pick<StreamStore, 'load'>
    readonly retention: Pick<Retention, 'acknowledged'>
  }
  readonly config: Pick<ConsumerConfig, 'ack_policy' | 'headers_only' | 'max_ack_pending'>
  readonly cursor: Pick<Cursor, 'find' | 'passed' | 'pending'>
  readonly state: Pick<AckState, 'deliver' | 'deliverAgain' | 'delivered' | 'forget' | 'nextAgain' | 'pending'>
  readonly mode: Pick<Mode, 'caughtUp' | 'isReady' | 'send'>
  readonly outlet: Pick<Outlet, 'congested' | 'whenRelieved'>
  readonly pace: Pick<Pace, 'isPaused' | 'left' | 'lets' | 'release'>
  readonly lifetime: { heard(now: number): void }
  lastDeliveryMs: number
  readonly closed: boolean
  /** What is kept of it has changed. */
  changed(): void
  /** Nobody gets a message that was delivered before any more. */
  terminated(message: Unacknowledged, reason: string): void
  /** Something is due sooner. */
  setAlarm(): void
}

export class Pump {
  private readonly consumer: PumpedConsumer
  /** `$JS.ACK.<stream>.<consumer>.`, a byte string. */
  private readonly ackPrefix: string
  /** The sequence that was looked for last, and what was found; 0: nothing that is to be used again. */
  private loadedSeq = 0
  private loaded: StoredMessage | undefined
  private isLoading = false
  /** For the messages that are sent, one after the other; undefined: none was. */
  private outgoing: Outgoing | undefined
  private isSignalled = false
  /** Milliseconds since 1970, as of the turn in which it runs. */
  turnMs = 0

  constructor(consumer: PumpedConsumer, ackPrefix: string) {
    this.consumer = consumer
    this.ackPrefix = ackPrefix
  }

  /** Something has changed that may let it go on. */
  signal(): void {
    if (this.isSignalled || this.consumer.closed) return
    this.isSignalled = true
    const { owner } = this.consumer
    owner.turns.wait(() => {
      this.isSignalled = false
      attempt(owner.bugMet, () => {
        owner.wake()
        this.run()
      })
    })
  }

  private run(): void {
    const { consumer } = this
    const { mode, outlet, owner, pace } = consumer
    this.turnMs = nowMs()
    while (!consumer.closed && mode.isReady && !this.isLoading) {
      if (owner.turns.isOver) {
        this.signal()
        break
      }
      if (outlet.congested) {
        outlet.whenRelieved(this.relieved)
        break
      }
      if (pace.isPaused) {
        mode.caughtUp()
        break
      }
      if (!this.step()) break
    }
    consumer.setAlarm()
  }

  private readonly relieved = (): void => this.signal()

  /** Delivers one message; returns false if there is none, or none may be delivered now. */
  private step(): boolean {
    const { cursor, mode, pace, state } = this.consumer
    const again = state.nextAgain
    if (again === undefined && this.isFull) return false
    const seq = again?.seq ?? cursor.find()
    if (seq === 0) {
      mode.caughtUp()
      return false
    }
    const message = this.load(seq)
    if (message === 'later') return false
    if (message === undefined) {
      this.skip(seq, again)
      return true
    }
    return pace.lets(message, this.turnMs) && mode.isReady && this.deliver(message, again)
  }

  /** As much as may be is without acknowledgement: nothing new is delivered. */
  private get isFull(): boolean {
    const { config, state } = this.consumer
    const { max_ack_pending: most } = config
    return most > 0 && state.pending >= most
  }

  /** A message, from the stream or from the latest look at it. */
  private load(seq: number): StoredMessage | undefined | 'later' {
    if (this.loadedSeq === seq) return this.loaded
    const found = this.consumer.stream.store.load(seq)
    if (!(found instanceof Promise)) {
      this.noteLoaded(seq, found)
      return found
    }
    const { owner } = this.consumer
    this.isLoading = true
    const loaded = found.then((message) => {
      this.isLoading = false
      this.noteLoaded(seq, message)
      this.signal()
    })
    attempt(owner.bugMet, () => loaded)
    return 'later'
  }

  private noteLoaded(seq: number, message: StoredMessage | undefined): void {
    this.loadedSeq = seq
    this.loaded = message
  }

  /** What was found is not used again. */
  forget(): void {
    this.noteLoaded(0, undefined)
  }

  /** A message cannot be had: it is gone, or damaged. */
  private skip(seq: number, again: Unacknowledged | undefined): void {
    const { consumer } = this
    this.forget()
    if (again === undefined) consumer.cursor.passed(seq)
    else {
      consumer.state.forget(seq)
      consumer.terminated(again, 'Unacknowledged message was deleted')
    }
    consumer.changed()
  }

  private deliver(message: StoredMessage, again: Unacknowledged | undefined): boolean {
    const { consumer } = this
    const { config, cursor, pace, state } = consumer
    const { seq, timeUs } = message
    const now = this.turnMs
    this.outgoing ??= new Outgoing(this.ackPrefix)
    const { outgoing } = this
    outgoing.message = message
    outgoing.headers = config.headers_only ? sizeHeaders(message) : undefined
    outgoing.hasPayload = !config.headers_only
    outgoing.deliveries = again === undefined ? 1 : again.deliveries + 1
    outgoing.consumerSeq = state.delivered.consumer + 1
    outgoing.pending = again === undefined ? cursor.pending - 1 : cursor.pending
    pace.release()
    const isSent = consumer.mode.send(outgoing)
    outgoing.clear()
    if (!isSent) return false
    this.forget()
    consumer.lifetime.heard(now)
    pace.left(timeUs)
    consumer.lastDeliveryMs = now
    if (again !== undefined) state.deliverAgain(now)
    else {
      state.deliver(seq, now)
      cursor.passed(seq)
    }
    consumer.changed()
    if (config.ack_policy === 'none') consumer.stream.retention.acknowledged(seq)
    return true
  }
}
