// One timer for something that has many times at which it is due: it rings at the earliest of them. What it rings for
// then sets it again.

import { TIMER_MAX_MS } from '../base/constants.ts'
import { guarded } from '../base/guarded.ts'
import { nowMs } from './clock.ts'
import type { JetStreamOwner } from './owner.ts'

export class Alarm {
  private readonly owner: Pick<JetStreamOwner, 'bugMet' | 'wake'>
  private readonly act: () => void
  private readonly ring: () => void
  private timer: NodeJS.Timeout | undefined
  private dueMs = Number.POSITIVE_INFINITY

  constructor(owner: Alarm['owner'], act: () => void) {
    this.owner = owner
    this.act = act
    this.ring = guarded(owner.bugMet, () => this.ringNow())
  }

  /** Rings at this time (milliseconds since 1970; Infinity: never), or sooner, as it was set before. */
  set(dueMs: number): void {
    if (dueMs >= this.dueMs) return
    clearTimeout(this.timer)
    this.dueMs = dueMs
    const waitMs = Math.min(Math.max(1, Math.ceil(dueMs - nowMs())), TIMER_MAX_MS)
    this.timer = setTimeout(this.ring, waitMs).unref()
  }

  ringNow(): void {
    this.stop()
    this.owner.wake()
    this.act()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.dueMs = Number.POSITIVE_INFINITY
  }
}
