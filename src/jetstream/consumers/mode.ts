// How messages of a consumer leave it: they are pushed to a subject (push.ts), or given to who asks (pull.ts).

import type { Advisories } from './advisories.ts'
import type { ConsumerConfig } from './config.ts'
import type { Outgoing } from './outgoing.ts'
import type { Outlet } from './outlet.ts'

export interface Mode {
  /** Whether somebody is there for a message. */
  readonly isReady: boolean
  /** When it has something to do, at the earliest; Infinity: not by itself. */
  readonly nextMs: number
  /** Sends a message to one of those who are there. Returns false if nobody had it. */
  send(message: Outgoing): boolean
  /** All that may be sent for now has been sent. */
  caughtUp(): void
  tick(nowMs: number): void
  /** Whether somebody waits for messages, as far as can be found out. */
  isListened(): boolean
  /** The configuration has changed. */
  configured(before: ConsumerConfig): void
  close(why: 'deleted' | 'closed'): void
}

/** The consumer, as its mode sees it. */
export interface ModeOwner {
  readonly config: ConsumerConfig
  readonly outlet: Outlet
  readonly advisories: Advisories
  readonly state: {
    readonly pending: number
    readonly queued: number
    readonly delivered: { readonly consumer: number }
  }
  /** Messages that were not delivered yet. */
  readonly cursor: { readonly pending: number }
  /** Somebody has shown that he is there. */
  readonly lifetime: { heard(): void }
  /** Nothing leaves before then. */
  readonly pace: { holdUntil(ms: number): void }
  /** Bytes that may leave at once whatever the rate limit is: one message of any size. */
  readonly burstBytes: number
  /** Milliseconds since 1970, as of the turn in which it sends. */
  readonly turnMs: number
  /** The sequence up to which it has looked. */
  readonly reached: number
  /** Something has changed that may let it go on. */
  signal(): void
  /** Something is due sooner. */
  setAlarm(): void
  acknowledge(seq: number, consumerSeq: number, isSampled: boolean): void
}

/** The headers of a heartbeat: the latest delivery, and the sequence up to which there is nothing more. */
export function heartbeatHeaders({ reached, state }: ModeOwner): string {
  return `Nats-Last-Consumer: ${state.delivered.consumer}\r\nNats-Last-Stream: ${reached}\r\n`
}
