// The times of all schedules of a shard: one wheel and one timer. Each is as exact as a step.

import { attempt, type OnBug } from '../../base/guarded.ts'
import { type Timed, TimerWheel } from '../../base/timer-wheel.ts'
import { clockUs } from '../clock.ts'

const STEP_MS = 250
const US_PER_MS = 1000
/** Timers of Node take no longer spans. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** Something that is to be done at a time. */
export interface Scheduled extends Timed {
  fire(): unknown
}

export class ScheduleTimer {
  private readonly owner: { readonly bugMet: OnBug; wake(): void }
  /** The clock, in microseconds since 1970. */
  readonly nowUs: () => number
  private readonly wheel: TimerWheel<Scheduled>
  private timer: NodeJS.Timeout | undefined
  private ringsMs = Number.POSITIVE_INFINITY

  constructor(owner: { readonly bugMet: OnBug; wake(): void }, nowUs: () => number = clockUs) {
    this.owner = owner
    this.nowUs = nowUs
    this.wheel = new TimerWheel(STEP_MS, nowUs() / US_PER_MS)
  }

  get size(): number {
    return this.wheel.size
  }

  /** That it was to be done at another time is forgotten. */
  set(item: Scheduled, dueUs: number): void {
    const dueMs = dueUs / US_PER_MS
    this.wheel.add(item, dueMs)
    if (dueMs < this.ringsMs) this.arm(dueMs)
  }

  remove(item: Scheduled): void {
    this.wheel.remove(item)
  }

  /** Does what is due by now. */
  ring(): void {
    this.ringsMs = Number.POSITIVE_INFINITY
    this.owner.wake()
    this.wheel.take(this.nowUs() / US_PER_MS, (item) => attempt(this.owner.bugMet, () => item.fire()))
    const next = this.wheel.nextMs
    if (next !== undefined && next < this.ringsMs) this.arm(next)
  }

  private arm(dueMs: number): void {
    clearTimeout(this.timer)
    this.ringsMs = dueMs
    const waitMs = Math.max(STEP_MS, Math.ceil(dueMs - this.nowUs() / US_PER_MS) + 1)
    this.timer = setTimeout(() => this.ring(), Math.min(waitMs, TIMER_MAX_MS)).unref()
  }
}
