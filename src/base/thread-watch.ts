// Whether a thread gets on. A loop that turns beats; a thread that does not beat is late. It is stuck, and has to be
// replaced, if it had the time to beat and did not: it has used the processor all the while, or it sleeps while its
// timer is due. A thread that gets no processor, as on an overloaded machine, is only late, however long that lasts; so
// is one in a process that is debugged.

import { SHARD_LATE_MS, SHARD_SILENT_MAX_MS, SHARD_STUCK_MS } from './constants.ts'
import type { LoopClock } from './loop-clock.ts'
import { type ThreadTime, ThreadTimes } from './thread-time.ts'

/** The result of a check. `late` and `responsive` are reported once. */
export type Sight = 'beats' | 'responsive' | 'silent' | 'late' | 'stuck'

/** What threads show of themselves, by their places. */
export interface Beats {
  /** Changes with each beat. */
  heartbeat(index: number): number
  /** The system's number of the thread in the place; 0: unknown. */
  thread(index: number): number
}

export class ThreadWatch {
  /** It has not turned its loop for a while. */
  isLate = false
  private readonly index: number
  private readonly gauges: Beats
  private readonly clock: Pick<LoopClock, 'nowMs'>
  private readonly stuckMs: number
  private beat = 0
  /** On the loop clock: while the whole process is frozen, no thread is silent. */
  private beatMs: number
  private lookedMs: number
  /** Time that it had since the latest beat. */
  private ownMs = 0
  private times: ThreadTimes | undefined
  private before: ThreadTime | undefined

  /** `clock`: the watching thread's. `stuckMs`: so much time of its own without a beat is too much. */
  constructor(index: number, gauges: Beats, clock: Pick<LoopClock, 'nowMs'>, stuckMs = SHARD_STUCK_MS) {
    this.stuckMs = stuckMs
    this.index = index
    this.gauges = gauges
    this.clock = clock
    this.beatMs = clock.nowMs
    this.lookedMs = this.beatMs
  }

  /** Milliseconds since the latest beat. */
  get silentMs(): number {
    return this.clock.nowMs - this.beatMs
  }

  /** Another thread has come. */
  restart(): void {
    this.close()
    this.isLate = false
    this.beatMs = this.clock.nowMs
    this.ownMs = 0
  }

  /** Called every HEARTBEAT_MS. */
  look(): Sight {
    const { nowMs } = this.clock
    const passedMs = nowMs - this.lookedMs
    this.lookedMs = nowMs
    const beat = this.gauges.heartbeat(this.index)
    if (beat !== this.beat) {
      const wasLate = this.isLate
      this.beat = beat
      this.beatMs = nowMs
      this.ownMs = 0
      this.before = undefined
      this.isLate = false
      return wasLate ? 'responsive' : 'beats'
    }
    if (this.isStuck(passedMs)) return 'stuck'
    if (this.isLate || this.silentMs <= SHARD_LATE_MS) return 'silent'
    this.isLate = true
    return 'late'
  }

  /** `passedMs` have passed since the last look, in which it has not beaten. */
  private isStuck(passedMs: number): boolean {
    const { before } = this
    this.times ??= ThreadTimes.of(this.gauges.thread(this.index))
    const now = this.times?.read()
    this.before = now
    if (now === undefined) return this.silentMs > SHARD_SILENT_MAX_MS
    if (before === undefined) return false
    const cpuMs = now.cpuMs - before.cpuMs
    this.ownMs += before.sleeps && now.sleeps && cpuMs === 0 ? passedMs : cpuMs
    return this.ownMs >= this.stuckMs && !isInspected()
  }

  close(): void {
    this.times?.close()
    this.times = undefined
    this.before = undefined
  }
}

/** A debugger may hold a thread without limit. */
function isInspected(): boolean {
  return process.getBuiltinModule('node:inspector').url() !== undefined
}
