// How long a consumer lives when nobody listens to it.

import { nowMs } from '../clock.ts'
import { type ConsumerConfig, isPull } from './config.ts'

const NS_PER_MS = 1e6
/** Consumers that are asked for messages live up to so much longer than they must. */
const JITTER_MS = { min: 100, span: 900 }

export interface LivingConsumer {
  readonly config: ConsumerConfig
  /** When the last of the waits for an acknowledgement is over; 0: none runs. */
  readonly state: { readonly lastDueMs: number }
  /** Whether somebody waits for messages. */
  readonly mode: { isListened(): boolean }
}

export class Lifetime {
  private readonly consumer: LivingConsumer
  /** Without a listener since then. */
  private inactiveMs = nowMs()
  private readonly jitterMs = JITTER_MS.min + Math.random() * JITTER_MS.span

  constructor(consumer: LivingConsumer) {
    this.consumer = consumer
  }

  /** Somebody has shown that he is there. */
  heard(now = nowMs()): void {
    this.inactiveMs = now
  }

  /** When it ends, if nobody is heard until then; Infinity: never. */
  get endMs(): number {
    const { thresholdMs } = this
    return thresholdMs === 0 ? Number.POSITIVE_INFINITY : this.inactiveMs + thresholdMs
  }

  /** How long it lives without a listener; 0: for ever. */
  private get thresholdMs(): number {
    const { config } = this.consumer
    const ms = config.inactive_threshold / NS_PER_MS
    return ms > 0 && isPull(config) ? ms + this.jitterMs : ms
  }

  /** Whether its end has come: nobody listens after all, nor can be still at work on what he was given. */
  isOver(now: number): boolean {
    return now >= this.endMs && !this.isStillUsed(now)
  }

  private isStillUsed(now: number): boolean {
    const { mode, state } = this.consumer
    this.inactiveMs = mode.isListened() ? now : Math.min(now, Math.max(this.inactiveMs, state.lastDueMs))
    return now < this.endMs
  }
}
