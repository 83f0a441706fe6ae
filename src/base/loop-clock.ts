// Time as the event loop of a thread perceives it. While a process is frozen (SIGSTOP, a paused container, a snapshot
// of a virtual machine, a debugger), while the machine sleeps, or during a very long turn, no time passes for the loop,
// and input remains unread. The silence of a peer is measured by this clock.

import { HEARTBEAT_MS } from './constants.ts'

/** Between two ticks this much may pass; if more has passed, the loop was stopped since the previous tick. */
export const LOOP_GAP_MAX_MS = 2 * HEARTBEAT_MS

/** A clock that stops while the loop is stopped. Its owner calls tick() every HEARTBEAT_MS. Tests put it forward. */
export class LoopClock {
  private readonly time: () => number
  private aheadMs = 0
  private tickedMs: number
  private stoodStillMs = 0

  /** `time`: milliseconds that go on whatever the loop does. */
  constructor(time = (): number => performance.now()) {
    this.time = time
    this.tickedMs = time()
  }

  tick(): void {
    const nowMs = this.time()
    this.stoodStillMs += this.gapAt(nowMs)
    this.tickedMs = nowMs
  }

  /**
   * Milliseconds, comparable with each other only. When the loop turns out to have been stopped, the clock is set back
   * to the latest tick: a silent peer has some time left to be heard.
   */
  get nowMs(): number {
    const nowMs = this.time()
    return nowMs + this.aheadMs - this.stoodStillMs - this.gapAt(nowMs)
  }

  /** The same, but goes on while the loop is stopped. */
  get monotonicMs(): number {
    return this.time() + this.aheadMs
  }

  /** Milliseconds since 1970. */
  get dateMs(): number {
    return Date.now() + this.aheadMs
  }

  /** Puts it forward for good: the time passes without anything having happened in it. */
  advance(ms: number): void {
    this.aheadMs += ms
  }

  private gapAt(nowMs: number): number {
    const gapMs = nowMs - this.tickedMs
    return gapMs > LOOP_GAP_MAX_MS ? gapMs : 0
  }
}
