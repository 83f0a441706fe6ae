// Whether the thread in a shard's place turns its loop. A loop that turns beats; one that does not beat is late, and
// gets no connections. It is stuck, and has to be replaced, if it had the time to beat and did not: it has used the
// processor all the while, or it sleeps while its timer is due. A thread that gets no processor, as on an overloaded
// machine, is only late, however long that lasts; so is one in a process that is debugged.

import { SHARD_LATE_MS, SHARD_SILENT_MAX_MS, SHARD_STUCK_MS } from '../base/constants.ts'
import type { LoopClock } from '../base/loop-clock.ts'
import { type ThreadTime, ThreadTimes } from '../base/thread-time.ts'
import type { Gauges } from '../reports/gauges.ts'

/** The result of a check. `late` and `responsive` are reported once. */
export type Sight = 'beats' | 'responsive' | 'silent' | 'late' | 'stuck'

/** Its input. */
type WatchedGauges = Pick<Gauges, 'heartbeat' | 'thread'>

export class ShardWatch {
  /** It has not turned its loop for a while. */
  isLate = false
  private readonly index: number
  private readonly gauges: WatchedGauges
  private readonly clock: Pick<LoopClock, 'nowMs'>
  private beat = 0
  /** On the primary's loop clock: while the whole process is frozen, no shard is silent. */
  private beatMs: number
  private lookedMs: number
  /** Time that it had since the latest beat. */
  private ownMs = 0
  private times: ThreadTimes | undefined
  private before: ThreadTime | undefined

  /** `clock`: the primary's. */
  constructor(index: number, gauges: WatchedGauges, clock: Pick<LoopClock, 'nowMs'>) {
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
    return this.ownMs >= SHARD_STUCK_MS && !isInspected()
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
